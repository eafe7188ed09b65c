"""How a test compares with its cases, and what is noted of it."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.outcome import Stored
from tests.kubelet import cases
from tests.kubelet.cases import CASES, IDS, Each, Expect, Means, Where

EXPECTED = {"result": "success", "times": [1, 2.5], "when": "at once", "note": "or later"}


@pytest.fixture
def comparing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Expect:
    """Compare with one case, which no list has."""
    monkeypatch.setattr(cases, "expectations", lambda: {"a": EXPECTED})
    request.node.add_marker(pytest.mark.case("a"))
    return Expect(request.node)


@pytest.mark.parametrize(
    ("found", "noted"),
    [
        ({"result": Stored.SUCCESS}, ["a result"]),
        ({"times": (1.0, 2.5000000001)}, ["a times"]),
        ({"times": Each(2.5, 1)}, ["a times[1]"]),
        ({"when": Means("at once", True)}, ["a when"]),
        ({"times": Where(lambda times: sum(times) < 4)}, ["a times"]),
        ({"another": 1}, []),
    ],
)
def test_what_agrees_is_noted(comparing: Expect, found: dict[str, Any], noted: list[str]) -> None:
    comparing(**found)

    assert [name for kind, name in comparing.node.user_properties if kind == "compared"] == noted
    comparing.node.user_properties.clear()


@pytest.mark.parametrize(
    "found",
    [
        {"result": Stored.FAILURE},
        {"times": [1, 2.6]},
        {"times": [1]},
        {"times": Each(2.5, 0)},
        {"when": Means("soon", True)},
        {"when": Means("at once", False)},
        {"times": Where(lambda times: sum(times) > 4)},
    ],
)
def test_what_differs_fails(comparing: Expect, found: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match=r"^a: "):
        comparing(**found)


@pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is missing")
def test_what_is_listed_is_there() -> None:
    assert cases.expectations().keys() >= IDS
