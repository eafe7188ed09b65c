"""Which pods a word means; how each command and an experiment ask is tested there."""

from __future__ import annotations

import random

import pytest

from crashy.errors import BadInput
from crashy.targets import Facts, Target, choose

UNREADY, READY, INJECTED = (
    Facts("web-1", False, {"app": "web"}),
    Facts("web-2", True, {"app": "web"}),
    Facts("web", True, {}),
)
SEEDS = range(8)


def meant(word: str, *pods: Facts, seed: int = 1, injected: tuple[str, ...] = ()) -> list[str]:
    chosen = choose(Target.parse(word), pods, lambda pod: pod, random.Random(seed), injected)
    return [pod.name for pod in chosen]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("all", ["web-1", "web-2", "web"]),
        ("web", ["web"]),
        ("pod/web-2", ["web-2"]),
        ("web-", ["web-1"]),
        ("db", []),
        ("2 of app=web", ["web-2", "web-1"]),
        ("9 of app=web", ["web-2", "web-1"]),
        ("1 of app=db", []),
    ],
)
def test_a_word_means_the_same_pods_everywhere(word: str, names: list[str]) -> None:
    assert meant(word, UNREADY, READY, INJECTED) == names


def test_any_is_one_of_those_that_are_ready() -> None:
    assert {name for seed in SEEDS for name in meant("any", UNREADY, READY, INJECTED, seed=seed)} == {"web-2", "web"}
    assert meant("any", UNREADY) == ["web-1"]
    assert meant("any") == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_struck_before_comes_after_what_is_as_ready(seed: int) -> None:
    assert meant("any", UNREADY, READY, INJECTED, seed=seed, injected=("web",)) == ["web-2"]
    assert meant("any", UNREADY, INJECTED, seed=seed, injected=("web",)) == ["web"]


@pytest.mark.parametrize("word", ["", "2 of", "0 of app=web", "two of app=web", "a b"])
def test_what_is_no_target_is_refused(word: str) -> None:
    with pytest.raises(BadInput, match="must be a pod's name"):
        Target.parse(word)
