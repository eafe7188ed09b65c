"""Every kind of workload on a real cluster, in the lab and on sim: the same reasons in the same order, at like times.

Lab and sim have the rules of the kubelet of the test cluster's version. The experiments stand beside this file.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from crashy.experiment.record import read_record
from crashy.kubelet.versions import PROFILES
from crashy.report.parity import ComparableRun, Row, comparable, compare

VERSION = "1.20"
SECONDS = 1.5  # that a time may be from the cluster's
LATE = 12.0  # seconds before a run's end: what only one side came to then is a matter of how fast its node is
LEFT_OUT = {"FailedToUpdateEndpointSlices", "FailedToUpdateEndpoint"}  # a controller whose write came second
POLL = 21.0  # seconds within which the CronJob controller of that version, who looks every ten, sees what has come
FOLDER = Path(__file__).with_name("workloads")
KINDS = ("daemonset", "job", "replicaset", "statefulset")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Run:
    """A run of an experiment that has begun."""

    process: subprocess.Popen[str]
    timeline: Path

    @classmethod
    def begin(cls, kind: str, engine: str, folder: Path) -> Run:
        timeline = folder / f"{kind}-{engine}.jsonl"
        rules = () if engine == "kube" else ("--kubernetes", VERSION)
        command = ["run", str(FOLDER / f"{kind}.yaml"), "--on", engine, "--seed", "1", *rules]
        command += ["--timeline", str(timeline), "--quiet"]
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, "-m", "crashy", *command], stdout=pipe, stderr=pipe, text=True)
        return cls(process, timeline)

    def until(self, reason: str) -> None:
        """Wait until its timeline has this reason, or it has ended."""
        while self.process.poll() is None and not (
            self.timeline.exists() and f'"reason":"{reason}"' in self.timeline.read_text()
        ):
            time.sleep(0.1)

    def ended(self) -> ComparableRun:
        """Wait for its end, which must be as its experiment expects, and return what can be compared of it."""
        out, err = self.process.communicate(timeout=200)
        assert self.process.returncode == 0, out + err
        with self.timeline.open(encoding="utf-8") as lines:
            events = read_record(lines, str(self.timeline)).events
        return comparable([event for event in events if event.reason not in LEFT_OUT])


def allowed(row: Row) -> float:
    """Return how many seconds a time may be from the cluster's.

    What waits for a pod's removal has the luck of it besides: kubelets of that version take a whole span of seconds.
    """
    least, most = PROFILES[VERSION].gone_after_exit
    waits = row.object.startswith(("statefulset/", "pod/db-", "daemonset/", "pod/agent.2")) or "Deleted" in row.left
    return SECONDS + (most - least if waits else 0)


def differing(kube: ComparableRun, other: ComparableRun, within: Callable[[Row], float]) -> dict[tuple[str, str], str]:
    rows = compare(kube, other, seconds=0.0, share=1.0, late=LATE)
    return {
        (row.what, row.object): f"{row.what} {row.object}: {row.left} → {row.right}"
        for row in rows
        if row.differs and not (row.apart is not None and row.what != "restarts" and abs(row.apart) <= within(row))
    }


def since(run: ComparableRun, t: float) -> ComparableRun:
    """Return a run with its times counted from another one."""
    lanes = {lane: tuple(replace(one, t=one.t - t) for one in moments) for lane, moments in run.lanes.items()}
    return replace(run, lanes=lanes, end=run.end - t)


def first(run: ComparableRun, reason: str) -> float:
    return min(one.t for moments in run.lanes.values() for one in moments if one.reason == reason)


def differences(kube: ComparableRun, other: ComparableRun, within: Callable[[Row], float] = allowed) -> list[str]:
    """Return what differs, counted from the experiment's begin and from its first container's start alike.

    How long a node takes to make a pod's sandbox is its own affair; a fault comes at a time all the same.
    """
    counted = differing(kube, other, within)
    started = [since(run, first(run, "Started")) for run in (kube, other)]
    return [counted[key] for key in counted.keys() & differing(*started, within)]


def run_everywhere(kinds: Iterable[str], folder: Path) -> dict[str, list[str]]:
    """Run experiments and return by kind where lab and sim differ from the cluster.

    Each begins when the one before has started its pods, so that it is not the machine that is compared.
    """
    begun: dict[tuple[str, str], Run] = {}
    for kind in kinds:
        begun |= {(kind, engine): Run.begin(kind, engine, folder) for engine in ("kube", "lab")}
        begun[kind, "kube"].until("Started")
    for run in begun.values():
        run.process.wait()
    begun |= {(kind, "sim"): Run.begin(kind, "sim", folder) for kind in kinds}
    for run in begun.values():  # of none anything is left, whichever fails
        run.process.wait()
    found = {kind: apart(*(begun[kind, engine] for engine in ("kube", "lab", "sim"))) for kind in kinds}
    return {kind: lines for kind, lines in found.items() if lines}


def apart(kube: Run, *others: Run) -> list[str]:
    """Return where the others differ from the cluster's; a run that did not end as it expects is different, too."""
    try:
        truth = kube.ended()
        return [line for other in others for line in differences(truth, other.ended())]
    except AssertionError as unexpected:
        return [str(unexpected)]


def test_a_workload_does_the_same_everywhere(needs: Callable[..., None], tmp_path: Path) -> None:
    """Those that differ run once more, each alone, so that a busy machine is not taken for a difference."""
    needs("crashy-app:1.0.0")
    suspects = run_everywhere(KINDS, tmp_path)
    different = [run_everywhere([kind], tmp_path) for kind in suspects]

    assert [one for one in different if one] == []


def test_a_cron_job_comes_within_the_controllers_period_and_its_job_does_the_same_everywhere(
    needs: Callable[..., None], tmp_path: Path
) -> None:
    needs("crashy-app:1.0.0")
    while not 30 <= time.time() % 60 <= 42:  # one minute comes early in the run, and no second one
        time.sleep(0.5)
    begun = [Run.begin("cronjob", engine, tmp_path) for engine in ("kube", "lab", "sim")]
    ended = [run.ended() for run in begun]
    came = [run.lanes["cronjob/tick"][0].t for run in ended]
    kube, lab, sim = map(since, ended, came)

    def within(row: Row) -> float:
        return POLL if row.object == "cronjob/tick" else SECONDS

    assert abs(came[0] - came[1]) <= POLL
    assert differences(kube, lab, within) == []
    assert differences(kube, sim, within) == []
