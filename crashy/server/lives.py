"""The file STATE_DIR/lives.jsonl, in which each life of a patient leaves a record for the next one.

A living patient renews its own record in place, and locks it: so patients that share a folder don't write over each
other's. At most `MOST` lives are kept: a new one takes the place of the oldest that is over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from crashy.patient.lives import (
    END_FILE,
    MOST,
    MOST_FAULTS,
    MOST_REQUESTS,
    SLOT,
    Life,
    Lives,
    out_of_memory,
    plain,
    salvaged,
    slots,
    told,
)
from crashy.server.machine import OwnMachine
from crashy.server.oom import oom_kills
from crashy.server.patient import Patient
from crashy.timeline import Event, kinds

NAME = "lives.jsonl"
ASIDE = "lives.jsonl.set-aside"
_LONGEST = 10.0  # seconds without a record
_MOST_SLOTS = 200  # of a file, all who share it together
_DOOR = _MOST_SLOTS * SLOT  # the byte that a patient locks while it begins
_ATTEMPTS, _PAUSE = 100, 0.01  # seconds between two attempts to lock it
_TAIL = 16  # the last events that are looked at for requests


class _UnusableError(Exception):
    """What is at the file's place can't be used: the reason."""


class LifeRecord:
    """The record of one patient's life in a slot of a file that it has locked; `begin` makes one."""

    beat: Final = 1.0
    """Seconds from one look at what has changed to the next: call `keep` as often, and whenever a fault changes."""

    def __init__(self, patient: Patient, file: int, slot: int, life: Life) -> None:
        self._patient = patient
        self._file = file
        self._slot = slot
        self._life = life
        self._lock = threading.Lock()
        self._machine = OwnMachine()
        self._changed = True
        self._looked_at = self._kept_at = -_LONGEST
        self._seen = 0
        self._signal = self._words = self._last_fault = ""
        patient.timeline.subscribe(self._note, exclude=("request",))
        for fault in patient.faults.list():
            self._last_fault = plain(fault.fault.to_spec()) if fault.state == "active" else self._last_fault

    def _note(self, event: Event) -> None:
        if event.kind == kinds.FAULT:
            if event.reason == "Started":
                self._last_fault = plain(event.message.partition(": ")[2])
            self._changed = True
        elif event.reason == "Signal":
            self._signal = plain(event.message)
            self._changed = True
        elif event.reason == "Shutdown":
            self._words = plain(event.message)

    def keep(self) -> None:
        """Renew the record if a fault or a signal has come, and if anything else has changed in the last second."""
        now = self._patient.now()
        with self._lock:
            changed = self._changed
            if self._life.exit_code is not None or not (changed or now - self._looked_at >= self.beat):
                return
            self._changed, self._looked_at = False, now
            life = self._current(changed=changed)
            if changed or now - self._kept_at >= _LONGEST or life != self._life._replace(lived=life.lived):
                self._kept_at = now
                self._write(life)

    def end(self, exit_code: int, words: str = "") -> None:
        """Record that this life ends by itself; `words` are its last ones, if it has no others."""
        with self._lock:
            life = self._current(changed=True)
            self._write(life._replace(exit_code=exit_code, words=self._words or plain(words)))

    def _write(self, life: Life) -> None:
        self._life = life
        with suppress(OSError):  # a full disk must not stop the patient
            os.pwrite(self._file, life.encode(), self._slot * SLOT)

    def _current(self, *, changed: bool) -> Life:
        patient, life = self._patient, self._life
        limit = self._machine.memory_limit
        faults = life.faults
        if changed:
            faults = tuple(plain(one.fault.to_spec()) for one in patient.faults.list() if one.state == "active")
        return life._replace(
            lived=round(patient.uptime(), 3),
            phase=patient.phase,
            memory=round(self._machine.own_memory / limit, 2) if limit else None,
            faults=faults[-MOST_FAULTS:],
            last_fault=self._last_fault,
            signal=self._signal,
            requests=(*life.requests, *self._requests())[-MOST_REQUESTS:],
        )

    def _requests(self) -> Iterator[str]:
        timeline = self._patient.timeline
        events, self._seen = timeline.read(max(self._seen, len(timeline) - _TAIL))
        for _, served in kinds.SERVED.read(events):
            if not served["path"].startswith("/admin"):
                text = f"{served['method']} {served['path']} {served['status']} {served['ms']:g}ms {served['client']}"
                yield plain(text)


def begin(patient: Patient) -> LifeRecord | None:
    """Begin the record of a life, and set the patient's `lives`; a line says how the former one ended.

    What can't be used is set aside with a line. Where no record can be kept a line says why, and None is returned.
    """
    path = Path(patient.settings.state_dir) / NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file, there = _read(patient, path)
        except _UnusableError as error:
            _set_aside(patient, path, str(error))
            file, there = _read(patient, path)
        try:
            return _begin(patient, file, there)
        except BaseException:
            os.close(file)
            raise
    except (OSError, ValueError, _UnusableError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        patient.add_event("NoLives", f"STATE_DIR: {path.parent}: can't keep {NAME} there: {why}", level="warning")
        return None


def _begin(patient: Patient, file: int, there: list[Life | None]) -> LifeRecord:
    of = _name(patient)
    own = [life for slot, life in enumerate(there) if life and life.of == of and _is_over(file, slot)]
    former = sorted(own, key=lambda life: life.life)
    group, kills = oom_kills()
    if former:
        known = former[-1]
        former[-1] = _judged(known, group, kills)
        if former[-1] != known:
            os.pwrite(file, former[-1].encode(), there.index(known) * SLOT)
    number = former[-1].life + 1 if former else 1
    life = Life(number, of, began=round(time.time(), 3), oom_group=plain(group), oom_kills=kills)
    record = LifeRecord(patient, file, _claim(file, there), life)
    record.keep()
    fcntl.lockf(file, fcntl.LOCK_UN, 1, _DOOR)
    patient.lives = Lives(number, tuple(former))
    patient.add_event("Life", patient.lives.line())
    return record


def _read(patient: Patient, path: Path) -> tuple[int, list[Life | None]]:
    """Open the file, with its door locked, and read its slots; raises _UnusableError for what isn't a file.

    A file that isn't in order is set aside; what is left of lives in it goes into the new one.
    """
    salvage: list[Life] = []
    for _ in range(2):
        file = _open(path)
        data = os.pread(file, _DOOR + 1, 0)
        there = slots(data) if len(data) <= _DOOR else None
        if salvage and there == []:
            os.pwrite(file, b"".join(life.encode() for life in salvage), 0)
            there = [*salvage]
        if there is not None:
            return file, there
        _set_aside(patient, path, "isn't a record of lives, or is cut")
        os.close(file)
        salvage = salvaged(data)
    raise _UnusableError("others write to it")


def _set_aside(patient: Patient, path: Path, why: str) -> None:
    path.replace(path.with_name(ASIDE))
    patient.add_event("SetAside", f"STATE_DIR: {path}: {why}: set aside as {ASIDE}", level="warning")


def _open(path: Path) -> int:
    """Open the file and lock its door, so that others who start wait; raises _UnusableError for what isn't a file."""
    for _ in range(_ATTEMPTS):
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        except OSError as error:
            if path.is_symlink():
                raise _UnusableError("is a symbolic link") from error
            if path.exists():
                raise _UnusableError((error.strerror or "can't be opened").lower()) from error
            raise
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise _UnusableError("isn't a file")
        if _locked(file, _DOOR, 1):
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(file).st_ino:  # else it has just been set aside
                    return file
        os.close(file)
        time.sleep(_PAUSE)
    raise BlockingIOError(errno.EAGAIN, "another patient has locked it")


def _name(patient: Patient) -> str:
    """Return what tells patients apart that share a folder: the containers of a pod differ in their ports."""
    settings = patient.settings
    ports = ",".join(map(str, (*settings.port, settings.admin_port)))
    return plain(f"{ports} {settings.pod_namespace}/{patient.identity.pod}")


def _is_over(file: int, slot: int) -> bool:
    """Return whether the life of a slot is over: its process would hold a lock on it."""
    if not _locked(file, slot * SLOT, SLOT):
        return False
    fcntl.lockf(file, fcntl.LOCK_UN, SLOT, slot * SLOT)
    return True


def _locked(file: int, start: int, size: int) -> bool:
    """Lock a part of the file until this process ends; return whether that could be done."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, size, start)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _claim(file: int, there: list[Life | None]) -> int:
    """Lock a slot for a new life, behind the others or the oldest one's; raises _UnusableError if all are in use."""
    oldest_first = sorted(range(len(there)), key=lambda slot: life.began if (life := there[slot]) else 0.0)
    behind = range(len(there), _MOST_SLOTS)
    for slot in (*oldest_first, *behind) if len(there) >= MOST else behind:
        if _locked(file, slot * SLOT, SLOT):
            return slot
    raise _UnusableError(f"{_MOST_SLOTS} patients use it")


def _judged(life: Life, group: str, kills: int) -> Life:
    """Return the former life with what the node says of its end, which is read once, or the cgroup."""
    if node_file := os.environ.get(END_FILE):
        with suppress(OSError):
            life = told(life, Path(node_file).read_bytes())
            Path(node_file).unlink()
    return out_of_memory(life, plain(group), kills)
