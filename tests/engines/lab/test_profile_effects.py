"""Every field of `Profile` has its effect on processes, too: all pods side by side, in one lab a version."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.versions import PROFILES
from tests.engines.effects import Seen, container, pod, probe, watch
from tests.engines.profile_effects import EFFECTS

VERSIONS = ("1.20", "1.32", "1.36")
SHOWN = {name: effect for name, effect in EFFECTS.items() if not effect.no_lab}
LATER = 8
"""Seconds by which steps come later than on sim: a busy machine takes some to start all these pods."""
TOLD = (
    "import http.server as h, sys\n"
    "class A(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): print(self.headers['User-Agent'], flush=True); self.send_response(200); self.end_headers()\n"
    "    def log_message(self, *_): pass\n"
    "h.ThreadingHTTPServer((sys.argv[1], 8080), A).serve_forever()\n"
)
ASKED = pod(
    "asked",
    {
        **container(readinessProbe=probe("/")),
        "image": "python",
        "command": ["python3", "-c", TOLD, "$(POD_IP)"],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
    },
)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_each_version_does_and_tells_a_pod(version: str) -> None:
    objects: list[dict[str, Any]] = [one for effect in SHOWN.values() for one in effect.objects]
    steps = [step | {"at": _later(step["at"])} for effect in SHOWN.values() for step in effect.steps]
    seconds = max(effect.seconds for effect in SHOWN.values()) + 4 + LATER
    events = watch([*objects, ASKED], steps, seconds, on="lab", profile=PROFILES[version])

    found = {
        name: effect.measure(Seen(events, effect.objects[0]["metadata"]["name"])) for name, effect in SHOWN.items()
    }
    number = VERSIONS.index(version)
    assert found == {name: effect.by_version[number] for name, effect in SHOWN.items()}
    assert {one.message for one in Seen(events, "asked").of("log")} == {f"kube-probe/{version}"}


def _later(at: str) -> str:
    return f"{float(at.removesuffix('s')) + LATER:g}s"
