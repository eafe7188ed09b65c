"""One document out of samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.traffic.sampler import pod_in
from crashy.traffic.samples import Sample, Samples
from crashy.traffic.summary import percentile, summary


def answered(due: float, pod: str = "web-1", latency: float = 0.01, status: int = 200) -> Sample:
    return Sample(due, latency, 0.0, status, pod, "")


def failed(due: float, failure: str = "timeout") -> Sample:
    return Sample(due, 2.0, 0.0, 0, "", failure)


def test_the_document_says_what_users_felt() -> None:
    seen = [answered(0.0), answered(0.1, "web-2"), failed(0.2), failed(0.3, "refused"), answered(0.4, latency=0.5)]
    reported = summary(seen, rate=10)

    assert (reported["requests"], reported["failures"], reported["availability"]) == (5, 2, 0.6)
    assert reported["outages"] == [{"start": 0.2, "end": 0.4, "seconds": 0.2, "requests": 2}]
    assert reported["outcomes"] == {"200": 3, "refused": 1, "timeout": 1}
    assert (reported["first_failure"], reported["last_failure"]) == (0.2, 0.3)
    assert reported["pods"]["web-1"] == {"requests": 2, "failures": 0, "share": 0.666667, "first": 0.0, "last": 0.4}
    assert reported["latency"]["all"]["max"] == 0.5
    assert reported["seconds"] == 0.5


def test_latency_outside_outages_leaves_out_what_was_answered_inside() -> None:
    seen = [answered(0.0), failed(0.1), answered(0.2, latency=3.0), answered(0.3), answered(0.4)]
    reported = summary(seen, rate=10, successes=2)

    assert reported["outages"] == [{"start": 0.1, "end": 0.2, "seconds": 0.1, "requests": 1}]
    assert reported["latency"]["outside_outages"]["max"] == 3.0


def test_nothing_asked_is_no_error() -> None:
    reported = summary([], rate=10)

    assert (reported["requests"], reported["availability"], reported["outages"]) == (0, 1.0, [])
    assert reported["latency"] == {"all": None, "outside_outages": None}
    assert reported["first_failure"] is None


def test_a_schedule_that_was_not_held_is_reported() -> None:
    late = [Sample(i / 10, 1.0, 0.5 if i > 5 else 0.0, 200, "", "") for i in range(10)]

    assert summary(late, rate=10)["schedule"] == {"rate": 10, "lag_p99": 0.5, "lag_max": 0.5, "late": 4}


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [([1], 0.5, 1), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3, 4], 0.51, 3), ([1, 2, 3, 4], 1.0, 4), ([1, 2, 3, 4], 0.0, 1)],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], share: float, value: float) -> None:
    assert percentile(values, share) == value


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


names = st.sampled_from(["", "web-1", "web-2", "höchst"])
kinds = st.sampled_from(["", "timeout", "refused"])
times = st.floats(0, 1e6)
many = st.lists(st.builds(Sample, times, times, times, st.integers(0, 599), names, kinds))


@given(many)
def test_samples_come_back_as_they_were_kept(seen: list[Sample]) -> None:
    kept = Samples()
    for one in seen:
        kept.append(one)

    assert list(kept) == seen
    assert len(kept) == len(seen)


@given(many)
def test_no_sample_is_lost(seen: list[Sample]) -> None:
    reported = summary(seen, rate=10)

    assert sum(reported["outcomes"].values()) == reported["requests"] == len(seen)
    assert sum(outage["requests"] for outage in reported["outages"]) == reported["failures"]
    assert sum(pod["requests"] for pod in reported["pods"].values()) == sum(1 for s in seen if s.pod)


@pytest.mark.parametrize(
    ("body", "pod"),
    [
        ("Message from simple-webapp-1 : I am ready!", "simple-webapp-1"),
        ("Hi, my name is crashy-app-5bc4d6474b-lgnk9 and I'm a crashy app...\n", "crashy-app-5bc4d6474b-lgnk9"),
        ("RNG running on rng-1\n", "rng-1"),
        ("You've hit kubia-1\n", "kubia-1"),
        ("200 OK", ""),
        ("", ""),
        ("He said: Message from x : y", ""),
    ],
)
def test_the_known_apps_name_their_pod(body: str, pod: str) -> None:
    assert pod_in(body) == pod
