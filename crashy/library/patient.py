"""`Patient`: a real `crashy serve` on free ports of this machine."""

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
from crashy.library.child import Child, EndedError, last
from crashy.patient.settings import SETTINGS, Settings, load
from crashy.timeline import kinds

START = 30.0  # seconds to listen, after its APP_START_DELAY
DRAIN = 2.0  # seconds for a patient without faults to answer earlier requests
_OURS = {"HOST": "127.0.0.1", "ADMIN_PORT": "0", "LOG_FORMAT": "json", "ACCESS_LOG": "1"}


class Request(NamedTuple):
    """A request that the patient has answered, `at` seconds since the epoch, after `seconds`.

    `path` is without the query. `status` is 499 if the client disconnected before the response.
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


class _Log:
    """Reads a patient's log: its ports, faults and requests, without those of the admin API."""

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
    """Runs a patient, until the end of its `with`, `close`, or the end of this process; it listens from the start.

    Each setting of `crashy serve` is a keyword: `Patient(crash_after=5)` is CRASH_AFTER=5. Environment variables of
    these names are ignored. Raises BadInput, a ValueError, for a wrong setting.
    """

    def __init__(self, **settings: object) -> None:
        environ = _environ(settings)
        read = load((), environ)
        self._token = read.admin_token
        self._log = _Log()
        self._child = Child("serve", read=self._log, environ=environ)
        try:
            self.url = self._listening("data", read)
            """The URL of its app, as `http://127.0.0.1:PORT`."""
            self.admin_url = self._listening("control", read)
            """The URL of its admin API, which answers even while the app is frozen."""
        except BaseException:
            self.close()
            raise

    def _listening(self, plane: str, settings: Settings) -> str:
        def found() -> str | None:
            self._child.poll()
            port = self._log.ports.get(plane)
            return port and f"http://{_OURS['HOST']}:{port}"

        seconds = START + (settings.app_start_delay or 0.0) + settings.app_start_delay_jitter
        return self._child.wait(found, seconds, lambda: f"the patient does not listen after {seconds:g} s")

    def inject(self, spec: str) -> str:
        """Inject a fault, such as `error code=503 times=2`, and return its id; raises BadInput."""
        arguments.text("spec", spec, "a fault, such as 'error code=503'", empty=False)
        return str(self._ask("POST", "/admin/faults", {"spec": spec})["id"])

    def recover(self, fault: str | None = None) -> None:
        """Recover from all faults, or from those with an id or a name (`freeze`); raises BadInput if there is none."""
        if fault is None:
            self._ask("POST", "/admin/recover", {})
            return
        arguments.text("fault", fault, "a fault's id or name")
        faults = self._ask("GET", "/admin/faults")["faults"]
        keys = [key for key in ("id", "fault") if fault in {one[key] for one in faults}]
        if not keys:
            injected = ", ".join(f"{one['id']} ({one['fault']})" for one in faults) or "none"
            raise BadInput(f"fault: {fault!r}: no such fault was injected; there are: {injected}")
        self._ask("POST", "/admin/recover", {keys[0]: fault})

    @property
    def requests(self) -> list[Request]:
        """Return the answered requests, oldest first, without the admin API's and healthy probes of kubelets.

        A request is in it once its client has the response. The last 100,000 faults and requests are kept.
        """
        return [line.request for line in self._child.records() if line.request]

    @property
    def dropped(self) -> int:
        """Return how many requests since `forget` are no longer kept."""
        return self._answered() - len(self.requests)

    def _answered(self) -> int:
        self._child.poll()
        return self._log.answered

    def wait_for_requests(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Wait until it has answered `count` requests and return them; raises TimeoutError that lists those so far.

        A request that its client aborted is logged a moment later: to count it, wait.
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
        """Return the last `most` faults and requests since `forget`, a line each; the first one of all is at 0 s."""
        lines = self._child.records()
        shown = [f"{line.at - lines[0].at:7.3f}s  {line.reason:10} {line.message}" for line in lines]
        return last(shown, most)

    def forget(self) -> None:
        """Clear `requests`, and free their memory and disk space."""
        self._child.forget()
        self._log.answered = 0

    def heal(self) -> bool:
        """Recover from all faults, wait until no request is in flight, and forget; return whether that succeeded."""
        try:
            faults = self._ask("GET", "/admin/faults", timeout=DRAIN)["faults"]
            if any(one["fault"] == "crash" and one.get("mode") != "errors" for one in faults):
                return False  # it has ended, or will
            self._ask("DELETE", "/admin/faults", timeout=DRAIN)
            # On the app's port this comes after every request of clients that have disconnected.
            app = Client(self.url, self._token, timeout=DRAIN)
            self._child.wait(lambda: not app.request("GET", "/admin/status")["in_flight"], DRAIN, str)
        except (ConnectionError, UnreachableError, TimeoutError, EndedError):
            return False
        self.forget()
        return True

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of its process, or minus the signal that ended it; None while it runs."""
        return self._child.exit_code

    def close(self) -> None:
        """Kill it; its requests stay readable."""
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
    """Return the environment of these settings; raises BadInput with a line for each that is wrong."""
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
            lines.append(f"{name}: can't be set: Patient sets it")
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
