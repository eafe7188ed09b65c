"""What `kubectl top pods` prints. kubectl: pkg/metricsutil/metrics_printer.go."""

from __future__ import annotations

import pytest

from crashy.kubectl.top import ContainerUsage, PodUsage, top_pods

MI = 2**20
WEB = PodUsage("default", "web", (ContainerUsage("app", 0.0021, 27 * MI), ContainerUsage("aux", 0.0005, 3 * MI)))
DB = PodUsage("default", "db", (ContainerUsage("db", 0.5, MI - 1),))
IDLE = PodUsage("other", "idle", (ContainerUsage("idle", 0.0, 5 * MI),))


def test_a_pod_uses_what_its_containers_use_cpu_rounded_up_and_memory_down() -> None:
    assert top_pods([WEB, DB]) == (
        ("NAME", "CPU(cores)", "MEMORY(bytes)", ""),
        [("db", "500m", "0Mi", ""), ("web", "3m", "30Mi", "")],
    )


def test_containers_have_a_line_each() -> None:
    assert top_pods([WEB], containers=True) == (
        ("POD", "NAME", "CPU(cores)", "MEMORY(bytes)", ""),
        [("web", "app", "3m", "27Mi", ""), ("web", "aux", "1m", "3Mi", "")],
    )


@pytest.mark.parametrize(
    ("sort_by", "names"),
    [("", ["db", "web", "idle"]), ("cpu", ["db", "web", "idle"]), ("memory", ["web", "idle", "db"])],
)
def test_the_order(sort_by: str, names: list[str]) -> None:
    columns, rows = top_pods([IDLE, WEB, DB], sort_by=sort_by)

    assert columns[0] == "NAMESPACE"
    assert [row[1] for row in rows] == names


def test_containers_are_sorted_in_their_pod() -> None:
    _, rows = top_pods([WEB, DB], containers=True, sort_by="memory")

    assert [row[:2] for row in rows] == [("web", "app"), ("web", "aux"), ("db", "db")]


def test_without_pods_there_are_no_rows() -> None:
    assert top_pods([]) == (("NAME", "CPU(cores)", "MEMORY(bytes)", ""), [])
