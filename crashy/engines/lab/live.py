"""A run on a terminal, live: pods and events as kubectl shows them, and the last seconds of traffic."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crashy.controllers.base import PodView
from crashy.engines.base import Engine
from crashy.engines.lab.steering import Steering
from crashy.engines.lab.view import repeated
from crashy.kubectl.events_table import GAP, HEAD, Row, lay_out
from crashy.kubectl.tables import columns_of, one_line
from crashy.objects.durations import human_duration
from crashy.timeline import Event, Timeline, kinds

TRAFFIC_SECONDS = 10.0
_GOOD = frozenset({"Running", "Completed"})
_STYLES = {"Normal": "", "Warning": "yellow", "Fault": "magenta"}


class LiveView:
    """Draws the engine's pods and the timeline's events, four times a second, between `start` and `stop`.

    With a `steering` one pod is selected, and the last lines show what the keys do.
    """

    def __init__(self, engine: Engine, timeline: Timeline, console: Console, steering: Steering | None = None) -> None:
        self._engine = engine
        self._steering = steering
        self._timeline = timeline
        self._services: dict[tuple[str, str, int], str] = {}
        self._events: dict[tuple[str, str, str], Event] = {}
        self._requests: deque[Event] = deque(maxlen=10_000)
        self._live = Live(console=console, get_renderable=self.draw, auto_refresh=False)
        self._task: asyncio.Task[None] | None = None

    def __call__(self, event: Event) -> None:
        """Add an event to the picture."""
        if event.kind in {kinds.EVENT, kinds.FAULT, kinds.NOTE} or event.reason in {
            "ProgressDeadlineExceeded",
            "Skipped",
            "Zombies",
        }:
            row = (event.object, event.reason, event.message)
            self._events.pop(row, None)
            self._events[row] = event
        elif service := kinds.SERVICE.of(event):
            key = (service["namespace"], event.object, service["port"])
            self._services.pop(key, None)
            if event.reason == "Listening":
                self._services[key] = f"{event.object} port {service['port']}: {event.message}"
        elif event.kind == kinds.REQUEST:
            self._requests.append(event)

    def start(self) -> None:
        """Draw from now on."""
        self._live.start()
        self._task = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        while True:
            self._live.refresh()
            await asyncio.sleep(0.25)

    def stop(self) -> None:
        """Draw a last time, without what keys do, and leave the picture on the screen."""
        self._steering = None
        if self._task:
            self._task.cancel()
        self._live.refresh()
        self._live.stop()

    def draw(self) -> RenderableType:
        """Return the picture of this moment, which fits the terminal: of many pods some, the newest events."""
        if not len(self._timeline):
            return Text()
        width, height = self._live.console.size
        top: list[RenderableType] = [Text(line, style="dim", no_wrap=True) for line in self._services.values()]
        bottom = [Text(), *self._traffic()] if self._requests else []
        if self._steering:
            bottom += [Text(line, style="dim", no_wrap=True, overflow="crop") for line in self._steering.lines()]
        there = list(self._engine.pods())
        room = height - len(top) - len(bottom) - 3  # for pods and events, without the pods' head and two blank lines
        shown, rest = _foremost(there, max(room // 2, 1))
        selected = self._steering.select_from(shown) if self._steering else ""
        top += [Text(), self._pods(shown, selected), *rest, Text()]
        return Group(*top, *self._recent(width, room - len(shown) - len(rest)), *bottom)

    def _pods(self, views: Sequence[PodView], selected: str) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for head in ("NAME", "READY", "STATUS", "RESTARTS", "AGE"):
            table.add_column(head, no_wrap=True)
        now = asyncio.get_running_loop().time()
        for view in views:
            ready, status, restarts = columns_of(view, now)
            colour = "green" if view.status.ready else "yellow" if status in _GOOD else "red"
            age = human_duration(now - view.pod.created_at)
            style = "reverse" if view.pod.uid == selected else ""
            table.add_row(view.pod.name, Text(ready, colour), Text(status, colour), restarts, age, style=style)
        return table

    def _recent(self, width: int, height: int) -> list[Text]:
        rows = [self._row(event) for event in list(self._events.values())[-height:]] if height > 0 else []
        shown = lay_out(rows, width, height)
        return [
            Text(line, style="bold" if row is HEAD else _STYLES[row.type], no_wrap=True, overflow="ellipsis")
            for row, lines in shown
            for line in lines
        ]

    def _row(self, event: Event) -> Row:
        seen = human_duration(self._timeline.now() - event.t) + repeated(event)
        return Row(seen, event.data.get("type", "Fault"), event.reason, event.object, one_line(event.message))

    def _traffic(self) -> list[Text]:
        now = self._timeline.now()
        recent = [event for event in self._requests if event.data["sent"] > now - TRAFFIC_SECONDS]
        strip = Text("users     ", no_wrap=True, overflow="crop")
        room = max(1, self._live.console.width - len(strip))
        for event in sorted(recent, key=lambda e: float(e.data["sent"]))[-room:]:
            strip.append("▇", "green" if event.data["ok"] else "red")
        shares = Counter(event.data["pod"] or "?" if event.data["ok"] else event.reason for event in recent)
        counts = ", ".join(f"{name} {count}" for name, count in sorted(shares.items()))
        text = f"last {TRAFFIC_SECONDS:g}s  {counts}"
        return [strip, Text(text, style="dim", no_wrap=True, overflow="ellipsis")]


def _foremost(views: list[PodView], room: int) -> tuple[list[PodView], list[Text]]:
    """Return the pods for so many lines, unready ones first if not all fit, and a line about the rest."""
    if len(views) <= room:
        return views, []
    views = sorted(views, key=lambda view: view.status.ready)
    hidden = views[room - 1 :]
    ready = sum(view.status.ready for view in hidden)
    return views[: room - 1], [Text(f"… and {len(hidden)} more, {ready} of them ready", style="dim")]
