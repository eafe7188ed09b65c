"""Faults of resources in a real patient: what the kernel and its clients see of them, and that all is given back."""

from __future__ import annotations

import fcntl
import re
import resource
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.elsewhere import roomy
from tests.server.running import DEADLINE, Running, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux' /proc")
MIB = 1 << 20


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with roomy(tmp_path_factory.mktemp("state"), 64 * MIB) as folder:
        yield folder


@pytest.fixture(scope="module")
def app(state_dir: Path) -> Iterator[Running]:
    """Start the patient that the tests of this file share."""
    running = Running.start({"STATE_DIR": str(state_dir)})
    assert running.port
    yield running
    running.end()


def status(app: Running, name: str) -> int:
    """Return a number of the process's status."""
    found = re.search(rf"(?m)^{name}:\s+(\d+)", Path(f"/proc/{app.process.pid}/status").read_text())
    assert found
    return int(found[1])


def threads(app: Running) -> int:
    return status(app, "Threads")


def fds(app: Running) -> int:
    return len(list(Path(f"/proc/{app.process.pid}/fd").iterdir()))


def files(state_dir: Path) -> list[int]:
    """Return the sizes of the files that faults have written."""
    sizes = []
    for path in state_dir.glob("disk-fault-*"):
        with suppress(FileNotFoundError):  # it was removed meanwhile
            sizes.append(path.stat().st_size)
    return sizes


def test_descriptors_are_opened_up_to_a_number_and_closed_again(app: Running) -> None:
    rest = fds(app)
    app.inject("fds to=300")
    until(lambda: fds(app) >= 300, "300 are open")
    assert app.ask("/readyz").status == 200
    assert fds(app) <= 302
    app.admin("DELETE", "faults")

    until(lambda: fds(app) == rest, "they are closed")


def test_without_a_descriptor_left_no_connection_is_taken_but_the_admin_port_s(app: Running) -> None:
    rest = fds(app)
    app.inject("fds")
    until(lambda: not answers(app), "no answer comes")

    with app.requested("/readyz") as waiting:
        assert app.admin("GET", "status")["faults"][0]["fault"] == "fds"
        app.admin("DELETE", "faults")
        assert waiting().status == 200

    until(lambda: fds(app) == rest, "they are closed")
    assert answers(app)


def test_leaks_of_descriptors_that_find_none_left_take_none_of_the_admin_port_s() -> None:
    few = Running.start({}, under=("sh", "-c", 'ulimit -n 64 && exec "$@"', "sh"))
    try:
        few.inject("fds")
        until(lambda: not answers(few), "no answer comes")
        for number in range(20):
            few.inject(f"fds to={40 + number}")
        assert len(few.admin("GET", "faults")["faults"]) == 21
        few.admin("DELETE", "faults")

        until(lambda: answers(few), "answers come again")
    finally:
        few.end()


def answers(app: Running) -> bool:
    try:
        return app.ask("/", timeout=0.2).status == 200
    except TimeoutError:
        return False


def test_exhausted_and_deaf_at_once_it_is_well_only_after_both(app: Running) -> None:
    exhausted = app.inject("fds")
    until(lambda: not answers(app), "no answer comes")
    deaf = app.inject("freeze mode=deaf")
    until(lambda: refuses(app), "connections are refused")
    app.admin("DELETE", f"faults/{deaf}")
    until(lambda: not refuses(app), "connections are queued")
    assert not answers(app)
    app.admin("DELETE", f"faults/{exhausted}")

    until(lambda: answers(app), "it answers")


def refuses(app: Running) -> bool:
    try:
        app.ask("/", timeout=0.2)
    except ConnectionRefusedError:
        return True
    except (TimeoutError, ConnectionResetError):  # it has waited in the queue of a listener that was closed
        pass
    return False


@pytest.mark.parametrize("ends", ["for=1s", "recover"])
def test_threads_are_started_at_a_rate_and_all_end(ends: str, app: Running) -> None:
    rest = threads(app)
    app.inject("threads to=40 rate=200" + (" for=1s" if ends == "for=1s" else ""))
    until(lambda: threads(app) == 40, "there are 40")
    assert app.ask("/livez").status == app.ask("/").status == 200
    if ends == "recover":
        app.admin("POST", "recover", '{"fault": "threads"}', Content_Type="application/json")

    until(lambda: threads(app) == rest, "all have ended")


def test_tasks_hold_memory_until_they_are_cancelled(app: Running) -> None:
    """Python's allocator keeps some of it for later: a second leak needs no more than the first."""
    rest = own_memory(app)
    app.inject("tasks to=40000")
    until(lambda: own_memory(app) > rest + 25 * MIB, "the memory rises")
    assert app.ask("/livez").status == app.ask("/").status == 200
    app.admin("DELETE", "faults")
    until(lambda: own_memory(app) < rest + 20 * MIB, "the memory falls")

    app.inject("tasks to=40000")
    until(lambda: own_memory(app) > rest + 25 * MIB, "the memory rises")
    app.admin("DELETE", "faults")
    until(lambda: own_memory(app) < rest + 20 * MIB, "the memory falls")


def own_memory(app: Running) -> int:
    return status(app, "RssAnon") << 10


def test_a_file_grows_in_the_state_dir_and_is_removed(app: Running, state_dir: Path) -> None:
    app.inject("disk to=20Mi rate=100Mi")
    until(lambda: files(state_dir) == [20 * MIB], "20 MiB are written")
    assert app.ask("/readyz").status == 200
    app.admin("DELETE", "faults")

    until(lambda: files(state_dir) == [], "it is removed")
    assert {path.name for path in state_dir.iterdir()} >= {"is_ready", "is_healthy"}


def test_what_a_life_that_was_killed_has_left_the_next_one_removes(
    state_dir: Path, serve: Callable[..., Running]
) -> None:
    folder = state_dir / "of-two-lives"
    folder.mkdir()
    app = serve(STATE_DIR=str(folder), FAULTS="disk to=1Mi")
    until(lambda: files(folder) == [MIB], "1 MiB is written")
    app.process.kill()
    app.exit_code()
    (folder / "not-ours").touch()
    assert files(folder) == [MIB]

    assert serve(STATE_DIR=str(folder)).port
    until(lambda: files(folder) == [], "it is removed")
    assert (folder / "not-ours").exists()


def test_without_a_state_dir_nothing_is_written(serve: Callable[..., Running]) -> None:
    app = serve(FAULTS="disk to=1Ki")

    assert app.exit_code() == 2
    assert "FAULTS: disk to=1Ki: disk: writes to STATE_DIR alone, and that is not set" in app.log


def test_a_disk_that_takes_no_more_is_said(app: Running, state_dir: Path) -> None:
    """A limit of a file's size stands in for a full disk: either way the kernel refuses the write."""
    pid, unlimited = app.process.pid, resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (3 * MIB, unlimited[1]))
    try:
        app.inject("disk to=5Mi")
        app.line("warning Limited: disk: writes no more: File too large")
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    assert files(state_dir) == [3 * MIB]
    assert app.ask("/readyz").status == 200
    app.admin("DELETE", "faults")

    until(lambda: files(state_dir) == [], "it is removed")


def flooded(app: Running) -> list[str]:
    return [line for line in list(app.lines) if " info Flood: " in line]


def test_a_flood_is_of_real_lines_of_that_size_and_ends(app: Running) -> None:
    app.inject("log-flood rate=2000 size=150")
    until(lambda: len(flooded(app)) > 1000, "1000 lines are there")
    assert app.ask("/readyz").status == 200
    app.admin("DELETE", "faults")
    app.line("Recovered: fault f[0-9]+: log-flood rate=2000 size=150")

    assert {len(line) for line in flooded(app)} == {149}
    assert all(event["reason"] != "Flood" for event in app.admin("GET", "status")["faults"])


class Unread(Running):
    """A patient whose log is read until it serves, and no further."""

    def _read(self) -> None:
        assert self.process.stdout is not None
        while "serving on" not in self.log or "admin API" not in self.log:
            self.lines.append(self.process.stdout.readline().rstrip("\n"))


def test_a_flood_that_nobody_reads_keeps_nobody_waiting() -> None:
    """It leaves half of the pipe to the lines of others."""
    app = Unread.start({})
    try:
        assert app.port
        app.inject("log-flood rate=40000")
        until(lambda: in_pipe(app) > 16_000, "the log is full by half")
        for _ in range(50):
            assert app.admin("GET", "status", timeout=DEADLINE)["health"]["readiness"]
        assert app.ask("/readyz").status == 200
    finally:
        app.process.kill()
        app.end()
        assert app.process.stdout is not None
        app.process.stdout.close()


def in_pipe(app: Running) -> int:
    """Return the bytes of the log that wait for a reader."""
    assert app.process.stdout is not None
    return int.from_bytes(fcntl.ioctl(app.process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder)
