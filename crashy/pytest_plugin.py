"""The pytest plugin: `crashy_patient`, `crashy_lab`, `crashy_run`. Nothing else of crashy is imported before their use.

docs/pytest.md shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import os

    from crashy.library.experiment import Result
    from crashy.library.lab import Lab
    from crashy.library.patient import Patient

MOST_LINES = 40
"""Lines that a failed test's report has of each patient and each lab, the last ones."""

_PACKAGE = Path(__file__).parent
_TOLD = pytest.StashKey[list[tuple[str, Callable[[], str]]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Attach to a failed test's report what its patient has seen and its labs' events; leave out crashy's own code."""
    if call.excinfo is None or _TOLD not in item.stash:
        return
    for title, tell in item.stash[_TOLD]:
        item.add_report_section(call.when, title, tell())
    if call.when == "call" and not item.config.getoption("fulltrace"):
        _leave_out_our_frames(call.excinfo.tb)


def _leave_out_our_frames(place: TracebackType | None) -> None:
    while place is not None:
        while place.tb_next is not None and _PACKAGE in Path(place.tb_next.tb_frame.f_code.co_filename).parents:
            place.tb_next = place.tb_next.tb_next
        place = place.tb_next


def _sections(request: pytest.FixtureRequest) -> list[tuple[str, Callable[[], str]]]:
    """Return what a failed test's report has of crashy's own, to be added to."""
    stash: pytest.Stash = request.node.stash
    return stash.setdefault(_TOLD, [])


@pytest.fixture(scope="session")
def _crashy_ward() -> Iterator[Callable[[], Patient]]:
    """Make a patient when one is first needed, and another when a test has left it so that it can't be healed."""
    from crashy.library.patient import Patient  # noqa: PLC0415

    patients: list[Patient] = []

    def well() -> Patient:
        if patients and not patients[0].heal():
            patients.pop().close()
        if not patients:
            patients.append(Patient())
        return patients[0]

    yield well
    for patient in patients:
        patient.close()


@pytest.fixture
def crashy_patient(request: pytest.FixtureRequest, _crashy_ward: Callable[[], Patient]) -> Iterator[Patient]:
    """Return a real patient on a free port: faults by `inject("error code=503 times=2")`, what it saw in `requests`.

    Each test finds it without faults, and it has seen nothing.
    """
    patient = _crashy_ward()
    _sections(request).append(("crashy_patient", lambda: patient.story(MOST_LINES)))
    yield patient
    if not patient.heal():
        patient.close()


@pytest.fixture
def crashy_lab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    """Return a maker of labs: `crashy_lab("manifests/demo")` runs manifests until its end. See `crashy.Lab`."""
    told = _sections(request)
    with ExitStack() as labs:

        def make(*manifests: Any, **options: Any) -> Lab:
            from crashy import Lab  # noqa: PLC0415
            from crashy.library.story import story  # noqa: PLC0415

            lab = labs.enter_context(Lab(*manifests, **options))
            number = sum(title.startswith("crashy_lab") for title, _ in told) + 1
            title = "crashy_lab" if number == 1 else f"crashy_lab {number}"
            told.append((title, lambda: story(lab.timeline, MOST_LINES)))
            return lab

        yield make


@pytest.fixture
def crashy_run(request: pytest.FixtureRequest) -> Callable[..., Result]:
    """Return a runner of experiments: `crashy_run("experiment.yaml", on="sim", seed=1)`; fails if one is not met."""
    _sections(request)

    def run(path: str | os.PathLike[str], **options: Any) -> Result:
        from crashy import load_experiment  # noqa: PLC0415

        result = load_experiment(path).run(**options)
        if not result.passed:
            raise AssertionError("\n".join(["expectations that were not met:", *result.unmet, "", result.report]))
        return result

    return run
