"""The patient of the traces, as a program: `python trace_patient.py FOLDER`, told by its environment what to do.

It answers 200 `ok` on every path, on a connection each. FOLDER outlives the container; it holds the count of lives,
and `is_healthy`. The variables are those of tests/kubelet/patient.py in seconds from its first line, HOST and PORT.
What happens to it is told on standard output, a line each: `main`, `listening`, `fault NAME`, `request PATH AGENT`.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

time.sleep(0.015)  # the recorded one was up 55 ms after its start: too late for a probe that comes at once
BEGAN = time.monotonic()
ENV = os.environ
FOLDER = Path(sys.argv[1])
PORT = int(ENV.get("PORT", "8080"))


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # one write: threads don't mix their lines


def age() -> float:
    return time.monotonic() - BEGAN


def ill(name: str) -> bool:
    """Return whether the fault of this name has begun in this life."""
    return int(ENV.get("FAULT_LIVES", "1000")) > LIFE and age() >= float(ENV.get(name, "inf"))


def count_lives() -> int:
    path = FOLDER / f"lives-{PORT}"
    lives = len(path.read_text()) if path.exists() else 0
    path.write_text("." * (lives + 1))
    return lives


def at(name: str, moment: str, action: object = None) -> None:
    """Tell of a fault when its moment comes, and do what it is."""

    def wait() -> None:
        time.sleep(max(0.0, float(moment) - age()))
        tell("fault", name)
        if callable(action):
            action()

    threading.Thread(target=wait, daemon=True).start()


def gone(connection: socket.socket, seconds: float | None) -> bool:
    """Wait so long, or until the client has gone; say whether it has."""
    return bool(select.select([connection], [], [], seconds)[0])


def answer(connection: socket.socket) -> None:
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(65536)
            if not data:
                return
            head += data
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split()[1]
        agent = next((line.partition(": ")[2] for line in lines if line.lower().startswith("user-agent:")), "")
        tell("request", path, agent)
        if ill("HANG_AFTER") or (path == "/ready" and "READY_LATENCY" in ENV and gone(connection, ready_latency())):
            gone(connection, None)
            return
        status, headers, body = verdict(path)
        length = 100 if "STALL_BODY" in ENV else len(body)
        text = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        connection.sendall(text.encode() + (b"" if "STALL_BODY" in ENV else body))
        if "STALL_BODY" in ENV:
            gone(connection, None)


def ready_latency() -> float:
    return float(ENV["READY_LATENCY"])


def verdict(path: str) -> tuple[str, str, bytes]:
    """Return status, headers and body."""
    begin, _, end = ENV.get("NOT_READY", "inf-inf").partition("-")
    if path == "/ready" and "REDIRECT" in ENV:
        return "302 Found", f"Location: {ENV['REDIRECT']}\r\n", b"moved\n"
    refused = path == "/ready" and float(begin) <= age() < float(end)
    if ill("SOFT_CRASH_AFTER") or refused or (path == "/startup" and "NEVER_STARTED" in ENV):
        return "500 Internal Server Error", "", b"failed\n"
    return "200 OK", "", b"ok\n"


def terminated(*_: object) -> None:
    tell("sigterm")
    if "IGNORE_TERM" not in ENV:
        threading.Timer(float(ENV["TERM_LATENCY"]), os._exit, [0]).start() if "TERM_LATENCY" in ENV else os._exit(0)


def watch_over_a_child() -> None:
    """Fork: the child is the server, as a PID 1 can't stop itself; the parent passes SIGTERM on, and waits."""
    child = os.fork()
    if child:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status))


def arm() -> None:
    """Set the clocks of this life's faults."""
    if "NOT_READY" in ENV:
        at("not_ready", ENV["NOT_READY"].partition("-")[0])
    if int(ENV.get("FAULT_LIVES", "1000")) <= LIFE:
        return
    actions = {
        "SOFT_CRASH_AFTER": None,
        "HANG_AFTER": None,
        "STOP_AFTER": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "FILE_GONE_AFTER": (FOLDER / "is_healthy").unlink,
        "EXIT_AFTER": lambda: os._exit(int(ENV.get("EXIT_CODE", "0"))),
    }
    for name, action in actions.items():
        if name in ENV:
            at(name.removesuffix("_AFTER").lower(), ENV[name], action)


def main() -> None:
    tell("main")
    (FOLDER / "is_healthy").touch()
    if "STOP_AFTER" in ENV:
        watch_over_a_child()
    signal.signal(signal.SIGTERM, terminated)
    arm()
    time.sleep(float(ENV.get("START_DELAY", "0")))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ENV["HOST"], PORT))
    listener.listen(int(ENV.get("BACKLOG", "5")))
    tell("listening")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=[connection], daemon=True).start()


LIFE = count_lives()
if __name__ == "__main__":
    main()
