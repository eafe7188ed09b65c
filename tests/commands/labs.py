"""Real labs for tests: `crashy lab --json`, read as it is written."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

DEADLINE = 30.0
Event = dict[str, Any]


def crashy(
    *args: str, stdin: str = "", environ: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "crashy", *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **(environ or {})},
        cwd=cwd,
        check=False,
    )


class Lab:
    """A running lab and the events that it has told so far."""

    def __init__(self, *args: str, environ: dict[str, str] | None = None, within: Sequence[str] = ()) -> None:
        self.events: list[Event] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "crashy", "lab", "--json", "--propagation=0s", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environ or {})},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait(self, what: Callable[[Event], bool], *, after: int = 0) -> int:
        """Wait for an event and return the count of events up to and with it, for the next `after`."""
        end = time.monotonic() + DEADLINE
        while True:
            for i, event in enumerate(self.events[after:], after + 1):
                if what(event):
                    return i
            after = len(self.events)
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not within {DEADLINE} s; the last: {self.events[-8:]}") from None
            if line is None:
                assert self.process.stderr
                raise AssertionError(f"the lab has ended; the last: {self.events[-8:]}; {self.process.stderr.read()}")
            self.events.append(json.loads(line))

    def ready(self, pods: int = 1, after: int = 0) -> int:
        """Wait until so many pods were ready at some time after the first `after` events."""
        found: set[str] = set()

        def another(event: Event) -> bool:
            if event["kind"] == "pod" and event["data"]["ready"]:
                found.add(event["object"])
            return len(found) >= pods

        return self.wait(another, after=after)

    def url(self, service: str) -> str:
        """Return where a Service is found."""
        at = self.wait(lambda e: e["kind"] == "service" and e["object"] == f"service/{service}")
        return str(self.events[at - 1]["message"])

    def ip(self) -> str:
        """Return the address of the pod that was last told of."""
        return str([e for e in self.events if e["kind"] == "pod"][-1]["data"]["ip"])

    def end(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(signum)
        return self.finish()

    def finish(self) -> int:
        """Wait for the end, which must come in time, and return the exit code."""
        code = self.process.wait(DEADLINE)
        while (line := self._lines.get(timeout=DEADLINE)) is not None:
            self.events.append(json.loads(line))
        return code


@contextlib.contextmanager
def lab(*args: str, environ: dict[str, str] | None = None, within: Sequence[str] = ()) -> Iterator[Lab]:
    """Run a lab, by a command that becomes another if `within` says so; whatever happens, it has ended afterwards."""
    running = Lab(*args, environ=environ, within=within)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end()
        for pipe in (running.process.stdout, running.process.stderr):
            assert pipe
            pipe.close()


def event(reason: str, text: str = "") -> Callable[[Event], bool]:
    """Match a Kubernetes event by its reason and a part of its message."""
    return lambda e: e["kind"] == "event" and e["reason"] == reason and text in e["message"]


def get(url: str) -> tuple[int, str]:
    """GET and return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def lab_processes(marker: str) -> list[int]:
    """Return the processes whose environment holds `marker`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
