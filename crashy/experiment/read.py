"""Reads an experiment file: every mistake at once, with line and column, and nothing is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from crashy.engines.base import NO_PROXY, NO_STOP
from crashy.errors import BadInput
from crashy.experiment.expectations import read_expectations
from crashy.experiment.fields import Fields
from crashy.experiment.model import ENGINES, Experiment, Stop, Traffic
from crashy.experiment.schema import OTHERS, ExperimentFields
from crashy.experiment.steps import read_steps
from crashy.experiment.targets import check_service, port_of
from crashy.manifest.load import gather, read_file
from crashy.objects.document import Document, refusal
from crashy.objects.images import parse_command
from crashy.objects.manifests import Manifests, read
from crashy.objects.standin import parse_model
from crashy.report.parity import MEASURES

T = TypeVar("T")
_OWN_INGRESS = "traffic.ingress is for lab and sim: whether a cluster has an ingress, and how slow it is, is its own"


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
    raw = fields.mapping(fields.document.object, "", ExperimentFields.keys)
    for name, key in ExperimentFields.keys.items():
        if key.required and name not in raw:
            fields.wrong("", f"{name}: is missing")
    manifests = read_manifests(fields, raw.get("manifests"), "manifests", path.parent)
    given = fields.given(ExperimentFields, raw, "")
    traffic = _traffic(fields, raw["traffic"], manifests) if "traffic" in raw else None
    why_not = {"kube": _OWN_INGRESS} if traffic and traffic.ingress else {}
    for engine, why in fields.mapping(raw.get("why_not", {}), "why_not", ENGINES).items():
        why_not[engine] = fields.text(why, f"why_not.{engine}")
    differs = {
        engine: {
            what: fields.text(why, f"differs.{engine}.{what}")
            for what, why in fields.mapping(measures, f"differs.{engine}", MEASURES).items()
        }
        for engine, measures in fields.mapping(raw.get("differs", {}), "differs", OTHERS).items()
    }
    steps = read_steps(
        fields,
        raw.get("steps", []),
        manifests,
        given.duration,
        lambda value, at: read_manifests(
            fields, value if isinstance(value, list) else [value], at, path.parent, on_top=True
        ),
    )
    if any(isinstance(step.action, Stop) for step in steps):
        why_not.setdefault("kube", NO_STOP)
    if any(step.target and step.target.service for step in steps):
        why_not.setdefault("kube", NO_PROXY)
    return Experiment(
        name=given.name,
        lesson=given.lesson.strip(),
        manifests=manifests,
        traffic=traffic,
        duration=given.duration,
        steps=steps,
        expect=read_expectations(fields, raw.get("expect", {}), manifests),
        engines=_engines(fields, raw, why_not),
        why_not=why_not,
        differs=differs,
        models=_by_image(fields, raw, "models", parse_model),
        images=_by_image(fields, raw, "images", partial(parse_command, folder=str(path.parent.resolve()))),
        source=str(path),
        raw=raw,
    )


def read_manifests(fields: Fields, value: Any, path: str, folder: Path, *, on_top: bool = False) -> Manifests:
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
        return read(documents, on_top=on_top)
    except BadInput as error:
        for line in error.lines:
            fields.wrong(path, line)
        return nothing


def _by_image(fields: Fields, raw: Mapping[str, Any], name: str, parse: Callable[[str], T]) -> dict[str, T]:
    given = fields.mapping(raw.get(name, {}), name, ()).items()
    read = {image: fields.parsed(text, f"{name}.{image}", parse) for image, text in given}
    return {image: found for image, found in read.items() if found}


def _traffic(fields: Fields, value: Any, manifests: Manifests) -> Traffic:
    traffic = fields.record(Traffic, value, "traffic")
    found = check_service(fields, traffic.service, "traffic.service", manifests)
    if found and traffic.port is not None:
        fields.parsed(traffic.port, "traffic.port", partial(port_of, found))
    return traffic


def _engines(fields: Fields, raw: Mapping[str, Any], why_not: Mapping[str, str]) -> tuple[str, ...]:
    if "engines" not in raw:
        return tuple(engine for engine in ENGINES if engine not in why_not)
    items = fields.list(raw["engines"], "engines")
    chosen = [fields.choice(item, f"engines[{i}]", ENGINES) for i, item in enumerate(items)]
    why = why_not.get("kube")
    if "kube" in chosen and why in {NO_STOP, NO_PROXY, _OWN_INGRESS}:
        fields.wrong(f"engines[{chosen.index('kube')}]", why)
    return tuple(engine for engine in chosen if engine)
