"""Which fields the objects around a pod may have, in the notation of `crashy.objects.schema`.

Source: kubernetes: staging/src/k8s.io/api/{apps,core}/v1/types.go.
"""

from __future__ import annotations

from crashy.objects.schema import POD, Map, Type

_METADATA = POD["metadata"] if isinstance(POD, dict) else "any"
_OBJECT: dict[str, Type] = {"apiVersion": "string", "kind": "string", "metadata": _METADATA, "status": "any"}

DEPLOYMENT: Type = {
    **_OBJECT,
    "spec": {
        "replicas": "int32",
        "selector": {
            "matchLabels": Map("string"),
            "matchExpressions": [{"key": "string", "operator": "string", "values": ["string"]}],
        },
        "template": "any",
        "strategy": {"type": "string", "rollingUpdate": {"maxSurge": "port", "maxUnavailable": "port"}},
        "minReadySeconds": "int32",
        "progressDeadlineSeconds": "int32",
        "revisionHistoryLimit": "int32",
        "paused": "bool",
    },
}
SERVICE: Type = {
    **_OBJECT,
    "spec": {
        "type": "string",
        "selector": Map("string"),
        "ports": [
            {
                "name": "string",
                "port": "int32",
                "targetPort": "port",
                "nodePort": "int32",
                "protocol": "string",
                "appProtocol": "string",
            }
        ],
        "publishNotReadyAddresses": "bool",
        "clusterIP": "string",
        "externalName": "string",
        "sessionAffinity": "string",
        "allocateLoadBalancerNodePorts": "any",
        "clusterIPs": "any",
        "externalIPs": "any",
        "externalTrafficPolicy": "any",
        "healthCheckNodePort": "any",
        "internalTrafficPolicy": "any",
        "ipFamilies": "any",
        "ipFamilyPolicy": "any",
        "loadBalancerClass": "any",
        "loadBalancerIP": "any",
        "loadBalancerSourceRanges": "any",
        "sessionAffinityConfig": "any",
        "trafficDistribution": "any",
    },
}
CONFIG_MAP: Type = {**_OBJECT, "data": Map("string"), "binaryData": Map("string"), "immutable": "bool"}
SECRET: Type = {
    **_OBJECT,
    "data": Map("string"),
    "stringData": Map("string"),
    "type": "string",
    "immutable": "bool",
}
