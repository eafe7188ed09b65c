"""The timeline as one SVG: traffic on top, a lane for each pod, outages shaded over all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from crashy.report.lanes import Lane, Mark
from crashy.report.results import RunSummary, requests
from crashy.timeline import Event
from crashy.traffic.outages import Outage
from crashy.traffic.samples import Sample

WIDTH = 1100
LEFT, RIGHT, TOP = 210, 12, 26
LANE, STRIP = 46, 30
PALETTE = 6
"""Colours that pods have in the style sheet: `pod0` to `pod5`, used in turn."""


def drawing(events: Sequence[Event], summary: RunSummary, lanes: Sequence[Lane]) -> str:
    """Return the SVG; every mark is at its second, and at most a few for each pixel are drawn however long the run."""
    samples = list(requests(events))
    top = TOP + (STRIP + 10 if samples else 0)
    height = top + LANE * len(lanes) + 24
    scale = Scale(max(summary.end, 0.001))
    colours = {lane.pod: f"pod{i % PALETTE}" for i, lane in enumerate(lanes)}
    parts = [
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{summary.end:.1f} seconds">',
        *_axis(scale, height),
        *(_outage(scale, outage, height) for outage in summary.outages),
        *(_strip(scale, samples, colours) if samples else ()),
    ]
    for i, lane in enumerate(lanes):
        parts += _lane(scale, lane, top + i * LANE, colours[lane.pod])
    return "\n".join([*parts, "</svg>"])


class Scale:
    """Seconds to pixels."""

    def __init__(self, end: float) -> None:
        self.end = end
        self._per_second = (WIDTH - LEFT - RIGHT) / end

    def x(self, t: float) -> float:
        """Return the place of a second, to a tenth of a pixel."""
        return round(LEFT + min(max(t, 0.0), self.end) * self._per_second, 1)


def _rect(scale: Scale, span: tuple[float, float], place: tuple[float, float], kind: str, text: str) -> str:
    """Return a box from second to second; `place` is its top and its height in pixels."""
    x = scale.x(span[0])
    width = max(0.8, round(scale.x(span[1]) - x, 1))
    title = f"<title>{escape(text)}</title>"
    return f'<rect class="{kind}" x="{x}" y="{place[0]}" width="{width}" height="{place[1]}">{title}</rect>'


def _outage(scale: Scale, outage: Outage, height: int) -> str:
    text = f"outage of {outage.seconds:.2f} s: {outage.requests} requests failed"
    span = (outage.start, max(outage.end, outage.start + 0.1))
    return _rect(scale, span, (TOP - 8, height - TOP - 16), "outage", text)


def _axis(scale: Scale, height: int) -> Iterable[str]:
    step = next((s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200) if scale.end / s <= 14), 21600)
    for tick in range(0, int(scale.end) + 1, step):
        x = scale.x(tick)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 20}"/>'
        yield f'<text class="axis" x="{x}" y="{height - 6}" text-anchor="middle">{tick} s</text>'


def _strip(scale: Scale, samples: Sequence[Sample], colours: dict[str, str]) -> Iterable[str]:
    yield f'<text class="name" x="0" y="{TOP + STRIP / 2 + 4}">users\' requests</text>'
    worst: dict[float, Sample] = {}
    for sample in samples:  # of those that share a pixel, a failed one is shown
        x = scale.x(sample.due)
        if x not in worst or (worst[x].ok and not sample.ok):
            worst[x] = sample
    for sample in worst.values():
        kind = colours.get(sample.pod, "unknown") if sample.ok else "failed"
        text = f"{sample.due:.2f} s: {sample.outcome}{f' from {sample.pod}' if sample.pod else ''}"
        text += f" after {1000 * sample.latency:.0f} ms"
        place = (TOP, STRIP) if sample.ok else (TOP - 4, STRIP + 8)
        yield _rect(scale, (sample.due, sample.due), place, f"request {kind}", text)


def _lane(scale: Scale, lane: Lane, y: int, colour: str) -> Iterable[str]:
    yield f'<rect class="swatch {colour}" x="0" y="{y + 8}" width="8" height="12"/>'
    yield f'<text class="name" x="13" y="{y + 18}">{escape(lane.pod)}</text>'
    for state in lane.states:
        text = f"{lane.pod}, {state.start:.1f} to {state.end:.1f} s: {state.text}"
        yield _rect(scale, (state.start, state.end), (y + 6, 16), f"state {state.kind}", text)
    for fault in lane.faults:
        text = f"{fault.text}, from {fault.start:.1f} to {fault.end:.1f} s"
        yield _rect(scale, (fault.start, fault.end), (y + 2, 3), "fault", text)
        yield f'<text class="fault-name" x="{scale.x(fault.start)}" y="{y}">{escape(fault.text)}</text>'
    for probe in _thinned(scale, lane.probes, "failure"):
        yield _rect(scale, (probe.t, probe.t), (y + 24, 5), f"probe {probe.kind}", f"{probe.t:.2f} s, {probe.text}")
    for event in _thinned(scale, lane.events, "warning"):
        x = scale.x(event.t)
        title = f"<title>{escape(f'{event.t:.2f} s, {event.text}')}</title>"
        yield f'<circle class="event {event.kind}" cx="{x}" cy="{y + 34}" r="2.6">{title}</circle>'


def _thinned(scale: Scale, marks: Sequence[Mark], worse: str) -> Iterable[Mark]:
    """Return one mark for each kind and pixel, the texts of those that share it put together."""
    shared: dict[tuple[int, bool], list[Mark]] = {}
    for mark in marks:
        shared.setdefault((int(scale.x(mark.t)), mark.kind == worse), []).append(mark)
    for together in shared.values():
        texts = dict.fromkeys(mark.text for mark in together)
        yield Mark(together[0].t, together[0].kind, "\n".join(list(texts)[:8]))
