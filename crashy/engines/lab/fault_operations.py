"""The operations of a running lab's control socket on faults: of all pods, whatever runs in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from crashy.controllers.base import PodView
from crashy.engines.admin import NotDoneError
from crashy.engines.lab.control import Operation, Request, field
from crashy.engines.lab.lab import LabEngine
from crashy.errors import BadInput
from crashy.faults.base import FaultError, parse_spec
from crashy.kubelet.runtime import Pod

_T = TypeVar("_T")


class FaultOperations:
    """The operations on faults; `pod_of` returns the pod that a request names."""

    def __init__(self, lab: LabEngine, pod_of: Callable[[Request], PodView]) -> None:
        self._lab = lab
        self._pod = pod_of

    def table(self) -> Mapping[str, Operation]:
        """Return the operations by their names."""
        return {"inject": self.inject, "recover": self.recover, "admin": self.admin}

    def refused(self, pod: Pod, request: Request) -> bool:
        """Return whether a pod can't take the faults of a request's `specs`, in its `container`."""
        container = request.get("container") or ""
        try:
            faults = [parse_spec(spec) for spec in request.get("specs") or ()]
        except FaultError:
            return False  # no pod takes it, which its injection says
        return any(self._lab.refusal(pod.template, fault, container) for fault in faults)

    async def inject(self, request: Request) -> dict[str, Any]:
        """Inject a fault `spec` into a pod, into the `container` of a name if there is one; return `id` and `spec`."""
        view, spec = self._pod(request), field(request, "spec", str)
        try:
            parse_spec(spec)
        except FaultError as error:
            raise BadInput(f"{spec!r}: {error}") from None
        return await _done(view, self._lab.take(view.pod, spec, request.get("container") or ""))

    async def recover(self, request: Request) -> dict[str, Any]:
        """Take back a pod's faults, all or those of a name (`fault`) or an `id`; return what is `recovered`."""
        view = self._pod(request)
        which = {name: str(request[name]) for name in ("fault", "id") if request.get(name)}
        return {"recovered": await _done(view, self._lab.take_back(view.pod, which))}

    async def admin(self, request: Request) -> dict[str, Any]:
        """Answer a request to the admin API of a pod that has none, or not for all of its faults: `path` and `body`."""
        asked = {**request, **field(request, "body", dict), "name": request.get("name")}
        match field(request, "path", str):
            case "/admin/faults":
                return await self.inject(asked)
            case "/admin/recover":
                return await self.recover(asked)
            case "/admin/status":
                return await self._status(self._pod(request))
            case path:
                raise BadInput(f"{path}: a pod of a lab has /admin/faults, /admin/recover and /admin/status")

    async def _status(self, view: PodView) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        status = await _done(view, self._lab.inside(view.pod)) or {
            "pod": view.pod.name,
            "phase": view.status.phase,
            "uptime": round(now - view.pod.created_at, 3),
            "health": {"readiness": view.status.ready},
            "countdowns": [],
            "faults": [],
        }
        status["faults"] += [fault.to_json(now) for fault in self._lab.outside(view.pod)]
        return status


async def _done(view: PodView, doing: Awaitable[_T]) -> _T:
    """Wait for what is done to a pod; a refusal is raised as BadInput."""
    try:
        return await doing
    except NotDoneError as error:
        raise BadInput(f"{view.pod.object}: {error}") from None
