"""The kube engine: a real cluster, reached through its API server."""
