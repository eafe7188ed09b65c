"""From documents to the objects that the lab runs: each by the rules of its kind, then all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crashy.objects.bare_pod import BarePod, read_pod
from crashy.objects.config import ConfigMap, Secret, read_config_map, read_secret
from crashy.objects.deployment import Deployment, read_deployment
from crashy.objects.document import Document, one_line, refusal
from crashy.objects.fields import FieldError, invalid, required, unsupported
from crashy.objects.manifests import Manifests
from crashy.objects.reading import Reading
from crashy.objects.references import Found, check, warn
from crashy.objects.schema import POD, Type
from crashy.objects.schemas import CONFIG_MAP, DEPLOYMENT, SECRET, SERVICE
from crashy.objects.service import Service, read_service

Object = Deployment | BarePod | Service | ConfigMap | Secret
_KINDS: dict[str, tuple[str, Type, Callable[[Reading], Object | None]]] = {
    "ConfigMap": ("v1", CONFIG_MAP, read_config_map),
    "Deployment": ("apps/v1", DEPLOYMENT, read_deployment),
    "Pod": ("v1", POD, read_pod),
    "Secret": ("v1", SECRET, read_secret),
    "Service": ("v1", SERVICE, read_service),
}
# Kinds that a folder for a cluster may well hold and without which the lab shows the same.
NOT_RUN = frozenset(
    {
        *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "EndpointSlice", "Endpoints", "Gateway"),
        *("HTTPRoute", "HorizontalPodAutoscaler", "Ingress", "IngressClass", "LimitRange", "Namespace"),
        *("NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim", "PodDisruptionBudget", "PodMonitor"),
        *("PriorityClass", "PrometheusRule", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount"),
        *("ServiceMonitor", "StorageClass"),
    }
)


def read(documents: Sequence[Document], errors: Sequence[str] = ()) -> Manifests:
    """Return the objects of `documents`; raises BadInput with a line for every mistake in any of them.

    `errors` are mistakes that are known already; they are raised with the others. Of two objects with one kind,
    namespace and name the later one counts, as with `kubectl apply`, and a warning names both places.
    What objects say of each other is judged once each of them is right by itself.
    """
    lines = list(errors)
    warnings: list[str] = []
    found: dict[tuple[str, str, str], Found[Object]] = {}
    for document in documents:
        kind = document.object.get("kind")
        one, wrong = read_object(document)
        lines += [document.say(error) for error in wrong]
        if one is None:
            if not wrong and kind in NOT_RUN:
                warnings.append(document.say("is not run in the lab"))
            continue
        key = (str(kind), one.namespace, one.name)
        if earlier := found.pop(key, None):
            at = f"{earlier.document.place} at {earlier.document.source}"
            warnings.append(document.say(f"replaces {at}, as kubectl apply does: the later one wins"))
        found[key] = Found(document, one)
    everything = list(found.values())
    if not lines:
        lines = check(everything)
    if lines:
        raise refusal(lines)
    if not any(isinstance(one.object, Deployment | BarePod) for one in everything):
        files = ", ".join(dict.fromkeys(document.file for document in documents)) or "nothing"
        raise refusal([f"{files}: no Deployment and no Pod to run"])
    objects = [one.object for one in everything]
    return Manifests(
        deployments=tuple(o for o in objects if isinstance(o, Deployment)),
        pods=tuple(o for o in objects if isinstance(o, BarePod)),
        services=tuple(o for o in objects if isinstance(o, Service)),
        config_maps=tuple(o for o in objects if isinstance(o, ConfigMap)),
        secrets=tuple(o for o in objects if isinstance(o, Secret)),
        warnings=tuple(map(one_line, (*warnings, *warn(everything)))),
        documents=tuple(one.document for one in everything),
    )


def read_object(document: Document) -> tuple[Object | None, list[FieldError]]:
    """Return what one document holds, and everything that is wrong with it by itself: None with the first, or neither.

    Neither is for the kinds that are not run.
    """
    if wrong := _kind_error(document):
        return None, [wrong]
    kind = str(document.object["kind"])
    if kind in NOT_RUN:
        return None, []
    _, schema, read_one = _KINDS[kind]
    reading = Reading(document, schema)
    one = read_one(reading)
    return (None if reading.errors else one), reading.errors


def _kind_error(document: Document) -> FieldError | None:
    kind, version = document.object.get("kind"), document.object.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        return required("kind") if kind in (None, "") else invalid("kind", kind, "must be a string")
    if kind not in _KINDS and kind not in NOT_RUN:
        return unsupported("kind", kind, _KINDS)
    if not isinstance(version, str) or not version:
        return required("apiVersion") if version in (None, "") else invalid("apiVersion", version, "must be a string")
    if kind in _KINDS and version != _KINDS[kind][0]:
        text = f'no matches for kind "{kind}" in version "{version}": it is in {_KINDS[kind][0]}'
        return invalid("apiVersion", version, text)
    return None
