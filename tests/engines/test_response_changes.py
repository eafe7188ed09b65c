"""What users see of each HTTP fault is the same in the lab and on sim."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from crashy.clock import run_virtual
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.plans import Plans
from crashy.engines.sim.runtime import SimRuntime
from crashy.engines.sim.sim import _reply
from crashy.faults.base import parse_spec
from crashy.fields.units import Fixed
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.objects.pod import HTTPGet, parse_pod_template
from crashy.timeline import Timeline
from crashy.traffic.request import Target, ask
from tests.server.running import DEADLINE, Running

SEEN = {
    "abort": (0, "", "reset"),
    "reset": (0, "", "reset"),
    "blackhole": (0, "", "timeout"),
    "exception": (500, "web", ""),
    "truncate": (200, "web", "truncated"),
    "truncate mode=chunk": (200, "web", "truncated"),
    "drip": (0, "", "timeout"),
    "drip over=100ms": (200, "web", ""),
    "slow-headers": (0, "", "timeout"),
    "slow-headers over=100ms": (200, "web", ""),
    "stall-body clients=users": (0, "", "timeout"),
    "corrupt": (200, "web", ""),
    "redirect path=/info": (302, "web", ""),
    "redirect mode=host": (302, "web", ""),
    "rate-limit requests=1 per=24h": (429, "web", ""),
    "wrong-identity": (200, "another-pod", ""),
}
"""The status, the pod that X-Pod names, and why there is no whole response."""


def within(spec: str) -> float:
    """Return how long users wait."""
    return 0.3 if SEEN[spec][2] == "timeout" else DEADLINE


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    app = Running.start({"POD_NAME": "web"})
    yield app
    app.lines = [line for line in app.lines if "Traceback" not in line]  # the one of `exception`
    app.end()


@pytest.mark.parametrize("spec", SEEN)
async def test_in_the_lab(shared: Running, spec: str) -> None:
    target = Target.of(f"http://127.0.0.1:{shared.port}/")
    await asyncio.to_thread(shared.inject, spec)
    if "rate-limit" in spec:
        await ask(target, within(spec))
    reply = await ask(target, within(spec))
    await asyncio.to_thread(shared.admin, "DELETE", "faults")

    assert (reply.status, reply.pod, reply.failure) == SEEN[spec]


@pytest.mark.parametrize("spec", SEEN)
def test_on_sim(spec: str) -> None:
    async def main() -> None:
        network = SimNetwork(random.Random(1), Fixed(0.0), Fixed(0.0))
        plans = Plans(network, Timeline(asyncio.get_running_loop().time), random.Random(1), {})
        runtime = SimRuntime(plans, NEWEST)
        spec_of = {"containers": [{"name": "app", "image": "crashy-app", "ports": [{"containerPort": 8080}]}]}
        template = parse_pod_template({"metadata": {"name": "web"}, "spec": spec_of}, path="")
        pod = Pod("web", "default", "uid", network.pod_ip(), template)
        await runtime.start(pod, template.containers[0], 0, lambda _: None)
        await asyncio.sleep(5)
        process = runtime.process(pod, template.containers[0])
        process.inject(parse_spec(spec), "admin")  # type: ignore[union-attr]
        if "rate-limit" in spec:
            await runtime.ask(pod.ip, HTTPGet(8080, "/"), 8080, within(spec))
        reply = _reply(await runtime.ask(pod.ip, HTTPGet(8080, "/"), 8080, within(spec)), "web")

        assert (reply.status, reply.pod, reply.failure) == SEEN[spec]

    run_virtual(main())
