"""What probes and users see of every fault, in each way: of a real app and of a modelled one, as its file says it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from crashy.clock import run_virtual
from crashy.engines.admin import NotDoneError
from crashy.faults.base import FAULTS, FaultError, parse_spec
from crashy.faults.catalogue import rows_outside
from crashy.faults.probed import PASSES
from crashy.faults.scope import WAYS, Way
from tests.elsewhere import has_cgroups, roomy
from tests.engines.probed_pod import FourPods, ProbedPod, Seen
from tests.engines.probed_pods import lab_pods, sim_pods

SIDE_BY_SIDE = 8
WAYS_HERE = pytest.mark.parametrize("way", WAYS)
# What a user feels of a fault without a scope, or of one of everybody, where it isn't an answer as ever.
FELT = {
    "abort": "reset",
    "bandwidth rate=10": "timeout",
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
    "rate-limit requests=1 per=24h": "429",
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
# Specs that no file has, since no probe notices them: `redirect` alone leads to /, for which users ask here.
FOR_USERS = ("bandwidth rate=10", "rate-limit requests=1 per=24h", "redirect mode=host")
# Where a probe sees another thing of the same spec from outside, and why.
ELSEWHERE = {
    "crash": "a process that is killed has no exit code of its own",
    # From outside nothing is done to what an exec probe runs.
    **dict.fromkeys(("crash mode=errors", "flap period=2h", "unlive", "unready", "unstarted"), "exec"),
    # From outside they are about users' connections, unless told otherwise.
    **dict.fromkeys(("freeze mode=hang", "freeze mode=deaf"), "clients"),
}


def rows(way: Way) -> dict[str, Seen]:
    """Return what is seen of each fault that acts in this way, by spec; more than its file says of probes."""
    probed = dict.fromkeys(FOR_USERS, PASSES)
    for name, fault in FAULTS.items():
        probed |= fault.probed if way == "inside" else rows_outside(fault)
        # No fault of users' requests touches a probe unless it is told to.
        if fault.target == "users" and way in parse_spec(name).ways:
            probed.setdefault(name, PASSES)
    own = {spec: one for spec, one in probed.items() if way in parse_spec(spec).ways}
    return {spec: Seen(one, FELT.get(spec, "")) for spec, one in own.items()}


def refused(way: Way) -> dict[str, str]:
    """Return why each fault that lacks this way is refused, by spec."""
    other = rows("outside" if way == "inside" else "inside")
    found = {}
    for spec in other.keys() - rows(way).keys():
        try:
            parse_spec(spec).taken(way)
        except FaultError as error:
            found[spec] = error.message
    return found


async def every_row(
    start: Callable[[], Awaitable[ProbedPod | FourPods]], rows: Mapping[str, Seen | str]
) -> dict[str, Seen | str]:
    """Return what is seen of each fault, or why it is refused; several pods share the work."""
    left, seen = iter(rows.items()), {}

    async def work() -> None:
        pod = await start()
        for spec, expected in left:
            try:
                seen[spec] = await pod.with_fault(spec, expected if isinstance(expected, Seen) else Seen(PASSES))
            except NotDoneError as error:
                seen[spec] = re.sub(r"^(?:409|\w+:) ", "", str(error))  # without its field, or the status

    await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)))
    return seen


def refusal(spec: str) -> str:
    """Return how sim refuses a fault that no model can have; empty for another."""
    fault = parse_spec(spec)
    effect = fault.process_effect()
    return f"'{fault.to_spec()}': not on sim: {effect.not_on_sim}" if effect and effect.not_on_sim else ""


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_probes_make_of_it_by_specs_of_its_own(name: str) -> None:
    fault = FAULTS[name]

    assert {parse_spec(spec).name for spec in (*fault.probed, *fault.probed_outside)} == {name}


@pytest.mark.parametrize("name", [name for name in FAULTS if "mode" in FAULTS[name].keys])
def test_every_mode_of_a_fault_is_there(name: str) -> None:
    modes = set(FAULTS[name].keys["mode"].kind.options)

    assert {parse_spec(spec).mode for spec in FAULTS[name].probed} == modes


def test_a_probe_sees_the_same_of_a_fault_from_outside_as_from_inside() -> None:
    inside, outside = rows("inside"), rows("outside")

    assert {spec for spec in inside.keys() & outside.keys() if inside[spec] != outside[spec]} == ELSEWHERE.keys()
    for spec, why in ELSEWHERE.items():
        if why == "exec":
            assert outside[spec].probed.shown()[:-1] == inside[spec].probed.shown()[:-1]
            assert not outside[spec].probed.exec
        if why == "clients":
            assert outside[f"{spec} clients=kubelet"].probed == inside[spec].probed


@WAYS_HERE
@pytest.mark.timeout(120)
async def test_in_the_lab(way: Way, tmp_path: Path) -> None:
    # A share is of a limit that is enforced, and what burns beside an app is in its control group.
    limited = ("%", "cpu", "memory") if way == "outside" else ("%",)
    table = {spec: seen for spec, seen in rows(way).items() if has_cgroups() or not any(one in spec for one in limited)}
    with roomy(tmp_path, 200 << 20) as root:
        async with lab_pods(root, way) as start:
            assert await every_row(start, table | refused(way)) == table | refused(way)


@WAYS_HERE
def test_on_sim(way: Way) -> None:
    table = rows(way) | refused(way)
    expected = {spec: seen if isinstance(seen, str) else refusal(spec) or seen for spec, seen in table.items()}

    async def main() -> None:
        assert await every_row(sim_pods(way), table) == expected

    run_virtual(main())
