"""Growth: what one more sample of a report, active fault or pod of sim costs; it stays flat, or the bar shows it."""

from __future__ import annotations

import asyncio
import gc
import random
import re
import shutil
import subprocess
import time
import tracemalloc
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.servers import Running, crashy, serving
from benchmarks.table import Line, line
from crashy.clock import run_virtual
from crashy.engines.sim.sim import running
from crashy.faults.active import FaultSet
from crashy.faults.base import parse_spec
from crashy.faults.scope import Request
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.server.answered import answered
from crashy.timeline import Timeline
from crashy.traffic.samples import Sample, Samples
from crashy.traffic.summary import summary

SIM_SECONDS = 30.0
SIM_PODS = 100  # of each Deployment and its Service, where there are more
SIM_SPEC = {
    "containers": [
        {
            "name": "web",
            "image": "crashy-app:1",
            "ports": [{"name": "web", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "web"}, "periodSeconds": 5},
            "livenessProbe": {"httpGet": {"path": "/livez", "port": "web"}, "periodSeconds": 1},
        }
    ],
}

_BARS: list[tuple[str, float, str]] = []


def _samples(count: int) -> tuple[float, float, float]:
    """Return the us a sample of keeping it, its bytes, and the us of the report a sample."""
    tracemalloc.start()
    kept, begin = Samples(), time.process_time()
    for number in range(count):
        kept.append(Sample(number / 10, 0.001, 0.0, 200, f"web-{number % 3}", ""))
    keeping, size = time.process_time() - begin, tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    begin = time.process_time()
    summary(kept, rate=10)
    return 1e6 * keeping / count, size / count, 1e6 * (time.process_time() - begin) / count


def _faults(count: int) -> float:
    """Return the microseconds of a request that matches none of so many active faults."""
    faults = FaultSet(time.monotonic, random.Random(7))
    for number in range(count):
        faults.inject(parse_spec(f"error routes=/other{number}"))
    request, rounds = Request("GET", "/"), 200
    begin = time.process_time()
    for _ in range(rounds):
        faults.on_request(request)
    return 1e6 * (time.process_time() - begin) / rounds


def _kept(count: int) -> float:
    """Return the bytes of a timeline that keeps 10,000 events, after so many."""
    tracemalloc.start()
    timeline = Timeline(time.monotonic, keep=10_000)
    tell = timeline.add_lazy("request", partial(answered, "web-1"))
    for number in range(count):
        tell("GET", f"/{number}", "users", 200, number / 1e9, "127.0.0.1")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size / 1e6


def _workload(number: int, replicas: int) -> Manifests:
    """Return a Deployment and the Service in front of it."""
    meta: dict[str, Any] = {"name": f"web-{number}"}
    labels = {"app": meta["name"]}
    template = {"metadata": {"labels": labels}, "spec": SIM_SPEC}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    ports = [{"port": 80, "targetPort": "web"}]
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}}
    return read([Document("growth", index, 1, one) for index, one in enumerate((deployment, service), 1)])


def _sim(pods: int, each: int) -> float:
    """Return the CPU ms a pod that 30 s of virtual time cost, from the start of all pods on."""
    made = [_workload(number, min(each, SIM_PODS)) for number in range(pods // each)]
    manifests = Manifests(
        workloads=tuple(replace(one, replicas=each) for workload in made for one in workload.workloads),
        services=tuple(one for workload in made for one in workload.services),
    )

    async def main() -> int:
        timeline = Timeline(asyncio.get_running_loop().time, keep=1)
        async with running(timeline, rng=random.Random(1), max_pods=pods) as sim:
            await sim.apply(manifests)
            await asyncio.sleep(SIM_SECONDS)
            return sum(view.status.ready for view in sim.pods())

    gc.collect()
    begin = time.process_time()
    ready = run_virtual(main())
    if ready != pods:
        raise RuntimeError(f"{ready} of {pods} pods of sim were ready")
    return 1e3 * (time.process_time() - begin) / pods


def _sims() -> list[Line]:
    """Measure sim at several sizes, each beside 100 pods in the same run."""
    few = [_sim(100, 100) for _ in range(5)]
    lines = [line("sim, 100 pods: 30 s, a pod", few, unit="ms")]
    for pods, each in ((1_000, SIM_PODS), (3_000, SIM_PODS), (10_000, SIM_PODS), (1_000, 1_000)):
        cost = _sim(pods, each)
        figure = f"sim, {pods:,} pods{'' if each == SIM_PODS else ' of one Deployment'}: 30 s, a pod"
        lines.append(line(f"{figure} / 100", [cost / one for one in few], most=2, note=f"{cost:.3g} ms"))
        _BARS.append((figure.replace(": 30 s, a pod", ""), cost, "ms a pod"))
    return lines


def _patient(patient: Running) -> float:
    url = f"http://127.0.0.1:{patient.port}/"
    out = subprocess.run(["wrk", "-t1", "-c32", "-d2s", url], capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0])


def measure() -> list[Line]:
    """Measure what grows, each at several sizes."""
    _BARS.clear()
    lines = []
    for count in (1_000, 10_000, 100_000, 1_000_000):
        keeping, size, report = _samples(count)
        lines += [
            line(f"{count:,} samples: bytes a sample", [size], unit="B"),
            line(f"{count:,} samples: the report a sample", [report], unit="us"),
        ]
        _BARS.append((f"report, {count:,} samples", report, "us a sample"))
        del keeping
    for count in (0, 1, 10, 100, 1000):
        cost = _faults(count)
        lines.append(line(f"{count} active faults: a request", [cost], unit="us"))
        _BARS.append((f"{count} faults", cost / max(count, 1), "us a request and fault"))
    for count in (10_000, 100_000, 1_000_000):
        size = _kept(count)
        lines.append(line(f"a patient's timeline after {count:,} requests", [size], unit="MB"))
        _BARS.append((f"timeline, {count:,} requests", size, "MB"))
    lines += _sims()
    if shutil.which("wrk"):
        with serving(crashy()) as patient:
            rested = patient.memory()
            for number in (1, 2, 3):
                _patient(patient)
                lines.append(line(f"patient's memory, {number * 2} s of wrk", [patient.memory()], unit="MB"))
        lines.append(line("patient's memory at rest", [rested], unit="MB"))
    return lines


def notes() -> list[str]:
    """Draw the figures: a bar for each size, longest of its kind full."""
    most: dict[str, float] = {}
    for _, value, unit in _BARS:
        most[unit] = max(most.get(unit, 0.0), value)
    drawn = [f"{name:32} {'#' * round(40 * value / most[unit]):40} {value:.3g} {unit}" for name, value, unit in _BARS]
    return ["", *drawn]
