"""What is measured with: an environment of its own in build/bench, and the machine's own tools."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"
VENV = BUILD / "venv"
PYTHON = str(VENV / "bin" / "python")
ENVIRON = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "SSL_CERT_FILE", "SSL_CERT_DIR")}
"""Of every server: byte code is written and read, as where it is installed."""

SKIPPED: list[str] = []
"""What is not on this machine, and what is not measured therefore."""


def prepare() -> None:
    """Make the environment, once, and the byte code of what is measured."""
    BUILD.mkdir(parents=True, exist_ok=True)
    stamp, wanted = VENV / ".pins", (ROOT / "requirements" / "bench.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"making {VENV}", file=sys.stderr)
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
        _run(str(ROOT / "scripts" / "install.sh"), PYTHON, "bench")
        stamp.write_text(wanted)
    _run(PYTHON, "-m", "compileall", "-q", "crashy", "benchmarks")
    if shutil.which("go"):
        source = ROOT / "benchmarks" / "peers" / "hello.go"
        if not GO.exists() or GO.stat().st_mtime < source.stat().st_mtime:
            _run("go", "build", "-o", str(GO), str(source))
    else:
        SKIPPED.append("go: the net/http server (Debian: golang-go)")
    for tool, package in (("wrk", "wrk"), ("ab", "apache2-utils"), ("hey", "hey"), ("haproxy", "haproxy")):
        if not shutil.which(tool):
            SKIPPED.append(f"{tool}: what it measures (Debian: {package})")


GO = BUILD / "hello"


def _run(*command: str) -> None:
    environ = {**ENVIRON, "GOCACHE": str(BUILD / "go"), "GOFLAGS": "-mod=mod"}
    subprocess.run(command, check=True, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)


def machine() -> dict[str, str]:
    """Name the machine and the versions that the figures hold for."""
    with Path("/proc/cpuinfo").open() as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "?")
    frozen = subprocess.run([PYTHON, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    named = ("aiohttp", "uvloop", "Flask", "gunicorn", "fastapi", "uvicorn")
    versions = dict(line.split("==") for line in frozen.splitlines() if "==" in line)
    return {
        "machine": f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, {platform.machine()}",
        "python": platform.python_version(),
        "load when it began": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        **{name: versions[name] for name in named if name in versions},
    }
