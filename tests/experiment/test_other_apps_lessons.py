"""The lessons with another app in the patient's place: what ails it comes from outside, and teaches the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.timeline import kinds
from tests.docs_tables import ROOT
from tests.needs import need
from tests.side_by_side import run_all, too_busy

pytestmark = pytest.mark.slow

LESSONS = (
    "02-liveness-heals-a-soft-crash",
    "05-crash-behind-a-service",
    "06-freeze-with-readiness-only",
    "07-freeze-with-both",
    "12b-tcp-probe-of-a-frozen-server",
)
DURATION = "18s"  # after that nothing happens in any of them


def of_another_app(lesson: Path, program: list[str], folder: Path) -> Path:
    """Write a lesson whose container runs the program, which HOST and PORT tell where to listen."""
    raw: dict[str, Any] = yaml.safe_load(lesson.read_text())
    raw["duration"] = DURATION
    for manifest in raw["manifests"]:
        if manifest["kind"] == "Deployment":
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            container["image"] = "example.org/api:2.0"
            container["command"] = program
            port = str(container["ports"][0]["containerPort"])
            address = {"fieldRef": {"fieldPath": "status.podIP"}}
            container["env"] = [{"name": "HOST", "valueFrom": address}, {"name": "PORT", "value": port}]
    file = folder / lesson.name
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    return file


def test_the_verdicts_are_the_lessons_own_in_the_lab_and_on_sim(tmp_path: Path) -> None:
    program = [need("node"), str(ROOT / "docs/your-app/node/server.js")]
    files = {name: of_another_app(ROOT / f"experiments/{name}.yaml", program, tmp_path) for name in LESSONS}
    runs = {(name, engine): (file, engine) for name, file in files.items() for engine in ("lab", "sim")}
    ran = run_all(runs, timelines=tmp_path)

    unnamed = [
        (key, data)
        for key, one in ran.items()
        for _, data in kinds.REQUEST.read(one.events)
        if data["ok"] and not data["pod"]
    ]
    assert not unnamed, "requests_after_leaving judges by who has answered"
    if any(one.code for one in ran.values()):
        too_busy(ran.values())
    assert {key: (one.code, one.missed) for key, one in ran.items()} == dict.fromkeys(runs, (0, []))
