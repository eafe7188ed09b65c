"""A program that listens on every address, of which another pod has it already: its end is explained."""

from __future__ import annotations

import pytest

from crashy.engines.lab.address_in_use import tell
from crashy.timeline import Timeline, kinds


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (1, "Error: listen EADDRINUSE: address already in use :::3000", True),
        (1, "OSError: [Errno 98] Address already in use", True),
        (1, "nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)", True),
        (2, "listen tcp :8080: bind: address already in use", True),
        (1, "the e-mail address is in use by another customer", False),
        (0, "worker 2: address already in use, worker 1 has it", False),
    ],
)
def test_it_is_known_by_what_it_has_said(code: int, said: str, told: bool) -> None:
    timeline = Timeline(lambda: 0.0)
    tell(timeline, "pod/web", "app", code, ["starting", said, "bye"])

    notes = [event for event, _ in kinds.NOTE.read(timeline.since())]
    assert [note.reason for note in notes] == ["AddressInUse"] * told
    assert all("status.podIP" in note.message for note in notes)
