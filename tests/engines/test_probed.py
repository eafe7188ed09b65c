"""What a fault's file says that probes make of it is what the real handlers say of a real patient, and sim's too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from crashy.clock import run_virtual
from crashy.engines.admin import NotDoneError
from crashy.faults.base import FAULTS, parse_spec
from crashy.faults.catalogue import rows_outside
from crashy.faults.probed import PASSES
from crashy.faults.scope import WAYS, Way
from tests.elsewhere import has_cgroups, roomy
from tests.engines.probed_pods import FourPods, ProbedPod, Seen, lab_pods, sim_pods

SIDE_BY_SIDE = 8
# What a user feels of a fault without a scope, or of one of everybody, where it isn't an answer as ever.
FELT = {
    "abort": "reset",
    "blackhole": "timeout",
    "corrupt": "another body",
    "crash mode=errors": "500",
    "drip": "timeout",
    "error": "500",
    "exception": "500",
    "fds": "timeout",
    "freeze": "timeout",
    "freeze mode=deadlock": "timeout",
    "freeze mode=deaf": "reset",  # a Service's proxy resets what it has accepted for nobody
    "freeze mode=gil for=3s": "timeout",
    "freeze mode=hang": "timeout",
    "freeze mode=stop for=3s": "timeout",
    "freeze mode=threads": "timeout",
    "latency": "late",
    "redirect mode=host": "302",
    "reset": "reset",
    "slow-headers": "timeout",
    "stall-body": "timeout",
    "truncate": "truncated",
    "wrong-identity": "another body",
    # What listens for a probe by tcp listens for users too.
    **{
        f"{fault} protocols={protocols}": "reset"
        for fault in ("flap period=2h", "unlive", "unready", "unstarted")
        for protocols in ("tcp", "http,grpc,exec,tcp")
    },
}
FELT_OUTSIDE = FELT


def rows(way: Way) -> dict[str, Seen]:
    """Return what is seen of each fault that acts in this way, by spec; more than its file says of probes."""
    probed = {"redirect mode=host": PASSES}  # users ask for /, which is where `redirect` leads to
    for name, fault in FAULTS.items():
        probed |= fault.probed if way == "inside" else rows_outside(fault)
        # No fault of users' requests touches a probe unless it is told to.
        if fault.target == "users" and way in parse_spec(name).ways:
            probed.setdefault(name, PASSES)
    own = {spec: one for spec, one in probed.items() if way in parse_spec(spec).ways}
    felt = FELT if way == "inside" else FELT_OUTSIDE
    return {spec: Seen(one, felt.get(spec, "")) for spec, one in own.items()}


async def every_row(
    start: Callable[[], Awaitable[ProbedPod | FourPods]], rows: Mapping[str, Seen]
) -> dict[str, Seen | str]:
    """Return what is seen of each fault, or why it is refused; several pods share the work."""
    left, seen = iter(rows.items()), {}

    async def work() -> None:
        pod = await start()
        for spec, expected in left:
            try:
                seen[spec] = await pod.with_fault(spec, expected)
            except NotDoneError as error:
                seen[spec] = str(error)

    await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)))
    return seen


def refusal(spec: str) -> str:
    """Return how sim refuses a fault that no model can have; empty for another."""
    fault = parse_spec(spec)
    effect = fault.process_effect()
    return f"fault: '{fault.to_spec()}': not on sim: {effect.not_on_sim}" if effect and effect.not_on_sim else ""


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_probes_make_of_it_by_specs_of_its_own(name: str) -> None:
    fault = FAULTS[name]

    assert {parse_spec(spec).name for spec in (*fault.probed, *fault.probed_outside)} == {name}


@pytest.mark.parametrize("name", [name for name in FAULTS if "mode" in FAULTS[name].keys])
def test_every_mode_of_a_fault_is_there(name: str) -> None:
    modes = set(FAULTS[name].keys["mode"].kind.options)

    assert {parse_spec(spec).mode for spec in FAULTS[name].probed} == modes


WAYS_HERE = pytest.mark.parametrize("way", WAYS)


@WAYS_HERE
@pytest.mark.timeout(120)
async def test_in_the_lab(way: Way, tmp_path: Path) -> None:
    # A share is of a limit that is enforced, and what burns beside an app is in its control group.
    needs_cgroups = ("%", "cpu", "memory") if way == "outside" else ("%",)
    table = {
        spec: seen for spec, seen in rows(way).items() if has_cgroups() or not any(one in spec for one in needs_cgroups)
    }
    with roomy(tmp_path, 200 << 20) as root:
        async with lab_pods(root, way) as start:
            assert await every_row(start, table) == table


@WAYS_HERE
def test_on_sim(way: Way) -> None:
    table = rows(way)
    expected = {spec: refusal(spec) or seen for spec, seen in table.items()}

    async def main() -> None:
        assert await every_row(sim_pods(way), table) == expected

    run_virtual(main())
