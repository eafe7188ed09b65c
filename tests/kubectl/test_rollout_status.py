"""What `kubectl rollout status` says; kubectl: pkg/polymorphichelpers/rollout_status_test.go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.kubectl.rollout_status import Rollout, rollout_status
from tests.controllers.test_daemonset import daemon_set
from tests.controllers.test_statefulset import partition, stateful_set
from tests.controllers.worlds import manifests, world

ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}


def reported(before: dict[str, Any], after: dict[str, Any], seconds: float = 60) -> list[dict[str, Any]]:
    """Return what is said of a rollout, each once, from the change on."""

    async def main() -> list[dict[str, Any]]:
        async with world(before, seconds=20) as w:
            w.cluster.apply(manifests(after))
            (controller,) = (one for one in w.cluster.controllers(object) if isinstance(one, Rollout))
            found: list[dict[str, Any]] = []
            for _ in range(int(seconds / 0.1)):
                if (now := rollout_status(controller)) not in found:
                    found.append(now)
                await asyncio.sleep(0.1)
            return found

    result: list[dict[str, Any]] = run_virtual(main())
    return result


def test_of_a_stateful_set() -> None:
    assert reported(stateful_set("1", 2), stateful_set("2", 2)) == [
        {"message": "Waiting for partitioned roll out to finish: 0 out of 2 new pods have been updated..."},
        {"message": "Waiting for 1 pods to be ready..."},
        {"message": "partitioned roll out complete: 2 new pods have been updated...", "done": True},
    ]


def test_of_a_stateful_set_with_a_partition() -> None:
    found = reported(stateful_set("1", 3, **partition(2)), stateful_set("2", 3, **partition(2)))

    assert found[-1] == {"message": "partitioned roll out complete: 1 new pods have been updated...", "done": True}


def test_of_a_daemon_set() -> None:
    assert reported(daemon_set(version="1"), daemon_set(version="2")) == [
        {"message": 'Waiting for daemon set "web" rollout to finish: 0 out of 1 new pods have been updated...'},
        {"message": 'Waiting for daemon set "web" rollout to finish: 0 of 1 updated pods are available...'},
        {"message": 'daemon set "web" successfully rolled out', "done": True},
    ]


@pytest.mark.parametrize("made", [stateful_set(**ON_DELETE), daemon_set(ON_DELETE["updateStrategy"])])
def test_on_delete_there_is_no_status(made: dict[str, Any]) -> None:
    text = "error: rollout status is only available for RollingUpdate strategy type"

    assert reported(made, made, seconds=0.1) == [{"message": text, "failed": True}]
