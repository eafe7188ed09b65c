"""Names by headless Service; kubernetes/dns: docs/specification.md 2.4."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.controllers.dns import NoSuchNameError, find, names
from tests.controllers.test_statefulset import stateful_set
from tests.controllers.worlds import POD, SERVICE, SPEC, world

HEADLESS = SERVICE | {"spec": SERVICE["spec"] | {"clusterIP": "None"}}


def found(*objects: dict[str, Any], namespace: str = "default", seconds: float = 10) -> dict[str, list[str]]:
    async def main() -> dict[str, list[str]]:
        async with world(*objects, seconds=seconds) as w:
            behind = names(w.cluster.services(), w.cluster.pods(), namespace)
            return {name: [pod.name for pod in pods] for name, pods in behind.items()}

    result: dict[str, list[str]] = run_virtual(main())
    return result


def test_a_stateful_sets_pods_have_names_in_its_service() -> None:
    pods = ["web-0", "web-1"]
    expected = {f"{name}{rest}": [name.partition(".")[0]] for name in ("web-0.web", "web-1.web") for rest in SUFFIXES}
    expected |= {f"web{rest}": pods for rest in SUFFIXES}

    assert found(stateful_set(replicas=2, serviceName="web"), HEADLESS) == expected


SUFFIXES = ("", ".default", ".default.svc", ".default.svc.cluster.local")


def test_elsewhere_the_namespace_has_to_be_named() -> None:
    assert set(found(stateful_set(replicas=1, serviceName="web"), HEADLESS, namespace="shop")) == {
        f"{name}{rest}" for name in ("web", "web-0.web") for rest in SUFFIXES if rest
    }


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({}, False),
        ({"hostname": "h", "subdomain": "web"}, True),
        ({"hostname": "h"}, False),
        ({"hostname": "h", "subdomain": "other"}, False),
    ],
)
def test_a_pod_has_a_name_by_its_hostname_and_subdomain(spec: dict[str, str], named: bool) -> None:
    assert ("h.web" in found(POD | {"spec": SPEC | spec}, HEADLESS)) is named


def test_a_pod_that_is_not_ready_has_none_unless_the_service_publishes_it() -> None:
    made = stateful_set(replicas=1, serviceName="web")
    published = HEADLESS | {"spec": HEADLESS["spec"] | {"publishNotReadyAddresses": True}}

    assert found(made, HEADLESS, seconds=0.05) == {}
    assert "web-0.web" in found(made, published, seconds=0.5)


def test_a_service_with_an_address_of_its_own_has_no_such_names() -> None:
    assert found(stateful_set(replicas=1, serviceName="web"), SERVICE) == {}


NOWHERE = "no such name"
PODS = stateful_set(replicas=2, serviceName="web")
ELSEWHERE = POD | {"metadata": {"name": "other"}}


def reached(host: str, port: int, *objects: dict[str, Any]) -> int | str | None:
    """Return how many places a name leads to, None for a name that is not the cluster's."""

    async def main() -> int | str | None:
        async with world(*objects, seconds=10) as w:
            try:
                places = find(w.cluster.services(), w.cluster.pods(), "default", host, port)
            except NoSuchNameError:
                return NOWHERE
            return None if places is None else len(places)

    result: int | str | None = run_virtual(main())
    return result


PORT = SERVICE["spec"]["ports"][0]["port"]


@pytest.mark.parametrize("suffix", [*SUFFIXES, "."])
@pytest.mark.parametrize(
    ("service", "port"), [(SERVICE, PORT), (HEADLESS, 8080)], ids=["with an address of its own", "headless"]
)
def test_a_services_name_leads_to_its_ready_pods(service: dict[str, Any], port: int, suffix: str) -> None:
    assert reached(f"web{suffix}", port, PODS, service) == 2


@pytest.mark.parametrize(
    ("host", "port", "service", "leads"),
    [
        ("web", PORT, SERVICE, 0),
        ("web", 9, SERVICE, 0),
        ("web", PORT, HEADLESS, NOWHERE),
        ("web.shop", PORT, SERVICE, None),
        ("example.org", 443, SERVICE, None),
        ("x.default.svc", 80, SERVICE, NOWHERE),
        ("x.default.svc.cluster.local", 80, SERVICE, NOWHERE),
    ],
)
def test_a_name_that_leads_to_nobody_or_elsewhere(
    host: str, port: int, service: dict[str, Any], leads: int | str | None
) -> None:
    assert reached(host, port, ELSEWHERE, service) == leads
