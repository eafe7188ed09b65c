"""By container, a regular expression that is found in a line of its log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from crashy.experiment.expectations import Expectation, Run, Verdict, expression
from crashy.experiment.fields import Fields
from crashy.experiment.values import TEXT
from crashy.objects.manifests import Manifests
from crashy.timeline import kinds

_SCHEMA = {"type": "object", "additionalProperties": TEXT}


def _read(fields: Fields, value: Any, path: str, manifests: Manifests | None) -> Mapping[str, str]:
    logs = fields.mapping(value, path, _containers(manifests))
    return {container: expression(fields, text, f"{path}.{container}") for container, text in logs.items()}


def _containers(manifests: Manifests | None) -> list[str]:
    """Name the containers that there can be; none where nothing is known of them."""
    if manifests is None:
        return []
    templates = [workload.template for workload in manifests.workloads]
    return [c.name for template in templates for c in (*template.init_containers, *template.containers)]


def _judge(_name: str, wanted: Mapping[str, str], run: Run) -> Iterator[Verdict]:
    for container, pattern in wanted.items():
        lines = [e.message for e, data in kinds.LOG.read(run.events) if data.get("container") == container]
        found = next((line for line in lines if re.search(pattern, line)), None)
        seen = f"none of its {len(lines)} lines" if found is None else found
        yield Verdict(f"log of {container}", pattern, seen, found is not None)


EXPECTATION = Expectation(90, _SCHEMA, 'logs: {web: "listening on .*:8080"}', _read, _judge, listed=65)
