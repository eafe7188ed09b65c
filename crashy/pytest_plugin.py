"""The pytest plugin (docs/pytest.md): `crashy_patient`, `crashy_lab`, `crashy_run`; crashy is imported on first use."""

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

MOST_LINES = 40  # of each patient and each lab in a failed test's report, the last ones
_PACKAGE = Path(__file__).parent
_SECTIONS = pytest.StashKey[list[tuple[str, Callable[[], str]]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Add the patient's requests and the labs' events to a failed test's report; hide crashy's own frames."""
    if call.excinfo is None or _SECTIONS not in item.stash:
        return
    for title, text in item.stash[_SECTIONS]:
        item.add_report_section(call.when, title, text())
    if call.when == "call" and not item.config.getoption("fulltrace"):
        _hide_own_frames(call.excinfo.tb)


def _hide_own_frames(place: TracebackType | None) -> None:
    while place is not None:
        while place.tb_next is not None and _PACKAGE in Path(place.tb_next.tb_frame.f_code.co_filename).parents:
            place.tb_next = place.tb_next.tb_next
        place = place.tb_next


def _sections(request: pytest.FixtureRequest) -> list[tuple[str, Callable[[], str]]]:
    """Return crashy's sections of a failed test's report, as a list that can grow."""
    stash: pytest.Stash = request.node.stash
    return stash.setdefault(_SECTIONS, [])


@pytest.fixture(scope="session")
def _crashy_healthy_patient() -> Iterator[Callable[[], Patient]]:
    """Start a patient when one is first needed, and another when it can't be healed after a test."""
    from crashy.library.patient import Patient  # noqa: PLC0415

    patients: list[Patient] = []

    def healthy() -> Patient:
        if patients and not patients[0].heal():
            patients.pop().close()
        if not patients:
            patients.append(Patient())
        return patients[0]

    yield healthy
    for patient in patients:
        patient.close()


@pytest.fixture
def crashy_patient(request: pytest.FixtureRequest, _crashy_healthy_patient: Callable[[], Patient]) -> Iterator[Patient]:
    """Return a patient on a free port, without faults and requests; `inject("error code=503 times=2")` adds a fault."""
    patient = _crashy_healthy_patient()
    _sections(request).append(("crashy_patient", lambda: patient.story(MOST_LINES)))
    yield patient
    if not patient.heal():
        patient.close()


@pytest.fixture
def crashy_lab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    """Return a factory of labs: `crashy_lab("manifests/demo")` runs until the test's end. See `crashy.Lab`."""
    sections = _sections(request)
    with ExitStack() as labs:

        def make(*manifests: Any, **options: Any) -> Lab:
            from crashy import Lab  # noqa: PLC0415
            from crashy.library.lab import story  # noqa: PLC0415

            lab = labs.enter_context(Lab(*manifests, **options))
            number = sum(title.startswith("crashy_lab") for title, _ in sections) + 1
            title = "crashy_lab" if number == 1 else f"crashy_lab {number}"
            sections.append((title, lambda: story(lab.timeline, MOST_LINES)))
            return lab

        yield make


@pytest.fixture
def crashy_run(request: pytest.FixtureRequest) -> Callable[..., Result]:
    """Return a runner: `crashy_run("experiment.yaml", on="sim", seed=1)` fails if an expectation is not met."""
    _sections(request)

    def run(path: str | os.PathLike[str], **options: Any) -> Result:
        from crashy import load_experiment  # noqa: PLC0415

        result = load_experiment(path).run(**options)
        if not result.passed:
            raise AssertionError("\n".join(["expectations that were not met:", *result.unmet, "", result.report]))
        return result

    return run
