"""The operations of a running lab's control socket on the proxies of its ExternalName Services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from crashy.controllers.cluster import Cluster
from crashy.engines.lab.control import Operation, Request, field
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.operations import named
from crashy.engines.service_faults import ServiceFaults, unproxied
from crashy.errors import BadInput
from crashy.faults.base import FaultError
from crashy.objects.service import Service


class ServiceOperations:
    """The operations on one lab's Services; see `Operations`."""

    def __init__(self, cluster: Cluster, network: LoopbackNetwork, faults: ServiceFaults) -> None:
        self._cluster = cluster
        self._network = network
        self._faults = faults

    def table(self) -> Mapping[str, Operation]:
        """Return the operations by their names."""
        return {"services": self.services, "service": self.service}

    async def services(self, _request: Request) -> dict[str, Any]:
        """Return the Services that have a proxy."""
        there = [one.service for one in self._cluster.services() if not unproxied(one.service)]
        return {"services": [{"name": one.name, "namespace": one.namespace} for one in there]}

    async def service(self, request: Request) -> dict[str, Any]:
        """Answer a request to the admin API that a proxy of its own would have: `path` and `body`."""
        known = [(one.service.namespace, one.service.name, one.service) for one in self._cluster.services()]
        service, body = named("services", request, known), field(request, "body", dict)
        match field(request, "path", str):
            case "/admin/faults":
                return self._inject(service, field(body, "spec", str))
            case "/admin/recover":
                ended = self._faults.recover(service, body.get("fault") or body.get("id"))
                return {"recovered": [{"id": one.id, "spec": one.fault.to_spec()} for one in ended]}
            case "/admin/status":
                return self._status(service)
            case path:
                raise BadInput(f"{path}: a Service of a lab has /admin/faults, /admin/recover and /admin/status")

    def _inject(self, service: Service, spec: str) -> dict[str, Any]:
        try:
            injected = self._faults.inject(service, spec)
        except FaultError as error:
            raise BadInput(f"{spec}: {error}") from None
        return {"id": injected.id, "spec": injected.fault.to_spec()}

    def _status(self, service: Service) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        created = next(one.created_at for one in self._cluster.services() if one.service == service)
        return {
            "pod": service.object,
            "phase": "serving",
            "uptime": round(now - created, 3),
            "health": {},
            "countdowns": [],
            "faults": [fault.to_json(now) for fault in self._faults.list(service)],
            "proxy": {"http": True, "passages": self._network.passages(service)},
        }
