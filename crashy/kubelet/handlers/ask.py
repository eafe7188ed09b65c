"""One call of a probe's handler. Source: kubelet: pkg/kubelet/prober/prober.go runProbe."""

from __future__ import annotations

from crashy.kubelet.handlers.dial import Dial, direct
from crashy.kubelet.handlers.exec import Run, expand_command, probe_exec
from crashy.kubelet.handlers.grpc import probe_grpc
from crashy.kubelet.handlers.http import probe_http
from crashy.kubelet.handlers.tcp import probe_tcp
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import GRPC, Container, Exec, HTTPGet, Probe, TCPSocket
from crashy.objects.ports import PortError, find_port


async def ask(
    probe: Probe | None, container: Container, *, host: str, run: Run, dial: Dial = direct, profile: Profile = NEWEST
) -> Outcome:
    """Probe a container once, within the probe's timeout; every failure is an Outcome.

    `host` is the pod's address, `run` runs a command in the container. Without a probe it is a success; a port that
    can't be resolved is an error, which neither fails nor succeeds.
    """
    if probe is None:
        return Outcome(Result.SUCCESS)
    timeout = float(probe.timeout_seconds)
    try:
        match probe.handler:
            case Exec(command):
                return await probe_exec(run, expand_command(container, command), timeout, profile=profile)
            case HTTPGet() as get:
                port = find_port(container, get.port)
                return await probe_http(get, host=host, port=port, timeout=timeout, dial=dial, profile=profile)
            case TCPSocket() as tcp:
                return await probe_tcp(tcp.host or host, find_port(container, tcp.port), timeout, dial=dial)
            case GRPC() as grpc:
                return await probe_grpc(grpc, host=host, port=grpc.port, timeout=timeout, dial=dial, profile=profile)
            case _:
                return Outcome(Result.UNKNOWN, error=f"missing probe handler for {container.name}")
    except PortError as error:
        return Outcome(Result.UNKNOWN, error=str(error))
