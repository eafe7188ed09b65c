"""What a fault's file says that probes make of it is what the real handlers say of a real patient, and sim's too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from crashy.clock import run_virtual
from crashy.engines.admin import NotDoneError
from crashy.faults.base import FAULTS, parse_spec
from crashy.faults.probed import PASSES, Probed
from tests.elsewhere import has_cgroups, roomy
from tests.engines.probed_pods import ProbedPod, lab_pods, sim_pods

SIDE_BY_SIDE = 8
ROWS = {spec: probed for fault in FAULTS.values() for spec, probed in fault.probed.items()}
# No fault of users' requests touches a probe unless it is told to.
ROWS |= {name: PASSES for name, fault in FAULTS.items() if fault.target == "users" and name not in ROWS}


async def every_row(start: Callable[[], Awaitable[ProbedPod]], rows: Mapping[str, Probed]) -> dict[str, Probed | str]:
    """Return what is seen of each fault, or why it is refused; several pods share the work."""
    left, seen = iter(rows.items()), {}

    async def work() -> None:
        pod = await start()
        for spec, expected in left:
            try:
                seen[spec] = await pod.with_fault(type(parse_spec(spec)), spec, expected)
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

    assert fault.probed
    assert {parse_spec(spec).name for spec in fault.probed} == {name}


@pytest.mark.parametrize("name", [name for name in FAULTS if "mode" in FAULTS[name].keys])
def test_every_mode_of_a_fault_is_there(name: str) -> None:
    modes = set(FAULTS[name].keys["mode"].kind.options)

    assert {parse_spec(spec).mode for spec in FAULTS[name].probed} == modes


@pytest.mark.timeout(120)
async def test_in_the_lab(tmp_path: Path) -> None:
    # A share is of a limit that is enforced.
    rows = {spec: probed for spec, probed in ROWS.items() if has_cgroups() or "%" not in spec}
    with roomy(tmp_path, 200 << 20) as root:
        async with lab_pods(root) as start:
            assert await every_row(start, rows) == rows


def test_on_sim() -> None:
    expected = {spec: refusal(spec) or probed for spec, probed in ROWS.items()}

    async def main() -> None:
        assert await every_row(sim_pods(), ROWS) == expected

    run_virtual(main())
