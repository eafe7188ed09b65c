"""What the kubelet says of a hook that failed. Source: kubelet: pkg/kubelet/lifecycle/handlers.go Run."""

from __future__ import annotations

import json

from crashy.kubelet.runtime import HookError, Pod
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, Exec, Hook, HTTPGet, Sleep, TCPSocket

KILLED = 137


def failure(pod: Pod, container: Container, hook: Hook, error: HookError, profile: Profile) -> str:
    """Return the message of a hook's failure: that of the event up to 1.20, of the container's status ever since."""
    where = f'Container "{container.name}" in Pod "{pod.name}_{pod.namespace}({pod.uid})"'
    match hook:
        case Exec(command):
            said = json.dumps(error.output, ensure_ascii=False)
            words = " ".join(command)
            return f"Exec lifecycle hook ([{words}]) for {where} failed - error: {error}, message: {said}"
        case HTTPGet(path=path):
            return profile.texts.http_hook.format(path=path, container=where, error=error)
        case Sleep(seconds):
            return f"Sleep lifecycle hook ({seconds}) for {where} failed - error: {error}"
        case TCPSocket():
            return f"Cannot run handler: {error}"


def no_handler(hook: TCPSocket, profile: Profile) -> HookError:
    """Return the error of a tcpSocket hook, which the API server accepts and no kubelet runs."""
    port = f"{{0 {hook.port} }}" if isinstance(hook.port, int) else f"{{1 0 {hook.port}}}"
    name, more = ("LifecycleHandler", "Sleep:nil,") if profile.hooks_like_probes else ("Handler", "")
    action = f"&TCPSocketAction{{Port:{port},Host:{hook.host},}}"
    return HookError(f"invalid handler: &{name}{{Exec:nil,HTTPGet:nil,TCPSocket:{action},{more}}}")


def exited(command: tuple[str, ...], code: int, stderr: str, output: str) -> HookError:
    """Return the error of a command that has not succeeded (kubelet: pkg/kubelet/cri/remote/remote_runtime.go)."""
    return HookError(f"command '{' '.join(command)}' exited with {code}: {stderr}", output)


def cut_off(hook: Hook) -> HookError | None:
    """Return the error of a hook that was still running when its container ended; None if that doesn't end it."""
    match hook:
        case Exec(command):
            return exited(command, KILLED, "", "")
        case HTTPGet():
            return HookError("EOF")
        case _:
            return None
