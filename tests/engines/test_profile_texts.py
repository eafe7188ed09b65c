"""Every text of `EventTexts` is in an event of what runs, in the words of its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache

import pytest

from crashy.controllers.taints import UNREACHABLE
from crashy.kubelet.versions import PROFILES, EventTexts
from tests.engines.effects import Object, Seen, at, container, pod, probe, three, watch

MARK = pytest.mark.parametrize("version", ["1.20", "1.32", "1.34", "1.35", "1.36", "1.37", "fixed"])
NEW = ("1.35", "1.36", "1.37", "fixed")


@dataclass(frozen=True)
class Text:
    """A pod, the reason of the event that has the text, and how that ends: in 1.20, 1.32 and 1.34, 1.35 and later."""

    objects: list[Object]
    reason: str
    oldest: str
    middle: str
    newest: str
    steps: list[Object] = field(default_factory=list)
    seconds: float = 8.0


UP = [pod("up", container())]
KNOWN = "already present on machine"
ANSWER = 'Readiness probe failed: command timed out: "sleep 5" timed out after 1s'
FALLS = [pod("falls", container(env={"KILL_IN_SECONDS": "1"}))]
UNKNOWN = [pod("errs", container(readinessProbe={"httpGet": {"path": "/", "port": "nope"}, "periodSeconds": 1}))]
RESULT = "Readiness probe errored and resulted in unknown state: strconv.Atoi"
SLOW = [pod("slow", container(readinessProbe={"exec": {"command": ["sleep", "5"]}, "periodSeconds": 1}))]
NONE = "0/1 nodes are available: 1 node(s)"
GONE = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
AGAIN = [three("again", container(), tolerations=[GONE])]
REDIRECTS = [pod("redirects", container(readinessProbe=probe("/readyz")))]

TEXTS: Mapping[str, Text] = {
    "pulled": Text(UP, "Pulled", KNOWN, KNOWN, f"{KNOWN} and can be accessed by the pod"),
    "created": Text(UP, "Created", "Created container app", "Created container: app", "Container created"),
    "started": Text(UP, "Started", "Started container app", "Started container app", "Container started"),
    "back_off": Text(
        FALLS,
        "BackOff",
        "Back-off restarting failed container",
        *["Back-off restarting failed container app in pod falls_default("] * 2,
    ),
    "errored": Text(UNKNOWN, "Unhealthy", "Readiness probe errored: strconv.Atoi", RESULT, RESULT),
    "exec_timeout": Text(SLOW, "Unhealthy", "Readiness probe failed: ", ANSWER, ANSWER),
    "redirect_warning": Text(
        REDIRECTS,
        "ProbeWarning",
        *["Readiness probe warning: ", *["Readiness probe warning: Probe terminated redirects, Response body: "] * 2],
        steps=[at(4, "inject", "error code=304 clients=kubelet", "redirects")],
    ),
    "unschedulable": Text(
        AGAIN,
        "FailedScheduling",
        f"{NONE} were unschedulable.",
        f"{NONE} were unschedulable. ",
        f"{NONE} were unschedulable. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is",
        steps=[{"at": "4s", "drain": "node"}],
        seconds=20.0,
    ),
    "tainted": Text(
        AGAIN,
        "FailedScheduling",
        f"{NONE} had taint {{{UNREACHABLE}: }}, that the pod didn't tolerate.",
        f"{NONE} had untolerated taint {{{UNREACHABLE}: }}. ",
        f"{NONE} had untolerated taint(s). ",
        steps=[{"at": "4s", "stop": "kubelet"}],
        seconds=70.0,
    ),
}


def test_every_text_is_tried() -> None:
    """If this fails: a new text needs a row here."""
    assert {*TEXTS} == {one.name for one in fields(EventTexts)}


@cache
def messages(name: str, version: str) -> list[str]:
    text = TEXTS[name]
    events = watch(text.objects, text.steps, text.seconds, on="sim", profile=PROFILES[version])
    return [one.message for one in Seen(events, text.objects[0]["metadata"]["name"]).of("event", text.reason)]


@MARK
@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_each_version(name: str, version: str) -> None:
    text = TEXTS[name]
    expected = text.oldest if version == "1.20" else text.newest if version in NEW else text.middle

    assert any(expected in message for message in messages(name, version)), messages(name, version)
