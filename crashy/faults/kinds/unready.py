"""The app's readiness probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget

_NOT_SERVING = 'service unhealthy (responded with "NOT_SERVING")'
_REFUSED = "dial tcp POD:8080: connect: connection refused"


class Unready(ProbeFault):
    """Fail the readiness probe, so that the pod leaves its Service's endpoints."""

    target: ClassVar[DefaultTarget] = "readiness"
    examples: ClassVar[tuple[str, ...]] = (
        "unready",
        "unready times=3",
        "unready after=20s for=30s",
        "unready clients=kubelet p=0.5 seed=7",
        "unready protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "unready": Probed(
            http="HTTP probe failed with statuscode: 503",
            grpc=_NOT_SERVING,
            exec="cat: STATE_DIR/is_ready: No such file or directory",
        ),
        "unready protocols=http": Probed(http="HTTP probe failed with statuscode: 503"),
        "unready protocols=grpc": Probed(grpc=_NOT_SERVING),
        "unready protocols=exec": Probed(exec="cat: STATE_DIR/is_ready: No such file or directory"),
        "unready protocols=tcp": Probed(http=f'Get "http://POD:8080/readyz": {_REFUSED}', tcp=_REFUSED),
        "unready protocols=http,grpc,exec,tcp": Probed(
            http=f'Get "http://POD:8080/readyz": {_REFUSED}',
            grpc=_NOT_SERVING,
            tcp=_REFUSED,
            exec="cat: STATE_DIR/is_ready: No such file or directory",
        ),
    }
