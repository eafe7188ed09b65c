"""What is done to a container, and waited for.

The mechanisms of a probe: `http`, `tcp`, `exec` and `grpc`, called by `ask`. The tasks around them: `prober` for one
probe, `probing` for a pod's, and `lifecycle`, which starts and kills containers with their hooks.
"""
