"""The I/O of probes and lifecycle hooks.

The handlers of a probe: `http`, `tcp`, `exec` and `grpc`, called by `ask`. The tasks around them: `prober` for one
probe, `probing` for a pod's, `lifecycle`, which starts and kills containers with their hooks,
`starting`, which has the back-off, and `wakeups`, which times a pod's syncs.
"""
