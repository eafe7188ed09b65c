"""No rule of `crashy check` is loud: not one in ten of other people's containers has it, unless it harms them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WILD = ROOT.parent / "shared" / "wild"


def noise(folder: Path) -> tuple[int, list[list[str]]]:
    script = [sys.executable, str(ROOT / "scripts" / "noise.py"), str(folder)]
    got = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert not got.stderr
    return got.returncode, [line.split() for line in got.stdout.splitlines()]


@pytest.mark.skipif(not WILD.is_dir(), reason="other people's manifests are not beside this clone")
def test_no_rule_is_reported_in_more_than_one_container_of_ten() -> None:
    code, (head, *rows) = noise(WILD)

    assert int(head[0]) > 100
    assert [row for row in rows if float(row[2]) > 10 and row[0] != "invalid-manifest"] == []
    assert code == 0


def test_a_loud_rule_is_an_error(tmp_path: Path) -> None:
    probe = "{tcpSocket: {port: 80}}"
    spec = f"{{containers: [{{name: a, image: x, livenessProbe: {probe}}}]}}"
    (tmp_path / "p.yaml").write_text(f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}")

    code, (_, loudest, *_) = noise(tmp_path)

    assert (code, loudest[:2]) == (1, ["tcp-frozen", "1"])
