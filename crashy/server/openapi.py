"""The OpenAPI 3.1 document of the admin API, generated from its route table and the catalogue of faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import getdoc
from typing import Any

from crashy import __version__
from crashy.faults.catalogue import ways_in_words
from crashy.faults.scope import PROBES, PROTOCOLS
from crashy.server.operation import Operation
from crashy.server.problem import MEDIA_TYPE
from crashy.server.schemas import PARTS, Schema
from crashy.server.schemas import described as _described
from crashy.server.schemas import object_of as _object
from crashy.server.schemas import ref as _ref

_ERRORS = {
    400: "The body is invalid: `field` names what is wrong in it, `allowed` what it may be.",
    401: "The patient has a token and this request doesn't send it.",
    404: "There is no such fault or lease.",
    409: "The patient can't have this fault, or has too many; it has no fleet, or another call has it.",
    413: "The body is longer than 64 KiB.",
    415: "The body is neither JSON nor text.",
}
_SUCCESSES = {200: "Done.", 201: "Injected.", 204: "Ended.", 207: "Done, but not by every pod: some have failed."}
_SECURITY = {"type": "http", "scheme": "bearer", "description": "The patient's `ADMIN_TOKEN`, if it has one."}


def document(
    operations: Iterable[Operation], catalogue: Sequence[Mapping[str, Any]], scope: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the document of these operations, with these faults and their scope as `faults.base` lists them."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crashy admin API",
            "version": __version__,
            "description": "Injects faults into a patient and recovers them. GET changes nothing.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**_SCHEMAS, **_fault_schemas(catalogue, scope)},
            "securitySchemes": {"token": _SECURITY},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    summary, _, description = (getdoc(operation.handler) or "").partition("\n\n")
    described: dict[str, Any] = {"operationId": operation.name, "summary": summary}
    if description:
        described["description"] = description
    parameters: list[Schema] = []
    if "{id}" in operation.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if operation.media_type == "text/event-stream":
        parameters.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "schema": {"type": "string"},
                "description": "The id of the last event that the client has; the stream continues after it.",
            }
        )
    described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {
            "required": operation.body == "Injection",
            "content": {
                "application/json": {"schema": _ref(operation.body)},
                "text/plain": {"schema": {"type": "string"}},
            },
        }
    described["responses"] = {str(status): _response(operation, status) for status in operation.responses}
    errors = {*operation.errors, *((401, 413, 415, 400) if operation.body else (401,) if operation.mutates else ())}
    described["responses"] |= {str(status): _error(status) for status in sorted(errors)}
    if operation.mutates:
        described["security"] = [{"token": []}, {}]
    return described


def _response(operation: Operation, status: int) -> dict[str, Any]:
    schema = operation.responses[status]
    response: dict[str, Any] = {"description": _SUCCESSES[status]}
    if schema:
        response["content"] = {operation.media_type: {"schema": _ref(schema)}}
    if status == 201:
        response["headers"] = {"Location": {"description": "The fault's URL.", "schema": {"type": "string"}}}
    return response


def _error(status: int) -> dict[str, Any]:
    error: dict[str, Any] = {"description": _ERRORS[status], "content": {MEDIA_TYPE: {"schema": _ref("Problem")}}}
    if status == 401:
        error["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return error


def _fault_schemas(catalogue: Sequence[Mapping[str, Any]], scope: Sequence[Mapping[str, Any]]) -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    faults: dict[str, Schema] = {}
    for fault in catalogue:
        title = fault["name"].title().replace("-", "")
        name = f"{title}Parameters"
        params = {param["name"]: _param_schema(param) for param in (*fault["params"], *scope)}
        schemas[name] = {
            "type": "object",
            "description": f"{fault['summary']} {ways_in_words(fault)}",
            "properties": {"fault": {"const": fault["name"]}, **params},
            "additionalProperties": False,
        }
        schemas[f"{title}Fault"] = {"allOf": [_ref(name)], "required": ["fault"]}
        faults[fault["name"]] = _ref(f"{title}Fault")
    mapping = {name: ref["$ref"] for name, ref in faults.items()}
    return {
        **schemas,
        "Spec": _described("string", "A fault spec.") | {"examples": [fault["examples"][-1] for fault in catalogue]},
        "FaultName": {"enum": list(faults)},
        "Injection": {
            "anyOf": [
                {"oneOf": list(faults.values()), "discriminator": {"propertyName": "fault", "mapping": mapping}},
                _object({"spec": _ref("Spec")}, additionalProperties=False),
                _ref("Spec"),
            ]
        },
    }


def _param_schema(param: Mapping[str, Any]) -> Schema:
    described: Schema = {**param["schema"], "description": f"{param['help']}: {param['allowed']}"}
    if param["mode"]:
        described["description"] += f" (only with mode={param['mode']})"
    if param["default"] is not None:
        described["default"] = param["default"]
    return described


_STRING = {"type": "string"}
_STATES = ["pending", "active", "ended"]
_HEALTH = {
    "type": "object",
    "required": [*PROBES],
    "additionalProperties": {"type": "boolean"},
}
_FAULTS = {"type": "array", "items": _ref("Fault")}
_STATUS: dict[str, Schema] = {
    "pod": _STRING,
    "phase": {"enum": ["warming up", "serving", "draining"]},
    "uptime": _described("number", "Seconds since the start."),
    "health": _HEALTH,
    "protocols": _object(dict.fromkeys(PROTOCOLS, _HEALTH), required=PROTOCOLS),
    "probes": {"type": "array", "items": _ref("Probe")},
    "lives": {
        **_object({"number": {"type": "integer"}, "former": {"type": "array", "items": {"type": "object"}}}),
        "type": ["object", "null"],
        "description": "Which life this is by STATE_DIR/lives.jsonl, and the former ones; null without one.",
    },
    "dependencies": {
        "type": "array",
        "items": _object(
            {
                "name": _STRING,
                "url": _described("string", "Without a password and a path."),
                "state": {"enum": ["unknown", "up", "slow", "down"]},
                "seconds": _described(["number", "null"], "What the last look took."),
                "failure": _described("string", "Why it is down."),
            }
        ),
    },
    "countdowns": {
        "type": "array",
        "items": _object(
            {
                "name": _described("string", "The setting that started it."),
                "fault": {"type": ["string", "null"]},
                "state": {"enum": _STATES},
                "remaining": _described(["number", "null"], "Seconds."),
            },
            required=("name", "state", "remaining"),
        ),
    },
    "faults": _FAULTS,
}

_SCHEMAS: dict[str, Schema] = {
    **PARTS,
    "Problem": _object(
        {
            "title": _STRING,
            "status": {"type": "integer"},
            "detail": _described("string", "What went wrong, in one line."),
            "field": _described("string", "The part of the request that is wrong."),
            "allowed": {"description": "What that part may be."},
        },
        required=("title", "status", "detail"),
    ),
    "Fault": _object(
        {
            "id": _STRING,
            "state": {
                "enum": _STATES,
                "description": "`pending` waits for its time or, if request-triggered (`trap`), for a request.",
            },
            "source": _described("string", "`admin`, or the setting that injected it."),
            "spec": _described("string", "The fault as a spec."),
            "trap": _described("boolean", "Whether a matching request triggers it."),
            "starts_in": _described(["number", "null"], "Seconds until it starts."),
            "ends_in": _described(["number", "null"], "Seconds until it ends by itself."),
            "seen": _described("integer", "The requests that matched it."),
            "hits": _described("integer", "Those of them that it hit."),
            "fault": _STRING,
        },
        description="An injected fault: its parameters, as in `Injection`, and its state.",
    ),
    "Faults": _object({"faults": _FAULTS}),
    "Recovered": _object({"recovered": _FAULTS}),
    "Recovery": {
        "type": "object",
        "description": "What to recover: one fault, all of one kind, or, if the object is empty, all.",
        "properties": {"id": _STRING, "fault": _ref("FaultName")},
        "maxProperties": 1,
        "additionalProperties": False,
    },
    "Status": _object(
        {
            **_STATUS,
            "proxy": {
                **_object(
                    {
                        "http": _described("boolean", "Whether it reads HTTP/1.1."),
                        "passages": {
                            "type": "array",
                            "items": _object(
                                {
                                    "listens": _STRING,
                                    "upstream": _STRING,
                                    "connections": _described("integer", "Those that are open."),
                                    "accepted": _described("integer", "Those so far."),
                                }
                            ),
                        },
                    }
                ),
                "description": "Of `crashy proxy` alone.",
            },
        },
        required=_STATUS,
    ),
    "Catalogue": _object({key: {"type": "array", "items": {"type": "object"}} for key in ("faults", "scope")}),
    "Event": _described("string", "Server-sent events; the data of each is an event as JSON."),
    "OpenAPI": {"type": "object"},
    "Metrics": _described("string", "Prometheus' text format, version 0.0.4."),
}
