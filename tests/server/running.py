"""A real patient, in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

DEADLINE = 20.0


def until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Poll until the condition gives something true and return that."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {deadline} s: {what}")


def children(process: int) -> dict[int, str]:
    """Return the state of each child of a process, by its id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if int(parent) == process:
            found[int(stat.parent.name)] = state
    return found


@dataclass
class Answer:
    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Running:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, environ: dict[str, str], *flags: str, under: tuple[str, ...] = (), command: str = "serve") -> Self:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "crashy", command, *flags],
            env={
                "PATH": os.environ["PATH"],
                **{key: value for key, value in os.environ.items() if key.startswith("COVERAGE_")},
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PORT": "0",
                "ADMIN_PORT": "0",
                "POD_NAME": "webapp-1",
                "DRAIN_SECONDS": "0",
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return cls(process)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self.lines.append(line.rstrip("\n"))

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def line(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""

        def find() -> re.Match[str] | None:
            return next((match for line in list(self.lines) if (match := re.search(pattern, line))), None)

        try:
            found: re.Match[str] = until(find, pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None
        return found

    def came(self, *patterns: str) -> bool:
        """Return whether the first lines that match came in this order; waits for them."""
        places = [self.lines.index(self.line(pattern).string) for pattern in patterns]
        return places == sorted(places)

    @property
    def port(self) -> int:
        return int(self.line(r"serving on http://127\.0\.0\.1:(\d+)")[1])

    @property
    def admin_port(self) -> int:
        return int(self.line(r"admin API on http://127\.0\.0\.1:(\d+)")[1])

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        port: int | None = None,
        body: str | None = None,
        timeout: float = 10.0,
        **headers: str,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read().decode("utf-8", "replace"), dict(response.headers))
        finally:
            connection.close()

    @contextmanager
    def requested(self, path: str) -> Iterator[Callable[[], Answer]]:
        """Send a request; what is given waits for its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with closing(connection):
            connection.request("GET", path)

            def wait() -> Answer:
                response = connection.getresponse()
                return Answer(response.status, response.read().decode())

            yield wait

    def admin(self, method: str, path: str, body: str | None = None, **headers: Any) -> Any:
        """Ask the control plane; return the JSON of its answer."""
        answer = self.ask(f"/admin/{path}", method=method, port=self.admin_port, body=body, **headers)
        assert answer.status < 400, answer
        return json.loads(answer.body) if answer.body else None

    def inject(self, spec: str) -> str:
        return str(self.admin("POST", "faults", json.dumps({"spec": spec}), Content_Type="application/json")["id"])

    def exit_code(self) -> int:
        return self.process.wait(timeout=DEADLINE)

    def end(self) -> None:
        self.stop()
        assert "Traceback" not in self.log, self.log

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self._reader.join(DEADLINE)
