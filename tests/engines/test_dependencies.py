"""What patients depend on in a lab and on sim: the same states in the same words, and what probes make of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import VirtualLoop
from crashy.kubelet.versions import PROFILES
from crashy.timeline import Event
from tests.engines.effects import Seen, at, container, pod, probe, watching

PORTS = [{"containerPort": 8080}]
TARGET = [{"port": 80, "targetPort": 8080}]


def service(name: str, app: str, **spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": app}, "ports": TARGET, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def store(name: str) -> dict[str, Any]:
    return pod(name, container(readinessProbe=probe("/readyz"), ports=PORTS))


def web(name: str, dependencies: str, **env: str) -> dict[str, Any]:
    probes = {"readinessProbe": probe("/readyz"), "livenessProbe": probe("/livez", failureThreshold=2)}
    return pod(name, container(env={"DEPENDENCIES": dependencies, **env}, ports=PORTS, **probes))


NAMES = ",".join(
    (
        "http://db/livez",
        "http://db.default.svc.cluster.local/nowhere",
        "tcp://direct:8080",
        "tcp://nobody:80",
        "redis://db.default:80",
        "tcp://nowhere.default.svc:80",
    )
)
OBJECTS = [
    store("db"),
    store("store"),
    service("db", "db"),
    service("direct", "db", clusterIP="None"),
    service("nobody", "none"),
    service("store", "store"),
    web("web", NAMES),
    web("ready", "tcp://store:80", READINESS_CHECKS_DEPENDENCIES="1"),
    web("live", "tcp://store:80", LIVENESS_CHECKS_DEPENDENCIES="1"),
    web("slow", "tcp://store:80", READINESS_CHECKS_DEPENDENCIES="1"),
]
STEPS = [
    at(8, "inject", "unready", "db"),
    at(8, "inject", "dependency-down for=6s", "ready"),
    at(8, "inject", "dependency-down for=6s", "live"),
    at(8, "inject", "dependency-slow delay=2s", "slow"),
]


@pytest.fixture(scope="module", params=["lab", "sim"])
def events(request: pytest.FixtureRequest) -> list[Event]:
    """Return what happens, in one run for all tests."""
    with asyncio.Runner(loop_factory=VirtualLoop if request.param == "sim" else None) as runner:
        return runner.run(watching(OBJECTS, STEPS, 17, on=request.param, profile=PROFILES["1.36"]))


def told(events: list[Event], name: str) -> dict[str, list[str]]:
    """Return what a patient's log says of each dependency, in its order."""
    found: dict[str, list[str]] = {}
    for event in Seen(events, name).of("log"):
        words = event.message if event.reason == "Dependency" else event.message.partition(" Dependency: ")[2]
        if words.startswith("dependency "):
            host, _, state = words.removeprefix("dependency ").partition(" ")
            found.setdefault(host, []).append(state.partition(" is ")[2])
    return found


def failures(events: list[Event], name: str) -> set[str]:
    """Return what its probes say once the steps are taken."""
    return {event.message.partition("failed: ")[2] for event in Seen(events, name).of("event", "Unhealthy", after=8.5)}


def test_names_lead_to_the_ready_pods_of_services(events: list[Event]) -> None:
    seen = told(events, "web")

    assert {host: states[-1] for host, states in seen.items()} == {
        "db": "down: Connection refused",  # no pod is ready
        "db.default.svc.cluster.local": "down: Connection refused",
        "direct": "down: Name or service not known",
        "nobody": "down: Connection refused",
        "db.default": "down: Connection refused",
        "nowhere.default.svc": "down: Name or service not known",
    }
    assert "up" in seen["db"]
    assert "down: answers 404" in seen["db.default.svc.cluster.local"]
    assert "up" in seen["direct"]
    assert "down: answers 'HTTP/1.0 400 Bad Request'" in seen["db.default"]


def test_a_dependency_that_readiness_checks_takes_pods_out(events: list[Event]) -> None:
    assert told(events, "ready")["store"][-2:] == ["down: Connection refused", "up"]
    assert failures(events, "ready") == {"HTTP probe failed with statuscode: 503"}
    assert Seen(events, "ready").of("event", "Killing") == []


def test_a_dependency_that_liveness_checks_restarts_them(events: list[Event]) -> None:
    assert "HTTP probe failed with statuscode: 500" in failures(events, "live")
    assert Seen(events, "live").of("event", "Killing")


def test_a_slow_dependency_makes_the_probe_that_checks_it_late(events: list[Event]) -> None:
    assert told(events, "slow")["store"][-1].startswith("slow: 2.")
    (text,) = failures(events, "slow")
    assert text.endswith(": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
