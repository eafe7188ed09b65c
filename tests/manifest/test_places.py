"""Whatever a kustomization moves, merges or patches, each field leads to where it was written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crashy.manifest.load import gather
from crashy.manifest.places import Items, Place
from crashy.objects.document import Document
from tests.manifest.conftest import DEPLOYMENT, SERVICE

Write = Callable[[dict[str, str | bytes]], None]
IN_TEMPLATE = "spec.template.spec.containers"

PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: side
          image: side
        - name: web
          livenessProbe:
            httpGet:
              path: /
              port: 8080
"""
INLINE = """\
resources: [all.yaml]
patches:
  - target:
      kind: Deployment
    patch: |-
      - op: add
        path: /spec/template/spec/containers/0/livenessProbe
        value:
          tcpSocket:
            port: 8080
      - op: replace
        path: /spec/replicas
        value: 3
  - patch: '{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: ClusterIP}}'
  - target: {kind: Service}
    patch: |-
      [{op: add, path: /spec/externalName, value: x}]
  - target: {kind: Service}
    patch: "[{op: add,
      path: /spec/sessionAffinity, value: None}]"
replicas:
  - name: web
    count: 3
images:
  - name: crashy-app
    newTag: '2'
configMapGenerator:
  - name: settings
    literals: [a=b]
"""


def built(write: Write, files: dict[str, str | bytes]) -> dict[str, Document]:
    write({"all.yaml": f"{DEPLOYMENT}---\n{SERVICE}", **files})
    documents, errors = gather(["."])
    assert errors == []
    return {document.object["kind"]: document for document in documents}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("spec.replicas", "all.yaml:6"),
        (IN_TEMPLATE, "all.yaml:15"),
        (f"{IN_TEMPLATE}[0]", "p.yaml:9"),
        (f"{IN_TEMPLATE}[0].image", "p.yaml:10"),
        (f"{IN_TEMPLATE}[1]", "all.yaml:16"),
        (f"{IN_TEMPLATE}[1].image", "all.yaml:17"),
        (f"{IN_TEMPLATE}[1].ports[0].containerPort", "all.yaml:20"),
        (f"{IN_TEMPLATE}[1].livenessProbe", "p.yaml:12"),
        (f"{IN_TEMPLATE}[1].livenessProbe.httpGet.port", "p.yaml:15"),
        (f"{IN_TEMPLATE}[1].livenessProbe.periodSeconds", "p.yaml:12"),
    ],
)
def test_a_field_of_a_patch_leads_to_the_patch(write: Write, path: str, place: str) -> None:
    kustomization = "resources: [all.yaml]\npatches: [{path: p.yaml}]\n"
    deployment = built(write, {"kustomization.yaml": kustomization, "p.yaml": PATCH})["Deployment"]

    assert str(deployment.place_of(path)) == place
    assert deployment.object["spec"]["template"]["spec"]["containers"][0]["name"] == "side"


@pytest.mark.parametrize(
    ("kind", "path", "place"),
    [
        ("Deployment", f"{IN_TEMPLATE}[0].livenessProbe.tcpSocket.port", "kustomization.yaml:10"),
        ("Deployment", f"{IN_TEMPLATE}[0].ports", "all.yaml:18"),
        ("Deployment", "spec.replicas", "kustomization.yaml:22"),
        ("Deployment", f"{IN_TEMPLATE}[0].image", "kustomization.yaml:25"),
        ("Service", "spec.type", "kustomization.yaml:14"),
        ("Service", "spec.ports[0].port", "all.yaml:31"),
        ("ConfigMap", "data", "kustomization.yaml:28"),
        ("Service", "spec.externalName", "kustomization.yaml:17"),
        ("Service", "spec.sessionAffinity", "kustomization.yaml:19"),
    ],
)
def test_what_stands_in_the_kustomization_leads_there(write: Write, kind: str, path: str, place: str) -> None:
    assert str(built(write, {"kustomization.yaml": INLINE})[kind].place_of(path)) == place


def test_an_error_of_a_patched_field_names_the_patch(write: Write) -> None:
    kustomization = "resources: [all.yaml]\nnamePrefix: a-\npatches: [{path: p.yaml}]\n"
    service = built(
        write,
        {
            "kustomization.yaml": kustomization,
            "p.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  type: Odd\n",
        },
    )["Service"]

    assert str(service.source) == "all.yaml:22"
    assert {path: str(place) for path, place in service.patched.items()} == {"spec.type": "p.yaml:5"}


def test_items_keep_their_places_when_others_come_and_go() -> None:
    items = Items()
    for at, line in enumerate((1, 2, 3)):
        items.put(at, f"v{line}", Place("f", line))
    items.put(1, "new", Place("p", 9))
    assert items.take(0) == "v1"

    assert [(value, str(place and place.line)) for value, place in zip(items, items.places, strict=True)] == [
        ("new", "9"),
        ("v2", "2"),
        ("v3", "3"),
    ]
