"""What the kubelet does about probes and restarts: pure, but for `handlers` and `driver`."""
