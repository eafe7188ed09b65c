"""Experiments run on modelled containers, in virtual time."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.clock import VirtualLoop
from crashy.engines.propagation import AT_ONCE
from crashy.engines.sim.sim import running
from crashy.experiment.read import read_experiment
from crashy.experiment.record import Record, read_record
from crashy.experiment.runner import run
from crashy.kubelet.versions import NEWEST, Profile
from crashy.timeline import Event, Timeline

MANIFESTS = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [
                        {
                            "name": "web",
                            "image": "crashy-app:1",
                            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
                        }
                    ]
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    },
]


def simulate(
    folder: Path,
    *steps: dict[str, Any],
    seed: int = 1,
    stop_at: float | None = None,
    profile: Profile = NEWEST,
    **more: Any,
) -> Record:
    """Run an experiment with these steps for 20 seconds of virtual time."""
    text = {
        "name": "x",
        "lesson": "why",
        "manifests": MANIFESTS,
        "duration": 20,
        "traffic": {"service": "web", "rate": 5},
        "steps": list(steps),
    } | more
    file = folder / "x.yaml"
    file.write_text(yaml.safe_dump(text))
    experiment = read_experiment(file)
    events: list[Event] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        if stop_at is not None:
            loop.call_later(stop_at, stop.set)
        rng = random.Random(seed)
        timeline = Timeline(loop.time)
        timeline.subscribe(events.append)
        ingress = (experiment.traffic and experiment.traffic.ingress) or AT_ONCE
        async with running(timeline, rng=rng, profile=profile, ingress=ingress) as engine:
            await run(experiment, engine, timeline, rng=rng, stop=stop, begun={"engine": "sim"})

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    return Record.of(events, "x")


def steps(record: Record) -> list[tuple[float, str, str]]:
    """Time, reason and message of each recorded step."""
    return [(round(e.t, 3), e.reason, e.message) for e in record.events if e.kind == "step"]


def injected_pods(record: Record) -> list[str]:
    """The pods that a fault was injected into."""
    return [e.object for e in record.events if e.kind == "fault" and e.reason == "Injected"]


def test_steps_come_at_their_times_between_the_begin_and_the_end(tmp_path: Path) -> None:
    record = simulate(
        tmp_path,
        {"at": 9, "recover": "all", "target": "all"},
        {"at": 5, "inject": "unready", "target": "any"},
    )

    assert record.events[0].reason == "Begun"
    assert (record.events[-1].reason, record.events[-1].message) == ("Ended", "its time is over")
    assert [step[0] for step in steps(record)] == [5.0, 9.0, 9.0, 9.0]


def test_a_step_for_a_pod_that_is_not_there_lists_some_that_are(tmp_path: Path) -> None:
    record = simulate(
        tmp_path,
        {"at": 3, "scale": "deployment/web", "replicas": 8},
        {"at": 9, "delete": "pod", "target": "web-nobody"},
    )

    ((_, reason, message),) = [step for step in steps(record) if step[0] == 9]
    assert (reason, message[:24], message[-10:]) == ("Skipped", "no such pod; there are: ", "and 3 more")
    assert message.count("web-") == 5


def test_what_the_api_server_would_not_apply_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    def pod(**more: str) -> dict[str, object]:
        container = {"name": "app", "image": "crashy-app:1", **more}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": [container]}}

    record = simulate(
        tmp_path,
        {"at": 5, "apply": [pod(workingDir="/tmp")]},
        {"at": 6, "apply": [pod()]},
        manifests=[*MANIFESTS, pod()],
    )

    (refused, applied) = steps(record)
    assert refused[:2] == (5.0, "Refused")
    assert "Pod/bare: spec: Forbidden: pod updates may not change fields other than" in refused[2]
    assert applied == (6.0, "Performed", "applied")
    assert record.events[-1].message == "its time is over"


def test_users_ask_from_the_first_endpoint_to_the_end(tmp_path: Path) -> None:
    summary = simulate(tmp_path).summary()

    assert 80 <= summary.requests <= 101
    assert summary.errors == 0


def test_the_same_seed_gives_the_same_timeline_and_another_one_other_targets(tmp_path: Path) -> None:
    chosen = {"at": 5, "inject": "crash mode=errors", "target": "2 of app=web"}
    first, second = simulate(tmp_path, chosen), simulate(tmp_path, chosen)
    others = {tuple(injected_pods(simulate(tmp_path, chosen, seed=seed))) for seed in range(2, 6)}

    assert [e.to_json() for e in first.events] == [e.to_json() for e in second.events]
    assert len(others) > 1


@pytest.mark.parametrize(
    ("target", "keep_ready", "injected"),
    [
        ("all", 0, 3),
        ("all", 1, 2),
        ("all", 2, 1),
        ("any", 0, 1),
        ("2 of app=web", 0, 2),
        ("2 of app=web", 2, 1),
        ("web-", 0, 1),
    ],
)
def test_a_target_is_as_many_pods_as_it_says_and_the_budget_leaves(
    tmp_path: Path, target: str, keep_ready: int, injected: int
) -> None:
    record = simulate(tmp_path, {"at": 5, "inject": "unready", "target": target, "keep_ready": keep_ready})

    assert len(set(injected_pods(record))) == injected


def test_a_step_that_would_leave_too_few_is_skipped_and_reported(tmp_path: Path) -> None:
    record = simulate(
        tmp_path,
        {"at": 5, "inject": "unready", "target": "2 of app=web"},
        {"at": 12, "inject": "crash", "target": "any", "keep_ready": 1},
    )

    assert (12.0, "Skipped", "it would leave fewer than 1 ready pods") in steps(record)


def test_scaling_deleting_and_applying_change_what_runs(tmp_path: Path) -> None:
    more = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "more"}}
    more["spec"] = {"containers": [{"name": "c", "image": "crashy-app:1"}]}
    record = simulate(
        tmp_path,
        {"at": 4, "scale": "deployment/web", "replicas": 1},
        {"at": 6, "apply": [more]},
        {"at": 8, "delete": "pod", "target": "web-", "grace": 1},
    )

    summary = record.summary()
    assert {"more"} <= set(summary.ready)
    assert len(summary.ready) == 2


def test_a_load_is_a_closed_loop_that_ends_and_says_what_came_back(tmp_path: Path) -> None:
    record = simulate(tmp_path, {"at": 5, "load": {"service": "web", "path": "/1", "concurrency": 4, "requests": 20}})
    (ended,) = [e for e in record.events if e.reason == "LoadEnded"]

    assert ended.data["outcomes"] == {"200": 20}
    assert ended.t - 5 == pytest.approx(0.5, abs=0.2)  # five rounds of 0.1 s


def test_what_sim_can_not_do_is_reported(tmp_path: Path) -> None:
    record = simulate(tmp_path, {"at": 5, "exec": ["true"], "target": "any"})

    assert steps(record) == [(5.0, "Performed", "exec true: not run: sim models no commands")]


def test_an_interruption_takes_every_fault_back_and_is_reported(tmp_path: Path) -> None:
    record = simulate(tmp_path, {"at": 5, "inject": "unready", "target": "any"}, stop_at=8.0)

    assert (record.events[-1].reason, record.events[-1].message) == ("Ended", "interrupted")
    assert len([e for e in record.events if e.kind == "fault" and e.reason == "Recovered"]) == 3
    assert record.summary().end == pytest.approx(8.0, abs=2.1)


def test_a_record_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    record = simulate(
        tmp_path,
        {"at": 5, "inject": "freeze for=3s", "target": "any"},
        expect={"availability": ">= 0.5", "outcome": "recovers", "restarts": {"total": "== 0"}},
    )
    again = read_record((event.to_json() for event in record.events), "file")

    assert again.verdicts() == record.verdicts()
    assert (again.name, again.lesson, again.engine) == ("x", "why", "sim")
    assert [verdict.passed for verdict in record.verdicts()] == [True, True, True]


def test_an_ingress_sends_users_to_a_pod_that_has_left_for_as_long_as_its_lag(tmp_path: Path) -> None:
    def failed(lag: float) -> list[float]:
        traffic = {"service": "web", "rate": 50, "ingress": {"lag": lag}}
        record = simulate(tmp_path, {"at": 8, "delete": "pod", "target": "any", "grace": 1}, traffic=traffic)
        return [event.data["sent"] for event in record.events if event.kind == "request" and event.reason == "502"]

    assert failed(0) == []
    assert 9 < min(failed(5)) < 11
    assert 12.5 < max(failed(5)) < 13


def test_an_ingress_is_not_for_a_cluster(tmp_path: Path) -> None:
    record = simulate(tmp_path, traffic={"service": "web", "ingress": {"lag": "1s..2s"}})
    experiment = read_experiment(tmp_path / "x.yaml")

    assert record.summary().errors == 0
    assert experiment.engines == ("lab", "sim")
    assert experiment.why_not["kube"].startswith("traffic.ingress is for lab and sim")
