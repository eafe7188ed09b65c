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
from crashy.library.child import Child, EndedError
from crashy.library.story import last
from crashy.patient.settings import SETTINGS, Settings, load

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


class Patient:
    """Starts a patient and waits until it listens; `with` it, or until `close`, it runs, and never longer than you do.

    Each setting of `crashy serve` is a keyword: `Patient(crash_after=5)` is CRASH_AFTER=5. The environment's variables
    of these names don't count. Raises BadInput, a ValueError, for a setting that can't be.
    """

    def __init__(self, **settings: object) -> None:
        environ = _environ(settings)
        read = load((), environ)
        self._token = read.admin_token
        self._child: Child[dict[str, Any]] = Child("serve", read=json.loads, environ=environ)
        self._forgotten = 0
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
            lines = (line for line in self._child.told() if line.get("plane") == plane)
            return next((f"http://{_OURS['HOST']}:{line['ports'][0]}" for line in lines), None)

        seconds = START + (settings.app_start_delay or 0.0) + settings.app_start_delay_jitter
        return self._child.wait(found, seconds, lambda: f"the patient does not listen after {seconds:g} s")

    def inject(self, spec: str) -> str:
        """Inject a fault, written as `error code=503 times=2`, and return its id; raises BadInput."""
        return str(self._ask("POST", "/admin/faults", {"spec": spec})["id"])

    def recover(self, fault: str | None = None) -> None:
        """Take back all faults, or those of an id or of a name (`freeze`); raises BadInput where none was such."""
        if fault is None:
            self._ask("DELETE", "/admin/faults")
            return
        faults = self._ask("GET", "/admin/faults")["faults"]
        chosen = [one["id"] for one in faults if fault in {one["id"], one["fault"]}]
        if not chosen:
            there = ", ".join(f"{one['id']} ({one['fault']})" for one in faults) or "none"
            raise BadInput(f"{fault!r}: no such fault was injected; there are: {there}")
        for one in chosen:
            self._ask("DELETE", f"/admin/faults/{one}")

    @property
    def requests(self) -> list[Request]:
        """Return what it has answered, oldest first, without the admin API and the healthy probes of kubelets.

        Whatever a client has got the answer to is in it.
        """
        return [_request(line) for line in self._child.told()[self._forgotten :] if _is_request(line)]

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Wait until it has answered so many, and return them; raises TimeoutError that lists those there are.

        What a client gave up is told a moment after the client has gone: to count it, wait.
        """
        return self._child.wait(
            lambda: found if len(found := self.requests) >= count else None,
            timeout,
            lambda: f"{len(self.requests)} of {count} requests within {timeout:g} s:\n{self.story(20)}",
        )

    def story(self, most: int) -> str:
        """Return the faults and the requests since `forget`, the last of them, a line each, the first at 0 s."""
        lines = [line for line in self._child.told()[self._forgotten :] if _is_told(line)]
        shown = [f"{_at(line) - _at(lines[0]):7.3f}s  {line['reason']:10} {line['message']}" for line in lines]
        return last(shown, most)

    def forget(self) -> None:
        """Begin `requests` anew."""
        self._forgotten = len(self._child.told())

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
    """Return the environment that means these settings; raises BadInput with a line for each name that is none."""
    given = {name.upper(): value for name, value in settings.items() if value is not None}
    lines = []
    for name in given:
        if name in _OURS:
            lines.append(f"{name}: can't be set: Patient needs its own")
        elif name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            lines.append(f"{name}: is no setting" + (f"; did you mean {near[0]}?" if near else ""))
    if lines:
        raise BadInput(*lines)
    outside = {k: v for k, v in os.environ.items() if k not in SETTINGS and not k.startswith("CRASHY_")}
    return outside | {"PORT": "0"} | {name: _text(value) for name, value in given.items()} | _OURS


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _is_request(line: Mapping[str, Any]) -> bool:
    return line["kind"] == "request" and not line["path"].startswith("/admin/")


def _is_told(line: Mapping[str, Any]) -> bool:
    return line["kind"] == "fault" or _is_request(line)


def _at(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


def _request(line: Mapping[str, Any]) -> Request:
    return Request(line["method"], line["path"], line["status"], line["client"], _at(line), line["ms"] / 1000)
