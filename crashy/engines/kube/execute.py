"""Commands in containers of a cluster, as `kubectl exec` runs them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from crashy.engines.kube.api import Api, ApiError
from crashy.kubelet.runtime import Pod


class Executed(NamedTuple):
    """How a command ended, in words; its exit code, None if it has none; and what it wrote."""

    how: str
    code: int | None
    output: bytes = b""


async def execute(api: Api, pod: Pod, container: str, command: tuple[str, ...], timeout: float) -> Executed:
    """Run a command in a container; raises nothing: that it could not be run is how it ended."""
    query = [("container", container), ("stdout", "1"), ("stderr", "1"), *(("command", word) for word in command)]
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/exec?{urlencode(query)}"
    try:
        output, status = await api.run(path, timeout)
    except TimeoutError:
        return Executed(f"not ended within {timeout:g}s", None)
    except ApiError as error:
        return Executed(error.message, None)
    if status.get("status") == "Success":
        return Executed("exit code 0", 0, output)
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), None)
    if code:
        return Executed(f"exit code {code}", int(code), output)
    return Executed(str(status.get("message", "the connection broke")), None, output)
