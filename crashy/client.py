"""A client of a patient's admin API, and of the sockets of running labs: standard library only."""

from __future__ import annotations

import os

from crashy.errors import BadInput
from crashy.patient import ADMIN_PORT

TYPE_CHECKING = False  # these commands must start fast: each import is where it is needed
if TYPE_CHECKING:
    import http.client
    import random
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

DEFAULT_URL = f"http://127.0.0.1:{ADMIN_PORT}"
_TMP = "/tmp"  # noqa: S108 - for the folder of the labs where the user has no session
TIMEOUT = 10.0  # seconds to connect, and again to answer


class UnreachableError(Exception):
    """No patient answered: one line that says where and what to check."""


class Client:
    """Speaks to one patient, whose `/admin/...` is below `url`; a lab's pod also has a `name` and an `app_url`."""

    def __init__(
        self, url: str, token: str | None = None, name: str = "", app_url: str = "", timeout: float | None = None
    ) -> None:
        self.url = url
        self.timeout = TIMEOUT if timeout is None else timeout
        self.token = token
        self.name = name
        self.app_url = app_url

    @property
    def place(self) -> str:
        """Return the patient as an error names it."""
        return f"{self.name} ({self.url})" if self.name else self.url

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send a request and return the response's JSON object, `{}` for an empty body.

        Raises BadInput if the patient refuses (the problem document as one line); UnreachableError if it can't be
        reached, fails (5xx), or is not a patient.
        """
        import http.client
        import json

        address = _address(self.url)
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise BadInput("--token: must be printable ASCII")
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=self.timeout)
        try:
            connection.request(method, address.path.rstrip("/") + path, data, headers)
            response = connection.getresponse()
            text = response.read()
        except ConnectionRefusedError:
            raise UnreachableError(
                f"{self.place}: connection refused: is the patient running? Name its admin port with --url, "
                "or a pod of a running lab with --pod"
            ) from None
        except TimeoutError:
            raise UnreachableError(
                f"{self.place}: no answer within {self.timeout:g} s: is it frozen? The admin port answers even then"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UnreachableError(f"{self.place}: {reason}: is the patient running?") from None
        finally:
            connection.close()
        return self._decode(response, text)

    def _decode(self, response: http.client.HTTPResponse, text: bytes) -> dict[str, Any]:
        import json

        try:
            answer = json.loads(text or "{}")
        except ValueError:
            answer = None
        if response.status < 300 and isinstance(answer, dict):
            return answer
        if not isinstance(answer, dict) or "detail" not in answer:
            kind = response.headers.get_content_type()
            raise UnreachableError(
                f"{self.place}: answered {response.status} ({kind}): that is not a patient's admin API"
            )
        line = f"{self.place}: {explain(answer)}"
        if response.status == 401:
            line += ": set --token or ADMIN_TOKEN"
        if response.status >= 500:
            raise UnreachableError(line)
        raise BadInput(line)


class InLab(Client):
    """Speaks to a pod or a Service of a running lab through the lab, as `Client` does to a patient.

    `op` is the lab's operation; it may have no `url`.
    """

    def __init__(self, found: Mapping[str, Any], url: str = "", op: str = "admin") -> None:
        super().__init__(url, None, found["name"], found.get("app_url", ""))
        self._lab: Path = found["lab"]
        self._namespace: str = found["namespace"]
        self._op = op

    @property
    def place(self) -> str:
        """Return what it is as an error names it."""
        return self.name if self._op == "admin" else f"{self._op}/{self.name}"

    def request(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Request an operation of the admin API and return the response; raises as `Client.request` does."""
        request = {"op": self._op, "name": self.name, "namespace": self._namespace, "path": path, "body": body or {}}
        try:
            answer = ask_lab(self._lab, request, self.timeout)
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{self.place}: lab {self._lab.stem} does not answer: {error}") from None
        if "error" in answer:
            raise BadInput(f"{self.place}: {answer['error']}")
        return answer


def explain(problem: Mapping[str, Any]) -> str:
    """Return a problem document as one line: the field, what is wrong with it, what is allowed."""
    detail = str(problem["detail"])
    field, allowed = problem.get("field"), problem.get("allowed")
    line = detail if not field or detail.startswith(f"{field}:") else f"{field}: {detail}"
    values = [allowed] if isinstance(allowed, str) else allowed or ()
    missing = [str(value) for value in values if str(value) not in detail]
    return f"{line}; allowed: {', '.join(missing)}" if missing else line


def _address(url: str) -> Any:
    """Split a patient's URL; raises BadInput unless it is `http(s)://HOST[:PORT][/PATH]`."""
    from urllib.parse import urlsplit

    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable or address.query or address.fragment or any(c.isspace() or not c.isprintable() for c in url):
        raise BadInput(f"--url: {url!r}: must be http://HOST[:PORT] or https://HOST[:PORT]")
    return address


def labs_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with the sockets of this user's running labs."""
    from pathlib import Path

    chosen = environ.get("CRASHY_RUNTIME_DIR")
    if chosen:
        return Path(chosen, "labs")
    session = Path(environ.get("XDG_RUNTIME_DIR") or _TMP)
    try:
        own = session.stat().st_uid == os.getuid()  # not after `su` or `sudo -E`
    except OSError:
        own = False
    return Path(session if own else _TMP, f"crashy-{os.getuid()}", "labs")


def running_labs(folder: Path, faults: Mapping[str, Any] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the pods of each of this user's labs that answers, by its process id: 123.sock is process 123's.

    Those that can't take the `faults`, `specs` and a `container`, are `refused`.
    """
    running = {}
    for path in sorted(folder.glob("*.sock")):
        try:
            if path.stat().st_uid == os.getuid():  # the folder may be in /tmp, where others can write
                running[path.stem] = ask_lab(path, {"op": "pods", **(faults or {})})["pods"]
        except (OSError, ValueError, KeyError):  # it has ended or was killed
            continue
    return running


def ask_lab(path: Path, request: Mapping[str, Any], timeout: float | None = 2.0) -> dict[str, Any]:
    """Send a request to a lab's socket; raises OSError or ValueError if no lab answers."""
    import json
    import socket

    with socket.socket(socket.AF_UNIX) as lab:
        lab.settimeout(timeout)
        lab.connect(str(path))
        lab.sendall(json.dumps(request).encode() + b"\n")
        with lab.makefile("rb") as lines:
            answer = json.loads(lines.readline())
    if not isinstance(answer, dict):
        raise ValueError(f"{path}: the answer is not a lab's")
    return answer


def choose(
    pods: list[dict[str, Any]], wanted: str, option: str = "--pod", rng: random.Random | None = None
) -> list[dict[str, Any]]:
    """Return the pods that a target selects; raises BadInput, naming the `option`, for none or an ambiguous prefix."""
    import random

    from crashy.targets import Facts, Target, choose, listed, named

    def facts(pod: dict[str, Any]) -> Facts:
        return Facts(pod["name"], pod.get("ready", False), pod.get("labels", {}))

    try:
        target = Target.parse(wanted)
    except ValueError as error:
        raise BadInput(f"{option}: {wanted!r}: {error}") from None
    several = named(target.text, pods, facts) if target.is_name else []
    chosen = choose(target, pods, facts, rng or random.Random())
    if chosen and len(several) <= 1:
        return chosen
    names = listed([pod["name"] for pod in several or pods])
    wrong = "more than one name begins with it:" if several else "no such pod; there are:"
    raise BadInput(f"{option}: {wanted!r}: {wrong} {names}")


def find(
    url: str | None,
    pod: str | None,
    token: str | None,
    *,
    faults: Mapping[str, Any] | None = None,
    through_lab: bool = False,
) -> list[Client]:
    """Return a client of each patient or pod that the options select; raises BadInput if they select none.

    A lab's pod is asked through its lab where it runs a program of its own, where faults act on it from outside, or
    with `through_lab`. Pods that can take the `faults` (see `running_labs`) come before those that can't.
    """
    if pod is None:
        target = DEFAULT_URL if url is None else url
        _address(target)
        return [Client(target.rstrip("/"), token)]
    folder = labs_folder()
    found = running_labs(folder, faults)
    pods = [{**pod, "lab": folder / f"{pid}.sock"} for pid, pods in found.items() for pod in pods]
    if not pods:
        raise UnreachableError(
            f"--pod: no lab is running (looked in {folder}): start one with crashy lab, or give --url"
        )
    able = [one for one in pods if not one.get("refused")]
    try:
        chosen = choose(able, pod)
    except BadInput:
        chosen = choose(pods, pod)
    return [_client_of(found, token, through_lab=through_lab) for found in chosen]


def find_service(name: str) -> Client:
    """Return a client of the proxy of a running lab's ExternalName Service; raises BadInput if there is none."""
    folder = labs_folder()
    there: list[dict[str, Any]] = []
    for pid in running_labs(folder):
        path = folder / f"{pid}.sock"
        there += [{**one, "lab": path} for one in ask_lab(path, {"op": "services"}).get("services", ())]
    wanted = name.removeprefix("service/")
    found = [one for one in there if one["name"] == wanted]
    if len(found) == 1:
        return InLab(found[0], op="service")
    if found:
        places = ", ".join(f"{one['namespace']} of lab {one['lab'].stem}" for one in found)
        raise BadInput(f"--service: {name!r}: there are several: in {places}")
    names = ", ".join(one["name"] for one in there) or "none"
    raise BadInput(f"--service: {name!r}: no running lab has an ExternalName Service of that name; there are: {names}")


def _client_of(pod: Mapping[str, Any], token: str | None, *, through_lab: bool) -> Client:
    url = pod.get("admin_url", "")
    if url and not through_lab and not pod.get("outside"):
        return Client(url, token, pod["name"], pod["app_url"])
    return InLab(pod, url)
