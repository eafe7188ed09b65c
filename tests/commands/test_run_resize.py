"""A bare Pod's resources are changed by `apply` while it runs: by version, in the lab and on sim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.labs import crashy

SMALL = {"limits": {"cpu": "500m", "memory": "200Mi"}, "requests": {"cpu": "100m"}}
LARGE = {"limits": {"cpu": "900m", "memory": "300Mi"}, "requests": {"cpu": "200m"}}


def pod(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    app = {"name": "app", "image": "crashy-app:1.0.0", "resources": resources, **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [app]}}


def resize(folder: Path, engine: str, version: str, before: Any, after: Any) -> tuple[str, list[dict[str, Any]]]:
    """Run an experiment that applies another Pod of the same name; return the errors, and what happened to the pod."""
    file, timeline = folder / "resize.json", folder / "resize.jsonl"
    steps = [{"at": "2s", "apply": [after]}]
    file.write_text(json.dumps({"name": "r", "lesson": "l", "manifests": [before], "steps": steps, "duration": "6s"}))
    ran = crashy("run", str(file), "--on", engine, "--kubernetes", version, "--timeline", str(timeline))
    events = [json.loads(line) for line in timeline.read_text().splitlines()] if timeline.exists() else []
    return ran.stdout + ran.stderr, [one for one in events if one["object"] == "pod/web"]


@pytest.mark.parametrize("engine", ["lab", "sim"])
@pytest.mark.parametrize(
    ("version", "events"), [("1.34", ["ResizeCompleted"]), ("1.36", ["ResizeStarted", "ResizeCompleted"])]
)
def test_resources_change_without_a_restart(version: str, events: list[str], engine: str, tmp_path: Path) -> None:
    said, happened = resize(tmp_path, engine, version, pod(SMALL), pod(LARGE))

    assert [one["reason"] for one in happened if one["reason"].startswith("Resize")] == events, said
    assert [one["reason"] for one in happened if one["kind"] == "process"][:2] in (["Started"], ["Started", "Exited"])
    assert not [one for one in happened if one["reason"] == "Killing" and one["t"] < 5.5]
    assert max(one["data"]["restarts"] for one in happened if one["kind"] == "pod") == 0


@pytest.mark.parametrize("engine", ["lab", "sim"])
def test_a_policy_may_require_a_restart(engine: str, tmp_path: Path) -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    said, happened = resize(tmp_path, engine, "1.36", pod(SMALL, resizePolicy=policy), pod(LARGE, resizePolicy=policy))

    assert "Container app resize requires restart" in [one["message"] for one in happened], said
    assert max(one["data"]["restarts"] for one in happened if one["kind"] == "pod") == 1


@pytest.mark.parametrize("engine", ["lab", "sim"])
@pytest.mark.parametrize(
    ("version", "after", "text"),
    [
        ("1.20", LARGE, "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"),
        ("1.32", LARGE, "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"),
        (
            "1.36",
            {"limits": LARGE["limits"]},
            'spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing',
        ),
    ],
)
def test_what_is_refused(version: str, after: dict[str, Any], text: str, engine: str, tmp_path: Path) -> None:
    said, _ = resize(tmp_path, engine, version, pod(SMALL), pod(after))

    assert f"Pod/web: {text}" in said
