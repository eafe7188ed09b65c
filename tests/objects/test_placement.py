"""A field that is written into the wrong object is told where it belongs, whichever object and kind that is."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.document import Document
from crashy.objects.manifests import read_object

POD = "spec.template.spec"
CONTAINER = f"{POD}.containers[0]"
PROBE = f"{CONTAINER}.livenessProbe"


def deployment() -> dict[str, Any]:
    probe = {"tcpSocket": {"port": 80}}
    container = {"name": "app", "image": "app:1", "livenessProbe": probe, "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "strategy": {}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def cron_job() -> dict[str, Any]:
    pod = {"containers": [{"name": "app", "image": "app:1"}], "restartPolicy": "Never"}
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "job"}, "spec": spec}


def service() -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def pod() -> dict[str, Any]:
    spec = {"containers": [{"name": "app", "image": "app:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


def reported(manifest: dict[str, Any], path: str) -> str:
    """Return what is said of a field that is written into a manifest."""
    *steps, name = path.replace("[0]", ".0").split(".")
    place: Any = manifest
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    place[name] = {}
    _, errors = read_object(Document("app.yaml", 1, 1, manifest))
    (text,) = [str(error) for error in errors if error.kind == "unknown field"]
    begin = f'unknown field "{path}"'
    assert text.startswith(begin)
    return text.removeprefix(begin).strip(" ()")


@pytest.mark.parametrize(
    ("path", "places"),
    [
        (f"{POD}.strategy", "in the Deployment's spec"),
        (f"{POD}.replicas", "in the Deployment's spec"),
        (f"{POD}.selector", "in the Deployment's spec"),
        (f"{CONTAINER}.minReadySeconds", "in the Deployment's spec"),
        ("spec.template.replicas", "in the Deployment's spec"),
        ("replicas", "in the Deployment's spec"),
        ("template", "in the Deployment's spec"),
        (f"{CONTAINER}.terminationGracePeriodSeconds", "in the pod's spec or in a probe"),
        ("spec.terminationGracePeriodSeconds", "in the pod's spec"),
        ("spec.restartPolicy", "in the pod's spec"),
        ("spec.template.containers", "in the pod's spec"),
        ("spec.containers", "in the pod's spec"),
        (f"{CONTAINER}.imagePullSecrets", "in the pod's spec"),
        (f"{CONTAINER}.nodeSelector", "in the pod's spec"),
        (f"{CONTAINER}.volumes", "in the pod's spec"),
        (f"{PROBE}.restartPolicy", "in a container"),
        (f"{POD}.readinessProbe", "in a container"),
        (f"{POD}.volumeMounts", "in a container"),
        (f"{POD}.ports", "in a container"),
        (f"{POD}.env", "in a container"),
        (f"{CONTAINER}.periodSeconds", "in a probe"),
        (f"{CONTAINER}.httpGet", "in a probe"),
        (f"{PROBE}.path", "in httpGet"),
        (f"{PROBE}.port", "in httpGet, in tcpSocket or in grpc"),
        (f"{CONTAINER}.preStop", "in lifecycle"),
        (f"{CONTAINER}.limits", "in resources"),
        (f"{CONTAINER}.containerPort", "in an item of ports"),
        (f"{CONTAINER}.ports[0].mountPath", "in an item of volumeMounts"),
        ("labels", "in metadata"),
        (f"{POD}.labels", "in the pod's metadata"),
        ("spec.labels", "in metadata or in the pod's metadata"),
        ("metadata.kind", "at the top"),
        ("spec.maxSurge", "in rollingUpdate"),
        ("spec.serviceName", "in the spec of a StatefulSet"),
        ("spec.strategy.partition", "in rollingUpdate of a StatefulSet"),
        ("spec.backoffLimit", "in the spec of a Job"),
        ("spec.minAvailable", "in the spec of a PodDisruptionBudget"),
    ],
)
def test_a_field_of_another_object(path: str, places: str) -> None:
    name = path.rpartition(".")[2]
    assert reported(deployment(), path) == f"{name} belongs {places}"


@pytest.mark.parametrize(
    ("manifest", "path", "said"),
    [
        (cron_job(), "spec.backoffLimit", "backoffLimit belongs in the Job's spec"),
        (cron_job(), "spec.jobTemplate.schedule", "schedule belongs in the CronJob's spec"),
        (cron_job(), "spec.restartPolicy", "restartPolicy belongs in the pod's spec"),
        (service(), "spec.targetPort", "targetPort belongs in an item of ports"),
        (service(), "spec.containers", "containers belongs in a pod's spec"),
        (service(), "spec.port", 'did you mean "ports"? port belongs in an item of ports'),
        (pod(), "containers", "containers belongs in the pod's spec"),
        (pod(), "labels", "labels belongs in the pod's metadata"),
    ],
)
def test_other_kinds_have_places_of_their_own(manifest: dict[str, Any], path: str, said: str) -> None:
    assert reported(manifest, path) == said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{CONTAINER}.livenessProb", 'did you mean "livenessProbe"?'),
        (f"{CONTAINER}.restartPolicyy", 'did you mean "restartPolicy"?'),
        ("spec.updateStrategy", 'did you mean "strategy"?'),
        ("spec.replica", 'did you mean "replicas"?'),
        (f"{CONTAINER}.port", 'did you mean "ports"? port belongs in httpGet, in tcpSocket or in grpc'),
        (f"{CONTAINER}.zzz", ""),
    ],
)
def test_a_misspelling_still_gets_the_nearest_spelling(path: str, said: str) -> None:
    assert reported(deployment(), path) == said


def test_a_name_may_be_anything() -> None:
    manifest = deployment()
    manifest["spec"]["template"]["spec"]["a.b[0].strategy"] = 1
    _, errors = read_object(Document("app.yaml", 1, 1, manifest))

    assert [str(error) for error in errors] == [f'unknown field "{POD}.a.b[0].strategy"']
