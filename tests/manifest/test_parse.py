"""YAML is read as kubectl reads it, and every value knows its line."""

from __future__ import annotations

import math
from typing import Any

import pytest

from crashy.manifest.parse import parse, parse_values, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, True) for word in ("true", "True", "yes", "YES", "y", "on")],
        *[(word, False) for word in ("false", "FALSE", "no", "n", "Off")],
        *[(word, None) for word in ("", "~", "null", "Null")],
        ("60", 60),
        ("-1", -1),
        ("+7", 7),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("0755", 493),
        ("0b101", 5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("2020-01-01", "2020-01-01"),
        ("1:30", "1:30"),
        ("0.1s", "0.1s"),
        ("09", 9.0),
        ("v1", "v1"),
        ("128Mi", "128Mi"),
        ("500m", "500m"),
        ("-", "-"),
        ("0x", "0x"),
        ("yEs", "yEs"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_an_unquoted_scalar_is_what_kubectl_takes_it_for(text: str, value: Any) -> None:
    got = plain(text)

    assert got == value
    assert type(got) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(plain(".nan"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"60"', "60"),
        ("'yes'", "yes"),
        ("!!str 60", "60"),
        ("!!int 60", 60),
        ("|\n  60\n", "60\n"),
        ("[a, 1, [b]]", ["a", 1, ["b"]]),
        ("{1: a, true: b, null: c}", {"1": "a", "true": "b", "null": "c"}),
        ("{a: &x {b: 1}, c: *x}", {"a": {"b": 1}, "c": {"b": 1}}),
        ("{a: &x {b: 1, c: 2}, d: {<<: *x, c: 3}}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("{<<: [{a: 1}, {a: 2, b: 2}]}", {"a": 1, "b": 2}),
        ('{\n\t"json": [true, null, 1.5, "\\u00e9\\/"]\n}', {"json": [True, None, 1.5, "é/"]}),
        ("\ufeffa: 1", {"a": 1}),
        ("é: ☃", {"é": "☃"}),
    ],
)
def test_a_value_is_read(text: str, value: Any) -> None:
    assert parse_values(text.encode(), "m.yaml") == ([value], [])


def test_empty_documents_are_left_out_but_counted() -> None:
    documents, errors = parse(b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n", "m.yaml")

    assert errors == []
    assert [(d.index, d.line, d.object) for d in documents] == [(2, 3, {"a": 1}), (4, 7, {"b": 2})]


def test_anchors_end_with_their_document() -> None:
    assert parse(b"a: &x 1\n---\nb: *x\n", "m.yaml")[1] == ["m.yaml:3: document 2: *x: there is no anchor &x before it"]


def test_aliases_that_would_grow_without_end_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(30)]

    documents, errors = parse("\n".join(lines).encode(), "m.yaml")

    assert documents == []
    assert errors == ["m.yaml:5: document 1: holds more than 100000 values, aliases counted as what they stand for"]


@pytest.mark.parametrize("deep", ["[" * 100_000, "{a: " * 5000, "- " * 5000, "a:\n" + " a:\n" * 2, "? " * 5000])
def test_nesting_is_refused_before_it_hurts(deep: str) -> None:
    _, errors = parse(deep.encode(), "m.yaml")

    assert len(errors) == 1


def test_a_list_is_unpacked_and_its_items_keep_their_lines() -> None:
    text = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata:
      name: a
  - kind: Service
    spec: {}
"""
    first, second = parse(text.encode(), "m.yaml")[0]

    assert (first.title, first.line, first.line_of("metadata.name")) == ("document 1, items[0] (Pod/a)", 4, 7)
    assert (second.title, second.line, second.line_of("spec")) == ("document 1, items[1] (Service)", 8, 9)


def test_lists_in_a_list_are_unpacked_too_and_a_pod_list_holds_pods() -> None:
    text = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: PodList
    items:
      - metadata: {name: a}
      - 3
  - kind: List
    apiVersion: v1
    items:
"""
    documents, errors = parse(text.encode(), "m.yaml")

    assert [(one.title, one.line, one.object.get("apiVersion")) for one in documents] == [
        ("document 1, items[0].items[0] (Pod/a)", 7, "v1"),
        ("document 1, items[1] (List)", 9, "v1"),
    ]
    assert errors == ["m.yaml:4: document 1: items[0].items[1]: is no object"]


def test_the_line_of_what_is_missing_is_that_of_the_nearest_thing_around_it() -> None:
    text = "a:\n  - b: 1\n    c:\n      app.kubernetes.io/name: x\n  -\n    d: 2\n"
    document = parse(text.encode(), "m.yaml")[0][0]

    assert {
        path: document.line_of(path)
        for path in (
            "a",
            "a[0]",
            "a[0].b",
            "a[0].zzz.y[3]",
            "a[0].c[app.kubernetes.io/name]",
            "a[1].d",
            "a[7]",
            "q",
            "",
        )
    } == {
        "a": 1,
        "a[0]": 2,
        "a[0].b": 2,
        "a[0].zzz.y[3]": 2,
        "a[0].c[app.kubernetes.io/name]": 4,
        "a[1].d": 6,
        "a[7]": 1,
        "q": 1,
        "": 1,
    }
