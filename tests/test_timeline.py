"""The timeline."""

from __future__ import annotations

import pytest

from crashy.timeline import Event, Timeline


def test_events_are_timed_from_the_timelines_zero_and_kept_in_order() -> None:
    now = [100.0]
    timeline = Timeline(lambda: now[0])
    timeline.add("kubelet", "event", "pod/web-1", "Killing", "so it goes", type="Normal")
    now[0] = 102.5
    timeline.add("traffic", "request", "service/web")

    assert timeline.since() == [
        Event(0.0, "kubelet", "event", "pod/web-1", "Killing", "so it goes", {"type": "Normal"}),
        Event(2.5, "traffic", "request", "service/web"),
    ]


def test_an_event_survives_its_line_of_json() -> None:
    event = Event(1.25, "kubelet", "event", "pod/web-1", "Unhealthy", "Liveness probe failed: höchst", {"count": 3})

    assert Event.from_json(event.to_json()) == event
    assert "\n" not in event.to_json()


def test_a_subscriber_gets_events_until_it_unsubscribes() -> None:
    timeline, received = Timeline(lambda: 0.0), []
    timeline.add("a", "log", "pod/a")
    unsubscribe = timeline.subscribe(lambda event: received.append(event.source))
    timeline.add("b", "log", "pod/a")
    unsubscribe()
    timeline.add("c", "log", "pod/a")

    assert received == ["b"]


@pytest.mark.parametrize(("since", "left"), [(0, [7, 8, 9]), (8, [8, 9]), (10, []), (99, [])])
def test_only_the_newest_are_kept_and_a_reader_can_resume(since: int, left: list[int]) -> None:
    timeline = Timeline(lambda: 0.0, keep=3)
    for i in range(10):
        timeline.add("a", "log", "pod/a", i=i)

    assert len(timeline) == 10
    assert [event.data["i"] for event in timeline.since(since)] == left


def test_a_lazy_event_is_built_when_it_is_read() -> None:
    now, built = [100.0], []

    def make(t: float, name: str) -> Event:
        built.append(name)
        return Event(t, name, "request", f"pod/{name}")

    timeline = Timeline(lambda: now[0])
    answered = timeline.add_lazy("request", make)
    now[0] = 101.23456789
    answered("a")

    assert (len(timeline), built) == (1, [])
    assert timeline.since() == [Event(1.234568, "a", "request", "pod/a")]
    assert built == ["a"]


@pytest.mark.parametrize(("exclude", "received"), [((), ["a"]), (("log",), ["a"]), (("request",), [])])
def test_a_lazy_event_is_published_unless_its_kind_is_excluded(exclude: tuple[str, ...], received: list[str]) -> None:
    timeline, sources = Timeline(lambda: 0.0), []
    timeline.subscribe(lambda event: sources.append(event.source), exclude=exclude)
    timeline.add_lazy("request", lambda t, name: Event(t, name, "request", f"pod/{name}"))("a")

    assert sources == received
    assert [event.source for event in timeline.since()] == ["a"]
