"""Schemas of the admin API's OpenAPI document: how they are written, and those of a fleet and of probes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def described(kind: str | list[str], description: str) -> Schema:
    """Return the schema of a type, with its description."""
    return {"type": kind, "description": description}


def object_of(properties: Mapping[str, Schema], required: Iterable[str] | None = None, **more: Any) -> Schema:
    """Return the schema of an object whose properties are all required, unless `required` lists some."""
    return {
        "type": "object",
        "required": list(properties if required is None else required),
        "properties": properties,
        **more,
    }


STRING: Schema = {"type": "string"}

PARTS: dict[str, Schema] = {
    "FleetInjection": {
        "type": "object",
        "properties": {
            "spec": ref("Spec"),
            "fault": ref("Injection"),
            "pods": {
                "anyOf": [
                    {"const": "all"},
                    {"type": "integer", "minimum": 1, "maximum": 64},
                    {"type": "array", "items": {"type": "string", "maxLength": 253}, "minItems": 1, "maxItems": 64},
                ],
                "description": "All pods, that many, or those of these names.",
                "default": "all",
            },
            "keep_ready": {"type": "integer", "minimum": 0, "maximum": 64, "default": 0},
            "jitter": described(["string", "number"], "Each pod's fault starts later by a random part of this."),
        },
        "oneOf": [{"required": ["spec"]}, {"required": ["fault"]}],
        "additionalProperties": False,
    },
    "FleetLease": object_of({"id": {"type": "string", "minLength": 1, "maxLength": 64}}, additionalProperties=False),
    "FleetMember": object_of({"pod": STRING, "namespace": STRING, "ready": {"type": "boolean"}}),
    "Fleet": object_of(
        {
            "pods": {
                "type": "array",
                "items": object_of(
                    {
                        "pod": described(["string", "null"], "Null where nobody has answered."),
                        "address": {"type": ["string", "null"]},
                        "status": {"enum": ["injected", "recovered", "spared", "not chosen", "failed"]},
                        "fault": described(["string", "null"], "The id of the pod's fault."),
                        "detail": STRING,
                    }
                ),
            },
            "ready": described(["integer", "null"], "The pods that count as ready and got no fault."),
        },
    ),
    "Probe": object_of(
        {
            "kind": {"enum": ["startup", "readiness", "liveness", None]},
            "handler": {"enum": ["http", "grpc", "tcp", "exec"]},
            "port": {"type": ["integer", "null"]},
            "asks": described("string", "Handler, port and target as one text."),
            "path": described("string", "Of an http probe, with its query."),
            "service": described("string", "Of a grpc probe."),
            "command": described("string", "Of an exec probe."),
            "period": described(["number", "null"], "As measured, in seconds."),
            "seen": {"type": "integer"},
            "failed": {"type": "integer"},
            "consecutive_failures": {"type": "integer"},
            "consecutive_successes": {"type": "integer"},
            "due_in": described(["number", "null"], "Seconds until the kubelet acts, if all goes on as it last did."),
            "state": described("string", "What the kubelet makes of it, and what it will do."),
        },
        required=(
            "kind",
            "asks",
            "handler",
            "port",
            "period",
            "seen",
            "failed",
            "consecutive_failures",
            "consecutive_successes",
            "due_in",
            "state",
        ),
        description="What the patient has seen of one probe.",
    ),
    "Probes": object_of(
        {
            "settings": described("string", "`known`, or what to do so that they are."),
            "notes": {"type": "array", "items": STRING},
            "probes": {
                "type": "array",
                "items": {
                    "allOf": [ref("Probe")],
                    **object_of(
                        {
                            "settings": {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
                            "results": {
                                "type": "array",
                                "maxItems": 20,
                                "items": object_of(
                                    {
                                        "time": {"type": "string", "format": "date-time"},
                                        "ago": {"type": "number"},
                                        "status": {"type": "integer"},
                                        "seconds": {"type": "number"},
                                        "ok": described(["boolean", "null"], "Null where it did not count."),
                                    }
                                ),
                            },
                        }
                    ),
                },
            },
        }
    ),
}
