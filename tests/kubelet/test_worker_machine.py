"""A worker and a container that comes and goes, against a model that keeps the whole history."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.worker import INITIAL, ContainerView, Decision, Worker
from crashy.objects.pod import Exec, Probe, ProbeType

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
OUTCOMES = st.builds(Outcome, st.sampled_from(Result), error=st.sampled_from(["", "", "", "no"]))


class Probed(RuleBasedStateMachine):
    """`history` holds what counted since the last hold, `expected` what must be stored for the container."""

    @initialize(
        kind=st.sampled_from(ProbeType),
        success=st.integers(1, 3),
        failure=st.integers(1, 3),
        delay=st.integers(0, 3),
    )
    def begin(self, kind: ProbeType, success: int, failure: int, delay: int) -> None:
        probe = Probe(
            Exec(("true",)), initial_delay_seconds=delay, success_threshold=success, failure_threshold=failure
        )
        self.kind, self.probe, self.worker = kind, probe, Worker(kind, probe)
        self.now = self.started_at = 100.0
        self.number, self.running, self.started = 0, True, kind is not STARTUP
        self.known = False
        self.expected: Stored | None = None
        self.history: list[Stored] = []
        self.held = self.asking = False

    def look(self, outcome: Outcome | None = None) -> Decision:
        view = ContainerView(
            f"c{self.number}", "running" if self.running else "terminated", self.started_at, self.started
        )
        decision = self.worker.step(self.now, view, outcome)
        if not self.known:
            self.known, self.expected, self.held = True, INITIAL[self.kind], False
        if not self.running and not self.held:
            self.expected = Stored.FAILURE
        return decision

    @rule(seconds=st.floats(0.1, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: not self.asking)
    @rule()
    def tick(self) -> None:
        decision = self.look()
        waits = int(self.now - self.started_at) < self.probe.initial_delay_seconds
        gated = self.started == (self.kind is STARTUP)
        assert decision.call_handler == (self.running and not self.held and not waits and not gated)
        self.asking = decision.call_handler

    @precondition(lambda self: self.asking)
    @rule(outcome=OUTCOMES)
    def answer(self, outcome: Outcome) -> None:
        """The outcome comes for the container that was asked, whatever has become of it."""
        self.asking = False
        self.worker.step(self.now, None, outcome)
        if outcome.error:
            return
        found = Stored.SUCCESS if outcome.result in {Result.SUCCESS, Result.WARNING} else Stored.FAILURE
        self.history.append(found)
        failed = found is Stored.FAILURE
        threshold = self.probe.failure_threshold if failed else self.probe.success_threshold
        if len(self.history) < threshold or set(self.history[-threshold:]) != {found}:
            return
        self.expected = found
        if self.kind is STARTUP or (self.kind is LIVENESS and failed):
            self.held, self.history = True, []

    @precondition(lambda self: self.running and not self.asking)
    @rule()
    def exit(self) -> None:
        self.running = False

    @precondition(lambda self: not self.asking)
    @rule(seconds=st.floats(0, 2))
    def restart(self, seconds: float) -> None:
        self.now += seconds
        self.number, self.running, self.known = self.number + 1, True, False
        self.started_at, self.started = float(int(self.now)), self.kind is not STARTUP

    @precondition(lambda self: not self.asking)
    @rule(started=st.booleans())
    def gate(self, started: bool) -> None:
        self.started = started

    @invariant()
    def it_stores_what_it_must(self) -> None:
        if hasattr(self, "worker") and self.known:
            assert self.worker.results.get(f"c{self.number}") is self.expected
            assert self.worker.on_hold is self.held
            assert all(self.worker.results.get(f"c{n}") is None for n in range(self.number))


Probed.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestProbed = Probed.TestCase
