"""The lives of a patient, of which each container's restart begins another: how the former ones ended. Pure.

A life's record is one line of JSON, `SLOT` bytes long with blanks at its end, so that a living patient renews its own
in place and nobody else's. It is read as what anybody may have written.
"""

from __future__ import annotations

import json
import math
import re
import signal
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

END_FILE = "_CRASHY_END"
"""A variable of the lab's: the file in which its node says how the container's former life has ended, see `tell`."""
SLOT = 4096
"""The bytes of a record: one page of memory, so that a write is whole even if the process is killed in it."""
MOST = 20
"""Lives that are kept."""
MOST_REQUESTS = 5
MOST_FAULTS = 5
_MOST_TEXT = 160
_MOST_NUMBER = 10**12
_WITHOUT_A_WORD = "ended without a word (SIGKILL, OOM or node)"

How = Literal["shutdown", "exit", "signal", "killed", "frozen", "oom", "silent"]
HOWS: tuple[How, ...] = ("shutdown", "exit", "signal", "killed", "frozen", "oom", "silent")
"""How a life may end: after SIGTERM, by an exit code, by a signal that it sent itself, killed by the kubelet, killed
while a freeze was active, for want of memory, or silently, which is all that can be known from inside."""


class Life(NamedTuple):
    """A life as far as it is known: `lived` seconds, with what was seen last.

    `of` tells patients apart that share a folder. `memory` is the share of the container's limit that the process had,
    None without a limit. `oom_group` and `oom_kills` are the cgroup and the kills that it has counted. `exit_code` is
    None until the patient ends by itself; `words` are its last ones. What the node says of the end is in `node`.
    """

    life: int
    of: str
    began: float
    lived: float = 0.0
    phase: str = ""
    memory: float | None = None
    oom_group: str = ""
    oom_kills: int = 0
    signal: str = ""
    faults: tuple[str, ...] = ()
    last_fault: str = ""
    requests: tuple[str, ...] = ()
    exit_code: int | None = None
    words: str = ""
    node: str = ""
    node_how: str = ""

    def encode(self) -> bytes:
        """Return the record, cut to its length: the oldest requests go first, then the faults."""
        life = self
        while len(line := json.dumps(life._asdict(), ensure_ascii=False, separators=(",", ":")).encode()) >= SLOT:
            life = life._shorter()
        return line.ljust(SLOT - 1) + b"\n"

    def _shorter(self) -> Life:
        if self.requests:
            return self._replace(requests=self.requests[1:])
        if self.faults:
            return self._replace(faults=())
        texts: dict[str, Any] = {k: v[: len(v) // 2] for k, v in self._asdict().items() if isinstance(v, str)}
        return self._replace(**texts)


class End(NamedTuple):
    """How a life ended, and that in words: `exited with code 3`."""

    how: How
    text: str


def tell(how: How, text: str, exit_code: int, ended: float) -> bytes:
    """Return what a node writes about a life's end, at seconds since the epoch: `told` reads it."""
    return json.dumps({"how": how, "text": text, "exit_code": exit_code, "ended": ended}).encode()


def decode(line: bytes) -> Life | None:
    """Return the life that a line records; None if it is anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != _READ.keys():
        return None
    try:
        return Life(**{name: read(found[name]) for name, read in _READ.items()})
    except (ValueError, OverflowError):
        return None


def plain(text: str) -> str:
    """Return a text that anybody may have written for one line of a terminal, cut."""
    shown = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return shown if len(shown) <= _MOST_TEXT else f"{shown[: _MOST_TEXT - 3]}..."


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return plain(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 10:
        raise ValueError
    return tuple(_text(one) for one in value)


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value) or not 0 <= value < _MOST_NUMBER:
        raise ValueError
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MOST_NUMBER:
        raise ValueError
    return value


def _optional_number(value: Any) -> float | None:
    return None if value is None else _number(value)


def _optional_count(value: Any) -> int | None:
    return None if value is None else _count(value)


_READ: Mapping[str, Any] = {
    "life": _count,
    "of": _text,
    "began": _number,
    "lived": _number,
    "phase": _text,
    "memory": _optional_number,
    "oom_group": _text,
    "oom_kills": _count,
    "signal": _text,
    "faults": _texts,
    "last_fault": _text,
    "requests": _texts,
    "exit_code": _optional_count,
    "words": _text,
    "node": _text,
    "node_how": _text,
}


def end_of(life: Life) -> End:
    """Return how a life that is over has ended: by what the node says, else by its own record."""
    frozen = next((fault for fault in life.faults if re.match(r"freeze\b", fault)), "")
    for how in HOWS:
        if how == life.node_how:
            while_frozen = f", while frozen ({frozen})" if frozen and how == "killed" else ""
            words = f"; {life.words}" if life.words else ""
            return End("frozen" if while_frozen else how, f"{life.node}{while_frozen}{words}")
    if life.exit_code is not None:
        return _own_end(life, life.exit_code)
    if frozen:
        return End("frozen", f"was killed while frozen ({frozen})")
    return End("silent", _WITHOUT_A_WORD + _last_known(life))


def _own_end(life: Life, code: int) -> End:
    words = f": {life.words}" if life.words else ""
    if life.signal and not code:
        return End("shutdown", f"shut down (exit code 0){words or f': {life.signal}'}")
    by = f" ({life.last_fault})" if re.match(r"crash\b", life.last_fault) and not life.signal else ""
    if code > 128 and (name := signal_name(code - 128)):
        return End("signal", f"was killed by {name}, exit code {code}{by}{words}")
    return End("exit", f"exited with code {code}{by}{words}")


def signal_name(number: int) -> str:
    """Return a signal's name on this platform; empty if there is none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def _last_known(life: Life) -> str:
    memory = "" if life.memory is None else f", memory {life.memory:.0%} of the limit".replace("%", " %")
    after = f", after {life.signal}" if life.signal else ""
    during = f", during {'; '.join(life.faults)}" if life.faults else ""
    return memory + after + during


def told(life: Life, by_node: bytes) -> Life:
    """Return a former life with what its node has written about its end, which is read as anybody's."""
    try:
        found = json.loads(by_node)
        how, text = _text(found["how"]), _text(found["text"])
        code, ended = _count(found["exit_code"]), _number(found["ended"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return life
    lived = max(life.lived, ended - life.began)
    if life.exit_code is not None and how in {"exit", "signal"}:
        return life._replace(lived=lived)  # it knows better why
    return life._replace(node=text, node_how=how, exit_code=code, lived=lived)


def out_of_memory(life: Life, group: str, kills: int) -> Life:
    """Return a former life with the OOM kill that its cgroup has counted since, if the cgroup is still the same."""
    silent = life.exit_code is None and not life.node
    if silent and group and life.oom_group == group and kills > life.oom_kills:
        return life._replace(node=f"was killed for want of memory{_last_known(life)}", node_how="oom")
    return life


class Lives(NamedTuple):
    """Which life this is, and the former ones, the newest last."""

    number: int
    former: tuple[Life, ...] = ()

    def line(self) -> str:
        """Return the line for the log."""
        if not self.former:
            return f"life {self.number}"
        last = self.former[-1]
        end = end_of(last)
        at_least = "at least " if last.exit_code is None else ""
        return f"life {self.number}; the former one lived {at_least}{last.lived:.1f} s and {end.text}"

    def hows(self) -> dict[How, int]:
        """Return how many of the former lives ended how."""
        ends = [end_of(life).how for life in self.former]
        return {how: ends.count(how) for how in HOWS}

    def to_json(self) -> dict[str, Any]:
        """Return it as `GET /admin/status` shows it."""
        return {"number": self.number, "former": [_described(life) for life in self.former]}


def _described(life: Life) -> dict[str, Any]:
    end = end_of(life)
    return {
        "life": life.life,
        "began": life.began,
        "lived": life.lived,
        "how": end.how,
        "end": end.text,
        "exit_code": life.exit_code,
        "memory": life.memory,
        "last_fault": life.last_fault or None,
        "requests": list(life.requests),
    }


def slots(data: bytes) -> list[Life | None] | None:
    """Return the lives in a file by their slots, None for one that is not yet written; None for any other file."""
    found: list[Life | None] = []
    for start in range(0, len(data), SLOT):
        slot = data[start : start + SLOT]
        life = decode(slot) if len(slot) == SLOT and slot.endswith(b"\n") else None
        if life is None and slot.strip(b"\0"):
            return None
        found.append(life)
    return found


def salvaged(data: bytes) -> list[Life]:
    """Return the newest lives in a file that is cut or has been edited, of those of its lines that are lives."""
    return [life for line in data.splitlines() if (life := decode(line))][-MOST:]
