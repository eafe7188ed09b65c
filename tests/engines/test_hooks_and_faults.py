"""What an httpGet hook makes of a response that a fault changes is the same in the lab and on sim."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from crashy.clock import run_virtual
from crashy.objects.pod import HTTPGet
from tests.engines.probed_pod import DEADLINE, ProbedPod
from tests.engines.probed_pods import lab_pods, sim_pods

HOOK = HTTPGet(8080, "/readyz")
URL = 'Get "http://POD:8080/readyz": '
ROWS = {
    "abort": f"{URL}EOF",
    "reset": f"{URL}read tcp NODE->POD:8080: read: connection reset by peer",
    "redirect mode=loop": 'Get "/readyz": stopped after 10 redirects',
    "redirect": "",
    "redirect mode=host": "",
    "exception": "",
    "rate-limit requests=1 per=24h": "",
    "truncate": "",
    "truncate mode=chunk": "",
    "corrupt": "",
    "drip over=50ms": "",
    "slow-headers over=50ms": "",
    "wrong-identity": "",
    "blackhole": None,
    "stall-body": None,
    "drip": None,
}
"""Why the hook fails, empty if it succeeds: any response is a success. None if it waits on."""


async def every_row(start: Callable[[], Awaitable[ProbedPod]]) -> dict[str, str | None]:
    pod = await start()

    async def fails(spec: str) -> str | None:
        within = 0.3 if ROWS[spec] is None else DEADLINE
        return await pod.hook_with_fault(f"{spec} clients=kubelet", HOOK, within)

    return {spec: await fails(spec) for spec in ROWS}


async def test_in_the_lab(tmp_path: Path) -> None:
    async with lab_pods(tmp_path) as start:
        assert await every_row(start) == ROWS


def test_on_sim() -> None:
    async def main() -> dict[str, str | None]:
        return await every_row(sim_pods())

    assert run_virtual(main()) == ROWS
