"""How a patient ends at SIGTERM: the ways that SHUTDOWN may name, and the summary of its last requests."""

from __future__ import annotations

from typing import NamedTuple

SHUTDOWNS = ("readiness-first", "listener-first", "instant", "ignore", "slow")


class UserRequests(NamedTuple):
    """Counts of users' requests: all that have `begun`, and those that have `finished`, answered or given up."""

    begun: int
    finished: int

    def plus(self, *, begun: bool = False, finished: bool = False) -> UserRequests:
        """Return them with one more."""
        return UserRequests(self.begun + begun, self.finished + finished)


class ShutdownSummary(NamedTuple):
    """Users' requests `in_flight` at SIGTERM, and `late` ones after it: by the exit each was finished or dropped."""

    in_flight: int
    late: int
    finished: int
    dropped: int

    def text(self, signal: str = "SIGTERM") -> str:
        """Return it as one line."""
        requests = "request" if self.in_flight == 1 else "requests"
        arrivals = "late arrival" if self.late == 1 else "late arrivals"
        return (
            f"{signal}: {self.in_flight} {requests} in flight, {self.late} {arrivals}; "
            f"{self.finished} finished, {self.dropped} dropped"
        )


def summary(then: UserRequests, now: UserRequests) -> ShutdownSummary:
    """Return the summary of a shutdown, by the counts at SIGTERM and at the exit."""
    return ShutdownSummary(
        in_flight=then.begun - then.finished,
        late=now.begun - then.begun,
        finished=now.finished - then.finished,
        dropped=now.begun - now.finished,
    )
