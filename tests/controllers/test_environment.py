"""A container's variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from crashy.controllers.environment import References, service_links, variables
from crashy.kubelet.runtime import Pod, StartError
from crashy.objects.config import ConfigMap, Secret
from crashy.objects.document import Source
from crashy.objects.pod import Container, parse_pod_template
from crashy.objects.service import Service, ServicePort

HERE = Source("test.yaml", 1)
REFERENCES = References(
    [ConfigMap("settings", "default", {"COLOR": "blue", "SIZE": "9"}, {}, HERE)],
    [Secret("keys", "default", {"TOKEN": b"s3cret"}, HERE)],
)


def made(*env: Mapping[str, Any], **container: Any) -> tuple[Pod, Container]:
    template = parse_pod_template(
        {
            "metadata": {"name": "web-1", "labels": {"app": "web"}, "annotations": {"note": "hi"}},
            "spec": {"containers": [{"name": "web", "image": "crashy-app", "env": list(env), **container}]},
        },
        path="",
    )
    return Pod("web-1", "default", "uid-1", "127.64.0.2", template), template.containers[0]


def of(*env: Mapping[str, Any], links: Mapping[str, str] | None = None, **container: Any) -> dict[str, str]:
    return variables(*made(*env, **container), REFERENCES, links or {})


def ref(kind: str, **reference: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {kind: reference}}


@pytest.mark.parametrize(
    ("env", "value"),
    [
        ({"name": "X", "value": "plain"}, "plain"),
        ({"name": "X"}, ""),
        ({"name": "X", "value": "$(UNKNOWN) $$(Y)"}, "$(UNKNOWN) $(Y)"),
        (ref("fieldRef", fieldPath="metadata.name"), "web-1"),
        (ref("fieldRef", fieldPath="metadata.namespace"), "default"),
        (ref("fieldRef", fieldPath="metadata.uid"), "uid-1"),
        (ref("fieldRef", fieldPath="metadata.labels['app']"), "web"),
        (ref("fieldRef", fieldPath="metadata.labels['none']"), ""),
        (ref("fieldRef", fieldPath="metadata.annotations['note']"), "hi"),
        (ref("fieldRef", fieldPath="status.podIP"), "127.64.0.2"),
        (ref("fieldRef", fieldPath="status.hostIP"), "127.0.0.1"),
        (ref("fieldRef", fieldPath="spec.nodeName"), "crashy-lab"),
        (ref("fieldRef", fieldPath="spec.serviceAccountName"), "default"),
        (ref("configMapKeyRef", name="settings", key="COLOR"), "blue"),
        (ref("secretKeyRef", name="keys", key="TOKEN"), "s3cret"),
        (ref("resourceFieldRef", resource="limits.memory"), "134217728"),
        (ref("resourceFieldRef", resource="limits.memory", divisor="1Mi"), "128"),
        (ref("resourceFieldRef", resource="limits.cpu"), "1"),
        (ref("resourceFieldRef", resource="limits.cpu", divisor="1m"), "500"),
    ],
)
def test_values(env: dict[str, Any], value: str) -> None:
    assert of(env, resources={"limits": {"memory": "128Mi", "cpu": "500m"}})["X"] == value


def test_later_variables_see_earlier_ones() -> None:
    found = of(
        {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}, {"name": "A", "value": "$(B)3"}, links={"L": "x"}
    )

    assert found == {"A": "123", "B": "12", "L": "x"}


def test_env_wins_over_env_from_wins_over_services() -> None:
    found = of(
        {"name": "SIZE", "value": "10"},
        links={"COLOR": "service", "OTHER": "service"},
        envFrom=[{"configMapRef": {"name": "settings"}}, {"prefix": "P_", "secretRef": {"name": "keys"}}],
    )

    assert found == {"COLOR": "blue", "OTHER": "service", "SIZE": "10", "P_TOKEN": "s3cret"}


@pytest.mark.parametrize(
    ("env", "text"),
    [
        (ref("configMapKeyRef", name="none", key="K"), 'configmap "none" not found'),
        (ref("secretKeyRef", name="none", key="K"), 'secret "none" not found'),
        (ref("configMapKeyRef", name="settings", key="K"), "couldn't find key K in ConfigMap default/settings"),
        (ref("secretKeyRef", name="keys", key="K"), "couldn't find key K in Secret default/keys"),
    ],
)
def test_a_reference_to_nothing_stops_the_start(env: dict[str, Any], text: str) -> None:
    with pytest.raises(StartError, match=text):
        of(env)


@pytest.mark.parametrize(
    "env",
    [
        ref("configMapKeyRef", name="none", key="K", optional=True),
        ref("secretKeyRef", name="keys", key="K", optional=True),
    ],
)
def test_an_optional_reference_to_nothing_leaves_the_variable_out(env: dict[str, Any]) -> None:
    assert of(env) == {}


def test_services_are_reported_as_docker_links_reported_them() -> None:
    service = Service(
        "webapp-service", "default", "NodePort", {}, (ServicePort("http", 8080, 8080, 30080),), False, HERE
    )

    assert service_links([(service, "127.64.200.1")], lambda ip, port: (ip, port)) == {
        "WEBAPP_SERVICE_SERVICE_HOST": "127.64.200.1",
        "WEBAPP_SERVICE_SERVICE_PORT": "8080",
        "WEBAPP_SERVICE_SERVICE_PORT_HTTP": "8080",
        "WEBAPP_SERVICE_PORT": "tcp://127.64.200.1:8080",
        "WEBAPP_SERVICE_PORT_8080_TCP": "tcp://127.64.200.1:8080",
        "WEBAPP_SERVICE_PORT_8080_TCP_PROTO": "tcp",
        "WEBAPP_SERVICE_PORT_8080_TCP_PORT": "8080",
        "WEBAPP_SERVICE_PORT_8080_TCP_ADDR": "127.64.200.1",
    }
