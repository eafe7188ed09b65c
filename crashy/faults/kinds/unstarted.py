"""The app's startup probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget

_NOT_SERVING = 'service unhealthy (responded with "NOT_SERVING")'
_REFUSED = "dial tcp POD:8080: connect: connection refused"


class Unstarted(ProbeFault):
    """Fail the startup probe, so that the kubelet waits with the others, and in the end restarts the container."""

    target: ClassVar[DefaultTarget] = "startup"
    examples: ClassVar[tuple[str, ...]] = (
        "unstarted",
        "unstarted times=3",
        "unstarted after=20s for=30s",
        "unstarted clients=kubelet p=0.5 seed=7",
        "unstarted protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "unstarted": Probed(
            http="HTTP probe failed with statuscode: 503",
            grpc=_NOT_SERVING,
            exec="cat: STATE_DIR/is_started: No such file or directory",
        ),
        "unstarted protocols=http": Probed(http="HTTP probe failed with statuscode: 503"),
        "unstarted protocols=grpc": Probed(grpc=_NOT_SERVING),
        "unstarted protocols=exec": Probed(exec="cat: STATE_DIR/is_started: No such file or directory"),
        "unstarted protocols=tcp": Probed(http=f'Get "http://POD:8080/startupz": {_REFUSED}', tcp=_REFUSED),
        "unstarted protocols=http,grpc,exec,tcp": Probed(
            http=f'Get "http://POD:8080/startupz": {_REFUSED}',
            grpc=_NOT_SERVING,
            tcp=_REFUSED,
            exec="cat: STATE_DIR/is_started: No such file or directory",
        ),
    }
