"""The app redirects."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from crashy.faults.base import Fault
from crashy.faults.effects import InjectedResponse, RequestPart
from crashy.faults.probed import Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Integer, OneOf, Shaped

_GRPC = "error: health rpc probe failed: rpc error: code = Unknown desc = 302 Found"
_STATUSES = (301, 302, 303, 307, 308)


class _Status(Integer):
    """A status that clients follow."""

    type = "choice"

    def __init__(self) -> None:
        super().__init__(_STATUSES[0], _STATUSES[-1])
        self.allowed = f"one of {', '.join(map(str, _STATUSES))}"
        self.schema = {"enum": list(_STATUSES)}

    def from_json(self, value: Any) -> int:
        """Read one."""
        if (status := super().from_json(value)) not in _STATUSES:
            raise ValueError(self.allowed)
        return status


class Redirect(Fault):
    """Redirect to another path, to another host, or in a loop.

    The kubelet follows to the same host only, at most ten times; to another host is a success with a warning. Over gRPC
    an HTTP status that isn't 200 fails the call.
    """

    rank: ClassVar[int] = 4
    examples: ClassVar[tuple[str, ...]] = (
        "redirect",
        "redirect mode=host host=login.example clients=kubelet",
        "redirect mode=loop routes=/checkout code=307",
        "redirect path=/livez routes=/readyz",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "redirect clients=kubelet": Probed(grpc=_GRPC),
        "redirect mode=host clients=kubelet": Probed(
            http="warning: Probe terminated redirects, Response body: 302 Found", grpc=_GRPC
        ),
        "redirect mode=loop clients=kubelet": Probed(http='Get "/readyz": stopped after 10 redirects', grpc=_GRPC),
    }

    mode: str = param(
        OneOf("path", "host", "loop"),
        "path: to another path, which is not redirected itself; host: to the same path elsewhere; loop: to itself",
        default="path",
    )
    code: int = param(_Status(), "the HTTP status", default=302)
    path: str = param(
        Shaped(r"/(?:[!-.0-~][!-~]{0,198})?", "a path that begins with one /"), "to here", default="/", mode="path"
    )
    host: str = param(
        Shaped(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?", "a host, and a port or none"),
        "to here",
        default="elsewhere.invalid",
        mode="host",
    )

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Redirect, unless to where the request is already."""
        here = f"/{quote(request.path.lstrip('/'))}"
        match self.mode:
            case "path" if request.path == self.path:
                return None
            case "path":
                here = self.path
            case "host":
                here = f"http://{self.host}{here}"
        return InjectedResponse(self.code, headers=(("Location", here),))
