"""What differs between kubelets, and that each difference is in its profile."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from crashy.kubelet.versions import NEWEST, PROFILES, EventTexts, Requeue, nearest, of_cluster


def test_the_named_versions_and_the_one_by_default() -> None:
    assert list(PROFILES) == ["1.20", "1.32", "1.34", "1.35", "1.36", "1.37", "fixed"]
    assert PROFILES["1.36"] is NEWEST
    assert [profile.version for profile in PROFILES.values()] == list(PROFILES)


@pytest.mark.parametrize("version", list(PROFILES))
def test_user_agent(version: str) -> None:
    """kubelet: pkg/probe/http/request.go."""
    assert PROFILES[version].user_agent == f"kube-probe/{'1.38' if version == 'fixed' else version}"


MEASURED = [
    # field, on 1.36.2, on 1.20.2
    ("always_jitters", False, True),
    ("triggers_readiness", True, False),
    ("trigger_resets_ticker", True, False),
    ("startup_success_holds", True, False),
    ("inherits_started", True, False),
    ("relist_seconds", 1.0, 1.0),
    ("publishes_running_at_relist", False, True),
    ("startup_failure_syncs", True, False),
    ("requeue", Requeue.WINDOW, Requeue.POLL),
    ("crash_loop_gates", True, False),
    ("probes_before_status", False, True),
    ("keeps_status_on_restart", True, False),
    ("node_monitor_grace", 50.0, 40.0),
    ("kills_all_on_oom", True, False),
    ("probe_level_grace", True, False),
    ("sidecars", True, False),
    ("resizes_in_place", True, False),
    ("announces_resizes", True, False),
    ("hooks_like_probes", True, False),
    ("sleep_hooks", True, False),
    ("restart_rules", True, False),
    ("restarts_all_containers", True, False),
    ("stops_liveness_on_deletion", True, False),
    ("keeps_terminating_endpoints", True, False),
    ("proxies_terminating_endpoints", True, False),
    ("publishes_final_phase_on_deletion", True, False),
    ("withholds_final_phase", True, False),
    ("final_phase_after", 0.1, 0.0),
    ("gone_after_exit", (0.6, 1.0), (6.0, 9.0)),
    ("propagation", (0.1, 0.6), (0.05, 1.05)),
    ("spam_filter_by_type", True, False),
]


@pytest.mark.parametrize(("field", "newest", "oldest"), MEASURED)
def test_measured_differences(field: str, newest: object, oldest: object) -> None:
    """Seen on running clusters of 1.36.2 and 1.20.2."""
    assert getattr(PROFILES["1.36"], field) == newest
    assert getattr(PROFILES["1.20"], field) == oldest


def test_every_difference_is_listed() -> None:
    assert [row[0] for row in MEASURED] == [f.name for f in fields(NEWEST) if f.name not in {"version", "texts"}]


@pytest.mark.parametrize("version", ["1.32", "1.34"])
def test_between_the_measured_ones(version: str) -> None:
    """kubelet: pod_workers.go: the retry at the window's end came with 1.35; the rest is the newest's."""
    profile = PROFILES[version]
    differing = {f.name for f in fields(NEWEST) if getattr(profile, f.name) != getattr(NEWEST, f.name)}
    since_1_35 = {"requeue", "restart_rules", "announces_resizes", "inherits_started", "keeps_status_on_restart"}
    since_1_36 = {"restarts_all_containers"}
    since_1_33 = {"resizes_in_place"} if version == "1.32" else set()
    assert differing == {"version", "texts"} | since_1_36 | since_1_35 | since_1_33
    assert profile.requeue is Requeue.POLL


@pytest.mark.parametrize(
    ("version", "differs"),
    [("1.35", {"restarts_all_containers": False}), ("1.37", {}), ("fixed", {"inherits_started": False})],
)
def test_around_the_newest_measured(version: str, differs: dict[str, bool]) -> None:
    """kubernetes#141155, #141342; KEP-5532."""
    assert PROFILES[version] == replace(NEWEST, version=version, **differs)


@pytest.mark.parametrize(
    ("version", "profile", "sleeps", "falls_back"),
    [
        ("1.20.9", "1.20", False, False),
        ("1.25", "1.20", False, False),
        ("1.26", "1.20", False, True),
        ("1.29.4", "1.20", False, True),
        ("1.30", "1.20", True, True),
        ("v1.31.2+k3s1", "1.20", True, True),
        ("1.33", "1.32", True, True),
    ],
)
def test_what_is_not_the_kubelets_is_the_versions_own(
    version: str, profile: str, *, sleeps: bool, falls_back: bool
) -> None:
    """An API server of 1.31 accepts `sleep` hooks (KEP-3960), a proxy of 1.26 falls back (KEP-1669)."""
    for found in (nearest(version), of_cluster(version)):
        assert found == replace(PROFILES[profile], sleep_hooks=sleeps, proxies_terminating_endpoints=falls_back)


@pytest.mark.parametrize("version", list(PROFILES))
def test_a_version_with_a_profile_has_just_that(version: str) -> None:
    assert nearest(version) == PROFILES[version]
    assert version == "fixed" or nearest(f"v{version}.1") == PROFILES[version]


def filled(texts: EventTexts) -> dict[str, str]:
    words = {"image": "patient", "container": "app", "pod": "s04", "namespace": "NS", "uid": "UID"}
    words |= {"why": "were unschedulable", "taint": "T"}
    words |= {"hook": "PreStop", "message": "M", "path": "/bye"}
    probe = {"type": "Readiness", "result": "unknown", "error": "E", "command": "sleep 5", "timeout": "1s", "body": "B"}
    return {f.name: getattr(texts, f.name).format(**words, **probe) for f in fields(texts)}


NEW = {
    "pulled": 'Container image "patient" already present on machine and can be accessed by the pod',
    "created": "Container created",
    "started": "Container started",
    "back_off": "Back-off restarting failed container app in pod s04_NS(UID)",
    "errored": "Readiness probe errored and resulted in unknown state: E",
    "exec_timeout": 'command timed out: "sleep 5" timed out after 1s',
    "redirect_warning": "Probe terminated redirects, Response body: B",
    "unschedulable": "0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, "
    "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    "tainted": "had untolerated taint(s)",
    "hook_failed": "PreStopHook failed",
    "http_hook": "HTTP lifecycle hook (/bye) for app failed - error: E",
    "post_start_error": "PostStartHookError",
}
MIDDLE = NEW | {
    "pulled": 'Container image "patient" already present on machine',
    "created": "Created container: app",
    "started": "Started container app",
    "tainted": "had untolerated taint {T: }",
}
EARLIER = MIDDLE | {
    "unschedulable": "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: "
    "1 Preemption is not helpful for scheduling.",
}
OLD = MIDDLE | {
    "created": "Created container app",
    "back_off": "Back-off restarting failed container",
    "errored": "Readiness probe errored: E",
    "exec_timeout": "",
    "redirect_warning": "B",
    "unschedulable": "0/1 nodes are available: 1 node(s) were unschedulable.",
    "tainted": "had taint {T: }, that the pod didn't tolerate",
    "hook_failed": "M",
    "http_hook": 'Http lifecycle hook (/bye) for app failed - error: E, message: ""',
    "post_start_error": "PostStartHookError: E",
}


@pytest.mark.parametrize(
    ("version", "texts"),
    [("1.36", NEW), ("1.34", MIDDLE), ("1.32", EARLIER), ("1.20", OLD)],
)
def test_event_texts(version: str, texts: dict[str, str]) -> None:
    """1.36 and 1.20 as measured, 1.32 and 1.34 from kubelet: pkg/kubelet/kuberuntime, pkg/kubelet/prober."""
    assert filled(PROFILES[version].texts) == texts
