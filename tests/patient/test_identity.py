"""Who the patient says it is."""

from __future__ import annotations

import pytest

from crashy.patient.identity import identify
from crashy.patient.settings import load


@pytest.mark.parametrize(
    ("environ", "pod"),
    [
        ({"POD_NAME": "web-1", "HOSTNAME": "other"}, "web-1"),
        ({"HOSTNAME": "web-2"}, "web-2"),
        ({}, "the-host"),
        ({"HOSTNAME": "evil\r\nX-Other: 1"}, "evil--X-Other--1"),
    ],
)
def test_the_pod_is_named_by_the_downward_api_else_by_the_host(environ: dict[str, str], pod: str) -> None:
    assert identify(load([], environ), environ, lambda: "the-host").pod == pod


@pytest.mark.parametrize(
    ("environ", "color"),
    [
        ({}, "blue"),
        ({"APP_VERSION": "v2"}, "green"),
        ({"APP_VERSION": "v3"}, "red"),
        ({"APP_VERSION": "v9"}, "blue"),
        ({"APP_VERSION": "v3", "APP_COLOR": "pink"}, "pink"),
    ],
)
def test_each_version_has_its_colour(environ: dict[str, str], color: str) -> None:
    assert identify(load([], environ), environ, lambda: "the-host").color == color


def test_the_downward_api_tells_the_rest() -> None:
    environ = {"POD_NAMESPACE": "kube-public", "POD_IP": "10.1.2.3", "NODE_NAME": "node-1"}
    identity = identify(load([], environ), environ, lambda: "the-host")

    assert (identity.namespace, identity.ip, identity.node) == ("kube-public", "10.1.2.3", "node-1")
