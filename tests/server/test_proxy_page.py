"""docs/proxy.md is true: its commands run, and print what it shows; its experiment passes with a real Redis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from crashy import cli
from tests.commands.test_probe import free_port, listens, server
from tests.docs_tables import ROOT
from tests.needs import needs
from tests.server.running import DEADLINE

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "proxy.md"
EXPERIMENT = ROOT / "docs" / "proxy" / "slow-cache.yaml"


def steady(text: str) -> str:
    """Return a text without what differs from run to run."""
    return re.sub(r"\d+ open|[\d.]+s\b|:\d{4,5}", "#", text)


@needs("redis-server")
def test_its_commands_print_what_it_shows(tmp_path: Path) -> None:
    script, shown = re.findall(r"```(?:sh|text)\n(.*?)```", PAGE.read_text(), re.DOTALL)[:2]
    admin = free_port()
    up = '[ "$(grep -c Listening proxy.log)" = 2 ] && redis-cli -p 6379 ping > up.log 2>&1'
    script = script.replace("sleep 2", f"until {up}; do sleep 0.1; done")  # however slow this machine is
    for port in ("6379", "6380"):
        script = script.replace(port, str(free_port()))
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "crashy").write_text(f'#!/bin/sh\nexec {sys.executable} -m crashy "$@"\n')
    (folder / "crashy").chmod(0o755)
    script = re.sub(
        r"^crashy (inject|status|recover)", rf"crashy \1 --url http://127.0.0.1:{admin}", script, flags=re.M
    )
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "ADMIN_PORT": str(admin)}

    ran = subprocess.run(
        ["bash", "-c", script.replace("--port", "--bind 127.0.0.1 --port")],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert steady(ran.stdout) == steady(shown)
    assert "Drained: drain finished" in (tmp_path / "proxy.log").read_text()


def run(folder: Path, port: int, *options: str) -> int:
    manifests = [*yaml.safe_load_all((EXPERIMENT.parent / "app.yaml").read_text())]
    manifests[0]["spec"]["ports"][0]["targetPort"] = port
    (folder / "app.yaml").write_text(yaml.safe_dump_all(manifests))
    (folder / "slow-cache.yaml").write_text(EXPERIMENT.read_text())
    return cli.main(["run", str(folder / "slow-cache.yaml"), *options])


@needs("redis-server")
def test_its_experiment_passes_in_the_lab(tmp_path: Path) -> None:
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with server(command, lambda: listens(port)):
        assert run(tmp_path, port) == 0


def test_its_experiment_passes_on_sim_and_is_refused_on_a_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, 6379, "--on", "sim", "--seed", "1") == 0
    assert run(tmp_path, 6379, "--on", "kube") == 2
    assert "does not run on kube: target: service/NAME: not on a cluster" in capsys.readouterr().err
