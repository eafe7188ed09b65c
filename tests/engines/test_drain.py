"""A node is drained as kubectl drains it: 09e of the recordings of 1.36.2, on the sim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.controllers.test_daemonset import daemon_set
from tests.controllers.test_poddisruptionbudget import budget
from tests.controllers.worlds import POD, SERVICE, TWO
from tests.experiment.test_runner import simulate

DAEMONS = daemon_set() | {"metadata": {"name": "ds"}}
DAEMONS["spec"]["selector"] = {"matchLabels": {"app": "d"}}
DAEMONS["spec"]["template"] = DAEMONS["spec"]["template"] | {"metadata": {"labels": {"app": "d"}}}
BUDGET = budget(minAvailable=1)


def reported(
    folder: Path, *steps: dict[str, Any], manifests: list[Any], duration: int = 60
) -> list[tuple[float, str, str]]:
    """Return time, reason and message of what the steps on the node did; pods by their numbers."""
    record = simulate(folder, *steps, manifests=[*manifests, SERVICE], duration=duration, traffic={"service": "web"})
    numbers: dict[str, str] = {}
    lines = []
    for event in record.events:
        if event.reason == "Scheduled":
            name = event.object.removeprefix("pod/")
            numbers.setdefault(name, f"{name.partition('-')[0]}-{len(numbers) + 1}")
        if event.kind == "step":
            text = event.message
            for name, number in numbers.items():
                text = text.replace(name, number)
            lines.append((round(event.t, 1), event.reason, text))
    return lines


def test_a_drain_waits_for_the_budget_and_gives_up(tmp_path: Path) -> None:
    drain, uncordon = {"at": 5, "drain": "node", "timeout": "25s"}, {"at": 33, "uncordon": "node"}
    refused = (
        'error when evicting pods/"web-3" -n "default" (will retry after 5s): '
        "Cannot evict pod as it would violate the pod's disruption budget."
    )
    lines = reported(tmp_path, drain, uncordon, manifests=[BUDGET, DAEMONS, TWO])
    evicted = next(line for line in lines if line[2].endswith(" evicted"))
    lines.remove(evicted)

    assert evicted[2] == "pod/web-2 evicted"
    assert lines == [
        (5.0, "Performed", "node/crashy-lab cordoned"),
        (5.0, "Performed", "Warning: ignoring DaemonSet-managed Pods: default/ds-1"),
        (5.0, "Performed", "evicting pod default/web-2"),
        (5.0, "Performed", "evicting pod default/web-3"),
        (5.0, "Performed", refused),
        *(
            (at, "Performed", text)
            for at in (10.0, 15.0, 20.0, 25.0)
            for text in ("evicting pod default/web-3", refused)
        ),
        (30.0, "Performed", "evicting pod default/web-3"),
        (
            30.0,
            "NotDrained",
            'error when evicting pods/"web-3" -n "default": global timeout reached: 25s',
        ),
        (33.0, "Performed", "node/crashy-lab uncordoned"),
    ]


def test_without_a_budget_all_pods_go(tmp_path: Path) -> None:
    lines = reported(tmp_path, {"at": 5, "drain": "node"}, manifests=[TWO])

    assert lines[-1][1:] == ("Performed", "node/crashy-lab drained")


def test_a_bare_pod_stops_it(tmp_path: Path) -> None:
    lines = reported(tmp_path, {"at": 5, "drain": "node"}, manifests=[POD])

    assert [line[1:] for line in lines] == [
        ("Performed", "node/crashy-lab cordoned"),
        (
            "NotDrained",
            "cannot delete Pods that declare no controller (use --force to override): default/bare-1",
        ),
    ]


def test_evictions_are_refused_in_the_api_servers_words(tmp_path: Path) -> None:
    """09a."""
    evict = {"evict": "pod", "target": "all"}
    lines = reported(tmp_path, {"at": 5, **evict}, manifests=[BUDGET, TWO])

    assert [line[1:] for line in lines] == [
        ("Performed", "evict pod"),
        (
            "Refused",
            "429: Cannot evict pod as it would violate the pod's disruption budget. "
            "The disruption budget pdb needs 1 healthy pods and has 1 currently",
        ),
    ]
