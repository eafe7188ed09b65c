"""A hundred pods for an hour, with random crashes and freezes: run by `test_sim_hour` on several Pythons.

It needs nothing but the standard library. It prints the digest of the timeline, and what it took.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable

from crashy.clock import run_virtual
from crashy.engines.sim.patient import PatientPlan
from crashy.engines.sim.runtime import SimRuntime
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, parse_pod_template
from crashy.patient.settings import IMAGE, load
from crashy.timeline import Event, Timeline

SPEC = {
    "terminationGracePeriodSeconds": 5,
    "containers": [
        {
            "name": "app",
            "image": "crashy-app",
            "livenessProbe": {"httpGet": {"port": 8080, "path": "/livez"}, "periodSeconds": 1},
            "readinessProbe": {"httpGet": {"port": 8080, "path": "/readyz"}},
        }
    ],
}
# Each life has some of these, at a random moment.
ILLNESSES = (
    {"KILL_IN_SECONDS": "5", "KILL_IN_SECONDS_JITTER": "60"},
    {"CRASH_AFTER": "60", "CRASH_AFTER_JITTER": "3000"},
    {"FREEZE_AFTER": "60", "FREEZE_AFTER_JITTER": "3000"},
    {"FAULTS": "freeze mode=stop after=60s jitter=30m for=20s; freeze mode=deaf after=60s jitter=30m for=2s"},
    {"FAULTS": "unready after=60s jitter=30m for=10s; error p=0.01; latency delay=p50=20ms,p99=1500ms clients=kubelet"},
)


async def hour(pods: int, seconds: float, seed: int, tell: Callable[[Event], None]) -> None:
    """Run so many pods for so long."""
    loop = asyncio.get_running_loop()
    rng, timeline = random.Random(seed), Timeline(loop.time, keep=1)
    timeline.subscribe(tell)
    settings = [load((), IMAGE | illness) for illness in ILLNESSES]

    def script(pod: Pod, _container: Container, _attempt: int) -> PatientPlan:
        def log(reason: str, message: str) -> None:
            timeline.add("sim", "log", pod.object, reason, message)

        return PatientPlan(rng.choice(settings), pod.name, random.Random(rng.getrandbits(64)), log)

    runtime = SimRuntime(script)
    template = parse_pod_template({"spec": SPEC}, path="")
    drivers = [
        PodDriver(
            Pod(f"web-{i}", "default", f"uid-{i}", f"10.244.0.{i}", template),
            runtime,
            timeline.add,
            lambda _: None,
            rng=random.Random(rng.getrandbits(64)),
        )
        for i in range(pods)
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(driver.run()) for driver in drivers]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()


def main(pods: int, seconds: float, seed: int) -> None:
    """Print a line of figures; the first two words are the same for the same arguments, wherever it runs."""
    digest, kinds = hashlib.sha256(), Counter[str]()

    def tell(event: Event) -> None:
        digest.update(event.to_json().encode() + b"\n")
        kinds[event.reason] += 1

    wall, cpu = time.perf_counter(), time.process_time()
    run_virtual(hour(pods, seconds, seed, tell))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    hours = pods * seconds / 3600
    ends = f"{kinds['Exited']} exits, {kinds['Killing']} kills, {kinds['BackOff']} back-offs"
    speed = f"{wall:.1f} s, {hours / cpu:.1f} pod-hours a CPU second on Python {sys.version.split()[0]}"
    sys.stdout.write(f"{digest.hexdigest()} {kinds.total()} events; {ends}; {speed}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
