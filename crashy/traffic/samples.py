"""One request as its sender saw it, and very many of them in little room."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """What became of one request; every request becomes one, the failed ones too.

    `due` is when it was to leave, in seconds since the first request was due; `latency` counts from there,
    so that a sender that comes late does not flatter the server. `lag` is how late it left.
    `status` is 0 where no answer came; then `failure` says why: refused, reset, timeout, truncated, dns or other.
    """

    due: float
    latency: float
    lag: float
    status: int
    pod: str
    failure: str
    body: str = ""

    @property
    def ok(self) -> bool:
        """Return whether the user got a complete response with a status below 400."""
        return not self.failure and 0 < self.status < 400

    @property
    def outcome(self) -> str:
        """Name the result in a word: the status, or the kind of failure."""
        return self.failure or str(self.status)


class Samples:
    """Samples without their bodies, in columns: 30 bytes each, so that a day of them is no burden."""

    def __init__(self) -> None:
        self._numbers = array("d")  # due, latency and lag of one sample after the other
        self._statuses = array("H")
        self._pods = array("H")
        self._failures = array("H")
        self._names: dict[str, int] = {}

    def append(self, sample: Sample) -> None:
        """Keep one; at most 65,536 different names of pods and failures can be kept."""
        self._numbers.extend((sample.due, sample.latency, sample.lag))
        self._statuses.append(sample.status)
        self._pods.append(self._names.setdefault(sample.pod, len(self._names)))
        self._failures.append(self._names.setdefault(sample.failure, len(self._names)))

    def __len__(self) -> int:
        """Count them."""
        return len(self._statuses)

    def __iter__(self) -> Iterator[Sample]:
        """Return them in the order in which they were kept."""
        names = list(self._names)
        numbers = iter(self._numbers)
        triples = zip(numbers, numbers, numbers, strict=True)
        for (due, latency, lag), status, pod, failure in zip(
            triples, self._statuses, self._pods, self._failures, strict=True
        ):
            yield Sample(due, latency, lag, status, names[pod], names[failure])
