"""What the workers found, by container id. kubelet: pkg/kubelet/prober/results/results_manager_test.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.outcome import Results, Stored
from tests.kubelet.cases import Expect, case

NAMED = {"s": Stored.SUCCESS, "f": Stored.FAILURE, "u": Stored.UNKNOWN}


@pytest.mark.parametrize(
    ("sequence", "pushed"),
    [
        case("results.updates.new-value", "foo=s", "foo=s"),
        case("results.updates.new-failure", "bar=f", "bar=f"),
        case("results.updates.unchanged-failure", "bar=f bar=f", "bar=f"),
        case("results.updates.changed-to-failure", "foo=s foo=f", "foo=s foo=f"),
        ("foo=u foo=u foo=s foo=s", "foo=u foo=s"),
        ("foo=s bar=s foo=s bar=f", "foo=s bar=s bar=f"),
    ],
)
def test_an_update_is_what_is_new_or_changed(sequence: str, pushed: str, expect: Expect) -> None:
    """kubelet: TestUpdates."""
    results = Results()
    updates = []
    for item in sequence.split():
        key, _, letter = item.partition("=")
        if results.set(key, NAMED[letter]):
            updates.append(item)
        assert results.get(key) is NAMED[letter]
    assert " ".join(updates) == pushed
    words = {letter: str(stored) for letter, stored in NAMED.items()}
    expect(updates_pushed=[item[:-1] + words[item[-1]] for item in updates])


def test_results_are_named_as_the_kubelet_names_them() -> None:
    assert [str(result) for result in Stored] == ["unknown", "success", "failure"]


@pytest.mark.case("results.get-unset")
def test_what_was_never_set_or_was_removed_is_not_found(expect: Expect) -> None:
    """kubelet: TestCacheOperations."""
    results = Results()
    assert results.get("unset") is None
    expect(found=results.get("unset") is not None)
    results.set("foo", Stored.SUCCESS)
    results.remove("foo")
    results.remove("foo")
    assert results.get("foo") is None
    assert results.set("foo", Stored.SUCCESS)
