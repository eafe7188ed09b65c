"""When a CronJob is due, by a schedule and a time zone: what Kubernetes' cron library takes, in its own words.

Source: github.com/robfig/cron v3: parser.go ParseStandard, spec.go, constantdelay.go; kubernetes:
pkg/apis/batch/validation/validation.go. Which day comes next is found by `cronsim`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from math import floor
from zoneinfo import ZoneInfo

from crashy.objects.fields import FieldError, invalid

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# Minute, hour, day of the month, month, day of the week: the least and the most, and names for them.
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"[-+]?(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+", re.ASCII)
_MOST_SECONDS = 2.0**63 / 1e9  # a time.Duration has 64 bits for its nanoseconds


@dataclass(frozen=True, slots=True)
class Schedule:
    """Moments in Unix seconds: by the calendar of a zone, or `every` so many seconds."""

    expression: str = ""
    zone: tzinfo = UTC
    every: int = 0

    def next(self, after: float) -> float | None:
        """Return the first moment after that one; None where there is none in decades (the 30th of February).

        In a night in which the clocks change, an hour that isn't there is left out, and one that comes twice counts
        twice.
        """
        if self.every:
            return float(floor(after) + self.every)
        from cronsim import CronSim  # noqa: PLC0415 - only a CronJob pays for it
        from cronsim.cronsim import CronSimError  # noqa: PLC0415

        try:
            # With the field of seconds: five fields would get what Debian's cron does when the clocks change.
            found = next(CronSim(f"0 {self.expression}", datetime.fromtimestamp(floor(after), self.zone)), None)
        except CronSimError:
            return None
        return None if found is None else found.timestamp()


def parse_schedule(text: str, zone: str | None = None) -> Schedule:
    """Return the schedule of a CronJob; without a zone it is UTC. Raises ValueError in the library's words."""
    where = ZoneInfo(zone) if zone else UTC
    if not text:
        raise ValueError("empty spec string")
    if text.startswith("@"):
        if text.startswith("@every "):
            return Schedule(zone=where, every=_duration(text))
        if text not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    fields = [_field(word, *field) for word, field in zip(words, _FIELDS, strict=True)]
    return Schedule(" ".join(fields), where)


def schedule_rules(text: str, zone: str | None, path: str) -> Iterator[FieldError]:
    """Check a schedule and its time zone."""
    if zone is not None:
        at = f"{path}.timeZone"
        if not zone:
            yield invalid(at, zone, "timeZone must be nil or non-empty string")
            return
        if zone.lower() == "local":
            named = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
            yield invalid(at, zone, named)
        elif not _known(zone):
            yield invalid(at, zone, f"unknown time zone {zone}")
            return
    if "TZ" in text:
        both = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        alone = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid(f"{path}.schedule", text, both if zone else alone)
        return
    try:
        parse_schedule(text)
    except ValueError as error:
        yield invalid(f"{path}.schedule", text, str(error))


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # not found; a path that leads out; a folder
        return False
    return True


def _duration(text: str) -> int:
    given = text.removeprefix("@every ")
    parts = re.findall(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)", given)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not _DURATION.fullmatch(given) or seconds >= _MOST_SECONDS:
        raise ValueError(f'failed to parse duration {text}: time: invalid duration "{given}"')
    return max(1, int(seconds)) if not given.startswith("-") else 1


def _field(word: str, low: int, high: int, names: dict[str, int]) -> str:
    """Return a field as its values one by one; as `*` where it is one by the library's rules, which `*/2` is not."""
    values: set[int] = set()
    star = False
    for part in filter(None, word.split(",")):
        found, is_star = _range(part, low, high, names)
        values.update(found)
        star = star or is_star
    if star:
        return "*"
    if not values:
        raise ValueError(f"empty field: {word}")
    return ",".join(map(str, sorted(values)))


def _range(part: str, low: int, high: int, names: dict[str, int]) -> tuple[range, bool]:
    limits, *steps = part.split("/")
    ends = limits.split("-")
    star = ends[0] in {"*", "?"}
    if star:
        start, end = low, high
    else:
        start = end = _number(ends[0], names)
        if len(ends) == 2:
            end = _number(ends[1], names)
        elif len(ends) > 2:
            raise ValueError(f"too many hyphens: {part}")
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {part}")
    if steps:
        step = _number(steps[0], {})
        if len(ends) == 1 and not star:
            end = high
    if start < low:
        raise ValueError(f"beginning of range ({start}) below minimum ({low}): {part}")
    if end > high:
        raise ValueError(f"end of range ({end}) above maximum ({high}): {part}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {part}")
    return range(start, end + 1, step), star and step == 1


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
