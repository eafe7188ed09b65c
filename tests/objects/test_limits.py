"""What a container may use, as its manifest says it."""

from typing import Any

import pytest

from crashy.objects.limits import Limits, limits
from crashy.objects.pod import Container


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        ({}, Limits()),
        ({"requests": {"cpu": "1", "memory": "1Gi"}}, Limits()),
        ({"limits": None}, Limits()),
        ({"limits": {"cpu": "100m"}}, Limits(0.1)),
        ({"limits": {"cpu": 2, "memory": "64Mi"}}, Limits(2.0, 64 << 20)),
        ({"limits": {"memory": 1000}}, Limits(None, 1000)),
        ({"limits": {"cpu": 0, "memory": "0"}}, Limits()),
        ({"limits": {"memory": "much"}}, Limits()),
        ({"limits": {"memory": "16Ei"}}, Limits(None, (1 << 63) - 1)),
    ],
)
def test_limits_are_in_cores_and_bytes(resources: dict[str, Any], found: Limits) -> None:
    assert limits(Container("app", resources=resources)) == found
