"""The httpGet hook of a container. Source: kubelet: pkg/kubelet/lifecycle/handlers.go runHTTPHandler."""

from __future__ import annotations

from crashy.kubelet.handlers.dial import Dial, authority
from crashy.kubelet.handlers.http import MAX_BODY, Client
from crashy.kubelet.handlers.judge import WireError
from crashy.kubelet.handlers.request import Request, hook_request, without_tls
from crashy.kubelet.runtime import HookError
from crashy.kubelet.versions import Profile
from crashy.objects.pod import HTTPGet


async def run_http_hook(hook: HTTPGet, *, host: str, port: int, dial: Dial, profile: Profile) -> str:
    """GET and read the response to its end, for as long as it takes: any answer is a success; raises HookError.

    Return as `Runtime.hook` does. `host` is the pod's address (a hook's own host takes precedence), `port` the hook's
    port, resolved.
    """
    try:
        request = hook_request(hook, host, port, profile)
    except WireError as error:
        raise HookError(str(error)) from None
    client = Client(request, dial)
    try:
        await _get(client)
    except WireError as error:
        again = without_tls(request, error)
        if again is None or not await _answered(again, dial):
            raise HookError(f'Get "{client.url}": {error}') from None
        return authority(hook.host or host, port)
    return ""


async def _answered(request: Request, dial: Dial) -> bool:
    try:
        await _get(Client(request, dial))
    except WireError:
        return False
    return True


async def _get(client: Client) -> None:
    response = await client.get()
    try:
        await response.body(MAX_BODY)
    except WireError:
        pass  # the kubelet looks at no body
    finally:
        response.connection.close()
