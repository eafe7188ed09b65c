"""Reads an experiment file: every mistake at once, with line and column, and nothing is started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from crashy.errors import BadInput
from crashy.experiment import schema
from crashy.experiment.fields import Fields
from crashy.experiment.model import (
    ENGINES,
    OUTCOMES,
    Comparison,
    EventPattern,
    Expectations,
    Experiment,
    Traffic,
)
from crashy.experiment.steps import read_steps
from crashy.experiment.targets import check_service, impossible, port_of
from crashy.manifest.load import gather, read_file
from crashy.objects.document import Document, refusal
from crashy.objects.kinds import read
from crashy.objects.manifests import Manifests
from crashy.report.parity import MEASURES

LONGEST = 30 * 24 * 3600.0
_NAME = re.compile(schema.EXPERIMENT["name"]["pattern"])


def read_experiment(path: Path) -> Experiment:
    """Return the experiment of a file; raises BadInput with a line for each mistake, those of its manifests too."""
    documents, errors = read_file(path)
    if errors or len(documents) != 1:
        raise refusal(errors or [f"{path}: holds {len(documents)} documents; an experiment is one"])
    fields = Fields(documents[0])
    experiment = _experiment(fields, path)
    if fields.errors:
        raise refusal(fields.lines())
    return experiment


def _experiment(fields: Fields, path: Path) -> Experiment:
    raw = fields.mapping(fields.document.object, "", schema.EXPERIMENT)
    for key in schema.REQUIRED:
        if key not in raw:
            fields.wrong("", f"{key}: is missing")
    name = fields.text(raw.get("name", "x"), "name")
    if name and not _NAME.fullmatch(name):
        fields.wrong("name", f"{name!r}: must be lower-case letters, digits and hyphens, at most 63")
    manifests = read_manifests(fields, raw.get("manifests"), "manifests", path.parent)
    duration = fields.duration(raw.get("duration", 1), "duration", least=1.0) or 1.0
    if duration > LONGEST:
        fields.wrong("duration", f"{raw['duration']!r}: must be at most 30 days")
    why_not = {
        engine: fields.text(why, f"why_not.{engine}")
        for engine, why in fields.mapping(raw.get("why_not", {}), "why_not", ENGINES).items()
    }
    differs = {
        engine: {
            what: fields.text(why, f"differs.{engine}.{what}")
            for what, why in fields.mapping(told, f"differs.{engine}", MEASURES).items()
        }
        for engine, told in fields.mapping(raw.get("differs", {}), "differs", schema.OTHERS).items()
    }
    return Experiment(
        name=name,
        lesson=fields.text(raw.get("lesson", "x"), "lesson").strip(),
        manifests=manifests,
        traffic=_traffic(fields, raw["traffic"], manifests) if "traffic" in raw else None,
        duration=duration,
        steps=read_steps(
            fields,
            raw.get("steps", []),
            manifests,
            duration,
            lambda value, at: read_manifests(fields, value if isinstance(value, list) else [value], at, path.parent),
        ),
        expect=read_expectations(fields, raw.get("expect", {}), manifests),
        engines=_engines(fields, raw, why_not),
        why_not=why_not,
        differs=differs,
        source=str(path),
        raw=raw,
    )


def read_manifests(fields: Fields, value: Any, path: str, folder: Path) -> Manifests:
    """Read the manifests that a list names (files and folders beside the experiment) or holds."""
    nothing = Manifests()
    items = fields.list(value, path) if value is not None else []
    documents: list[Document] = []
    for i, item in enumerate(items):
        at = f"{path}[{i}]"
        if isinstance(item, dict):
            prefixed = replace(fields.document, object=item, prefix=at, line=fields.document.line_of(at))
            documents.append(prefixed)
        elif isinstance(item, str) and item.strip():
            found, errors = gather([str(folder / item)])
            documents += found
            for error in errors:
                fields.wrong(at, error)
        else:
            fields.wrong(at, "must be a path or a manifest")
    if fields.errors or not documents:
        if value == []:
            fields.wrong(path, "must name at least one manifest")
        return nothing
    try:
        return read(documents)
    except BadInput as error:
        for line in error.lines:
            fields.wrong(path, line)
        return nothing


def _traffic(fields: Fields, value: Any, manifests: Manifests) -> Traffic | None:
    raw = fields.mapping(value, "traffic", schema.TRAFFIC)
    service = fields.text(raw.get("service"), "traffic.service")
    found = check_service(fields, service, "traffic.service", manifests)
    port = raw.get("port")
    if found and port is not None:
        fields.parsed(port, "traffic.port", partial(port_of, found))
    path = raw.get("path", "/")
    if not isinstance(path, str) or not path.startswith("/") or not path.isprintable() or " " in path:
        fields.wrong("traffic.path", f"{path!r}: must begin with / and be written as in a URL")
    return Traffic(
        service=service,
        port=None if port is None else str(port),
        path=str(path),
        rate=fields.number(raw.get("rate", 10), "traffic.rate", 1000.0) or 10.0,
        timeout=fields.duration(raw.get("timeout", 2), "traffic.timeout", least=0.001) or 2.0,
    )


def _engines(fields: Fields, raw: Mapping[str, Any], why_not: Mapping[str, str]) -> tuple[str, ...]:
    if "engines" not in raw:
        return tuple(engine for engine in ENGINES if engine not in why_not)
    items = fields.list(raw["engines"], "engines")
    chosen = [fields.choice(item, f"engines[{i}]", ENGINES) for i, item in enumerate(items)]
    return tuple(engine for engine in chosen if engine)


def read_expectations(fields: Fields, value: Any, manifests: Manifests | None = None) -> Expectations:
    """Read what is expected; with `manifests`, a pod that can't be among them is a mistake."""
    raw = fields.mapping(value, "expect", schema.EXPECT)

    def bound(key: str) -> Comparison | None:
        return fields.parsed(raw[key], f"expect.{key}", Comparison.parse) if key in raw else None

    def within(key: str) -> float | None:
        return fields.duration(raw[key], f"expect.{key}") if key in raw else None

    restarts = {}
    for pod, text in fields.mapping(raw.get("restarts", {}), "expect.restarts", ()).items():
        wanted = fields.parsed(text, f"expect.restarts.{pod}", Comparison.parse)
        if wanted:
            restarts[pod] = wanted
        if manifests is not None and pod != "total":
            names = impossible(pod, manifests)
            if names:
                wrong = f"{pod!r}: no pod's name begins so; there are: {', '.join(names)}"
                fields.wrong(f"expect.restarts.{pod}", wrong)
    logs = fields.mapping(raw.get("logs", {}), "expect.logs", _containers(manifests))
    events = fields.list(raw.get("events", []), "expect.events")
    return Expectations(
        availability=bound("availability"),
        max_outage=bound("max_outage"),
        errors=bound("errors"),
        requests_after_leaving=bound("requests_after_leaving"),
        back_off=bound("back_off"),
        zombies=bound("zombies"),
        restarts=restarts,
        logs={name: _expression(fields, text, f"expect.logs.{name}") for name, text in logs.items()},
        detected_within=within("detected_within"),
        recovered_within=within("recovered_within"),
        outcome=fields.choice(raw["outcome"], "expect.outcome", OUTCOMES) if "outcome" in raw else None,
        events=tuple(_pattern(fields, item, f"expect.events[{i}]") for i, item in enumerate(events)),
    )


def _pattern(fields: Fields, value: Any, path: str) -> EventPattern:
    if isinstance(value, str) and value.strip():
        name, colon, reason = value.rpartition(": ")
        return EventPattern(reason.strip(), name.strip() if colon else "")
    raw = fields.mapping(value, path, ("reason", "object", "message"))
    texts = {key: fields.text(raw[key], f"{path}.{key}") for key in raw}
    if isinstance(value, dict) and "reason" not in raw:
        fields.wrong(path, "reason: is missing")
    if "message" in texts:
        _expression(fields, texts["message"], f"{path}.message")
    return EventPattern(texts.get("reason", ""), texts.get("object", ""), texts.get("message", ""))


def _expression(fields: Fields, value: Any, path: str) -> str:
    text = fields.text(value, path)
    try:
        re.compile(text)
    except re.error as error:
        fields.wrong(path, f"is no regular expression: {error}")
    return text


def _containers(manifests: Manifests | None) -> list[str]:
    """Name the containers that there can be; none where nothing is known of them."""
    if manifests is None:
        return []
    templates = [*(d.template for d in manifests.deployments), *(pod.template for pod in manifests.pods)]
    return [c.name for template in templates for c in (*template.init_containers, *template.containers)]
