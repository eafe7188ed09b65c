"""Jobs: defaults, and the API server's refusals; the policies' are in `test_job_policies.py`.

kubernetes: pkg/apis/batch/validation/validation_test.go TestValidateJob, pkg/apis/batch/v1/defaults_test.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.job import NEVER
from tests.controllers.jobs import job, pod_spec
from tests.objects.test_workload_kinds import made, manifests, refused


def test_defaults() -> None:
    """SetDefaults_Job."""
    one = job()

    assert (one.completions, one.replicas, one.backoff_limit) == (1, 1, 6)
    assert (one.indexed, one.suspend, one.replaces_terminating) == (False, False, True)
    assert (one.limit_per_index, one.ttl_seconds_after_finished, one.active_deadline_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("spec", "completions", "parallelism"),
    [
        pytest.param({"parallelism": 2}, None, 2, id="parallelism alone is a work queue"),
        pytest.param({"completions": 3}, 3, 1, id="completions alone"),
        pytest.param({"completions": 0, "parallelism": 0}, 0, 0, id="none of either"),
    ],
)
def test_completions_and_parallelism(spec: dict[str, int], completions: int | None, parallelism: int) -> None:
    """SetDefaults_Job."""
    one = job(**spec)

    assert (one.completions, one.replicas) == (completions, parallelism)


def test_a_limit_per_index_replaces_the_limit() -> None:
    assert job(completionMode="Indexed", completions=2, backoffLimitPerIndex=1).backoff_limit == NEVER


def test_a_failure_policy_waits_for_terminating_pods() -> None:
    assert not job(podFailurePolicy={"rules": []}).replaces_terminating


INDEXED = {"completionMode": "Indexed", "completions": 3}
RESTARTS = 'valid values: "OnFailure", "Never"'
NAMED = {"metadata": {"labels": {"app": "x"}}, "spec": pod_spec()}
DEADLINE = "must be greater than or equal to 0"


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"parallelism": -1}, f"spec.parallelism: Invalid value: -1: {DEADLINE}"),
        ({"completions": -1}, f"spec.completions: Invalid value: -1: {DEADLINE}"),
        ({"activeDeadlineSeconds": -1}, f"spec.activeDeadlineSeconds: Invalid value: -1: {DEADLINE}"),
        ({"backoffLimit": -1}, f"spec.backoffLimit: Invalid value: -1: {DEADLINE}"),
        ({"ttlSecondsAfterFinished": -1}, f"spec.ttlSecondsAfterFinished: Invalid value: -1: {DEADLINE}"),
        ({"completionMode": "Indexed"}, "spec.completions: Required value: when completion mode is Indexed"),
        (
            {"completionMode": "Odd"},
            'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"',
        ),
        (
            {"backoffLimitPerIndex": 1},
            "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode",
        ),
        (
            INDEXED | {"maxFailedIndexes": 1},
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
        ),
        (
            INDEXED | {"backoffLimitPerIndex": 1, "maxFailedIndexes": 4},
            "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions",
        ),
        (
            INDEXED | {"parallelism": 100_001},
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
            "Indexed",
        ),
        (
            {"podReplacementPolicy": "Never"},
            'spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"',
        ),
        (
            {"podReplacementPolicy": "TerminatingOrFailed", "podFailurePolicy": {"rules": []}},
            'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
        ),
        (
            {"podFailurePolicy": {"rules": []}, "template": {"spec": pod_spec("OnFailure")}},
            'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when '
            "podFailurePolicy is specified",
        ),
        (
            {"template": {"spec": pod_spec("Always")}},
            f"spec.template.spec.restartPolicy: Required value: {RESTARTS}",
        ),
        ({"manualSelector": True}, "spec.selector: Required value"),
        (
            {"selector": {"matchLabels": {"app": "x"}}, "template": NAMED},
            'spec.selector: Invalid value: {"matchLabels": {"app": "x"}}: `selector` not auto-generated',
        ),
        (
            {"selector": {"matchLabels": {"app": "y"}}, "template": NAMED, "manualSelector": True},
            'spec.template.metadata.labels: Invalid value: {"app": "x"}: `selector` does not match template `labels`',
        ),
    ],
)
def test_the_api_servers_refusals(spec: dict[str, Any], line: str) -> None:
    template = {"spec": pod_spec()}

    assert refused(made("Job", {"template": template} | spec, "batch/v1")) == [line]


def test_a_name_that_its_pods_can_not_have() -> None:
    """TestValidateJob, `metadata.name: ... will not able to create pod with invalid DNS label`."""
    given = made("Job", INDEXED | {"template": {"spec": pod_spec()}}, "batch/v1")
    given["metadata"]["name"] = "a.b"

    assert refused(given) == [
        'metadata.name: Invalid value: "a.b": will not able to create pod with invalid DNS label: a.b-2'
    ]


def test_what_is_set_for_a_jobs_pods_by_hand() -> None:
    given = {"selector": {"matchLabels": {"app": "x"}}, "template": NAMED, "manualSelector": True}
    (one,) = manifests(made("Job", given, "batch/v1")).workloads

    assert one.selector
    assert one.selector.match_labels == {"app": "x"}
