"""The app's liveness probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget

_NOT_SERVING = 'service unhealthy (responded with "NOT_SERVING")'
_REFUSED = "dial tcp POD:8080: connect: connection refused"


class Unlive(ProbeFault):
    """Fail the liveness probe, so that the kubelet restarts the container."""

    target: ClassVar[DefaultTarget] = "liveness"
    examples: ClassVar[tuple[str, ...]] = (
        "unlive",
        "unlive times=3",
        "unlive after=20s for=30s",
        "unlive clients=kubelet p=0.5 seed=7",
        "unlive protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "unlive": Probed(
            http="HTTP probe failed with statuscode: 500",
            grpc=_NOT_SERVING,
            exec="cat: STATE_DIR/is_healthy: No such file or directory",
        ),
        "unlive protocols=http": Probed(http="HTTP probe failed with statuscode: 500"),
        "unlive protocols=grpc": Probed(grpc=_NOT_SERVING),
        "unlive protocols=exec": Probed(exec="cat: STATE_DIR/is_healthy: No such file or directory"),
        "unlive protocols=tcp": Probed(http=f'Get "http://POD:8080/livez": {_REFUSED}', tcp=_REFUSED),
        "unlive protocols=http,grpc,exec,tcp": Probed(
            http=f'Get "http://POD:8080/livez": {_REFUSED}',
            grpc=_NOT_SERVING,
            tcp=_REFUSED,
            exec="cat: STATE_DIR/is_healthy: No such file or directory",
        ),
    }
