"""The documents and statuses that clients of Toxiproxy read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.toxiproxy.server import toxiproxy

UPSTREAM = "localhost:6379"
LATENCY = {"type": "latency", "attributes": {"latency": 1000}}


async def test_a_proxy_from_its_creation_to_its_end() -> None:
    async with toxiproxy() as api:
        made = await api.create(UPSTREAM, "redis")

        assert made["listen"].startswith("127.0.0.1:")
        assert not made["listen"].endswith(":0")
        assert made == {
            "name": "redis",
            "listen": made["listen"],
            "upstream": UPSTREAM,
            "enabled": True,
            "toxics": [],
        }
        assert await api.ask("GET", "/proxies/redis") == (200, made)
        assert await api.ask("GET", "/proxies") == (200, {"redis": made})
        assert await api.ask("DELETE", "/proxies/redis") == (204, None)
        assert await api.ask("GET", "/proxies") == (200, {})


async def test_a_proxy_that_is_enabled_again_listens_where_it_did() -> None:
    async with toxiproxy() as api:
        made = await api.create(UPSTREAM)

        assert await api.ask("POST", "/proxies/one", {"enabled": False}) == (200, made | {"enabled": False})
        assert await api.ask("POST", "/proxies/one", {"enabled": True}) == (200, made)


async def test_a_proxy_moves() -> None:
    async with toxiproxy() as api:
        await api.create(UPSTREAM)

        status, moved = await api.ask("PATCH", "/proxies/one", {"listen": "localhost:0", "upstream": "[::1]:6380"})

        assert (status, moved["upstream"], moved["enabled"]) == (200, "[::1]:6380", True)
        assert moved["listen"].startswith("127.0.0.1:")


async def test_a_toxic_from_its_creation_to_its_end() -> None:
    async with toxiproxy() as api:
        await api.create(UPSTREAM)
        made = {
            "name": "latency_downstream",
            "type": "latency",
            "stream": "downstream",
            "toxicity": 1,
            "attributes": {"latency": 1000, "jitter": 0},
        }
        path = "/proxies/one/toxics/latency_downstream"

        assert await api.ask("POST", "/proxies/one/toxics", LATENCY) == (200, made)
        assert await api.ask("GET", path) == (200, made)
        assert await api.ask("GET", "/proxies/one/toxics") == (200, [made])
        assert (await api.ask("GET", "/proxies/one"))[1]["toxics"] == [made]

        changed = made | {"toxicity": 0.5, "attributes": {"latency": 1000, "jitter": 7}}
        assert await api.ask("POST", path, {"attributes": {"jitter": 7}, "toxicity": 0.5}) == (200, changed)
        assert await api.ask("DELETE", path) == (204, None)
        assert await api.ask("GET", "/proxies/one/toxics") == (200, [])


async def test_toxics_are_listed_upstream_first_in_the_order_in_which_they_act() -> None:
    async with toxiproxy() as api:
        await api.create(UPSTREAM)
        for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream")):
            await api.ask("POST", "/proxies/one/toxics", LATENCY | {"name": name, "stream": stream})

        _, toxics = await api.ask("GET", "/proxies/one/toxics")

        assert [one["name"] for one in toxics] == ["b", "a", "c"]


async def test_reset_enables_every_proxy_and_removes_every_toxic() -> None:
    async with toxiproxy() as api:
        made = await api.create(UPSTREAM, enabled=False, listen="127.0.0.1:0")
        assert not made["enabled"]
        await api.ask("POST", "/proxies/one/toxics", LATENCY)

        assert await api.ask("POST", "/reset") == (204, None)

        _, after = await api.ask("GET", "/proxies/one")
        assert (after["enabled"], after["toxics"]) == (True, [])


async def test_populate_keeps_what_leads_the_same_way_and_replaces_the_rest() -> None:
    async with toxiproxy() as api:
        one, two = await api.create(UPSTREAM), await api.create(UPSTREAM, "two")
        await api.ask("POST", "/proxies/one/toxics", LATENCY)
        await api.ask("POST", "/proxies/two/toxics", LATENCY)
        wanted = [
            {"name": "one", "listen": one["listen"], "upstream": UPSTREAM},
            {"name": "two", "listen": two["listen"], "upstream": "localhost:6380"},
            {"name": "three", "listen": "127.0.0.1:0", "upstream": UPSTREAM, "enabled": False},
        ]

        status, document = await api.ask("POST", "/populate", wanted)

        assert status == 201
        assert [(one["name"], one["enabled"], len(one["toxics"])) for one in document["proxies"]] == [
            ("one", True, 1),
            ("two", True, 0),
            ("three", False, 0),
        ]


async def test_the_version_is_one_that_clients_know() -> None:
    async with toxiproxy() as api:
        assert await api.ask("GET", "/version") == (200, {"version": "2.12.0"})


PROXY = {"name": "two", "listen": "127.0.0.1:0", "upstream": UPSTREAM}
REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/proxies/none", None, 404, "proxy not found"),
    ("DELETE", "/proxies/none", None, 404, "proxy not found"),
    ("POST", "/proxies/none/toxics", LATENCY, 404, "proxy not found"),
    ("GET", "/proxies/one/toxics/none", None, 404, "toxic not found"),
    ("DELETE", "/proxies/one/toxics/none", None, 404, "toxic not found"),
    ("POST", "/proxies", "{", 400, "bad request body: Expecting property name enclosed in double quotes: "),
    ("POST", "/proxies", [], 400, "bad request body: must be an object"),
    pytest.param("POST", "/proxies", "[" * 100_000, 400, "bad request body: nested too deeply", id="nested"),
    ("POST", "/proxies", {"upstream": UPSTREAM}, 400, "missing required field: name"),
    ("POST", "/proxies", {"name": "two"}, 400, "missing required field: upstream"),
    ("POST", "/proxies", PROXY | {"name": 7}, 400, "bad request body: name: must be a string"),
    ("POST", "/proxies", PROXY | {"name": "one"}, 409, "proxy already exists"),
    ("POST", "/proxies", PROXY | {"enabled": "no"}, 400, "bad request body: enabled: must be true or false"),
    (
        "POST",
        "/proxies",
        PROXY | {"upstream": "redis"},
        400,
        "bad request body: upstream: 'redis' must be HOST:PORT, such as 127.0.0.1:6379",
    ),
    ("POST", "/populate", {}, 400, "bad request body: must be a list of proxies"),
    ("POST", "/populate", [PROXY, {"name": "three"}], 400, "missing required field: upstream at proxy 2"),
    ("POST", "/populate", [PROXY, PROXY], 400, "bad request body: name at proxy 2: 'two' is given twice"),
    ("POST", "/proxies/one/toxics", {"type": "none"}, 400, "invalid toxic type"),
    (
        "POST",
        "/proxies/one/toxics",
        LATENCY | {"stream": "sideways"},
        400,
        "stream was invalid, can be either upstream or downstream",
    ),
    ("POST", "/proxies/one/toxics", LATENCY | {"name": "there"}, 409, "toxic already exists"),
    (
        "POST",
        "/proxies/one/toxics",
        {"type": "latency", "attributes": {"latency": "1s"}},
        400,
        "bad request body: latency: must be a whole number",
    ),
    (
        "POST",
        "/proxies/one/toxics",
        {"type": "slicer"},
        400,
        "bad request body: average_size: must be at least 1",
    ),
    (
        "POST",
        "/proxies/one/toxics/there",
        {"toxicity": 2},
        400,
        "bad request body: toxicity: must be a number from 0 to 1",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "error"), REFUSED, ids=lambda value: str(value)[:40])
async def test_what_is_refused_changes_nothing(method: str, path: str, body: Any, status: int, error: str) -> None:
    async with toxiproxy() as api:
        await api.create(UPSTREAM)
        await api.ask("POST", "/proxies/one/toxics", LATENCY | {"name": "there"})
        before = await api.ask("GET", "/proxies")

        got, document = await api.ask(method, path, body)

        assert (got, document["status"]) == (status, status)
        assert document["error"].startswith(error)
        assert await api.ask("GET", "/proxies") == before


async def test_a_port_that_is_taken_is_said_and_no_proxy_made() -> None:
    async with toxiproxy() as api:
        taken = (await api.create(UPSTREAM))["listen"]

        status, document = await api.ask("POST", "/proxies", PROXY | {"listen": taken})

        assert (status, document["error"]) == (500, f"listen tcp {taken}: address already in use")
        assert (await api.ask("GET", "/proxies/two"))[0] == 404


async def test_of_two_who_create_the_same_proxy_at_once_one_is_told() -> None:
    async with toxiproxy() as api:
        document = {"name": "one", "listen": "127.0.0.1:0", "upstream": UPSTREAM}
        answers = await asyncio.gather(*(api.ask("POST", "/proxies", document) for _ in range(2)))

        assert sorted(status for status, _ in answers) == [201, 409]


async def test_no_web_page_may_ask() -> None:
    async with toxiproxy() as api:
        for name, value in (("User-Agent", "Mozilla/5.0"), ("Origin", "http://example.com")):
            status, document = await api.ask("GET", "/proxies", **{name: value})
            assert (status, document["error"]) == (403, "User agent not allowed")


async def test_with_a_token_what_changes_anything_needs_it() -> None:
    async with toxiproxy("secret") as api:
        status, document = await api.ask("POST", "/reset")
        assert status == 401
        assert "Authorization: Bearer" in document["error"]
        assert await api.ask("POST", "/reset", Authorization="Bearer secret") == (204, None)
        assert await api.ask("GET", "/proxies") == (200, {})
