"""A patient of one's own: a real `crashy serve` on free ports of this machine."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

from crashy.client import Client, UnreachableError
from crashy.errors import BadInput
from crashy.library import arguments
from crashy.library.child import Child, EndedError
from crashy.library.story import last
from crashy.patient.settings import SETTINGS, Settings, load
from crashy.timeline import kinds

START = 30.0
"""Seconds that a patient has to listen, after its APP_START_DELAY."""
SETTLED = 2.0
"""Seconds that a patient without a fault has to answer what it was asked before."""

_OURS = {"HOST": "127.0.0.1", "ADMIN_PORT": "0", "LOG_FORMAT": "json", "ACCESS_LOG": "1"}


class Request(NamedTuple):
    """A request that the patient has answered, `at` seconds since the epoch, after `seconds`.

    `path` is without the query. A `status` of 499 is that of a client that went away before the answer.
    """

    method: str
    path: str
    status: int
    client: str
    at: float
    seconds: float


class _Line(NamedTuple):
    """A fault's event, or a request, `at` seconds since the epoch."""

    at: float
    reason: str
    message: str
    request: Request | None


class _Seen:
    """Reads the lines of a patient's log: where it listens, and the faults and requests, but for the admin API's."""

    def __init__(self) -> None:
        self.ports: dict[str, str] = {}
        self.answered = 0

    def __call__(self, text: str) -> _Line | None:
        line = json.loads(text)
        if "plane" in line:
            self.ports[line["plane"]] = str(line["ports"][0])
        request = None
        at = datetime.fromisoformat(line["time"]).timestamp()
        if line["kind"] == kinds.REQUEST and not line["path"].startswith("/admin/"):
            self.answered += 1
            seconds = round(line["ms"] / 1000, 6)  # the log has microseconds
            request = Request(line["method"], line["path"], line["status"], line["client"], at, seconds)
        return _Line(at, line["reason"], line["message"], request) if request or line["kind"] == kinds.FAULT else None


class Patient:
    """Starts a patient and waits until it listens; `with` it, or until `close`, it runs, and never longer than you do.

    Each setting of `crashy serve` is a keyword: `Patient(crash_after=5)` is CRASH_AFTER=5. The environment's variables
    of these names don't count. Raises BadInput, a ValueError, for a setting that can't be.
    """

    def __init__(self, **settings: object) -> None:
        environ = _environ(settings)
        read = load((), environ)
        self._token = read.admin_token
        self._seen = _Seen()
        self._child = Child("serve", read=self._seen, environ=environ)
        try:
            self.url = self._listening("data", read)
            """Where its app answers, as `http://127.0.0.1:PORT`."""
            self.admin_url = self._listening("control", read)
            """Where its admin API answers, though the app be frozen."""
        except BaseException:
            self.close()
            raise

    def _listening(self, plane: str, settings: Settings) -> str:
        def found() -> str | None:
            self._child.look()
            port = self._seen.ports.get(plane)
            return port and f"http://{_OURS['HOST']}:{port}"

        seconds = START + (settings.app_start_delay or 0.0) + settings.app_start_delay_jitter
        return self._child.wait(found, seconds, lambda: f"the patient does not listen after {seconds:g} s")

    def inject(self, spec: str) -> str:
        """Inject a fault, written as `error code=503 times=2`, and return its id; raises BadInput."""
        arguments.text("spec", spec, "a fault, such as 'error code=503'", empty=False)
        return str(self._ask("POST", "/admin/faults", {"spec": spec})["id"])

    def recover(self, fault: str | None = None) -> None:
        """Take back all faults, or those of an id or of a name (`freeze`); raises BadInput where none was such."""
        if fault is None:
            self._ask("DELETE", "/admin/faults")
            return
        arguments.text("fault", fault, "a fault's id or name")
        faults = self._ask("GET", "/admin/faults")["faults"]
        chosen = [one["id"] for one in faults if fault in {one["id"], one["fault"]}]
        if not chosen:
            there = ", ".join(f"{one['id']} ({one['fault']})" for one in faults) or "none"
            raise BadInput(f"fault: {fault!r}: no such fault was injected; there are: {there}")
        for one in chosen:
            self._ask("DELETE", f"/admin/faults/{one}")

    @property
    def requests(self) -> list[Request]:
        """Return what it has answered, oldest first, without the admin API and the healthy probes of kubelets.

        Whatever a client has got the answer to is in it. Of the faults and the requests the last 100,000 are kept.
        """
        return [line.request for line in self._child.told() if line.request]

    @property
    def dropped(self) -> int:
        """Return how many requests since `forget` were too many to be kept."""
        return self._answered() - len(self.requests)

    def _answered(self) -> int:
        self._child.look()
        return self._seen.answered

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Wait until it has answered so many, and return them; raises TimeoutError that lists those there are.

        What a client gave up is told a moment after the client has gone: to count it, wait.
        """
        arguments.whole("count", count, 0)
        seconds = arguments.seconds("timeout", timeout)
        self._child.wait(
            lambda: self._answered() >= count,
            seconds,
            lambda: f"{self._answered()} of {count} requests within {seconds:g} s:\n{self.story(20)}",
        )
        return self.requests

    def story(self, most: int) -> str:
        """Return the faults and the requests since `forget`, the last of them, a line each, the first at 0 s."""
        lines = self._child.told()
        shown = [f"{line.at - lines[0].at:7.3f}s  {line.reason:10} {line.message}" for line in lines]
        return last(shown, most)

    def forget(self) -> None:
        """Begin `requests` anew, and free what they took in memory and on the disk."""
        self._child.forget()
        self._seen.answered = 0

    def heal(self) -> bool:
        """Take back all faults, wait until nothing is under way and forget; return whether it is as good as new."""
        try:
            faults = self._ask("GET", "/admin/faults", timeout=SETTLED)["faults"]
            if any(one["fault"] == "crash" and one.get("mode") != "errors" for one in faults):
                return False  # it has ended, or is about to
            self._ask("DELETE", "/admin/faults", timeout=SETTLED)
            # On the app's own port this comes after all that clients who have gone had asked for.
            app = Client(self.url, self._token, timeout=SETTLED)
            self._child.wait(lambda: not app.request("GET", "/admin/status")["in_flight"], SETTLED, str)
        except (ConnectionError, UnreachableError, TimeoutError, EndedError):
            return False
        self.forget()
        return True

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of its process, or minus the signal that ended it; None while it runs."""
        return self._child.exit_code

    def close(self) -> None:
        """End it at once; what it has seen can still be read."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self.exit_code is None else f"ended, exit code {self.exit_code}"
        return f"<Patient at {self.url}, {state}>"

    def _ask(self, method: str, path: str, body: object = None, timeout: float = 10.0) -> dict[str, Any]:
        try:
            return Client(self.admin_url, self._token, timeout=timeout).request(method, path, body)
        except UnreachableError as error:
            code = self.exit_code
            raise ConnectionError(
                str(error) if code is None else f"{self.admin_url}: the patient has ended, exit code {code}"
            ) from None


def _environ(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the environment that means these settings; raises BadInput with a line for each that can't be one."""
    given: dict[str, str] = {}
    lines = []
    for key, value in settings.items():
        name = key.upper()
        if value is None:
            continue
        if not isinstance(value, str | int | float | os.PathLike):
            raise TypeError(arguments.wrong(key, value, "text, a number, a bool or a path"))
        if name in given:
            lines.append(f"{name}: is given twice")
        elif name in _OURS:
            lines.append(f"{name}: can't be set: Patient needs its own")
        elif name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            lines.append(f"{name}: is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
        elif value == "" and SETTINGS[name].default_text:  # the default to `crashy serve`, not to the library
            lines.append(f"{name}: '': must be {SETTINGS[name].kind.allowed}")
        given[name] = str(int(value)) if isinstance(value, bool) else str(value)
    if lines:
        raise BadInput(*lines)
    outside = {k: v for k, v in os.environ.items() if k not in SETTINGS and not k.startswith("CRASHY_")}
    return outside | {"PORT": "0"} | given | _OURS
