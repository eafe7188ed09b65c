"""The restarts of the pods whose names begin with the key; `total`: of all pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crashy.experiment.expectations import COMPARISON, Expectation, Run, Verdict
from crashy.experiment.fields import Fields
from crashy.experiment.model import Comparison
from crashy.experiment.targets import impossible
from crashy.objects.manifests import Manifests
from crashy.timeline import kinds

_SCHEMA = {"type": "object", "additionalProperties": COMPARISON}


def _read(fields: Fields, value: Any, path: str, manifests: Manifests | None) -> Mapping[str, Comparison]:
    restarts = {}
    for pod, text in fields.mapping(value, path, ()).items():
        wanted = fields.parsed(text, f"{path}.{pod}", Comparison.parse)
        if wanted:
            restarts[pod] = wanted
        if manifests is not None and pod != "total" and (names := impossible(pod, manifests)):
            fields.wrong(f"{path}.{pod}", f"{pod!r}: no pod's name begins with it; there are: {', '.join(names)}")
    return restarts


def _judge(name: str, wanted: Mapping[str, Comparison], run: Run) -> Iterator[Verdict]:
    for begins, bound in wanted.items():
        counts = [n for pod, n in run.summary.restarts.items() if begins == "total" or pod.startswith(begins)]
        seen = sum(counts)
        shown = str(seen) if counts else "no such pod"
        removed = [pod for pod in _removed(run) if begins == "total" or pod.startswith(begins)]
        if removed:
            shown += f"; can't be told: instead of its container {removed[0]} was removed, and is counted no more"
        yield Verdict(f"{name} of {begins}", bound.text, shown, bool(counts) and not removed and bound.holds(seen))


def _removed(run: Run) -> Iterator[str]:
    """Yield the pods that had to go where a crash was to end a container."""
    for event in run.events:
        if event.kind == kinds.FAULT and event.reason in kinds.POD_REMOVED:
            yield event.object.partition("/")[2]


EXPECTATION = Expectation(60, _SCHEMA, 'restarts: {web-: "== 1", total: "<= 2"}', _read, _judge)
