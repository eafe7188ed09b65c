"""A runtime of modelled containers: the same driver, prober and back-off as over real processes, in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from http import HTTPStatus
from itertools import count

from crashy.engines.images import is_proxy, led
from crashy.engines.sim import replies
from crashy.engines.sim.instance import Instance
from crashy.engines.sim.network import LOOPBACK, resolve
from crashy.engines.sim.outside_faults import OutsideFaults, kubelets_gate
from crashy.engines.sim.passing import Passing
from crashy.engines.sim.process import Broken, Condition, Cut, Full, Missing, Plan, Process, Refuse, Truncated
from crashy.engines.sim.redirects import follow
from crashy.engines.sim.speech import action
from crashy.faults.scope import Client, client_of
from crashy.kubelet.handlers.dial import authority
from crashy.kubelet.handlers.judge import WireError, unknown_host
from crashy.kubelet.handlers.request import Request, hook_request, probe_request, without_tls
from crashy.kubelet.hooks import exited
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.runtime import LOST_EXIT_CODE, LOST_REASON, Exited, HookError, Pod, StartError
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container, Exec, Handler, HTTPGet, Probe, TCPSocket
from crashy.objects.ports import PortError, find_port
from crashy.patient.answers import Answer

Script = Callable[[Pod, Container, int], Plan]
"""Plans the n-th life (0 is the first) of a pod's container."""


class _GetError(WireError):
    """Why there is no response, and from where, if it was redirected."""

    def __init__(self, text: str, url: str) -> None:
        super().__init__(text)
        self.url = url


class SimRuntime:
    """Runs modelled containers, as `script` plans them, on the running loop's time, and what is done to them `outside`.

    It needs a loop whose time may jump (`clock.VirtualLoop`), and works on a real one.
    """

    def __init__(self, script: Script, profile: Profile = NEWEST, outside: OutsideFaults | None = None) -> None:
        self._script = script
        self._outside = outside
        self._profile = profile
        self._loop = asyncio.get_running_loop()
        self._instances: dict[str, Instance] = {}
        self._pods: dict[str, list[Instance]] = {}  # by address
        self._ids = count(1)
        self._off = False

    async def start(self, pod: Pod, container: Container, attempt: int, on_exit: Callable[[Exited], None]) -> str:
        """Start a container; see `Runtime.start`."""
        plan = self._script(pod, container, attempt)
        await asyncio.sleep(plan.start_seconds)
        if plan.start_error:
            raise StartError(plan.start_error)

        def gone(exited: Exited) -> None:
            del self._instances[instance.id]
            self._pods[pod.ip].remove(instance)
            if self._outside:
                self._outside.ended(pod, container)
            on_exit(exited)

        instance = Instance(f"sim://{next(self._ids):08x}", pod, container, gone)
        self._instances[instance.id] = instance
        self._pods.setdefault(pod.ip, []).append(instance)
        instance.process = plan.begin(instance)
        if self._outside:
            self._outside.began(pod, container, instance.process)
        return instance.id

    def resize(self, container: Container, container_id: str) -> bool:
        """Change a container's resources; see `Runtime.resize`."""
        if container_id in self._instances:
            self._instances[container_id].container = container
        return True

    async def stop(self, container_id: str, grace: float) -> None:
        """End a container by SIGTERM, or after `grace` seconds by SIGKILL (exit code 137)."""
        instance = self._instances.get(container_id)
        if instance is None:
            return
        if not instance.terminated:
            instance.terminated = True
            instance.process.terminate()
        try:
            async with asyncio.timeout(grace):
                await instance.gone.wait()
        except TimeoutError:
            instance.exit(137)

    async def probe(self, pod: Pod, container: Container, container_id: str, probe: Probe) -> Outcome:
        """Return the outcome of the container's response at this moment."""
        handler, port, request = probe.handler, 0, None
        try:
            if not isinstance(handler, Exec):
                port = find_port(container, handler.port)
        except PortError as error:
            return Outcome(Result.UNKNOWN, error=str(error))
        began = self._loop.time()
        if isinstance(handler, HTTPGet):
            request = probe_request(handler, pod.ip, port, self._profile)
        condition = await self._respond(
            pod, container_id, handler, port, probe.timeout_seconds, request=request, probe=probe
        )
        place, url = _address(pod, handler, port), request.url if request else ""
        seconds, outcome = replies.reply(condition, probe, place, self._profile.texts, url)
        # Even an answer at once comes after what else is due at this moment.
        await asyncio.sleep(began + seconds - self._loop.time())
        return outcome

    async def hook(self, pod: Pod, container: Container, container_id: str, handler: Exec | HTTPGet) -> str:
        """Run a hook as the container does; see `Runtime.hook`. It never ends if it hangs."""
        if isinstance(handler, HTTPGet):
            return await self._http_hook(pod, container, container_id, handler)
        began = self._loop.time()
        condition = await self._respond(pod, container_id, handler, 0, math.inf)
        match condition:
            case Answer(status, body, latency, _, code):
                await asyncio.sleep(began + latency - self._loop.time())
                if status >= HTTPStatus.BAD_REQUEST:
                    raise exited(handler.command, code, body, body)
            case Refuse() | Cut():
                raise exited(handler.command, 137, "", "")
            case Missing():
                raise HookError(condition.error)
            case _:
                await asyncio.Event().wait()
        return ""

    async def _http_hook(self, pod: Pod, container: Container, container_id: str, hook: HTTPGet) -> str:
        """Ask as `kubelet/handlers/hooks.py` does: any answer is a success."""
        try:
            port = find_port(container, hook.port)
            request = hook_request(hook, pod.ip, port, self._profile)
        except (PortError, WireError) as error:
            raise HookError(str(error)) from error
        failed = await self._get(pod, container_id, hook, port, request)
        again = without_tls(request, failed) if failed else None
        if failed and (again is None or await self._get(pod, container_id, hook, port, again)):
            raise HookError(f'Get "{failed.url or request.url}": {failed}')
        return authority(hook.host or pod.ip, port) if failed else ""

    async def _get(self, pod: Pod, container_id: str, hook: HTTPGet, port: int, request: Request) -> _GetError | None:
        """Send a hook's request and wait for the response; return why there is none."""
        began = self._loop.time()
        asked = action(request, port, hook.host)
        condition = await self._respond(pod, container_id, asked, port, math.inf, request=request)
        if isinstance(condition, Answer | Truncated):
            await asyncio.sleep(began + condition.latency - self._loop.time())
            return None
        if text := replies.error(condition, _address(pod, hook, port)):
            return _GetError(text, condition.url if isinstance(condition, Broken) else "")
        await asyncio.Event().wait()
        return None

    async def ask(self, ip: str, handler: Handler, port: int, within: float) -> Condition:
        """Send a user's request to the container that listens on a pod's port."""
        ends = self._loop.time() + within
        listener = None if self._off else self._listener(ip, port)
        if listener and is_proxy(listener.container):
            port = led(listener.container, port)
            listener = self._listener(ip, port)
        condition = await self._pass(listener, handler, port, within, client="users") if listener else Refuse()
        if self._off:
            await asyncio.sleep(ends - self._loop.time())
            return Full()
        return condition

    def pod_at(self, ip: str) -> str:
        """Return the name of the pod whose containers run at an address; empty if none does."""
        return next((instance.pod.name for instance in self._pods.get(ip, ())), "")

    def process(self, pod: Pod, container: Container) -> Process | None:
        """Return the process of a container that runs."""
        if self._off:
            return None
        return next((i.process for i in self._pods.get(pod.ip, ()) if i.container.name == container.name), None)

    def power_off(self) -> None:
        """Let nothing go on; see `NodeRuntime.power_off`."""
        self._off = True
        for instance in self._instances.values():
            instance.switch_off()

    async def power_on(self) -> None:
        """End all that there was; see `NodeRuntime.power_on`."""
        self._off = False
        for instance in list(self._instances.values()):
            instance.exit(LOST_EXIT_CODE, LOST_REASON)

    async def _respond(
        self,
        pod: Pod,
        container_id: str,
        handler: Handler,
        port: int,
        within: float,
        *,
        request: Request | None = None,
        probe: Probe | None = None,
    ) -> Condition:
        """Send a request to a container, or to the one of its pod that listens on that port: they share an address.

        A host of its own leads elsewhere: to whoever listens there.
        """
        instance = self._instances.get(container_id)
        client = client_of(request.user_agent) if request else "kubelet"
        if request and (wrong := _unsendable(request)):
            return wrong
        if isinstance(handler, HTTPGet | TCPSocket) and handler.host:
            ip = resolve(handler.host)
            if pod.template.host_network and ip.startswith(LOOPBACK):
                ip = pod.ip
            instance = self._listener(ip, port)
            if not ip:
                return Broken(unknown_host(handler.host))
            if instance is None:
                return Refuse() if ip.startswith(LOOPBACK) or ip in self._pods else Full()
        elif port and not (instance and instance.process.listens(port)):
            instance = self._listener(pod.ip, port) or instance
        if instance is None:
            return Cut() if isinstance(handler, Exec) else Refuse()
        if request is None or not isinstance(handler, HTTPGet):
            return await self._pass(instance, handler, port, within, client=client, probe=probe)
        deadline = self._loop.time() + within

        async def ask(get: HTTPGet) -> Condition:
            return await self._pass(instance, get, port, deadline - self._loop.time(), client=client, probe=probe)

        return await follow(handler, ask, anywhere=request.anywhere)

    async def _pass(
        self,
        instance: Instance,
        handler: Handler,
        port: int,
        within: float,
        *,
        client: Client,
        probe: Probe | None = None,
    ) -> Condition:
        """Return the response of an instance to a client, with the faults that act from outside."""
        faulted = self._outside.known(instance.pod, instance.container) if self._outside else None
        if faulted is None:
            return await instance.process.respond(handler, port, within, client)
        gate = faulted.users if client == "users" else kubelets_gate(faulted, probe)
        return await Passing(gate, instance.process, client, instance.gone.is_set).respond(handler, port, within)

    def _listener(self, ip: str, port: int) -> Instance | None:
        return next((i for i in self._pods.get(ip, ()) if i.process.listens(port)), None)


def _address(pod: Pod, handler: Handler, port: int) -> str:
    """Return where a probe or a hook connects, as Go's texts have it."""
    host = handler.host if isinstance(handler, HTTPGet | TCPSocket) else ""
    return authority(resolve(host) if host else pod.ip, port)


def _unsendable(request: Request) -> Broken | None:
    """Return why Go's client sends no such request; None if it does."""
    try:
        request.lines("")
    except WireError as error:
        return Broken(str(error))
    return None
