"""A patient's admin API, over any transport: what an engine requests of it, and how it can refuse."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any, Protocol

from crashy.engines.images import is_proxy
from crashy.kubelet.runtime import Pod
from crashy.objects.images import is_patient
from crashy.objects.pod import Container

TIMEOUT = 5.0  # seconds for one request


class NotDoneError(Exception):
    """A patient did not do what was requested; the message has the reason."""


class NeedsTokenError(NotDoneError):
    """The patient wants its token, which the API server's proxy does not pass on."""


class Send(Protocol):
    """Carries one request to one patient."""

    def __call__(self, method: str, path: str, document: dict[str, Any], /) -> Awaitable[None]:
        """Send it; raises NotDoneError."""
        ...


def patient(pod: Pod) -> Container | None:
    """Return the container of the patient; None if there is none. The proxy beside an app is none."""
    return next((c for c in pod.template.containers if is_patient(c.image) and not is_proxy(c)), None)


def proxy(pod: Pod) -> Container | None:
    """Return the container of the proxy that `crashy kube wrap` has put beside the app; None if there is none."""
    return next(filter(is_proxy, pod.template.containers), None)


def problem(status: int, body: bytes) -> str:
    """Return a refusal of the admin API, a problem document, in one line."""
    try:
        return f"{status} {json.loads(body)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{status} {body.decode('utf-8', 'replace').strip()[:200]}"


async def inject(send: Send, spec: str) -> None:
    """Inject a fault spec; raises NotDoneError."""
    await send("POST", "/admin/faults", {"spec": spec})


async def recover(send: Send, which: str) -> None:
    """Recover from all faults, or those of one name; raises NotDoneError."""
    await send("POST", "/admin/recover", {} if which == "all" else {"fault": which})
