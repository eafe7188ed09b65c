"""What the kubelet's probes make of a fault: predicted in its file, held against the real handlers by a test."""

from __future__ import annotations

from crashy.fields import Value


class Probed(Value):
    """What a probe of each kind says of a patient with a fault: what follows `Readiness probe failed: `.

    An empty text is a success. What doesn't fail and isn't one has all that follows `Readiness probe `: `warning: ...`
    or `errored and resulted in failure state: ...`. Texts are those of Kubernetes 1.32.

    The probes are `httpGet` of /readyz on 8080, `grpc` of the service `readiness` on 9000, `tcpSocket` on 8080 and
    `exec` of `cat /app/is_ready`, each with `timeoutSeconds: 1`; of a fault whose target is another probe they are that
    probe's. `POD` stands for the pod's address, `NODE` for that of the kubelet's end of the connection.
    """

    def __init__(
        self,
        http: str = "",
        grpc: str = "",
        tcp: str = "",
        exec: str = "",  # noqa: A002 - its name
        exits: int | None = None,
    ) -> None:
        self.http = http
        self.grpc = grpc
        self.tcp = tcp
        self.exec = exec
        self.exits = exits
        """The exit code of the container, if the fault ends it: then it is not probed, but started again."""

    def shown(self) -> tuple[str, ...]:
        """Return what is said of each of `KINDS`, in words."""
        if self.exits is not None:
            return (f"none: the container ends with {self.exits}",) * len(KINDS)
        return tuple(getattr(self, kind) or "passes" for kind in KINDS)


KINDS = ("http", "grpc", "tcp", "exec")


PASSES = Probed()
"""Every probe succeeds: the fault is none of theirs, or no probe notices it."""
AWAITING = 'Get "http://POD:8080/readyz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
LATE_CALL = "timeout: health rpc did not complete within 1s"
NOT_SERVING = 'service unhealthy (responded with "NOT_SERVING")'
NO_FILE = "cat: /app/is_ready: No such file or directory"
READING = (
    "errored and resulted in failure state: "
    "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
)
STATUS = "HTTP probe failed with statuscode: {}"
REFUSED = "dial tcp POD:8080: connect: connection refused"
UNREACHABLE = 'timeout: failed to connect service "POD:9000" within 1s: context deadline exceeded'
