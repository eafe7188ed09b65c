"""Starting and killing the containers of one pod on a runtime, with their hooks, events and history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from crashy.kubelet.config import Config
from crashy.kubelet.generate import Waiting
from crashy.kubelet.grace import grace_after_pre_stop, grace_period, runs_pre_stop
from crashy.kubelet.history import Histories, Instance
from crashy.kubelet.hooks import cut_off, failure, no_handler
from crashy.kubelet.pod import next_restart_count
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Exited, HookError, Pod, Runtime, StartError
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, Hook, Sleep, TCPSocket

Turn = Callable[[float], Awaitable[None]]
START_ERROR_EXIT_CODE = 128
"""The exit code of a container that the runtime could not start, as containerd gives it."""


class Lifecycle:
    """Runs containers and records their instances: `histories` is what the runtime would report now."""

    _group: asyncio.TaskGroup
    _recorder: Recorder
    _changed: Callable[[], None]

    def __init__(self, pod: Pod, runtime: Runtime, *, config: Config, profile: Profile) -> None:
        self.histories = Histories({})
        self._loop = asyncio.get_running_loop()
        self._pod = pod
        self._runtime = runtime
        self._config = config
        self._profile = profile
        self._starting: set[asyncio.Task[str]] = set()
        self._early: dict[str, Exited] = {}

    def begin(self, group: asyncio.TaskGroup, recorder: Recorder, *, changed: Callable[[], None]) -> None:
        """Work for a kubelet that has just started, and call `changed` whenever the containers change.

        Starts run as tasks of `group`: a start is recorded even if the caller is cancelled meanwhile.
        """
        self._group, self._recorder, self._changed = group, recorder, changed

    async def start(self, container: Container) -> Waiting | None:
        """Start a container and run its postStart hook; return why it does not run, None if it does."""
        self._recorder.pulled(container)
        if error := self._config.unset(self._pod, container):
            self._recorder.failed(container, error)
            return Waiting("CreateContainerConfigError", error)
        self._recorder.created(container)
        task = self._group.create_task(self._begin(container))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        if error := await asyncio.shield(task):
            self._recorder.failed(container, error)
            return Waiting("RunContainerError", error)
        self._recorder.started(container)
        instance = self.histories.newest(container.name)
        if container.lifecycle.post_start is None or instance is None:
            return None
        try:
            await self._hook(container, instance.id, container.lifecycle.post_start)
        except HookError as failed:
            message = self._hook_failed(container, "PostStart", container.lifecycle.post_start, failed)
            grace = grace_period(self._pod.template.termination_grace_period_seconds)
            await self.kill(container, instance.id, "FailedPostStartHook", grace)
            return Waiting(self._profile.texts.post_start_error.format(error=failed), message)
        return None

    async def starts_done(self) -> None:
        """Wait until no start is in progress."""
        while self._starting:
            await asyncio.wait(self._starting)

    async def kill(
        self, container: Container, container_id: str, message: str, grace: int, turn: Turn | None = None
    ) -> None:
        """Kill a container: preStop hook, its turn, SIGTERM, the rest of `grace`, SIGKILL. Return when it has ended.

        `turn` returns when other containers have ended, or the seconds that are left.
        """
        self._recorder.killing(container, message)
        began = self._loop.time()
        pre_stop = container.lifecycle.pre_stop
        if pre_stop is None or not runs_pre_stop(container, grace):
            await self._stop(container_id, grace, began, turn)
            return
        hook = asyncio.create_task(self._pre_stop(container, container_id, pre_stop))
        try:
            await asyncio.wait([hook], timeout=grace)
            await self._stop(container_id, grace, began, turn)
            if hook.done():
                hook.result()
            elif error := cut_off(pre_stop):  # it has outlived its grace period, and fails with its container
                self._hook_failed(container, "PreStop", pre_stop, error)
        finally:
            hook.cancel()

    async def _stop(self, container_id: str, grace: int, began: float, turn: Turn | None) -> None:
        left = grace - int(self._loop.time() - began)
        if turn is not None and left > 0:
            await turn(left)
        await self._runtime.stop(container_id, grace_after_pre_stop(grace, self._loop.time() - began))

    def remove(self) -> None:
        """Remove all containers, none of which runs: the pod starts over."""
        self._remember(self.histories.removed(self._loop.time()))

    async def _pre_stop(self, container: Container, container_id: str, hook: Hook) -> None:
        try:
            await self._hook(container, container_id, hook)
        except HookError as error:
            self._hook_failed(container, "PreStop", hook, error)

    def _hook_failed(self, container: Container, name: str, hook: Hook, error: HookError) -> str:
        """Report that a hook failed, and return why."""
        message = failure(self._pod, container, hook, error, self._profile)
        self._recorder.hook_failed(container, name, message)
        return message

    async def _hook(self, container: Container, container_id: str, hook: Hook) -> None:
        match hook:
            case Sleep():
                await asyncio.sleep(hook.seconds)
            case TCPSocket():
                raise no_handler(hook, self._profile)
            case _:
                if place := await self._runtime.hook(self._pod, container, container_id, hook):
                    self._recorder.hook_fell_back(container, place)

    async def _begin(self, container: Container) -> str:
        """Start a container and record the instance; return the runtime's error, empty on success."""
        name = container.name
        newest = self.histories.newest(name)
        attempt = next_restart_count(None if newest is None else newest.record())
        try:
            container_id = await self._runtime.start(self._pod, container, attempt, partial(self._on_exit, name))
        except StartError as failure:
            now = self._loop.time()
            error = str(failure)
            dead = Instance(
                f"{self._pod.uid}/{name}/{attempt}", attempt, now, now, START_ERROR_EXIT_CODE, "StartError", error
            )
            self._remember(self.histories.started(name, dead))
            return error
        self._remember(self.histories.started(name, Instance(container_id, attempt, self._loop.time())))
        self._recorder.process("Started", {"container": name, "id": container_id, "attempt": attempt})
        if exited := self._early.pop(container_id, None):
            self._on_exit(name, exited)
        return ""

    def _on_exit(self, name: str, exited: Exited) -> None:
        if all(instance.id != exited.container_id for instance in self.histories.of(name)):
            self._early[exited.container_id] = exited  # it ended before `start` returned its id
            return
        self._recorder.process("Exited", {"container": name, "id": exited.container_id, "exit_code": exited.exit_code})
        self._remember(
            self.histories.ended(
                name,
                exited.container_id,
                exit_code=exited.exit_code,
                finished_at=exited.finished_at,
                message=exited.message,
                reason=exited.reason,
            )
        )

    def _remember(self, histories: Histories) -> None:
        self.histories = histories
        self._changed()
