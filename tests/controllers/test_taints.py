"""How long pods tolerate an unreachable node.

kubernetes: component-helpers/scheduling/corev1/helpers_test.go; plugin/pkg/admission/defaulttolerationseconds;
pkg/controller/tainteviction/taint_eviction_test.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.controllers.taints import UNREACHABLE, UNSCHEDULABLE, admits, tolerated_for
from crashy.objects.pod import PodTemplate

KEYED = {"key": UNREACHABLE, "operator": "Exists"}


def template(*tolerations: dict[str, Any]) -> PodTemplate:
    return PodTemplate((), raw={"spec": {"tolerations": list(tolerations)}})


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 300.0),
        ([{**KEYED, "effect": "NoExecute", "tolerationSeconds": 10}], 10.0),
        ([{**KEYED, "effect": "NoExecute", "tolerationSeconds": 0}], 0.0),
        ([{**KEYED, "effect": "NoExecute", "tolerationSeconds": -1}], 0.0),
        ([{**KEYED, "effect": "NoExecute"}], None),
        ([KEYED], None),
        ([{"operator": "Exists"}], None),
        ([{"key": UNREACHABLE}], None),
        ([{**KEYED, "effect": "NoSchedule"}], 300.0),
        ([{"key": UNREACHABLE, "value": "no"}], 300.0),
        ([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}], 300.0),
        ([{**KEYED, "tolerationSeconds": 60}, {**KEYED, "tolerationSeconds": 20}, KEYED], 20.0),
    ],
)
def test_tolerated_for(tolerations: list[dict[str, Any]], seconds: float | None) -> None:
    assert tolerated_for(template(*tolerations), UNREACHABLE) == seconds


@pytest.mark.parametrize(
    ("toleration", "admitted"),
    [
        ({"key": UNSCHEDULABLE, "operator": "Exists"}, True),
        ({"key": UNSCHEDULABLE, "operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        (KEYED, False),
    ],
)
def test_admits(toleration: dict[str, Any], *, admitted: bool) -> None:
    assert admits(template(toleration), UNSCHEDULABLE) is admitted
