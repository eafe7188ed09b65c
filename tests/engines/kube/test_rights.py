"""The rights that are asked for are those that manifests/rbac.yaml gives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.engines.kube.rights import CLEAN, CRASH, GUEST, GUEST_CRASH, OWN, Right, check
from crashy.errors import BadInput
from tests.engines.kube.fakes import FakeApi

RBAC = Path(__file__).parents[3] / "manifests/rbac.yaml"
ROLES = {one["metadata"]["name"]: one for one in yaml.safe_load_all(RBAC.read_text()) if one["kind"] == "ClusterRole"}


def given(role: str) -> set[tuple[str, str]]:
    return {
        (verb, f"{resource}.{group}" if group and "/" not in resource else resource)
        for rule in ROLES[role]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize(("role", "wanted"), [("crashy", OWN + CRASH + CLEAN), ("crashy-guest", GUEST + GUEST_CRASH)])
def test_the_role_has_every_right_that_is_asked_for(role: str, wanted: tuple[Right, ...]) -> None:
    assert {(right.verb, right.resource) for right in wanted} <= given(role)


def test_no_role_has_all_of_anything() -> None:
    assert not any("*" in rule[key] for role in ROLES.values() for rule in role["rules"] for key in rule)


def test_a_guest_may_make_nothing_but_requests() -> None:
    made = {resource for verb, resource in given("crashy-guest") if verb in {"create", "update", "patch"}}

    assert made == {"pods/proxy", "pods/exec", "pods/eviction", "deployments/scale"}


def test_all_that_is_missing_is_named_at_once() -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        del method, path
        requested = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": requested["resource"] == "services" or requested["verb"] == "list"}}

    with pytest.raises(BadInput) as caught:
        asyncio.run(check(FakeApi(answers), GUEST, "ns"))  # type: ignore[arg-type]

    assert caught.value.lines == (
        "kube: not allowed: watch on pods",
        "kube: not allowed: get on pods/log",
        "kube: not allowed: get, create, delete on pods/proxy",
        "kube: not allowed: watch on events",
        "kube: not allowed: watch on endpointslices.discovery.k8s.io",
        "kube: manifests/rbac.yaml has the rights that are needed (docs/kube.md)",
    )


def test_a_question_names_group_resource_and_subresource() -> None:
    requested = Right("list", "endpointslices.discovery.k8s.io").review("ns")["spec"]["resourceAttributes"]
    proxy = Right("create", "pods/proxy", cluster=True).review("ns")["spec"]["resourceAttributes"]

    assert (requested["group"], requested["resource"], requested["namespace"]) == (
        "discovery.k8s.io",
        "endpointslices",
        "ns",
    )
    assert (proxy["resource"], proxy["subresource"], "namespace" in proxy) == ("pods", "proxy", False)
