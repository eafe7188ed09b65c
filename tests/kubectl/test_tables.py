"""What `kubectl get` shows of a cluster: a row for each object, under the columns of its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from crashy.clock import run_virtual
from crashy.kubectl.tables import Snapshot, table
from crashy.objects.kinds import KINDS, SHOWN, Kind
from tests.controllers.worlds import POD, SERVICE, TWO, world

Shown = tuple[Sequence[str], list[Sequence[str]]]
ELSEWHERE = {**POD, "metadata": {**POD["metadata"], "namespace": "shop"}}


def shown(kind: Kind, namespace: str | None = None) -> Shown:
    async def main() -> Shown:
        async with world(TWO, SERVICE, POD, ELSEWHERE) as w:
            now = asyncio.get_running_loop().time()
            lab = Snapshot(w.cluster, w.timeline, now, {("default", "web"): "10.1.0.1"}, lambda *_: None)
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
