"""How `crashy traffic` prints samples and their summary."""

from __future__ import annotations

from collections import deque
from typing import Any, TextIO

from crashy.report.terminal import columns
from crashy.traffic.samples import Sample

CSV_HEAD = "due,latency,lag,status,pod,failure"
_EVERY = 0.1  # seconds between two updates of the live line
_BAR = 40  # requests in the bar


def csv_line(one: Sample) -> str:
    """Return a sample as a line of CSV; times in seconds."""
    return f"{one.due:.6f},{one.latency:.6f},{one.lag:.6f},{one.status or ''},{one.pod},{one.failure}"


def curl_test_line(one: Sample) -> str:
    """Return a request as the labs' curl-test.sh prints it."""
    return f"{one.body.splitlines()[0] if one.body else ''} OK".strip() if one.ok else "Failed"


class LiveLine:
    """One line that is rewritten in place: time, counts, the last requests as a bar."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._drawn = 0.0
        self._requests = 0
        self._failures = 0
        self._bar: deque[bool] = deque(maxlen=_BAR)

    def add(self, one: Sample, now: float) -> None:
        """Count a sample; redraw at most every 0.1 s. `now` is in seconds of any clock."""
        self._requests += 1
        self._failures += not one.ok
        self._bar.append(one.ok)
        if now - self._drawn < _EVERY:
            return
        self._drawn = now
        bar = "".join("\x1b[32m▇\x1b[0m" if ok else "\x1b[31m✗\x1b[0m" for ok in self._bar)
        share = 100 * (self._requests - self._failures) / self._requests
        failed = f"{self._failures} failed"
        self._file.write(f"\r\x1b[2K{one.due:6.1f}s {self._requests} requests, {failed}, {share:.2f} % {bar}")
        self._file.flush()

    def clear(self) -> None:
        """Wipe the line."""
        self._file.write("\r\x1b[2K")
        self._file.flush()


def report(totals: dict[str, Any]) -> str:
    """Return the summary as text."""
    if not totals["requests"]:
        return "no requests"
    outcomes = ", ".join(f"{outcome}: {count}" for outcome, count in totals["outcomes"].items())
    lines = [
        f"{totals['requests']} requests in {totals['seconds']:.1f}s: {totals['failures']} failed, "
        f"{100 * totals['availability']:.2f} % answered ({outcomes})"
    ]
    for outage in totals["outages"]:
        lines.append(
            f"outage of {outage['seconds']:.2f}s, {outage['start']:.2f}s to {outage['end']:.2f}s: "
            f"{outage['requests']} requests lost"
        )
    for name, text in (("all", "latency"), ("outside_outages", "latency outside outages")):
        latency = totals["latency"][name]
        if latency and (name == "all" or totals["outages"]):
            lines.append(f"{text}: " + ", ".join(f"{k} {1000 * v:.1f} ms" for k, v in latency.items()))
    if totals["pods"]:
        rows = [
            (n, str(p["requests"]), f"{100 * p['share']:.1f} %", str(p["failures"])) for n, p in totals["pods"].items()
        ]
        lines.append(columns([("POD", "REQUESTS", "SHARE", "FAILED"), *rows]))
    schedule = totals["schedule"]
    if schedule["late"]:
        lines.append(
            f"the schedule of {schedule['rate']:g}/s was not kept: {schedule['late']} requests left late, "
            f"the latest by {schedule['lag_max']:.2f}s"
        )
    return "\n".join(lines)
