"""Every kind of workload on a real cluster, in the lab and on sim: the same reasons in the same order, at like times.

Lab and sim have the rules of the kubelet of the test cluster's version. The experiments stand beside this file.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crashy.experiment.record import read_record
from crashy.kubelet.versions import PROFILES
from crashy.report.parity import ComparableRun, Row, comparable, compare

VERSION = "1.20"
SECONDS = 1.5  # that a time may be from the cluster's
LATE = 8.0  # seconds before a run's end: what only one side came to then is a matter of how fast its node is
POLL = 11.0  # seconds within which the CronJob controller of that version sees a minute, and a Job that has ended
FOLDER = Path(__file__).with_name("workloads")
KINDS = sorted(path.stem for path in FOLDER.glob("*.yaml"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def begin(kind: str, engine: str, folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """Begin a run, and return it with the file of its timeline."""
    timeline = folder / f"{kind}-{engine}.jsonl"
    rules = () if engine == "kube" else ("--kubernetes", VERSION)
    command = ["run", str(FOLDER / f"{kind}.yaml"), "--on", engine, "--seed", "1", "--timeline", str(timeline), *rules]
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "crashy", *command], stdout=pipe, stderr=pipe, text=True), timeline


def ended(run: tuple[subprocess.Popen[str], Path]) -> ComparableRun:
    """Wait for the end of a run, which must be as its experiment expects, and return what can be compared of it."""
    process, timeline = run
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    with timeline.open(encoding="utf-8") as lines:
        return comparable(read_record(lines, str(timeline)).events)


def run_everywhere(kind: str, folder: Path) -> tuple[ComparableRun, ComparableRun, ComparableRun]:
    """Run an experiment on the cluster and in the lab at the same time, then on sim."""
    kube, lab = begin(kind, "kube", folder), begin(kind, "lab", folder)
    runs = ended(kube), ended(lab)
    return (*runs, ended(begin(kind, "sim", folder)))


def allowed(row: Row) -> float:
    """Return how many seconds a time may be from the cluster's.

    What waits for a pod's removal has the luck of it besides: kubelets of that version take a whole span of seconds.
    """
    least, most = PROFILES[VERSION].gone_after_exit
    removal = row.object.startswith(("statefulset/", "pod/db-", "daemonset/", "pod/agent.2")) or "Deleted" in row.left
    return SECONDS + (most - least if removal else 0)


def differences(kube: ComparableRun, other: ComparableRun, within: Callable[[Row], float] = allowed) -> list[str]:
    rows = compare(kube, other, seconds=0.0, share=1.0, late=LATE)
    return [
        f"{row.what} {row.object}: {row.left} → {row.right}"
        for row in rows
        if row.differs and not (row.what in {"times", "detect", "recover"} and abs(row.apart or 0.0) <= within(row))
    ]


@pytest.mark.xdist_group("workloads")  # one after the other, so that the node's load is not what is compared
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cronjob"])
def test_a_workload_does_the_same_everywhere(kind: str, needs: Callable[..., None], tmp_path: Path) -> None:
    needs("crashy-app:1.0.0")
    kube, lab, sim = run_everywhere(kind, tmp_path)

    assert differences(kube, lab) == []
    assert differences(kube, sim) == []


def since_the_job(run: ComparableRun) -> tuple[float, ComparableRun]:
    """Return when a CronJob's Job came, and the run with its times counted from then."""
    first = run.lanes["cronjob/tick"][0].t
    lanes = {lane: tuple(replace(one, t=one.t - first) for one in moments) for lane, moments in run.lanes.items()}
    return first, replace(run, lanes=lanes, end=run.end - first)


def test_a_cron_job_comes_within_the_controllers_period_and_its_job_does_the_same_everywhere(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("crashy-app:1.0.0")
    while not 20 <= time.time() % 60 <= 35:  # one minute, and no second one, comes in the run
        time.sleep(0.5)
    (at, kube), (lab_at, lab), (_, sim) = map(since_the_job, run_everywhere("cronjob", tmp_path))

    def within(row: Row) -> float:
        return POLL if row.object == "cronjob/tick" else SECONDS

    assert abs(at - lab_at) <= POLL
    assert differences(kube, lab, within) == []
    assert differences(kube, sim, within) == []
