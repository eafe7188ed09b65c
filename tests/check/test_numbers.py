"""The times computed from manifests hold for the simulated kubelet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crashy.check.numbers import Numbers, numbers, waits
from crashy.check.outcomes import FailureMode
from crashy.check.patient_env import PatientEnv
from crashy.check.starts import RELIST, unguarded
from crashy.check.stops import kill_time
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds
from crashy.objects.kinds import KINDS
from crashy.objects.pod import ProbeType
from tests.check.targets import SEEDS, command, controller, deployment, http, service, shipped, target, targets, tcp
from tests.kubelet.scripted import Answer, Condition, Hang, Life, ScriptedPhase
from tests.kubelet.simulation import Run, simulate

EXIT, ERRORS, HANG = FailureMode
HAIR = 0.01
NOT_0 = {"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [0]}}
CONDITIONS: dict[FailureMode, Condition] = {ERRORS: Answer(500), HANG: Hang()}


def within(bounds: Bounds | None, seconds: float | None) -> bool:
    """Return whether what was seen lies within the bounds; None is never."""
    if bounds is None or seconds is None:
        return bounds is None and seconds is None
    return bounds.best - HAIR <= seconds <= bounds.worst + HAIR


def simulate_failure(
    patient: CheckTarget,
    mode: FailureMode,
    onset: float,
    *,
    term: float | None = 0.0,
    seed: int = 0,
    span: float = 150,
) -> Run:
    """Simulate a pod whose first life fails from `onset` on; the next ones are healthy."""
    listens = patient.env.starts

    def script(_pod: Any, _container: Any, attempt: int) -> Life:
        well = Life(start_seconds=0.0, listens_at=listens, term_seconds=term)
        if attempt > 0:
            return well
        if mode is EXIT:
            return replace(well, exits_at=onset)
        return replace(well, phases=(ScriptedPhase(CONDITIONS[mode], onset),))

    return simulate(patient.template, script, onset + span, seed=seed)


def killed_at(run: Run, after: float) -> float | None:
    return next((t - after for t in run.times("event", "Killing") if t >= after), None)


def out_at(run: Run, after: float) -> float | None:
    return next((t - after for t, ready in run.ready_changes() if t >= after and not ready), None)


def back_at(run: Run, patient: CheckTarget, after: float) -> float | None:
    """Return when a new life listens and its pod is ready; one that ends before it listens is none."""
    ends = [t for t in run.exited() if t > after]
    begun = [t for t in run.started() if t >= after and all(end <= t or end > t + patient.env.starts for end in ends)]
    if not begun:
        return None
    ready = [t for t, ready in run.ready_changes() if ready and t >= begun[0]]
    moment = begun[0] if patient.container.readiness_probe is None and patient.container.startup_probe is None else None
    first = -1 if unguarded(patient) else 0  # it may be ready before it has started, and then not
    moment = ready[first] if moment is None and ready else moment
    return None if moment is None else max(moment, begun[0] + patient.env.starts) - after


def check(result: Numbers, patient: CheckTarget, mode: FailureMode, onset: float, run: Run) -> None:
    impact = result.impacts[mode]
    if mode is not EXIT:
        synced = impact.detected and Bounds(impact.detected.best, impact.detected.worst + RELIST)
        killed = killed_at(run, onset)
        assert within(synced, killed)
        if killed is not None:
            assert within(result.killing, next(t for t in run.exited() if t >= onset) - onset - killed)
    out = out_at(run, onset)
    # A kill and a start within one sync are published as one: then there was no moment out of the endpoints.
    assert within(impact.out, out) or (impact.out is not None and out is None)
    back = back_at(run, patient, onset)
    assert within(impact.back, back) or (impact.back is not None and impact.back.worst == math.inf and back is None)


TABLE = [
    # liveness, readiness, mode, detected, out, back
    (http(periodSeconds=1), None, ERRORS, (2, 3), None, (2, 34)),
    (http(periodSeconds=1, terminationGracePeriodSeconds=1), None, ERRORS, (2, 3), None, (2, 6)),
    (http(periodSeconds=1, terminationGracePeriodSeconds=1), None, HANG, (3, 4), None, (3, 7)),
    (http(), http("/readyz", periodSeconds=1, failureThreshold=1), HANG, (21, 31), (1, 2), (21, 63)),
    (http(periodSeconds=2, timeoutSeconds=5), None, HANG, (15, 17), None, (15, 48)),
    (tcp(), http("/readyz"), ERRORS, None, (20, 30), None),
    (tcp(), http("/readyz"), HANG, None, (21, 31), None),
    (None, None, ERRORS, None, None, None),
    (None, None, EXIT, (0, 1), (0, 1), (0, 1)),
    (None, http("/readyz", periodSeconds=5), EXIT, (0, 1), (0, 1), (0, 6)),
    (command("cat", "/tmp/healthy"), None, HANG, None, None, None),
    (command("app", "ping", periodSeconds=5), None, HANG, (11, 16), None, (11, 47)),
]


@pytest.mark.parametrize(("liveness", "readiness", "mode", "detected", "out", "back"), TABLE)
def test_a_failure_is_detected_and_recovered_from_within_the_bounds(
    liveness: dict[str, Any] | None,
    readiness: dict[str, Any] | None,
    mode: FailureMode,
    detected: tuple[float, float] | None,
    out: tuple[float, float] | None,
    back: tuple[float, float] | None,
) -> None:
    probes = {"livenessProbe": liveness, "readinessProbe": readiness}
    patient = target({kind: probe for kind, probe in probes.items() if probe})
    result = numbers(patient)
    impact = result.impacts[mode]

    assert [bounds and (bounds.best, bounds.worst) for bounds in (impact.detected, impact.out, impact.back)] == [
        detected,
        out,
        back,
    ]
    for onset in (41.0, 43.37, 46.9):
        # A command that asks nobody answers whatever happens, and so it does here.
        blind = liveness is not None and liveness.get("exec", {}).get("command", [""])[0] == "cat"
        if not blind:
            check(result, patient, mode, onset, simulate_failure(patient, mode, onset))


def test_the_crashy_app_lab() -> None:
    """Liveness every second, three failures, one second of grace, which the kubelet makes two."""
    (patient,) = shipped(SEEDS / "crashy-deployment.yaml", SEEDS / "crashy-service.yaml")
    result = numbers(patient)

    assert result.impacts[EXIT].back == Bounds(0, 1)
    assert result.impacts[ERRORS].detected == Bounds(2, 3)
    assert result.impacts[HANG].detected == Bounds(3, 4)
    assert result.impacts[ERRORS].errors == result.impacts[ERRORS].back == Bounds(2, 6)
    assert result.impacts[HANG].errors == result.impacts[HANG].back == Bounds(3, 7)
    assert result.killing == Bounds(0, 2)
    assert (result.start.safe, result.start.killed, result.start.by) == (2, Bounds(2, 4), ProbeType.LIVENESS)
    assert result.probes_per_minute == 60


@pytest.mark.parametrize(
    ("replicas", "publish", "readiness", "errors"),
    [
        (3, False, True, (1, 2)),  # the others go on, once readiness has failed
        (1, False, True, (3, 9)),  # nobody else is there
        (3, True, True, (3, 8)),  # the Service doesn't ask for readiness
        (3, False, False, (3, 8)),
    ],
)
def test_how_long_users_see_errors(replicas: int, publish: bool, readiness: bool, errors: tuple[float, float]) -> None:
    container = {"livenessProbe": http(periodSeconds=1, terminationGracePeriodSeconds=3)}
    if readiness:
        container["readinessProbe"] = http("/readyz", periodSeconds=1, failureThreshold=1)
    objects = [deployment(container, replicas=replicas), service(publishNotReadyAddresses=publish)]
    (patient,) = targets(*objects)
    result = numbers(patient).impacts[HANG].errors

    assert result is not None
    assert (result.best, result.worst) == errors


@pytest.mark.parametrize(
    ("lifecycle", "grace", "expected"),
    [
        ({}, 30, (0, 30)),
        ({}, 0, (0, 2)),
        ({"preStop": {"sleep": {"seconds": 5}}}, 30, (5, 30)),
        ({"preStop": {"exec": {"command": ["sleep", "10"]}}}, 8, (8, 10)),
        ({"preStop": {"exec": {"command": ["sh", "-c", "sleep 3"]}}}, 4, (3, 5)),
        ({"preStop": {"exec": {"command": ["nginx", "-s", "quit"]}}}, 30, (0, 32)),
        ({"preStop": {"exec": {"command": ["sleep", "10"]}}}, 0, (0, 2)),
    ],
)
def test_how_long_a_kill_takes(lifecycle: dict[str, Any], grace: int, expected: tuple[float, float]) -> None:
    patient = target({"lifecycle": lifecycle}, terminationGracePeriodSeconds=grace)

    assert kill_time(patient) == Bounds(*expected)


def test_what_is_restarted_again_and_again_waits_ever_longer() -> None:
    assert waits(restarts=9) == (0, 10, 20, 40, 80, 160, 300, 300, 300)


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (12, (0, 0, 0, 20, 40, 80, 160, 300, 0, 300, 0, 300)),
        (35, (0, 0, 0, 0, 40, 80, 160, 300, 0, 300, 0, 300)),
        (60, (0, 0, 0, 0, 0, 80, 160, 300, 0, 300, 0, 300)),
        (90, (0, 0, 0, 0, 0, 0, 160, 300, 0, 300, 0, 300)),
        (200, (0, 0, 0, 0, 0, 0, 0, 300, 0, 300, 0, 300)),
        (300, (0,) * 12),
    ],
)
def test_what_a_probe_kills_again_and_again_begins_to_wait_later(life: float, expected: tuple[float, ...]) -> None:
    """Derived from kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go SyncPod and doBackOff."""
    assert waits(life, killed=True) == expected


@pytest.mark.parametrize("policy", ["Never", "OnFailure", "Always"])
def test_a_pod_that_is_not_restarted_is_never_back(policy: str) -> None:
    pod = {"containers": [{"name": "app", "image": "app", "livenessProbe": http()}], "restartPolicy": policy}
    (patient,) = targets({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod})

    assert all((impact.back is None) == (policy == "Never") for impact in numbers(patient).impacts.values())


@pytest.mark.parametrize(
    ("own", "beside", "back"),
    [
        ({"restartPolicy": "Always"}, [], Bounds(0, 1)),
        ({"restartPolicy": "Never"}, [{"name": "side", "image": "app"}], None),
        ({"restartPolicy": "Never"}, [], Bounds(0.1, 2.1)),  # another pod takes the place of the failed one
        ({"restartPolicy": "Never", "restartPolicyRules": [NOT_0]}, [], Bounds(0, 1)),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_a_containers_own_restart_policy_counts(own: Any, beside: list[Any], back: Bounds | None) -> None:
    manifest = deployment(own)
    manifest["spec"]["template"]["spec"]["containers"] += beside
    patient = targets(manifest)[0]

    assert numbers(patient).impacts[FailureMode.EXIT].back == back


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
@pytest.mark.parametrize(("limit", "replaced"), [(None, True), (0, False), (1, True)])
def test_a_jobs_pod_is_replaced_unless_its_backoff_limit_is_0(kind: str, limit: int | None, replaced: bool) -> None:
    manifest = controller(KINDS[kind], {"containers": [{"name": "app", "image": "app", "livenessProbe": http()}]})
    job = manifest["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else manifest["spec"]
    job["backoffLimit"] = limit
    (one,) = targets(manifest)

    assert all((impact.back is not None) == replaced for impact in numbers(one).impacts.values())


PROBE = st.fixed_dictionaries(
    {
        "httpGet": st.just({"path": "/x", "port": 80}),
        "periodSeconds": st.integers(1, 8),
        "timeoutSeconds": st.integers(1, 5),
        "failureThreshold": st.integers(1, 4),
        "initialDelaySeconds": st.integers(0, 6),
    }
)
CONTAINER = st.fixed_dictionaries({"livenessProbe": PROBE}, optional={"readinessProbe": PROBE, "startupProbe": PROBE})


def liveness(**settings: Any) -> dict[str, Any]:
    return {"livenessProbe": {"httpGet": {"path": "/x", "port": 80}, **settings}}


@settings(max_examples=120, deadline=None)
@example(
    # A probe of the ended process fails, and that failure counts for the new one, which is killed as it starts.
    container=liveness(periodSeconds=1, failureThreshold=2)
    | {"readinessProbe": {"httpGet": {"path": "/x", "port": 80}, "initialDelaySeconds": 2, "periodSeconds": 1}},
    successes=1,
    grace=0,
    starts=0.99,
    mode=EXIT,
    onset=60.0,
    term=0.0,
    seed=0,
)
@given(
    container=CONTAINER,
    successes=st.integers(1, 3),
    grace=st.integers(0, 6),
    starts=st.floats(0, 6).map(lambda s: round(s, 2)),
    mode=st.sampled_from(FailureMode),
    onset=st.floats(60, 75).map(lambda s: round(s, 2)),
    term=st.sampled_from([0.0, 1.5, None]),
    seed=st.integers(0, 9),
)
def test_any_failure_stays_within_the_bounds(
    container: dict[str, Any],
    successes: int,
    grace: int,
    starts: float,
    mode: FailureMode,
    onset: float,
    term: float | None,
    seed: int,
) -> None:
    if "readinessProbe" in container:
        container = {**container, "readinessProbe": {**container["readinessProbe"], "successThreshold": successes}}
    patient = target(container, terminationGracePeriodSeconds=grace)
    safe = numbers(patient).start.safe
    assert safe is not None
    # A start that the probes always grant, with a hair to spare, so that only the failure ends the first life.
    patient = replace(patient, env=PatientEnv(starts=min(starts, max(safe - HAIR, 0)), readies=starts))
    patient = replace(patient, env=replace(patient.env, readies=patient.env.starts))

    run = simulate_failure(patient, mode, onset, term=term, seed=seed)
    check(numbers(patient), patient, mode, onset, run)
