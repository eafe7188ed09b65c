"""Who waits for a container's orphans: the table, held by running the programs as the first process of a namespace."""

from __future__ import annotations

import doctest
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab import proc
from crashy.objects import programs, reaping
from crashy.objects.pod import Container, PodTemplate

MAPPED = () if os.getuid() == 0 else ("-r",)
NAMESPACE = ("unshare", *MAPPED, "--pid", "--fork", "--mount-proc", "--kill-child")
SLEEP = "sleep 1000"


def why_not() -> str:
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return "needs unshare and nsenter, which util-linux has"
    made = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False, text=True)
    return f"needs PID namespaces: {made.stderr.strip()}" if made.returncode else ""


def test_its_examples() -> None:
    assert doctest.testmod(reaping).failed == 0


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.parametrize(
    ("command", "first"),
    [
        (["dash", "-c", SLEEP], "dash"),
        (["dash", "-c", f"true; {SLEEP}"], "dash"),
        (["dash", "-c", f"true; exec {SLEEP}"], "sleep"),
        (["bash", "-c", SLEEP], "sleep"),
        (["bash", "-c", f"true && {SLEEP}"], "sleep"),
        (["bash", "-c", f"{SLEEP}; true"], "bash"),
        (["bash", "-c", f"{SLEEP} || true"], "bash"),
        (["bash", "-c", f"while true; do {SLEEP}; done"], "bash"),
        (["bash", "-c", f"trap 'exit 0' TERM; {SLEEP}"], "bash"),
        (["bash", "-c", f"{SLEEP} & wait"], "bash"),
        (["busybox", "sh", "-c", SLEEP], "busybox"),
        (["busybox", "sh", "-c", f"{SLEEP}; true"], "busybox"),
        (["env", "A=1", "bash", "-c", f"exec {SLEEP}"], "sleep"),
        (["nice", "sleep", "1000"], "sleep"),
        (["timeout", "1000", "sleep", "1000"], "timeout"),
        (["tini", "--", "sleep", "1000"], "tini"),
        (["dumb-init", "sleep", "1000"], "dumb-init"),
        (["python3", "-c", "import time; time.sleep(1000)"], "python"),
        (["python3", "-c", "import subprocess; subprocess.run(['sleep', '1000'])"], "python"),
        (["node", "-e", "setTimeout(() => {}, 1e6)"], "node"),
        (["perl", "-e", "sleep 1000"], "perl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_first_process_waits_for_orphans_or_not(command: list[str], first: str) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    assert reaping.first_process(command) == first
    with subprocess.Popen([*NAMESPACE, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as outer:
        try:
            until(lambda: [pid for pid in proc.children(outer.pid) or () if named(pid) == first])
            (pid,) = proc.children(outer.pid) or ()
            left = leave_orphans(pid)
            # The second ones show that it has had its time for the first ones.
            until(lambda: all(state(one) in {"Z", ""} for one in left))
            until(lambda: all(state(one) in {"Z", ""} for one in leave_orphans(pid)))
            if reaping.waits(first):
                until(lambda: all(state(one) == "" for one in left))
            else:
                assert [state(one) for one in left] == ["Z", "Z"]
        finally:
            outer.kill()


def until(done: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def named(pid: int) -> str:
    return programs.name(proc.program(pid))


def state(pid: int) -> str:
    return (proc.state(pid) or ("", 0))[0]


def leave_orphans(first: int) -> list[int]:
    """Leave two children in the namespace of a process, as a probe's command does, and end them; return their pids."""
    before = orphans(first)
    inside = ("nsenter", *(("-U", "--preserve-credentials") if MAPPED else ()), "-p", "-t", str(first))
    subprocess.run([*inside, "sh", "-c", "sleep 2000 & sleep 2000 &"], check=True, stdout=subprocess.DEVNULL)
    new: set[int] = set()

    def there() -> bool:
        new.update(orphans(first) - before)  # one that is just becoming `sleep` has no arguments
        return len(new) == 2

    until(there)
    left = sorted(new)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def orphans(first: int) -> set[int]:
    return {pid for pid in proc.children(first) or () if "2000" in words(pid)}


def words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it has been waited for
        return ""


def container(*command: str, image: str = "example/app:1") -> Container:
    return Container("app", image=image, command=command)


@pytest.mark.parametrize(
    ("one", "spec", "reaped"),
    [
        (container("sh", "-c", "app"), {}, True),
        (container("/bin/bash", "-c", "app"), {}, False),
        (container("/bin/bash", "-c", "prepare; app; exit 0"), {}, True),
        (container("/bin/bash", "-c", "app & wait $!"), {}, True),
        (container("sh", "-c", "app", image="redis:7-alpine"), {}, False),
        (container("sh", "-c", "while true; do app; done", image="redis:7-alpine"), {}, True),
        (container("sh", "-c", "[ -f /etc/app ] && exec app"), {}, False),
        (container("sh", "-c", "if true; then exec tini -- app; fi"), {}, True),
        (container("sh", "-c", "a 'b"), {}, True),
        (container("sh", "/entrypoint.sh"), {}, True),
        (container("python3", "app.py"), {}, False),
        (container("node", "app.js"), {}, False),
        (container("/manager"), {}, False),
        (container("exec"), {}, False),
        (container(), {}, False),
        (container(image="crashy-app"), {}, True),
        (container("crashy", "serve", image="crashy-app"), {}, False),
        (container("python3", "app.py"), {"shareProcessNamespace": True}, True),
        (container("python3", "app.py"), {"hostPID": True}, True),
    ],
)
def test_whether_a_container_s_orphans_are_waited_for(one: Container, spec: dict[str, Any], reaped: bool) -> None:
    share = bool(spec.get("shareProcessNamespace"))
    template = PodTemplate((one,), share_process_namespace=share, raw={"spec": spec})

    assert reaping.reaped(template, one) is reaped
