"""Containers as processes of this machine: the `Runtime` of the lab."""

from __future__ import annotations

import asyncio
import math
import re
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from crashy.engines.lab import address_in_use, reaper, standin
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.cgroup import Cgroup, Usage
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.ends import OOM_KILLED, Ends
from crashy.engines.lab.joining import joined
from crashy.engines.lab.logs import LogLines
from crashy.engines.lab.members import BESIDE
from crashy.engines.lab.orphans import Orphans, is_init
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.power import Power
from crashy.engines.lab.prober import Prober
from crashy.engines.lab.process import Process
from crashy.engines.lab.program import Program
from crashy.engines.lab.refusal import refusal
from crashy.engines.lab.started import Running
from crashy.engines.lab.termination import LINES
from crashy.engines.lab.warden import MARK, Warden
from crashy.engines.lab.zombies import count_zombies, watch_zombies, zombies_report
from crashy.kubelet.handlers.exec import MAX_OUTPUT, ExecResult
from crashy.kubelet.hooks import exited
from crashy.kubelet.outcome import Outcome
from crashy.kubelet.runtime import Exited, HookError, Pod, StartError
from crashy.kubelet.versions import Profile
from crashy.objects import reaping
from crashy.objects.limits import limits
from crashy.objects.pod import Container, Exec, HTTPGet, Probe, ProbeType
from crashy.objects.ports import PortError
from crashy.timeline import Timeline, kinds

CONTAINER_MARK = "_CRASHY_CONTAINER"  # a variable in the environment of every process of a container
FREEZER = "_CRASHY_FREEZER"  # another one, of the first process: what freezes its container
SANDBOX_SECONDS = 0.05  # what a node's runtime needs for a pod's sandbox, and a process needs none; probes begin before
START_SECONDS = 0.05  # and for a container in it
OUTPUT_PATIENCE = 0.2  # seconds for the last lines of a container that has ended
_FIRST = re.compile(r"(?<![\w./-])/proc/1/")


class ProcessRuntime:
    """Runs each container as a process group; one runtime serves all pods of a lab.

    `program` says how a container runs here. What a process has not of a container: files, users and processes of its
    own. It is under its limits where `cgroups` has groups.
    """

    def __init__(
        self,
        program: Callable[[Pod, Container], Program],
        *,
        addresses: Addresses,
        warden: Warden,
        cgroups: Cgroups,
        outside: OutsideFaults,
        timeline: Timeline,
        profile: Profile,
    ) -> None:
        self._program = program
        self._cgroups = cgroups
        self._outside = outside
        self._prober = Prober(addresses.dial, outside, profile)
        self._warden = warden
        self._timeline = timeline
        self._profile = profile
        self._running: dict[str, Running] = {}
        self._power = Power(f"{MARK}={warden.id}")
        self._orphans = Orphans()
        self._ends = Ends(timeline)

    async def start(self, pod: Pod, container: Container, attempt: int, on_exit: Callable[[Exited], None]) -> str:
        """Start a container, as fast as a node that has its image; see `Runtime.start`."""
        await asyncio.sleep(START_SECONDS + (SANDBOX_SECONDS if _is_first(pod, container, attempt) else 0))
        program = self._program(pod, container)
        container_id = f"lab://{uuid.uuid4().hex}"
        on_exit = self._power.reporting(self._ends.reporting(pod, container, program, on_exit))

        message, last = program.folders.termination, deque[str](maxlen=LINES)
        message.begin()

        def emit(line: str) -> None:
            last.append(line)
            kinds.LOG.add(self._timeline.add, "lab", pod.object, message=line, data={"container": container.name})

        lines = LogLines(emit, self._timeline.now)
        limited = program.stand_in is None
        group = self._cgroups.begin(pod, container, container_id, self._profile, limited=limited)
        if group and group.freezer:
            program = replace(program, environ={**program.environ, FREEZER: str(group.freezer)})
        groups = group.first if group else ()
        try:
            process = await self._spawn(program, container_id, program.command, lines.feed, lines.feed, groups=groups)
        except StartError:
            await self._remove(container_id, group)
            raise
        running = self._running[container_id] = Running(
            program,
            process,
            group,
            mark=f"{CONTAINER_MARK}={container_id}",
            beside=partial(self._beside, container_id),
            memory_limit=limits(container).memory if limited and group and "memory" in group.folders else None,
        )
        self._outside.began(pod, container, running)

        if reaping.reaped(pod.template, container):
            self._orphans.waits(container_id)

        def zombies() -> int:
            self._orphans.look()
            adopted = 0 if is_init(process.pid) else self._orphans.count(container_id)
            return count_zombies(process.pid) + adopted

        async def watch() -> None:
            watching = asyncio.create_task(watch_zombies(zombies, zombies_report(self._timeline, pod, container)))
            code = await process.wait()
            watching.cancel()
            self._outside.ended(pod, container)
            finished_at = asyncio.get_running_loop().time()
            await self._clean(container_id, running)
            reason = OOM_KILLED if group and group.oom_kills() else ""
            await self._remove(container_id, group)
            lines.end()
            address_in_use.tell(self._timeline, pod.object, container.name, code, last)
            del self._running[container_id]
            on_exit(Exited(container_id, code, finished_at, message.read(code, last), reason))

        running.watch = asyncio.create_task(watch())
        await joined(process.pid, running.mark)
        return container_id

    async def _spawn(
        self,
        program: Program,
        container_id: str,
        command: tuple[str, ...],
        stdout: Callable[[bytes], None],
        stderr: Callable[[bytes], None],
        *,
        groups: Sequence[Path],
        beside: bool = False,
    ) -> Process:
        """Start a process in a container's surroundings, or `beside` its own ones; raises StartError."""
        mark = {MARK: self._warden.id, CONTAINER_MARK: container_id, **({BESIDE: "1"} if beside else {})}
        environ, folder = {**program.environ, **mark}, program.folder
        try:
            process = await Process.start(
                command, environ=environ, folder=folder, stdout=stdout, stderr=stderr, groups=groups
            )
        except (OSError, ValueError) as error:
            raise StartError(refusal(command[0], error)) from error
        self._warden.began(process.pid)
        self._orphans.began(process.pid, container_id)
        return process

    async def _beside(self, container_id: str, command: Sequence[str]) -> Process:
        """Start a program of the lab's own in the control group of a container; raises StartError."""
        running = self._running.get(container_id)
        if running is None:
            raise StartError(f'container "{container_id}" is not running')
        groups = running.group.beside if running.group else ()
        drop = deque[bytes](maxlen=0).append
        return await self._spawn(running.program, container_id, (*command,), drop, drop, groups=groups, beside=True)

    async def _clean(self, container_id: str, running: Running) -> None:
        """End what the first process of a container left behind, as the end of PID 1 does, and read its last output."""
        process = running.process
        running.kill()
        await asyncio.to_thread(reaper.sweep, f"{CONTAINER_MARK}={container_id}")
        try:
            async with asyncio.timeout(OUTPUT_PATIENCE):
                await process.output_ended()
        except TimeoutError:
            pass
        process.close()
        self._warden.ended(process.pid)
        self._orphans.look()
        self._orphans.forget(container_id)

    async def _remove(self, container_id: str, group: Cgroup | None) -> None:
        """Remove the control group of a container that has ended."""
        if group:
            await asyncio.to_thread(group.remove)
            self._cgroups.end(container_id)

    def resize(self, container: Container, container_id: str) -> bool:
        """Change a container's limits; see `Runtime.resize`."""
        done = self._cgroups.resize(container, container_id, self._profile)
        running = self._running.get(container_id)
        if done and running and running.memory_limit is not None:
            running.memory_limit = limits(container).memory
        return done

    async def stop(self, container_id: str, grace: float) -> None:
        """SIGTERM, patience, SIGKILL; see `Runtime.stop`. Without a handler SIGTERM is ignored, as PID 1 ignores it."""
        running = self._running.get(container_id)
        if running is None:
            return
        running.process.terminate()
        done, _ = await asyncio.wait([running.watch], timeout=grace)
        if not done:
            running.kill()
            await asyncio.wait([running.watch])

    async def exec(
        self, container_id: str, command: tuple[str, ...], timeout: float, probe: ProbeType | None = None
    ) -> ExecResult:
        """Run a command in a container's surroundings; see `Runtime.exec`.

        It ends when no process holds its output any more, so a background child keeps it open, as in a container.
        """
        running = self._running.get(container_id)
        if running is None:
            raise ProcessLookupError(f'container "{container_id}" is not running')
        program = running.program
        if program.stand_in:
            word = probe.value if probe else ""
            return await standin.execute(
                program.stand_in, command, word, timeout, lambda: container_id in self._running
            )
        own = f"/proc/{running.process.pid}/"  # where a command in the container finds its first process
        translated = tuple(_FIRST.sub(own, program.folders.translate(word)) for word in command)
        stdout, stderr = bytearray(), bytearray()
        try:
            groups = running.group.beside if running.group else ()
            process = await self._spawn(
                program, container_id, translated, _keep(stdout), _keep(stderr), groups=groups, beside=True
            )
        except StartError as error:
            raise OSError(f"OCI runtime exec failed: exec failed: {error}") from error
        try:
            async with asyncio.timeout(timeout):
                code = await process.wait()
                await process.output_ended()
        except BaseException:
            process.kill()
            raise
        finally:
            process.close()
            self._warden.ended(process.pid)
        out, err = (program.folders.restore(part.decode("utf-8", "replace")) for part in (stdout, stderr))
        return ExecResult(code, out + err, err)

    async def probe(self, pod: Pod, container: Container, container_id: str, probe: Probe) -> Outcome:
        """Probe a container once; see `Runtime.probe`."""
        running = self._running.get(container_id)
        stand_in = running is not None and running.program.stand_in is not None
        return await self._prober.probe(pod, container, probe, partial(self.exec, container_id), stand_in=stand_in)

    async def hook(self, pod: Pod, container: Container, container_id: str, handler: Exec | HTTPGet) -> str:
        """Run a hook; see `Runtime.hook`."""
        try:
            if isinstance(handler, HTTPGet):
                return await self._prober.hook(pod, container, handler)
            result = await self.exec(container_id, handler.command, math.inf)
        except (OSError, PortError) as error:
            raise HookError(str(error)) from error
        if result.exit_code:
            raise exited(handler.command, result.exit_code, result.stderr, result.output)
        return ""

    def power_off(self) -> None:
        """Stop all that runs; see `NodeRuntime.power_off`."""
        self._outside.let_go()
        self._power.off(self._running, [running.process.pid for running in self._running.values()])

    async def power_on(self) -> None:
        """End all that was stopped; see `NodeRuntime.power_on`."""
        lost = [self._running[container_id] for container_id in self._power.on() if container_id in self._running]
        for running in lost:
            running.kill()
        await asyncio.gather(*(running.watch for running in lost))

    def usage(self) -> dict[str, Usage] | None:
        """Return what each running container has used until now, by its id; None where nothing counts that."""
        if not self._cgroups.counts:
            return None
        found = {container_id: running.usage() for container_id, running in self._running.items()}
        return {container_id: usage for container_id, usage in found.items() if usage}

    async def close(self, grace: float) -> None:
        """Stop every container, all at once, with `grace` seconds of patience."""
        await asyncio.gather(*(self.stop(container_id, grace) for container_id in self._running))
        self._orphans.close()


def _is_first(pod: Pod, container: Container, attempt: int) -> bool:
    return attempt == 0 and container is (*pod.template.init_containers, *pod.template.containers)[0]


def _keep(buffer: bytearray) -> Callable[[bytes], None]:
    """Gather output up to what a probe's event can show."""

    def feed(data: bytes) -> None:
        buffer.extend(data[: MAX_OUTPUT - len(buffer)])

    return feed
