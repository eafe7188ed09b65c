"""Containers to check, from the few words that matter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from crashy.check.targets import CheckTarget, read_objects, targets_among
from crashy.errors import BadInput
from crashy.manifest.parse import parse
from crashy.objects.document import Document
from crashy.objects.kinds import Kind
from tests.manifest.reading import load

SEEDS = Path(__file__).parent.parent / "manifest" / "seeds"
MANIFESTS = Path(__file__).parent.parent.parent / "manifests"


def http(path: str = "/livez", port: int | str = 80, **settings: Any) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, **settings}


def tcp(port: int | str = 80, **settings: Any) -> dict[str, Any]:
    return {"tcpSocket": {"port": port}, **settings}


def command(*words: str, **settings: Any) -> dict[str, Any]:
    return {"exec": {"command": list(words)}, **settings}


def deployment(container: dict[str, Any], *, replicas: int = 1, name: str = "web", **spec: Any) -> dict[str, Any]:
    """Return a Deployment of one container; `env` may be a mapping."""
    filled = {"name": "app", "image": "crashy-app:1.0.0", **container}
    if isinstance(filled.get("env"), dict):
        filled["env"] = [{"name": key, "value": str(value)} for key, value in filled["env"].items()]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [filled], **spec}},
        },
    }


def controller(kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    """Return an object of a kind, with what it needs besides its pods' `spec`."""
    policy = {"restartPolicy": "Never"} if kind.ends else {}
    inner: dict[str, Any] = {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {**spec, **policy}}}
    if kind.name in {"Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"}:
        inner["selector"] = {"matchLabels": {"app": "x"}}
    if kind.name == "CronJob":
        inner = {"schedule": "@daily", "jobTemplate": {"spec": inner}}
    return {"apiVersion": kind.version, "kind": kind.name, "metadata": {"name": "x"}, "spec": inner}


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = spec.pop("ports", [{"port": 80}])
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def read_targets(documents: Sequence[Document], errors: Sequence[str] = ()) -> list[CheckTarget]:
    """Return the containers to check; raises BadInput with a line for every mistake, `errors` included."""
    found = read_objects(documents)
    if lines := [*errors, *(document.message(error) for document, error in found.mistakes)]:
        raise BadInput(*lines)
    return targets_among(found.objects)


def targets(*objects: dict[str, Any] | str) -> list[CheckTarget]:
    """Read objects, or the text of a manifest, as `m.yaml`."""
    texts = [one if isinstance(one, str) else yaml.safe_dump(one, sort_keys=False) for one in objects]
    documents, errors = parse("---\n".join(texts).encode(), "m.yaml")
    return read_targets(documents, errors)


def target(container: dict[str, Any], *, behind_service: bool = False, **spec: Any) -> CheckTarget:
    """Return the only container of a Deployment."""
    (one,) = targets(deployment(container, **spec), *([service()] if behind_service else []))
    return one


def shipped(*paths: Path) -> list[CheckTarget]:
    return read_targets(load([str(path) for path in paths]))
