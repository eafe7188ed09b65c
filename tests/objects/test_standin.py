"""Models of other people's images: how they are written, where they come from, which ports they have."""

from __future__ import annotations

import pytest

from crashy.objects.pod import parse_pod_template
from crashy.objects.standin import DEFAULT, model_of, parse_model, ports
from tests.manifest.conftest import POD, complaints


def test_a_model_is_read_and_written() -> None:
    assert str(parse_model("start=2s..10s drain=3s run=1m")) == "start=2s..10s drain=3s run=1m"
    assert str(parse_model("drain=1s")) == "start=250ms..350ms drain=1s"


@pytest.mark.parametrize("text", ["", "start", "start=2s start=3s", "begin=2s", "start=soon", "start=10s..2s"])
def test_a_bad_model_is_refused_with_its_place(text: str) -> None:
    (line,) = complaints(POD.replace("metadata:\n", f"metadata:\n  annotations: {{crashy/model: '{text}'}}\n"))

    assert "metadata.annotations[crashy/model]: Invalid value: " in line
    assert " must be " in line


def test_the_pods_annotation_comes_before_the_images_model() -> None:
    spec = {"containers": [{"name": "web", "image": "docker.io/library/nginx:1"}]}
    plain = parse_pod_template({"spec": spec}, path="")
    annotated = parse_pod_template({"metadata": {"annotations": {"crashy/model": "run=1s"}}, "spec": spec}, path="")
    models = {"library/nginx": parse_model("start=9s")}

    assert model_of(plain, plain.containers[0], models) == parse_model("start=9s")
    assert model_of(plain, plain.containers[0], {}) == DEFAULT
    assert model_of(annotated, annotated.containers[0], models) == parse_model("run=1s")


def test_it_listens_where_it_says_and_where_it_is_asked() -> None:
    template = parse_pod_template(
        {
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "a",
                        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}],
                        "livenessProbe": {"httpGet": {"port": "http"}},
                        "readinessProbe": {"tcpSocket": {"port": 81}},
                        "startupProbe": {"httpGet": {"port": "none"}},
                        "lifecycle": {"preStop": {"httpGet": {"port": 90}}},
                    },
                    {"name": "beside", "image": "b", "ports": [{"containerPort": 90}]},
                ]
            }
        },
        path="",
    )

    assert ports(template, template.containers[0]) == (80, 81)
