"""What `kubectl get` shows of a cluster: a row for each object, under the columns of its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from crashy import clock
from crashy.clock import run_virtual
from crashy.kubectl.tables import Snapshot, table
from crashy.objects.kinds import KINDS, SHOWN, Kind
from tests.controllers.jobs import cron_job_object, job_object
from tests.controllers.test_daemonset import daemon_set
from tests.controllers.test_poddisruptionbudget import budget
from tests.controllers.test_replicaset import REPLICA_SET, REPLICATION_CONTROLLER
from tests.controllers.test_statefulset import stateful_set
from tests.controllers.worlds import POD, SERVICE, TWO, world

Shown = tuple[Sequence[str], list[Sequence[str]]]
ELSEWHERE = {**POD, "metadata": {**POD["metadata"], "namespace": "shop"}}


def shown(kind: Kind, namespace: str | None = None, *objects: dict[str, Any]) -> Shown:
    async def main() -> Shown:
        async with world(*(objects or (TWO, SERVICE, POD, ELSEWHERE))) as w:
            now = asyncio.get_running_loop().time()
            lab = Snapshot(w.cluster, w.timeline, now, {("default", "web"): "10.1.0.1"}, lambda *_: None, clock.date())
            return table(kind, lab, namespace)

    return run_virtual(main())


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.name)
def test_every_kind_that_is_shown_has_a_cell_for_each_column(kind: Kind) -> None:
    columns, rows = shown(kind)

    assert len(rows) == len([row for row in rows if len(row) == len(columns)])


def test_what_has_a_name_is_in_the_order_of_names_and_several_namespaces_are_reported_apart() -> None:
    columns, rows = shown(KINDS["Pod"])

    assert columns[:2] == ("NAMESPACE", "NAME")
    assert [tuple(row[:2]) for row in rows] == sorted(tuple(row[:2]) for row in rows)
    assert [row[0] for row in rows] == ["default", "default", "default", "shop"]


def test_of_one_namespace_there_are_its_own_rows_and_no_column_for_it() -> None:
    assert shown(KINDS["Pod"], "shop") == (KINDS["Pod"].columns, [("bare", "1/1", "Running", "0", "5s")])


def test_a_deployment_says_how_many_of_its_pods_are_ready_new_and_available() -> None:
    assert shown(KINDS["Deployment"]) == (
        ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"),
        [("web", "2/2", "2", "2", "5s")],
    )


@pytest.mark.parametrize(
    ("made", "columns", "row"),
    [
        (REPLICA_SET, "NAME DESIRED CURRENT READY AGE", ("web", "3", "3", "3", "5s")),
        (REPLICATION_CONTROLLER, "NAME DESIRED CURRENT READY AGE", ("web", "3", "3", "3", "5s")),
        (
            daemon_set(),
            "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
            ("web", "1", "1", "1", "1", "1", "<none>", "5s"),
        ),
        (stateful_set(replicas=2), "NAME READY AGE", ("web", "2/2", "5s")),
        (
            job_object(completions=3, parallelism=2),
            "NAME STATUS COMPLETIONS DURATION AGE",
            ("j", "Running", "0/3", "5s", "5s"),
        ),
        (job_object(parallelism=2), "NAME STATUS COMPLETIONS DURATION AGE", ("j", "Running", "0/1 of 2", "5s", "5s")),
        (job_object(suspend=True), "NAME STATUS COMPLETIONS DURATION AGE", ("j", "Suspended", "0/1", "", "5s")),
        (
            job_object(activeDeadlineSeconds=1),
            "NAME STATUS COMPLETIONS DURATION AGE",
            ("j", "Failed", "0/1", "5s", "5s"),
        ),
        (
            cron_job_object(),
            "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
            ("cj", "* * * * *", "<none>", "False", "0", "<none>", "5s"),
        ),
        (
            cron_job_object("@every 3s", timeZone="Europe/Rome"),
            "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
            ("cj", "@every 3s", "Europe/Rome", "False", "1", "2s", "5s"),
        ),
        (
            budget(maxUnavailable="25%"),
            "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
            ("pdb", "N/A", "25%", "1", "5s"),
        ),
    ],
)
def test_the_other_workloads_and_budgets(made: dict[str, Any], columns: str, row: tuple[str, ...]) -> None:
    heads, rows = shown(KINDS[made["kind"]], None, made, *([TWO] if made["kind"] == "PodDisruptionBudget" else []))

    assert (" ".join(heads), rows) == (columns, [row])
