"""The admin API of a patient or a sidecar, through the API server's proxy to the chosen pod: no Service chooses it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from crashy.engines.admin import TIMEOUT, NeedsTokenError, NotDoneError, inject, problem, recover
from crashy.engines.images import is_proxy
from crashy.engines.kube.api import Api, ApiError, is_status
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.patient import ADMIN_PORT, APP_PORT

_NOT_ALLOWED = "address not allowed"
"""What the API server says of a pod that has no address (kubernetes: pkg/registry/core/pod/strategy.go)."""
_NO_ADDRESS = "the pod has no address yet, it is being started: inject it later"


class AdminProxy:
    """Sends requests to admin APIs: to the admin port, which works in a freeze, else the data port."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def inject(self, pod: Pod, container: Container, spec: str) -> None:
        """Inject a fault spec; raises NotDoneError."""
        await inject(partial(self._ask, pod, container), spec)

    async def recover(self, pod: Pod, container: Container, which: str) -> None:
        """Take back all faults, or those of one name; raises NotDoneError."""
        await recover(partial(self._ask, pod, container), which)

    async def _ask(self, pod: Pod, container: Container, method: str, path: str, body: dict[str, Any], /) -> None:
        why = ""
        for port in _ports(container):
            proxy = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}:{port}/proxy"
            try:
                answer = await self._api.send(method, proxy + path, body, timeout=TIMEOUT)
            except ApiError as error:
                why = why or f"port {port}: {error.message}"
                continue
            if answer.status < 300:
                return
            if is_status(answer.body) and "X-Pod" not in answer.headers:  # the proxy's own words
                message = answer.error().message
                why = why or (_NO_ADDRESS if message == _NOT_ALLOWED else f"port {port}: {message}")
                continue
            if answer.status == 401:
                raise NeedsTokenError(problem(answer.status, answer.body))
            raise NotDoneError(problem(answer.status, answer.body))
        raise NotDoneError(why)


def _ports(container: Container) -> Iterator[int]:
    given = {variable.name: variable.value for variable in container.env}
    admin = given.get("ADMIN_PORT", str(ADMIN_PORT))
    if admin.isdecimal() and admin != "0":
        yield int(admin)
    if not is_proxy(container):
        yield next((port.container_port for port in container.ports if str(port.container_port) != admin), APP_PORT)
