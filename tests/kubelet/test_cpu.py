"""CPU as a control group has it. kubelet: pkg/kubelet/cm/helpers_linux_test.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.cpu import quota, requested, shares
from crashy.objects.pod import Container


@pytest.mark.parametrize(
    ("cores", "microseconds"),
    [(0.005, 1_000), (0.01, 1_000), (0.05, 5_000), (0.2, 20_000), (1, 100_000), (2.5, 250_000)],
)
def test_a_limit_is_so_much_time_of_each_100_ms_and_at_least_1_ms(cores: float, microseconds: int) -> None:
    assert quota(cores) == microseconds


@pytest.mark.parametrize(
    ("millicores", "weight"), [(0, 2), (1, 2), (2, 2), (3, 3), (100, 102), (1000, 1024), (1_000_000, 262_144)]
)
def test_a_request_is_a_weight(millicores: int, weight: int) -> None:
    assert shares(millicores) == weight


@pytest.mark.parametrize(
    ("resources", "millicores"),
    [
        ({}, 0),
        ({"requests": {"cpu": "100m"}}, 100),
        ({"requests": {"cpu": "100m"}, "limits": {"cpu": 1}}, 100),
        ({"limits": {"cpu": "1.5"}}, 1500),
        ({"requests": {"memory": "1Gi"}, "limits": {"cpu": "20m"}}, 20),
        ({"requests": {"cpu": 0}, "limits": {"cpu": "20m"}}, 0),
        ({"requests": {"cpu": "100u"}}, 1),
    ],
)
def test_a_container_without_a_request_requests_its_limit(resources: dict[str, object], millicores: int) -> None:
    assert requested(Container("app", resources=resources)) == millicores
