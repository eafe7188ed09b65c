"""The personas' routes, whatever they are asked: an answer that is one, and faults that are some."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.base import parse_spec
from crashy.patient.identity import Identity
from crashy.patient.personas import WITH_ROUTES
from crashy.patient.personas.routes import PersonaRequest, PersonaRoute, routes

ROUTES = [(persona, route) for persona in WITH_ROUTES for route in routes(persona)]
NUMBERS = st.from_regex(r"\A-?[0-9]{0,12}(h|m|s|ms)?\Z")
VALUES = st.one_of(NUMBERS, st.text(max_size=20), st.sampled_from(["/x", "//x", "http://x", "٣", "²"]))
QUERIES = st.dictionaries(st.sampled_from(["code", "wait", "timeout", "msg", "key", "location", "loc"]), VALUES)
BODIES = st.one_of(
    st.binary(max_size=50),
    VALUES.map(lambda text: f'{{"failNext": {text}}}'.encode()),
    st.integers(0, 5000).map(lambda depth: b"[" * depth),
)


@pytest.mark.parametrize(("persona", "route"), ROUTES, ids=[f"{name} {route.path}" for name, route in ROUTES])
@given(
    data=st.data(), query=QUERIES, body=BODIES, headers=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)))
)
def test_every_reply_is_a_response_and_its_faults_are_valid(
    persona: str,
    route: PersonaRoute,
    data: st.DataObject,
    query: dict[str, str],
    body: bytes,
    headers: list[tuple[str, str]],
) -> None:
    named = dict(re.findall(r"\{(\w+):((?:[^{}])+)\}", route.path))
    match = {name: data.draw(st.from_regex(rf"\A{pattern}\Z")) for name, pattern in named.items()}
    reply = route.reply(PersonaRequest(Identity("web-1"), match=match, query=query, body=body, headers=headers))

    assert 200 <= reply.answer.status <= 599
    assert 0 <= reply.answer.latency <= 3600
    assert all(value.isprintable() and value.isascii() for name, value in reply.headers)
    for fault in reply.inject:
        assert parse_spec(fault.to_spec()).to_spec() == fault.to_spec()
    assert route.changes or not (reply.inject or reply.recover) or persona == "kubia"
