"""A probe worker on a clock of its own: the loop of kubelet: pkg/kubelet/prober/worker.go run, without a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crashy.kubelet.outcome import Outcome, Result, Results, Stored
from crashy.kubelet.pod import ContainerRecord, RecordState, compute_pod_actions
from crashy.kubelet.worker import ContainerView, Ticker, Worker
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType

GOOD, BAD = Outcome(Result.SUCCESS), Outcome(Result.FAILURE)


def restarts_after(outcome: Outcome) -> int:
    """Return how many containers a sync starts again after this outcome of a liveness probe with a threshold of 1."""
    worker = Worker(ProbeType.LIVENESS, Probe(Exec(("true",)), failure_threshold=1))
    worker.step(0.0, ContainerView("A", "running", started=True), outcome)
    results = {ProbeType.LIVENESS: worker.results, ProbeType.STARTUP: Results()}
    records = {"app": ContainerRecord("A", RecordState.RUNNING)}
    return len(compute_pod_actions(PodTemplate((Container("app"),)), records, results).start)


class Clocked:
    """Runs one worker: `ask(now)` gives a probe's outcome and how long it took."""

    def __init__(
        self,
        worker: Worker,
        phase: float,
        view: Callable[[float], ContainerView | None],
        ask: Callable[[float], tuple[Outcome, float]],
    ) -> None:
        self.worker = worker
        self.ticker = Ticker(worker.probe.period_seconds, phase)
        self.now = phase
        self.probed: list[float] = []
        """When each call of the handler began."""
        self._view = view
        self._ask = ask

    def run(self, until: float) -> Iterator[tuple[float, Stored]]:
        """Return each stored result that is news, and when; triggers may be sent in between."""
        while self.now <= until:
            first = self.worker.step(self.now, self._view(self.now))
            if first.changed and first.stored:
                yield self.now, first.stored
            keep_going = first.keep_going
            if first.call_handler:
                self.probed.append(self.now)
                outcome, took = self._ask(self.now)
                self.now += took
                decision = self.worker.step(self.now, None, outcome)
                keep_going = decision.keep_going
                if decision.changed and decision.stored:
                    yield self.now, decision.stored
            if not keep_going:
                return
            self.now = max(self.now, self.ticker.due)
            self.ticker.take(self.now)

    def news(self, until: float) -> list[tuple[float, Stored]]:
        """Run and return all the news at once."""
        return list(self.run(until))
