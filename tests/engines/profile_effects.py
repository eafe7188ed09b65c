"""What each field of `Profile` comes to: a pod for each, what is done to it, and what is then seen of it.

The same pods run on sim, one profile a pod, and side by side in a lab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.engines.effects import Object, Seen, at, container, pod, probe, service, three


@dataclass(frozen=True)
class Effect:
    """A pod for a field, and what `measure` sees of it: `new` with the newest profile, `old` with `other` in the field.

    `by_version` has what is seen of 1.20, 1.32 and 1.36. `no_lab` is why a lab does not show it.
    """

    objects: list[Object]
    measure: Callable[[Seen], object]
    new: object
    old: object
    by_version: tuple[object, object, object]
    seconds: float = 12.0
    steps: list[Object] = field(default_factory=list)
    other: object = None
    no_lab: str = ""


def first_asked(seen: Seen, kind: str) -> list[float]:
    return seen.gaps(("process", "Started"), ("probe", kind))


SLEEPS = {"preStop": {"exec": {"command": ["sleep", "4"]}}}
FOR_ALL = "happens to all pods of a lab: tests/engines/lab/test_node.py"
BYE_OVER_TLS = {"preStop": {"httpGet": {"path": "/bye", "port": 8080, "scheme": "HTTPS"}}}
NOBODY = {"httpGet": {"path": "/", "port": 9999}, "periodSeconds": 1}
STARTS = {"startupProbe": probe("/startupz", failureThreshold=60)}


def _phases(seen: Seen) -> set[str]:
    return {one.data["phase"] for one in seen.of("pod") if one.data["deleting"]}


def _endpoints(seen: Seen, *keys: str) -> bool:
    """Return whether the pod is named so in the Service's endpoints after its deletion."""
    later = seen.of("endpoints", after=seen.deleted - 0.001)
    before = seen.of("endpoints")[: -len(later)] if later else seen.of("endpoints")
    states = later or before[-1:]
    return any(seen.name in one.data[key] for one in states for key in keys)


def _backoffs(seen: Seen, restart: int) -> int:
    """Return how many BackOff events there were in the wait for a restart."""
    ends, starts = seen.times("process", "Exited"), seen.times("process", "Started")
    return sum(ends[restart - 1] <= t < starts[restart] for t in seen.times("event", "BackOff"))


def _first_phase_of_the_end(seen: Seen) -> str:
    ended = (one for one in seen.of("pod") if one.data["containers"][0]["state"] == "terminated")
    return next(str(one.data["phase"]) for one in ended)


def _unready(seen: Seen, after: float) -> float:
    """Return for how many seconds the pod was not ready after a moment."""
    changes = [(one.t, one.data["ready"]) for one in seen.of("pod")]
    ends = [t for t, _ in changes[1:]] + [seen.events[-1].t]
    return sum(max(0.0, end - max(t, after)) for (t, ready), end in zip(changes, ends, strict=True) if not ready)


def _second_life(seen: Seen) -> bool:
    statuses = (one.data["containers"][0] for one in seen.of("pod"))
    return next(bool(one["started"]) for one in statuses if one["restarts"] == 1 and one["state"] == "running")


EFFECTS: Mapping[str, Effect] = {
    "always_jitters": Effect(
        [three("jitters", container(livenessProbe=probe(period=15)))],
        lambda seen: max(asked := first_asked(seen, "liveness")) - min(asked) > 1,
        *(False, True, (True, False, False)),
        seconds=22,
    ),
    "triggers_readiness": Effect(
        [three("triggers", container(**STARTS, readinessProbe=probe(period=12)))],
        lambda seen: max(seen.gaps(("probe", "startup"), ("probe", "readiness"))) > 4,
        *(False, True, (True, False, False)),
        seconds=16,
    ),
    "trigger_resets_ticker": Effect(
        [pod("resets", container(**STARTS, readinessProbe=probe(period=5), env={"APP_START_DELAY": "2"}))],
        lambda seen: (times := seen.times("probe", "readiness"))[1] - times[0] > 4.5,
        *(True, False, (True, True, True)),
        seconds=14,
    ),
    "startup_success_holds": Effect(
        [pod("holds", container(startupProbe=probe("/startupz", period=2), env={"KILL_IN_SECONDS": "5"}))],
        lambda seen: _backoffs(seen, 2),
        *(1, 2, (1, 1, 1)),
        seconds=60,
        no_lab="takes a minute",
    ),
    "inherits_started": Effect(
        [
            pod(
                "inherits",
                container(startupProbe=probe("/startupz", period=5), livenessProbe=probe(failureThreshold=1)),
            )
        ],
        _second_life,
        *(True, False, (False, False, True)),
        steps=[at(8, "inject", "error clients=kubelet", "inherits")],
        seconds=18,
    ),
    "relist_seconds": Effect(
        [three("relists", container(env={"KILL_IN_SECONDS": "2"}))],
        lambda seen: (
            max(pod.times("process", "Started")[1] - pod.times("process", "Exited")[0] for pod in seen.pods) > 3
        ),
        *(False, True, (False, False, False)),
        other=8.0,
    ),
    "publishes_running_at_relist": Effect(
        [three("publishes", container())],
        lambda seen: (
            max(next(one.t for one in pod.of("pod", "Running")) - pod.times("event", "Started")[0] for pod in seen.pods)
            > 0.25  # a busy machine may publish late
        ),
        *(False, True, (True, False, False)),
    ),
    "startup_failure_syncs": Effect(
        [pod("startup", container(startupProbe={**NOBODY, "failureThreshold": 2}))],
        lambda seen: bool(seen.of("event", "Killing")),
        *(True, False, (False, True, True)),
    ),
    "requeue": Effect(
        [pod("requeue", container(env={"KILL_IN_SECONDS": "1"}))],
        lambda seen: _backoffs(seen, 4) > 2,
        *(False, True, (True, True, False)),
        seconds=200,
        no_lab="takes minutes",
    ),
    "probes_before_status": Effect(
        [pod("before", container(readinessProbe=probe("/readyz", period=4)))],
        lambda seen: _unready(seen, 8.5) > 0.05,
        *(False, True, (True, False, False)),
        steps=[{"at": "8.5s", "restart": "kubelet"}],
        seconds=20,
        no_lab=FOR_ALL,
    ),
    "keeps_status_on_restart": Effect(
        [pod("kept", container(**STARTS, readinessProbe=probe("/readyz")))],
        lambda seen: _unready(seen, 14) > 0.05,
        *(False, True, (True, True, False)),
        steps=[{"at": "14s", "restart": "kubelet"}],
        seconds=20,
        no_lab=FOR_ALL,
    ),
    "node_monitor_grace": Effect(
        [pod("monitored", container())],
        lambda seen: 45 < seen.times("event", "NodeNotReady")[0] < 50,
        *(False, True, (True, False, False)),
        steps=[{"at": "5s", "stop": "kubelet"}],
        seconds=65,
        no_lab=FOR_ALL,
    ),
    "probe_level_grace": Effect(
        [pod("grace", container(**STARTS, livenessProbe=probe(failureThreshold=1, terminationGracePeriodSeconds=1)))],
        lambda seen: min(seen.gaps(("event", "Killing"), ("process", "Exited"))) > 4,
        *(False, True, (True, False, False)),
        steps=[at(6, "inject", "freeze", "grace")],
        seconds=20,
    ),
    "sidecars": Effect(
        [
            pod(
                "sidecars",
                container(env={"PORT": "9090", "ADMIN_PORT": "9091"}),
                initContainers=[container("side", restartPolicy="Always")],
            )
        ],
        lambda seen: bool(seen.of("process", "Started", "app")),
        *(True, False, (False, True, True)),
    ),
    "hooks_like_probes": Effect(
        [pod("hooks", container(lifecycle=BYE_OVER_TLS))],
        lambda seen: bool(seen.of("note", "LifecycleHTTPFallback")),
        *(True, False, (False, True, True)),
        steps=[at(4, "delete", "pod", "hooks")],
    ),
    "restart_rules": Effect(
        [
            pod(
                "rules",
                container(restartPolicy="Never", env={"KILL_IN_SECONDS": "2"}),
                container("other", env={"PORT": "9090", "ADMIN_PORT": "9091"}),
            )
        ],
        lambda seen: len(seen.of("process", "Started", "app")) > 1,
        *(False, True, (True, True, False)),
        seconds=8,
    ),
    "restarts_all_containers": Effect(
        [
            pod(
                "restarts-all",
                container(
                    restartPolicy="Never",
                    restartPolicyRules=[
                        {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}
                    ],
                    env={"KILL_IN_SECONDS": "2", "EXIT_CODE": "88"},
                ),
                container("other", env={"PORT": "9090", "ADMIN_PORT": "9091"}),
            )
        ],
        lambda seen: len(seen.of("process", "Started", "other")) > 1,
        *(True, False, (False, False, True)),
    ),
    "stops_liveness_on_deletion": Effect(
        [pod("stops", container(livenessProbe=probe(), lifecycle=SLEEPS))],
        lambda seen: len(seen.of("probe", "liveness", after=seen.deleted + 1.2)) > 1,
        *(False, True, (True, False, False)),
        steps=[at(6, "delete", "pod", "stops")],
        seconds=14,
    ),
    "keeps_terminating_endpoints": Effect(
        [pod("keeps", container(readinessProbe=probe("/readyz"), lifecycle=SLEEPS)), service("keeps")],
        lambda seen: _endpoints(seen, "ready", "not_ready"),
        *(True, False, (False, True, True)),
        steps=[at(6, "delete", "pod", "keeps")],
    ),
    "proxies_terminating_endpoints": Effect(
        [pod("proxies", container(readinessProbe=probe("/readyz"), lifecycle=SLEEPS)), service("proxies")],
        lambda seen: _endpoints(seen, "serving"),
        *(True, False, (False, True, True)),
        steps=[at(6, "delete", "pod", "proxies")],
    ),
    "publishes_final_phase_on_deletion": Effect(
        [pod("final", container())],
        _phases,
        *({"Running", "Succeeded"}, {"Running"}, ({"Running"}, {"Running", "Succeeded"}, {"Running", "Succeeded"})),
        steps=[at(5, "delete", "pod", "final")],
    ),
    "withholds_final_phase": Effect(
        [pod("withholds", container(env={"KILL_IN_SECONDS": "2"}), restartPolicy="Never")],
        _first_phase_of_the_end,
        *("Running", "Failed", ("Failed", "Running", "Running")),
    ),
    "final_phase_after": Effect(
        [pod("phase", container(env={"KILL_IN_SECONDS": "2"}), restartPolicy="Never")],
        lambda seen: min(seen.gaps(("process", "Exited"), ("pod", "Failed"))) > 3,
        *(False, True, (False, False, False)),
        other=4.0,
    ),
    "gone_after_exit": Effect(
        [pod("gone", container())],
        lambda seen: min(seen.gaps(("process", "Exited"), ("pod", "Deleted"))) > 4,
        *(False, True, (True, False, False)),
        steps=[at(4, "delete", "pod", "gone")],
        seconds=18,
    ),
    "spam_filter_by_type": Effect(
        [pod("spam", container(readinessProbe=NOBODY))],
        lambda seen: bool(seen.of("event", "Started", after=40)),
        *(True, False, (False, True, True)),
        steps=[at(40, "inject", "crash mode=exit", "spam")],
        seconds=50,
        no_lab="takes a minute",
    ),
}
