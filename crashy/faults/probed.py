"""What the kubelet's probes make of a fault: predicted in the fault's file, held against the real handlers by a test."""

from __future__ import annotations

from typing import NamedTuple


class Probed(NamedTuple):
    """What a readiness probe of each kind says of a patient with a fault: what follows `Readiness probe failed: `.

    An empty text is a success. The probes are `httpGet` of /readyz on 8080, `grpc` of the service `readiness` on 9000,
    `tcpSocket` on 8080 and `exec` of `cat` on the file is_ready, each with `timeoutSeconds: 1`; `POD` stands for the
    pod's address.
    """

    http: str = ""
    grpc: str = ""
    tcp: str = ""
    exec: str = ""
