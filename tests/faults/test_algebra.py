"""`times`, `every`, `p` and `seed` mean what they say, whoever else is there and whoever asks at the same time."""

from __future__ import annotations

import math
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.scope import Request
from tests.faults.patients import USER, FakePatient

UNLIKELY = 7.0
"""Standard deviations beyond which one draw in 4e11 lies: the seeds are fixed, so nothing flakes in any case."""


@given(st.integers(1, 9), st.integers(0, 30), st.integers(1, 5))
def test_each_nth_matching_request_is_hit_and_after_so_many_hits_none(every: int, asked: int, times: int) -> None:
    patient = FakePatient(f"error every={every} times={times}")

    hit = [number for number, answer in enumerate(patient.answers(asked), 1) if answer]

    assert hit == [n for n in range(1, asked + 1) if n % every == 0][:times]


@given(st.lists(st.sampled_from(["/a", "/b", "/c"]), max_size=40), st.integers(1, 5), st.integers(1, 5))
def test_only_requests_that_match_are_counted(paths: list[str], times: int, every: int) -> None:
    patient = FakePatient(f"error routes=/a times={times} every={every}")

    hit = [n for n, path in enumerate(paths) if patient.ask(Request("GET", path)).response]

    assert hit == [n for n, path in enumerate(paths) if path == "/a"][every - 1 :: every][:times]


@pytest.mark.parametrize("threads", [50])
def test_exactly_the_next_requests_are_hit_however_many_ask_at_once(threads: int) -> None:
    patient = FakePatient("error times=20", "latency routes=/ every=7 delay=1s")

    with ThreadPoolExecutor(threads) as pool:
        effects = list(pool.map(lambda _: patient.ask(), range(2000)))

    assert sum(effect.response is not None for effect in effects) == 20
    assert sum(effect.delay for effect in effects) == 2000 // 7
    assert patient.faults.tally()["error"].hits == 20


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p_is_a_true_share(p: float, seed: int) -> None:
    """Each request is hit with `p`, whatever happened to the one before: the shares and the pairs are a coin's."""
    asked = 20_000
    hit = [answer is not None for answer in FakePatient(f"error p={p} seed={seed}").answers(asked)]

    pairs = Counter(zip(hit[::2], hit[1::2], strict=True))
    share = {True: p, False: 1 - p}
    chi_squared = sum(
        (pairs[one, other] - expected) ** 2 / expected
        for one in share
        for other in share
        for expected in [asked / 2 * share[one] * share[other]]
    )
    assert chi_squared < 60  # of three degrees of freedom: once in 1e12
    assert abs(sum(hit) - asked * p) < UNLIKELY * math.sqrt(asked * p * (1 - p))


SEEDED = ("error p=0.3 seed=7 times=40", "latency delay=0s..1s p=0.5 seed=8", "error code=500:1,503:2 seed=9 routes=/a")


@pytest.mark.parametrize("seed", [0, 1])
def test_seeds_replay_exactly_also_several_at_once_and_beside_others(seed: int) -> None:
    """What one fault draws depends on its own seed and on its own requests alone."""
    order = random.Random(5)
    requests = [USER if order.random() < 0.7 else Request("GET", "/a") for _ in range(500)]

    def replayed(*more: str) -> list[tuple[float, int | None]]:
        patient = FakePatient(*more, *SEEDED, seed=seed)
        effects = [patient.ask(request) for request in requests]
        return [(effect.delay, effect.response and effect.response.status) for effect in effects]

    first = replayed()
    assert replayed() == first
    assert replayed("error p=0.5 routes=/other", "unready p=0.1") == first
    assert len(set(first)) > 100
