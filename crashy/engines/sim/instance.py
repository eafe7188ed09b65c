"""One modelled container that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crashy.engines.sim.process import Process
from crashy.kubelet.runtime import Exited, Pod
from crashy.objects.pod import Container


class Instance:
    """One container that runs: the `Kernel` of its process."""

    def __init__(
        self,
        container_id: str,
        pod: Pod,
        container: Container,
        on_exit: Callable[[Exited], None],
    ) -> None:
        self.id = container_id
        self.pod = pod
        self.container = container
        self.gone = asyncio.Event()
        self.terminated = False
        self.off = False
        self.process: Process
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._timers: set[asyncio.TimerHandle] = set()

    def now(self) -> float:
        """Return the seconds of the loop."""
        return self._loop.time()

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back at that time, unless the process has ended by then."""

        def fire() -> None:
            self._timers.discard(timer)
            callback()

        timer = self._loop.call_at(when, fire)
        self._timers.add(timer)

    def switch_off(self) -> None:
        """Let it do nothing any more."""
        self.off = True
        for timer in self._timers:
            timer.cancel()

    def exit(self, code: int, reason: str = "", message: tuple[str, str] = ("", "")) -> None:
        """End the process now; see `Kernel.exit`."""
        if self.gone.is_set() or (self.off and not reason):
            return
        for timer in self._timers:
            timer.cancel()
        self.gone.set()
        self.process.ended()
        path, text = message
        read = text if path == self.container.termination_message_path else ""
        self._on_exit(Exited(self.id, code, self.now(), read, reason))
