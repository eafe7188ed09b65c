"""The page, drawn from a timeline written by hand, and opened in a real browser."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from crashy.report.drawing import LEFT, RIGHT, WIDTH
from crashy.report.html import page
from crashy.report.lanes import lanes
from crashy.report.results import summarize
from crashy.timeline import Event
from tests.needs import needs

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def pod(t: float, name: str, *, ready: bool, restarts: int = 0, reason: str = "Running") -> Event:
    container = {"state": "running", "reason": "", "message": ""}
    data = {"ready": ready, "restarts": restarts, "deleting": False, "containers": [container]}
    return Event(t, "kubelet", "pod", f"pod/{name}", reason, data=data)


def request(t: float, name: str, status: int = 200) -> Event:
    data = {"sent": t, "latency": 0.01, "status": status, "failure": "", "ok": status < 400, "pod": name}
    return Event(t, "traffic", "request", "service/web", str(status), data=data)


def probe(t: float, name: str, outcome: str) -> Event:
    return Event(t, "kubelet", "probe", f"pod/{name}", "liveness", "", {"outcome": outcome, "seconds": 0.001})


EVENTS = [
    pod(0, "web-1", ready=True),
    pod(0, "web-2", ready=True),
    *(request(t / 10, f"web-{1 + t % 2}") for t in range(1, 20)),
    Event(2, "experiment", "fault", "pod/web-1", "Injected", "error <b>&"),
    *(request(t / 10, "web-1", 500) for t in range(20, 30)),
    probe(2.5, "web-1", "failure"),
    Event(2.5, "kubelet", "event", "pod/web-1", "Unhealthy", 'Liveness probe failed: "<script>"', {"type": "Warning"}),
    pod(3, "web-1", ready=False),
    *(request(t / 10, "web-2") for t in range(30, 40)),
    pod(4, "web-1", ready=True, restarts=1),
    *(request(t / 10, "web-2") for t in range(40, 101)),
]


@dataclass
class Verdict:
    name: str
    wanted: str
    seen: str
    passed: bool


PASS = Verdict("availability", ">= 0.5", "0.9", passed=True)
FAIL = Verdict("max_outage", "<= 0.5s", "1.0s", passed=False)
PAGE = page(EVENTS, [PASS, FAIL], title="A <lesson>", lesson="First.\n\nSecond.")


def x(t: float) -> float:
    """Where a second is drawn: the run is ten seconds long."""
    return round(LEFT + t * (WIDTH - LEFT - RIGHT) / 10, 1)


def boxes(kind: str) -> list[tuple[float, float, str]]:
    """The boxes of a kind: left edge, right edge, words."""
    found = re.findall(
        rf'<rect class="{kind}" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]*><title>(.*?)</title>', PAGE
    )
    return [(float(left), round(float(left) + float(width), 1), text) for left, width, text in found]


def test_outages_are_shaded_where_they_were() -> None:
    assert boxes("outage") == [(x(2), x(3), "outage of 1.00 s: 10 requests failed")]


def test_a_fault_is_a_span_from_its_injection_to_the_recovery() -> None:
    assert boxes("fault") == [(x(2), x(4), "error &lt;b&gt;&amp;, from 2.0 to 4.0 s")]


def test_a_lane_is_its_pods_states_one_after_the_other() -> None:
    assert [box[:2] for box in boxes("state ready")] == [(x(0), x(3)), (x(4), x(10)), (x(0), x(10))]
    assert [box[:2] for box in boxes("state running")] == [(x(3), x(4))]


def test_requests_probes_and_events_are_marks_at_their_time() -> None:
    assert len(boxes("request failed")) == 10
    assert len(boxes("request pod0")) + len(boxes("request pod1")) == len(re.findall(r'class="request pod', PAGE)) == 90
    assert [box[0] for box in boxes("probe failure")] == [x(2.5)]
    assert f'<circle class="event warning" cx="{x(2.5)}"' in PAGE


def test_what_apps_say_is_text_and_never_markup() -> None:
    assert "<script" not in PAGE
    assert "<b>" not in PAGE


def test_it_asks_the_network_for_nothing() -> None:
    assert re.findall(r'(?:src|href)="(?!data:)', PAGE) == []
    assert "@import" not in PAGE
    assert "url(" not in PAGE


def test_the_verdict_stands_on_top() -> None:
    assert 'class="badge fail">FAIL' in PAGE
    assert 'class="badge pass">pass' in page(EVENTS, [PASS])
    assert 'class="badge' not in page(EVENTS)


def test_its_tags_are_balanced() -> None:
    class Balance(html.parser.HTMLParser):
        stack: list[str]

        def handle_starttag(self, tag: str, _attrs: object) -> None:
            if tag not in ("meta", "link"):
                self.stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.stack.pop() == tag

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

    balance = Balance()
    balance.stack = []
    balance.feed(PAGE)

    assert balance.stack == []


def test_a_long_run_is_drawn_in_bounded_room() -> None:
    day = [pod(0, "web-1", ready=True)]
    for t in range(0, 86_400, 2):
        day += [probe(t, "web-1", "failure" if t % 1000 == 0 else "success"), request(t, "web-1")]

    drawn = page(day)
    assert len(drawn) < 3_000_000
    assert len(re.findall('class="probe failure"', drawn)) >= 80


def test_nothing_that_happened_is_a_page_too() -> None:
    assert "<svg" in page([])
    assert lanes([], summarize([])) == []


@needs("chromium", "google-chrome")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_a_complaint(tmp_path: Path, scheme: str) -> None:
    (tmp_path / "report.html").write_text(PAGE)
    shot = tmp_path / "report.png"
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    command = [CHROMIUM or "", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", *quiet, *dark]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1240,900"]
    ended = subprocess.run(
        [*command, f"--screenshot={shot}", (tmp_path / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "CONSOLE" not in ended.stderr
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 20_000
