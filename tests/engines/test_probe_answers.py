"""The lab's handlers on real sockets and sim's models give every probe and hook the same outcome, in the same words."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crashy.clock import run_virtual
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.program import Programs
from crashy.engines.lab.runtime import ProcessRuntime
from crashy.engines.lab.warden import Warden
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.plans import Plans
from crashy.engines.sim.runtime import SimRuntime
from crashy.fields.units import Fixed
from crashy.kubelet.outcome import Result
from crashy.kubelet.runtime import HookError, Pod, Runtime
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import GRPC, HTTPGet, Probe
from crashy.timeline import Timeline
from tests.engines.probe_answers import AWAKE, FROZEN, HOOKS, ON_THE_NODE, VERSIONS, Row, container_of, template

DEADLINE = 20.0


@dataclass
class Asked:
    """The pod of the table, which runs, and its containers' ids."""

    runtime: Runtime
    pod: Pod
    ids: dict[str, str]

    @classmethod
    async def start(cls, runtime: Runtime, ip: str, *, host_network: bool = False) -> Asked:
        pod = Pod("web", "default", "uid", ip, template(hostNetwork=host_network))
        ids = {one.name: await runtime.start(pod, one, 0, lambda _: None) for one in pod.template.containers}
        asked = cls(runtime, pod, ids)
        async with asyncio.timeout(DEADLINE):
            for handler in (HTTPGet(8080, "/readyz"), GRPC(9000), HTTPGet(8000)):
                while (await asked.probe(Row(handler, Result.SUCCESS, None)))[0] is not Result.SUCCESS:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        return asked

    async def probe(self, row: Row) -> tuple[Result, str | None]:
        """Return what a probe learns, as its row has it."""
        container = container_of(self.pod.template, row.handler)
        outcome = await self.runtime.probe(self.pod, container, self.ids[container.name], Probe(row.handler))
        return outcome.result, self._said(outcome.error or outcome.output) if row.text is not None else None

    def _said(self, text: str) -> str:
        text = text.replace(self.pod.ip, "POD").replace("[::1]", "127.0.0.1")
        return re.sub(r'(malformed HTTP response ").*', r'\1…"', text)

    async def hook(self, hook: HTTPGet) -> str | None:
        """Return why a hook fails, None if it succeeds."""
        container = container_of(self.pod.template, hook)
        try:
            async with asyncio.timeout(DEADLINE):
                await self.runtime.hook(self.pod, container, self.ids[container.name], hook)
        except HookError as error:
            return self._said(str(error))
        return None


@asynccontextmanager
async def lab(root: Path, version: str, *, host_network: bool = False) -> AsyncIterator[Asked]:
    addresses, warden = Addresses(lambda _: None), Warden(root)
    programs = Programs(root, addresses, LoopbackNetwork(addresses, random.Random(1)))
    timeline = Timeline(time.monotonic)
    profile = PROFILES[version]
    runtime = ProcessRuntime(
        programs.program,
        addresses=addresses,
        warden=warden,
        cgroups=Cgroups(None, "", lambda _: None),
        outside=OutsideFaults(timeline, random.Random(1)),
        timeline=timeline,
        profile=profile,
    )
    try:
        yield await Asked.start(runtime, addresses.pod_ip(), host_network=host_network)
    finally:
        await runtime.close(0)
        addresses.close()
        warden.close()


async def modelled(version: str, *, host_network: bool = False) -> Asked:
    network = SimNetwork(random.Random(1), Fixed(0.0), Fixed(0.0))
    plans = Plans(network, Timeline(asyncio.get_running_loop().time), random.Random(1), {})
    runtime = SimRuntime(plans, PROFILES[version])
    return await Asked.start(runtime, network.pod_ip(), host_network=host_network)


async def every_probe(asked: Asked) -> list[tuple[Row, tuple[Result, str | None]]]:
    """Ask as every row says; those that wait for a timeout wait together."""
    awake = await asyncio.gather(*(asked.probe(row) for row in AWAKE))
    freezing = [await asked.probe(FROZEN[0])]
    frozen = await asyncio.gather(*(asked.probe(row) for row in FROZEN[1:]))
    return list(zip((*AWAKE, *FROZEN), (*awake, *freezing, *frozen), strict=True))


async def every_hook(asked: Asked) -> list[str | None]:
    return [await asked.hook(row.hook) for row in HOOKS]


@pytest.mark.parametrize("version", ["1.20", "1.36"])
async def test_every_probe_in_the_lab(tmp_path: Path, version: str) -> None:
    async with lab(tmp_path, version) as asked:
        assert [got for _, got in await every_probe(asked)] == [(row.result, row.text) for row in (*AWAKE, *FROZEN)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_probe_on_sim(version: str) -> None:
    async def main() -> None:
        answered = await every_probe(await modelled(version))
        assert [got for _, got in answered] == [(row.result, row.text) for row in (*AWAKE, *FROZEN)]

    run_virtual(main())


async def test_on_the_nodes_network_in_the_lab(tmp_path: Path) -> None:
    async with lab(tmp_path, "1.36", host_network=True) as asked:
        assert [await asked.probe(row) for row in ON_THE_NODE] == [(row.result, row.text) for row in ON_THE_NODE]


def test_on_the_nodes_network_on_sim() -> None:
    async def main() -> None:
        asked = await modelled("1.36", host_network=True)
        assert [await asked.probe(row) for row in ON_THE_NODE] == [(row.result, row.text) for row in ON_THE_NODE]

    run_virtual(main())


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_hook_in_the_lab(tmp_path: Path, version: str) -> None:
    async with lab(tmp_path, version) as asked:
        assert await every_hook(asked) == [row.fails[version] for row in HOOKS]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_hook_on_sim(version: str) -> None:
    async def main() -> None:
        assert await every_hook(await modelled(version)) == [row.fails[version] for row in HOOKS]

    run_virtual(main())
