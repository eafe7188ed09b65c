"""Whatever a manifest holds, it is checked or refused: no input makes a traceback."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashy.check import as_json, sarif, text
from crashy.check.model import findings
from crashy.check.traps import TRAPS
from crashy.errors import BadInput
from crashy.objects.kinds import KINDS
from tests.check.targets import command, controller, deployment, http, service, targets, tcp

EVERYTHING: dict[str, Any] = {
    "livenessProbe": command("sh", "-c", "curl http://db/ | grep ok", terminationGracePeriodSeconds=60),
    "readinessProbe": http("/readyz", "web", successThreshold=2),
    "startupProbe": tcp(8080),
    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "40"]}}},
    "ports": [{"name": "web", "containerPort": 80}],
    "env": [{"name": "APP_START_DELAY", "value": "90"}, {"name": "CRASH_AFTER", "value": "5"}],
    "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "X_"}],
}
POD = {"containers": [{"name": "a", "image": "any/image", "livenessProbe": http()}]}
OTHERS = [controller(kind, POD) for kind in KINDS.values() if kind.template]
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "b"},
    "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
}
SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "h"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 3},
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"A": "1"}}
GOOD = [deployment(EVERYTHING, replicas=3), service(), CONFIG, BUDGET, SCALER, *OTHERS]

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 10**10)
    | st.text(max_size=8)
    | st.sampled_from(["web", "sh", "5s", "Never"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.sampled_from(places(GOOD)[1:]), value=VALUES)
def test_any_part_of_a_manifest_replaced_by_anything(place: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(GOOD)
    holder: Any = changed
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    try:
        found = targets(*(one for one in changed if isinstance(one, dict)))
    except BadInput:
        return
    hits = findings(TRAPS, found)
    assert all(line.isprintable() for line in text.report(found, hits).splitlines())
    assert as_json.report(found, hits)["schema"] == 1
    assert sarif.report(TRAPS, hits, found)["version"] == "2.1.0"
