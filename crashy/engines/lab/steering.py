"""The keys of the live view: select a pod, and act on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from crashy.controllers.base import PodView
from crashy.engines.lab.lab import LabEngine
from crashy.errors import BadInput
from crashy.objects.kinds import KINDS

FOOTER = "j/k select  d delete  c crash  f freeze  r recover  +/- scale  q quit  ? help"
HELP = (
    "j k, down up  select a pod",
    "d             delete it, as kubectl delete pod does: its Deployment makes another",
    "c f           crash it, freeze it (crashy inject can do more)",
    "r             recover it: take back all of its faults",
    "+ -           scale its Deployment",
    "q             quit; Ctrl-C does too",
    "?             show this, or don't",
)


class Steering:
    """The pod that is selected, and what keys do to it; `leave` is called on `q`."""

    def __init__(self, lab: LabEngine, leave: Callable[[], None]) -> None:
        self._lab = lab
        self._leave = leave
        self._shown: Sequence[PodView] = ()
        self._uid = ""
        self._index = 0
        self._help = False
        self._message = ""
        self._doing: set[asyncio.Task[None]] = set()

    def select_from(self, shown: Sequence[PodView]) -> str:
        """Take the pods that are shown and return the uid of the selected one.

        Where the selected one has gone, it is the one in its place.
        """
        self._shown = shown
        self._index = next((i for i, v in enumerate(shown) if v.pod.uid == self._uid), self._index)
        self._index = max(0, min(self._index, len(shown) - 1))
        self._uid = shown[self._index].pod.uid if shown else ""
        return self._uid

    def lines(self) -> list[str]:
        """Return the lines below the picture: the keys, and the last one's error."""
        return [*([self._message] if self._message else []), *(HELP if self._help else [FOOTER])]

    def press(self, key: str) -> None:
        """Do a key's action; other keys do nothing."""
        self._message = ""
        match key:
            case "j" | "down":
                self._move(1)
            case "k" | "up":
                self._move(-1)
            case "?":
                self._help = not self._help
            case "q":
                self._leave()
            case _ if self._shown:
                self._act(key, self._shown[self._index])

    def _move(self, by: int) -> None:
        self._index = max(0, min(self._index + by, len(self._shown) - 1))
        self._uid = self._shown[self._index].pod.uid if self._shown else ""

    def _act(self, key: str, view: PodView) -> None:
        match key:
            case "d":
                self._lab.delete(view.pod)
            case "c":
                self._do(self._lab.inject(view.pod, "crash"))
            case "f":
                self._do(self._lab.inject(view.pod, "freeze"))
            case "r":
                self._do(self._lab.recover(view.pod))
            case "+" | "-":
                self._scale(view, 1 if key == "+" else -1)

    def _scale(self, view: PodView, by: int) -> None:
        workload = self._lab.owner(view.pod)
        if workload is None or not KINDS[workload.kind].scalable:
            self._message = f"{view.pod.name} belongs to no workload that can be scaled"
            return
        try:
            self._lab.scale(workload, max(0, workload.replicas + by))
        except BadInput as error:
            self._message = str(error)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)
