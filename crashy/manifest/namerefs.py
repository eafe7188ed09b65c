"""References to other resources by name: which fields they are in, and how they follow a change of that name.

Source: kustomize: api/internal/konfig/builtinpluginconsts/namereference.go, api/filters/nameref.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crashy.manifest.fieldspec import POD_TEMPLATES, Spec
from crashy.manifest.resource import CLUSTER_KINDS, Object, Resource

_CONTAINERS = ("containers", "initContainers")
_IN_PODS = {
    "ConfigMap": [
        *("volumes/configMap/name", "volumes/projected/sources/configMap/name"),
        *(f"{key}/env/valueFrom/configMapKeyRef/name" for key in _CONTAINERS),
        *(f"{key}/envFrom/configMapRef/name" for key in _CONTAINERS),
    ],
    "Secret": [
        *("volumes/secret/secretName", "volumes/projected/sources/secret/name", "imagePullSecrets/name"),
        *(f"{key}/env/valueFrom/secretKeyRef/name" for key in _CONTAINERS),
        *(f"{key}/envFrom/secretRef/name" for key in _CONTAINERS),
    ],
    "ServiceAccount": ["serviceAccountName"],
    "PersistentVolumeClaim": ["volumes/persistentVolumeClaim/claimName"],
    "PriorityClass": ["priorityClassName"],
}
# The kinds that are named, the kind that names them, and where.
_ELSEWHERE = """
Deployment,ReplicaSet,ReplicationController,StatefulSet HorizontalPodAutoscaler spec/scaleTargetRef/name
ConfigMap,Secret Role,ClusterRole rules/resourceNames
ConfigMap Ingress metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap
Secret Ingress spec/tls/secretName
Secret Ingress metadata/annotations/ingress.kubernetes.io\\/auth-secret
Secret Ingress metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret
Secret Ingress metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret
Secret ServiceAccount imagePullSecrets/name
Secret ServiceAccount secrets/name
Secret StorageClass parameters/secretName
Secret StorageClass parameters/adminSecretName
Secret StorageClass parameters/userSecretName
Secret PersistentVolume spec/azureFile/secretName
Service StatefulSet spec/serviceName
Service Ingress spec/rules/http/paths/backend/serviceName
Service Ingress spec/backend/serviceName
Service Ingress spec/rules/http/paths/backend/service/name
Service Ingress spec/defaultBackend/service/name
Service APIService spec/service/name
Service ValidatingWebhookConfiguration,MutatingWebhookConfiguration webhooks/clientConfig/service/name
Service HTTPRoute spec/rules/backendRefs/name
PersistentVolume PersistentVolumeClaim spec/volumeName
StorageClass PersistentVolume,PersistentVolumeClaim spec/storageClassName
StorageClass StatefulSet spec/volumeClaimTemplates/spec/storageClassName
IngressClass Ingress spec/ingressClassName
"""


def _table() -> Iterator[tuple[frozenset[str], Spec]]:
    for named, paths in _IN_PODS.items():
        for kind, template in POD_TEMPLATES.items():
            for path in paths:
                yield frozenset({named}), Spec(f"{template}spec/{path}", frozenset({kind}))
    for line in _ELSEWHERE.split("\n")[1:-1]:
        named, kinds, path = line.split()
        yield frozenset(named.split(",")), Spec(path, frozenset(kinds.split(",")))


_BY_KIND: dict[str, list[tuple[frozenset[str], Spec]]] = {}
for _named, _spec in _table():
    for _kind in _spec.kinds:
        _BY_KIND.setdefault(_kind, []).append((_named, _spec))


def follow_names(resources: Sequence[Resource]) -> None:
    """Change every reference to a resource that got another name, or ServiceAccounts another namespace."""
    formerly: dict[str, list[Resource]] = {}
    for one in resources:
        for name in {former.name for former in one.former}:
            formerly.setdefault(name, []).append(one)
    if not formerly:
        return
    for referrer in resources:
        for kinds, spec in _BY_KIND.get(referrer.id.kind, ()):
            for holder, key in spec.fields(referrer.object):
                _follow(referrer, holder, key, kinds, formerly)
        _follow_bindings(referrer, formerly)


def _follow(
    referrer: Resource, holder: Object, key: str, kinds: frozenset[str], formerly: dict[str, list[Resource]]
) -> None:
    value = holder[key]
    if isinstance(value, list):
        for at, name in enumerate(value):
            if isinstance(name, str) and (found := _referral(referrer, name, kinds, formerly)):
                value[at] = found.id.name
    elif isinstance(value, str) and (found := _referral(referrer, value, kinds, formerly)):
        holder[key] = found.id.name


def _follow_bindings(referrer: Resource, formerly: dict[str, list[Resource]]) -> None:
    if referrer.id.kind not in ("RoleBinding", "ClusterRoleBinding"):
        return
    role = referrer.object.get("roleRef")
    if isinstance(role, dict) and isinstance(role.get("name"), str):
        _follow(referrer, role, "name", frozenset({str(role.get("kind"))}), formerly)
    subjects = referrer.object.get("subjects")
    for subject in subjects if isinstance(subjects, list) else ():
        if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount":
            name, namespace = subject.get("name"), subject.get("namespace")
            for account in formerly.get(name, ()) if isinstance(name, str) else ():
                spaces = {one.space for one in account.ids}
                if account.id.kind == "ServiceAccount" and (namespace or "default") in spaces:
                    subject["name"] = account.id.name
                    if account.id.namespace:
                        subject["namespace"] = account.id.namespace
                    break


def _referral(
    referrer: Resource, name: str, kinds: frozenset[str], formerly: dict[str, list[Resource]]
) -> Resource | None:
    """Return the resource that a name meant: of the kind, in the same namespace, and of the same kustomization."""
    space = referrer.id.space
    found = [
        one
        for one in formerly.get(name, ())
        if one.id.kind in kinds and (not space or one.id.kind in CLUSTER_KINDS or one.id.space == space)
    ]
    if len(found) > 1:
        closest = [one for one in found if one.affixes == referrer.affixes]
        found = closest or found
    return found[0] if found and len({one.id.name for one in found}) == 1 else None
