"""The commands for the process: from what it was last commanded to what the faults want now."""

from __future__ import annotations

from collections.abc import Iterable

from crashy.faults.effects import Begin, Command, End, ProcessEffect
from crashy.faults.injected import InjectedFault


class ProcessCommands:
    """Knows what the process was commanded; `changed` is whether faults may want something else by now."""

    def __init__(self) -> None:
        self.changed = False
        self._held: dict[ProcessEffect, float | None] = {}
        self._once: list[ProcessEffect] = []

    def once(self, effect: ProcessEffect) -> None:
        """Command an effect that doesn't last."""
        self._once.append(effect)

    def take(self, live: Iterable[InjectedFault]) -> tuple[Command, ...]:
        """Return the commands to what these faults want now, once; none if nothing has changed."""
        if not self.changed:
            return ()
        self.changed = False
        wanted: dict[ProcessEffect, float | None] = {}
        for active in live:
            effect = active.fault.process_effect()
            if active.state == "active" and active.acting and effect is not None:
                wanted[effect] = _later(wanted.get(effect, active.ends_at), active.ends_at)
        commands: list[Command] = [Begin(effect) for effect in self._once]
        commands += [End(effect) for effect in self._held if effect not in wanted]
        # A stop comes last: a command after it would wait until the process runs again.
        for effect in sorted(wanted, key=lambda effect: effect.stops):
            if effect not in self._held or self._held[effect] != wanted[effect]:
                commands.append(Begin(effect, wanted[effect]))
        self._once.clear()
        self._held = wanted
        return tuple(commands)


def _later(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
