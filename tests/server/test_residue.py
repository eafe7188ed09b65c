"""Whatever is injected and recovered, in whatever order, leaves nothing behind: the patient is as it was."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from crashy.faults.base import FAULTS, Fault, parse_spec
from crashy.fields import Key
from crashy.fields.values import Integer, OneOf
from crashy.kubelet.handlers.grpc import probe_grpc
from crashy.kubelet.outcome import Result
from crashy.objects.pod import GRPC
from crashy.patient.answers import PAGES
from crashy.patient.probes import PROBES
from tests.server.running import DEADLINE, Running, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux' /proc")

ROUTES = [*PAGES, "/4", *(route.path for route in PROBES)]
KUBELET = "kube-probe/1.32"
PATIENCE = 0.2
"""Seconds that a user or a probe waits for a response."""
MARGIN = 24 << 20
"""Bytes that Python's allocator and the modules that were imported meanwhile may keep."""
ENDING = {name for name, fault in FAULTS.items() if any(row.exits is not None for row in fault.probed.values())}
"""The faults that may end the process: its next life has to be whole then."""
SMALL: dict[str, dict[str, str]] = {"memory": {"to": "64Mi"}, "disk": {"to": "20Mi"}}
"""What is too large for the machine of a test, made smaller."""


def values(key: Key) -> st.SearchStrategy[Any]:
    """Return some values of a parameter; nothing but its default where only its file knows them."""
    match key.kind:
        case OneOf(options=options):
            return st.sampled_from(options)
        case Integer(low=low, high=high):
            return st.integers(low, min(high, low + 200))
    return st.nothing() if key.default is None else st.just(key.kind.to_json(key.default))


def some_of(keys: dict[str, Key]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: values(key) for name, key in keys.items()})


SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "after": st.sampled_from([0.05, 60]),
        "for": st.just(0.2),
        "times": st.integers(1, 3),
        "every": st.just(2),
        "p": st.just(0.5),
        "routes": st.sampled_from(ROUTES),
        "clients": st.sampled_from(["users", "kubelet", "all"]),
    },
)


def documents(fault: type[Fault]) -> st.SearchStrategy[dict[str, Any]]:
    """Return faults of a kind as JSON, by its examples and its parameters; some of them are refused."""
    examples = st.sampled_from([*fault.examples, *fault.probed]).map(lambda spec: parse_spec(spec).to_json())
    made = some_of(fault.keys).map(lambda given: {"fault": fault.name, **given})
    return st.builds(partial(_document, fault), examples | made, SCOPES)


def _document(fault: type[Fault], given: dict[str, Any], scope: dict[str, Any]) -> dict[str, Any]:
    # An example's own times are for people.
    short = {name: min(scope.get(name, 0.2), 0.2) for name in ("for", "after") if name in given}
    return {**given, **scope, **short, **SMALL.get(fault.name, {})}


ANY = st.sampled_from(sorted(FAULTS)).flatmap(lambda name: documents(FAULTS[name]))
SOME = st.lists(ANY, min_size=1, max_size=2)


class Left(NamedTuple):
    """What a process holds."""

    fds: int
    threads: int
    tasks: int
    children: int
    files: frozenset[str]


class Lives:
    """A patient, and its next life whenever one has ended."""

    def __init__(self, state_dir: Path, dependency: str) -> None:
        self._state_dir = state_dir
        self._dependency = dependency
        self.injected: list[dict[str, Any]] = []
        self.count = self.injections = 0
        self.start()
        readings = [self.left()]
        while readings.count(readings[-1]) < 5:  # connections are closed a moment after their response
            time.sleep(0.02)
            readings.append(self.left())
        self.rest, self.memory = readings[-1], self.resident()

    def start(self) -> None:
        environ = {
            "STATE_DIR": str(self._state_dir),
            "GRPC_PORT": "0",
            "METRICS": "1",
            "DEPENDENCIES": self._dependency,
            "READINESS_CHECKS_DEPENDENCIES": "1",
        }
        self.app = Running.start(environ, under=(sys.executable, "-m", "tests.server.counted"))
        self.grpc = int(self.app.line(r"gRPC health on 127\.0\.0\.1:(\d+)")[1])
        self.count += 1
        until(self.well, f"life {self.count} is well")

    def end(self) -> None:
        self.app.stop()  # its log may have tracebacks: some faults are exceptions

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the admin API; return its answer, None if the process ends meanwhile: which some faults may do."""
        headers = {"Content_Type": "application/json"} if body is not None else {}
        port = self.app.admin_port
        try:
            text = None if body is None else json.dumps(body)
            answer = self.app.ask(f"/admin/{path}", method=method, port=port, body=text, timeout=20, **headers)
        except (ConnectionError, http.client.HTTPException):
            self.revive()
            return None
        assert answer.status < 500, answer
        return json.loads(answer.body) if answer.body else {}

    def revive(self) -> None:
        """Start the next life, if it is right that this one ends."""
        self.app.exit_code()
        assert any(one["fault"] in ENDING for one in self.injected), self.injected
        self.app.stop()
        self.injected.clear()
        self.start()

    def inject(self, documents: list[dict[str, Any]]) -> None:
        """Inject faults; some are refused."""
        self.injections += len(documents)
        for document in documents:
            self.injected.append(document)
            self.admin("POST", "faults", document)

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are pending or active."""
        listed = self.admin("GET", "faults") or {"faults": []}
        return [fault for fault in listed["faults"] if fault["state"] != "ended"]

    def request(self, path: str, agent: str) -> int:
        """Return the status of a response; 0 without one in time."""
        try:
            return self.app.ask(path, timeout=PATIENCE, User_Agent=agent).status
        except (OSError, http.client.HTTPException):
            return 0

    def check(self) -> None:
        """Recover from all, and find that nothing is left of it."""
        self.admin("DELETE", "faults")
        try:
            until(self.well, "every route and every probe says yes")
        except AssertionError:
            raise AssertionError(f"{self.wrong()}\n{self.injected}\n{self.app.log[-4000:]}") from None
        ends_at = time.monotonic() + DEADLINE
        while (left := self.left()) != self.rest and time.monotonic() < ends_at:
            time.sleep(0.05)
        assert left == self.rest, self.injected
        assert self.resident() <= self.memory + MARGIN, self.injected
        self.injected.clear()

    def well(self) -> bool:
        if self.app.process.poll() is not None:
            self.revive()
        return not self.wrong()

    def wrong(self) -> list[str]:
        """Return the routes and the kinds of probes that don't say yes."""
        grpc = asyncio.run(probe_grpc(GRPC(self.grpc, "readiness"), host="127.0.0.1", port=self.grpc, timeout=1))
        answers = {f"{path} {agent}": self.request(path, agent) for path in ROUTES for agent in ("curl", KUBELET)}
        wrong = [f"{asked}: {status}" for asked, status in answers.items() if status != 200]
        if grpc.result is not Result.SUCCESS:
            wrong.append(f"grpc: {grpc}")
        with socket.socket() as tcp:
            if tcp.connect_ex(("127.0.0.1", self.app.port)):
                wrong.append("tcp")
        if not (self._state_dir / "is_ready").exists():
            wrong.append("exec")
        return wrong

    def left(self) -> Left:
        proc = Path(f"/proc/{self.app.process.pid}")
        tasks = [path / "children" for path in (proc / "task").iterdir()]
        return Left(
            fds=len(list((proc / "fd").iterdir())),
            threads=len(tasks),
            tasks=self._tasks(),
            children=sum(len(children.read_text().split()) for children in tasks),
            files=frozenset(path.name for path in self._state_dir.iterdir()),
        )

    def _tasks(self) -> int:
        before = len(self._counts())
        os.kill(self.app.process.pid, signal.SIGUSR1)
        until(lambda: len(self._counts()) > before, "tasks are counted")
        return int(self._counts()[-1].removeprefix("tasks: "))

    def _counts(self) -> list[str]:
        return [line for line in list(self.app.lines) if line.startswith("tasks: ")]

    def resident(self) -> int:
        """Return the process's own memory, in bytes."""
        found = re.search(r"(?m)^RssAnon:\s+(\d+)", Path(f"/proc/{self.app.process.pid}/status").read_text())
        assert found
        return int(found[1]) << 10


class Injections(RuleBasedStateMachine):
    """Injections and recoveries at random, and users and probes meanwhile."""

    def __init__(self, lives: Lives) -> None:
        super().__init__()
        self.lives = lives

    @rule(documents=SOME, which=st.integers(0, 9))
    def recover_one(self, documents: list[dict[str, Any]], which: int) -> None:
        self.lives.inject(documents)
        if found := self.lives.faults():
            self.lives.admin("DELETE", f"faults/{found[which % len(found)]['id']}")

    @rule(documents=SOME, name=st.sampled_from(sorted(FAULTS)))
    def recover_a_kind(self, documents: list[dict[str, Any]], name: str) -> None:
        self.lives.inject(documents)
        self.lives.admin("POST", "recover", {"fault": name})

    @rule(documents=SOME)
    def recover_all(self, documents: list[dict[str, Any]]) -> None:
        self.lives.inject(documents)
        self.lives.admin("DELETE", "faults")

    @rule(documents=SOME)
    def wait_for_those_that_end(self, documents: list[dict[str, Any]]) -> None:
        self.lives.inject(documents)
        until(lambda: not any((fault["ends_in"] or 60) < 1 for fault in self.lives.faults()), "they end")

    @rule(documents=SOME, path=st.sampled_from(ROUTES), agent=st.sampled_from(["curl/8", KUBELET]))
    def request(self, documents: list[dict[str, Any]], path: str, agent: str) -> None:
        self.lives.inject(documents)
        self.lives.request(path, agent)

    def teardown(self) -> None:
        self.lives.check()


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as dependency:
        threading.Thread(target=dependency.serve_forever).start()
        try:
            made = Lives(tmp_path / "state", f"tcp://127.0.0.1:{dependency.server_address[1]}")
            yield made
            made.end()
        finally:
            dependency.shutdown()


def test_a_hundred_injections_and_recoveries_leave_no_residue(lives: Lives) -> None:
    """Run `make fuzz` for more of them."""
    runs = int(os.environ.get("RUNS", "4"))
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Injections(lives),
        settings=settings(
            max_examples=runs,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert lives.injections >= 25 * runs
