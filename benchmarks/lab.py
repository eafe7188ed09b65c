"""The lab: how late its probes leave, what it costs itself, and how long a pod takes to restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.environment import ENVIRON, ROOT
from benchmarks.probes import percentile
from benchmarks.servers import answers, crashy, serving
from benchmarks.table import Line, line

SECONDS = 10.0
COUNTS = (1, 10, 50, 100)
POD = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {pods}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: web
          image: crashy-app:1.0.0
          env: [{{name: ACCESS_LOG, value: "0"}}, {{name: DRAIN_SECONDS, value: "0"}}]
          ports: [{{containerPort: 8080}}]
          {probes}
"""
LIVENESS = "livenessProbe: {httpGet: {path: /livez, port: 8080}, periodSeconds: 1, failureThreshold: 1}"
PROBE = "readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1, timeoutSeconds: 5}"


@contextmanager
def _lab(pods: int, probes: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a lab with so many pods; return its process and the file of its timeline."""
    with TemporaryDirectory() as folder:
        manifest, timeline = Path(folder, "lab.yaml"), Path(folder, "lab.jsonl")
        manifest.write_text(POD.format(pods=pods, probes=probes))
        # It ends by itself though nobody is left to end it.
        command = [sys.executable, "-m", "crashy", "lab", "--json", "--for", "5m", str(manifest)]
        with timeline.open("w") as out:
            lab = subprocess.Popen(command, cwd=ROOT, env=ENVIRON, stdout=out, stderr=subprocess.DEVNULL, text=True)
        try:
            yield lab, timeline
        finally:
            lab.send_signal(signal.SIGINT)
            try:
                lab.wait(timeout=60)
            except subprocess.TimeoutExpired:
                lab.send_signal(signal.SIGINT)
                lab.wait(timeout=60)


def _events(timeline: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in timeline.read_text().splitlines(keepends=True) if one.endswith("\n")]


def _cpu(pid: int) -> float:
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def _memory(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _ready(timeline: Path) -> int:
    """Count the addresses of pods whose last probe was a success."""
    last = {e["object"]: e["data"]["outcome"] for e in _events(timeline) if e["kind"] == "probe"}
    return sum(outcome == "success" for outcome in last.values())


def _lags(events: list[dict[str, Any]], since: float) -> list[float]:
    """Return how many ms each probe left after its tick; a worker ticks each second from its earliest phase."""
    starts: dict[str, list[float]] = {}
    for event in events:
        if event["kind"] == "probe" and event["t"] > since:
            starts.setdefault(event["object"], []).append(event["t"] - event["data"]["seconds"])
    lags = []
    for times in starts.values():
        phases = [(t - times[0] + 0.5) % 1 - 0.5 for t in times]
        lags += [1000 * (phase - min(phases)) for phase in phases]
    return lags


def lag(pods: int) -> tuple[float, float, float]:
    """Run so many pods; return the lag's p99 in ms, the lab's own cores, and its MB."""
    with _lab(pods, PROBE) as (lab, timeline):
        deadline = time.monotonic() + 90
        while _ready(timeline) < pods:
            if time.monotonic() > deadline or lab.poll() is not None:
                raise RuntimeError(f"{pods} pods were not ready within 90 s")
            time.sleep(0.5)
        since, before = _events(timeline)[-1]["t"], _cpu(lab.pid)
        time.sleep(SECONDS)
        cores, memory = (_cpu(lab.pid) - before) / SECONDS, _memory(lab.pid)
        lags = _lags(_events(timeline), since)
    return percentile(lags, 0.99), cores, memory


def restart() -> tuple[list[float], list[float]]:
    """Have one pod's container killed by its liveness probe, again and again.

    Gives the ratios of its way back, from the lab's decision (`Killing`) to the first answer, to the pod's own start in
    the same lab (`Scheduled` to the first answer), and to that of a bare process in the same round.
    """
    own, bare = [], []
    for _ in range(7):
        with serving(crashy()) as alone:
            cold = alone.took
        with _lab(1, LIVENESS) as (lab, timeline):
            begin = _told(timeline, lab, "Scheduled")
            address = _address(timeline, lab)
            first = _answered(address) - begin
            urllib.request.urlopen(f"http://{address}:8081/admin/faults", b"unlive").close()
            kill = _told(timeline, lab, "Killing")
            _told(timeline, lab, "Exited")
            back = _answered(address) - kill
        own.append(back / first)
        bare.append(back / cold)
    return own, bare


def _told(timeline: Path, lab: subprocess.Popen[str], reason: str) -> float:
    """Return the time of the lab's first event with a reason; raises RuntimeError if there is none within a minute."""
    deadline = time.monotonic() + 60
    while lab.poll() is None and time.monotonic() < deadline:
        if f'"{reason}"' in timeline.read_text():
            return time.perf_counter()
        time.sleep(0.001)
    raise RuntimeError(f"no event {reason} within a minute")


def _answered(address: str) -> float:
    """Return the moment at which somebody answers; raises RuntimeError if nobody does within a minute."""
    deadline = time.monotonic() + 60
    while not answers(8080, address):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody answers on {address}")
        time.sleep(0.0005)
    return time.perf_counter()


def _address(timeline: Path, lab: subprocess.Popen[str]) -> str:
    while lab.poll() is None:
        for event in _events(timeline):
            if event["kind"] == "pod" and event["data"].get("ip"):
                return str(event["data"]["ip"])
        time.sleep(0.01)
    raise RuntimeError("the lab ended before its pod had an address")


def measure() -> list[Line]:
    """Run labs of 1 to 100 pods, then restart one pod."""
    lines = []
    for pods in COUNTS:
        late, cores, memory = lag(pods)
        judged = pods == max(COUNTS)
        lines += [
            line(f"{pods} pods: scheduling lag p99", [late], unit="ms", most=20 if judged else None),
            line(f"{pods} pods: the lab itself", [cores], unit="cores", most=1 if judged else None),
            line(f"{pods} pods: the lab's CPU a pod", [1000 * cores / pods], unit="ms/s"),
            line(f"{pods} pods: the lab's memory", [memory], unit="MB"),
        ]
    own, bare = restart()
    return [
        *lines,
        line("pod restart / the pod's own start", own, most=1.15, note="from the decision to kill to the first answer"),
        line("pod restart / a bare process' start", bare, note="the lab takes 50 ms for a container, as a node does"),
    ]
