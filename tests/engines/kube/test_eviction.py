"""The Eviction API is asked in the version that the cluster has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.kube.api import ApiError
from crashy.engines.kube.eviction import evict
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import parse_pod_template
from tests.controllers.worlds import POD
from tests.engines.kube.fakes import FakeApi, status

NAMED = Pod("web-1", "shop", "uid", "10.0.0.1", parse_pod_template(POD, ""))
PATH = "/api/v1/namespaces/shop/pods/web-1/eviction"


def test_an_old_cluster_is_asked_again_in_its_own_version() -> None:
    versions: list[str] = []

    def answers(method: str, path: str, body: Any) -> Any:
        assert (method, path) == ("POST", PATH)
        versions.append(body["apiVersion"])
        return ApiError(400, "no kind") if body["apiVersion"] == "policy/v1" else status(201)

    asyncio.run(evict(FakeApi(answers), NAMED))  # type: ignore[arg-type]

    assert versions == ["policy/v1", "policy/v1beta1"]


def test_a_budgets_refusal_is_the_api_servers() -> None:
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    api = FakeApi(lambda *_: ApiError(429, text))
    with pytest.raises(EvictionRefusedError, match="would violate") as caught:
        asyncio.run(evict(api, NAMED))  # type: ignore[arg-type]

    assert (caught.value.code, caught.value.retriable, caught.value.text()) == (429, True, f"429: {text}")
    assert api.requested == [("POST", PATH)]
