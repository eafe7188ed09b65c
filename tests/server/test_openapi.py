from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from aiohttp import web

from crashy.faults.base import from_json, parse_spec
from crashy.faults.catalogue import catalogue, scope_catalogue
from crashy.server.admin import METRICS, OPERATIONS
from crashy.server.openapi import document
from tests.server.admin_app import make_app, make_patient

DOCUMENT = document(OPERATIONS, catalogue(), scope_catalogue())


def schema(name: str) -> Any:
    """Return a schema of the document that can be used apart from it."""
    return {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}


# Values for each parameter, that go with its fault alone; what isn't here is tried as its fault's examples have it.
VALUES: dict[str, list[Any]] = {
    "after": ["30s", 1.5, 0],
    "for": ["1m30s", "250ms", 5],
    "times": [3],
    "every": [2],
    "p": [0, 0.3, 1],
    "seed": [7],
    "routes": [["/"], ["/api/*", "/ready"], "/,/ready"],
    "methods": [["GET"], "GET,POST"],
    "clients": ["users", "kubelet", "all"],
    "jitter": ["5s", 0],
    "signal": ["SEGV", "SIGKILL"],
    "body": ["so it goes"],
    "delay": ["300ms", "100ms..2s", "p50=20ms,p90=200ms,p99=2s", 0.4],
}
FAULT_VALUES: dict[tuple[str, str], list[Any]] = {
    ("slow-close", "delay"): ["2s", 0.4],
    ("error", "code"): [503, "503", "500:3,503:1"],
    ("crash", "mode"): ["exit", "signal", "errors"],
    ("crash", "code"): [3, 255],
    ("freeze", "mode"): ["loop", "hang", "deaf"],
}


def values(fault: dict[str, Any], param: dict[str, Any]) -> list[Any]:
    """Return the values to try for a parameter of a fault."""
    name = param["name"]
    given = [parse_spec(example).to_json().get(name, param["default"]) for example in fault["examples"]]
    return (
        FAULT_VALUES.get((fault["name"], name)) or VALUES.get(name) or [value for value in given if value is not None]
    )


def all_params() -> list[tuple[str, Any, Any]]:
    """Return (fault, param, value) of each parameter in the catalogue."""
    return [
        (fault["name"], param, value)
        for fault in catalogue()
        for param in (*fault["params"], *scope_catalogue())
        for value in values(fault, param)
    ]


def test_every_parameter_is_tried() -> None:
    own = {(fault["name"], param["name"]) for fault in catalogue() for param in fault["params"]}

    assert own <= {(fault, param["name"]) for fault, param, _ in all_params()}, "an example should have it"


@pytest.mark.parametrize(("fault", "param", "value"), all_params(), ids=lambda it: str(it)[:30])
def test_what_a_schema_allows_is_accepted(fault: str, param: Any, value: Any) -> None:
    body = {"fault": fault, param["name"]: value}
    if param["mode"]:
        body["mode"] = param["mode"]
    if (fault, param["name"]) == ("crash", "for"):
        body["mode"] = "errors"
    if fault == "latency":
        body.setdefault("delay", "1s")

    jsonschema_rs.validate(schema("Injection"), body)
    made = from_json(body).to_json()

    assert made["fault"] == fault
    assert param["name"] in made or value in (param["default"], 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fault": "x"},
        {"fault": "freeze", "mode": "cold"},
        {"fault": "freeze", "form": "10s"},
        {"fault": "freeze", "for": 0},
        {"fault": "freeze", "for": "soon"},
        {"fault": "freeze", "for": -1},
        {"fault": "crash", "code": 256},
        {"fault": "error", "code": 99},
        {"fault": "error", "p": 1.1},
        {"fault": "error", "times": 0},
        {"fault": "error", "routes": ["ready"]},
        {"fault": "error", "clients": "me"},
        {"spec": 7},
        {"spec": "freeze", "for": "10s"},
        7,
        None,
        [],
    ],
)
def test_what_is_refused_no_schema_allows(body: Any) -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema("Injection"), body)


def test_every_route_of_the_app_is_in_the_document() -> None:
    routes = {resource.canonical for resource in make_app(make_patient()).router.resources()}
    nowhere = {"/admin", "/admin/{rest}"}

    assert routes - nowhere == set(DOCUMENT["paths"])


def test_every_operation_is_answered_by_the_app_and_no_other_is() -> None:
    described = {(o.method, o.path) for o in OPERATIONS}

    assert {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods} == described
    assert len(described) == len(OPERATIONS)


def test_the_documentation_lists_the_same_operations() -> None:
    page = (Path(__file__).parents[2] / "docs" / "admin-api.md").read_text()
    listed = re.findall(r"^\| `([A-Z]+)` \| `([^`]+)` \|", page, re.MULTILINE)

    assert sorted(listed) == sorted((operation.method, operation.path) for operation in (*OPERATIONS, METRICS))


def test_operation_ids_are_unique_and_every_operation_says_what_it_does() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]

    assert len({operation["operationId"] for operation in operations}) == len(OPERATIONS)
    assert all(operation["summary"].endswith(".") for operation in operations)


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    text = json.dumps(DOCUMENT)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= set(schemas)
    for name in schemas:
        jsonschema_rs.meta.validate({**schemas[name], "components": DOCUMENT["components"]})


async def test_the_document_is_served(aiohttp_client: Any) -> None:
    app: web.Application = make_app(make_patient())
    answer = await (await aiohttp_client(app)).get("/admin/openapi.json")

    assert answer.content_type == "application/json"
    assert await answer.json() == json.loads(json.dumps(DOCUMENT))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("status", "Status"),
        ("catalogue", "Catalogue"),
        ("faults", "Faults"),
        ("faults/f1", "Fault"),
    ],
)
async def test_answers_are_as_their_schemas_say(path: str, name: str, aiohttp_client: Any) -> None:
    client = await aiohttp_client(make_app(make_patient()))
    await client.post("/admin/faults", json="freeze mode=hang after=1m for=10s routes=/ready")
    answer = await (await client.get(f"/admin/{path}")).json()

    jsonschema_rs.validate(schema(name), answer)


async def test_refusals_are_as_their_schema_says(aiohttp_client: Any) -> None:
    client = await aiohttp_client(make_app(make_patient()))
    answer = await client.post("/admin/faults", json="x")

    jsonschema_rs.validate(schema("Problem"), json.loads(await answer.read()))
