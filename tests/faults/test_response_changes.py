"""What changes a response: how it composes with other faults, and what each does to a body."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.base import FaultError, parse_spec
from crashy.faults.effects import InjectedResponse
from crashy.faults.kinds.corrupt import BodyCorrupted
from crashy.faults.kinds.drip import BodyPaced
from crashy.faults.kinds.truncate import BodyTruncated
from crashy.faults.kinds.wrong_identity import OtherIdentity
from crashy.faults.scope import Request
from crashy.fields.sizes import Share
from tests.faults.patients import FakePatient


@pytest.mark.parametrize(
    ("specs", "delay", "by", "file"),
    [
        (["abort"], 0, "f1", "connection_closed"),
        (["latency delay=1s", "drip", "latency delay=2s"], 3, "f2", "body_paced"),
        (["abort", "reset"], 0, "f1", "connection_closed"),
        (["error", "abort"], 0, "f1", None),
        (["abort", "error"], 0, "f1", "connection_closed"),
        (["truncate", "crash mode=errors"], 0, "f2", None),
        (["abort p=0", "reset"], 0, "f2", "connection_reset"),
        (["stall-body routes=/x", "slow-headers"], 0, "f2", "head_paced"),
    ],
)
def test_one_fault_answers_or_changes_the_answer(specs: list[str], delay: float, by: str, file: str | None) -> None:
    effect = FakePatient(*specs).ask()

    assert effect.delay == delay
    assert effect.by is not None
    assert effect.by.id == by
    assert (effect.change.file if effect.change else None) == file
    assert (effect.response is None) is (file is not None)


def test_a_hang_comes_before_any_change() -> None:
    effect = FakePatient("blackhole", "freeze mode=hang").ask()

    assert effect.hang is not None
    assert effect.change is None


@pytest.mark.parametrize("spec", ["blackhole", "drip", "slow-headers", "stall-body", "freeze mode=hang"])
def test_a_fault_that_holds_requests_ends_with_the_last_of_them(spec: str) -> None:
    patient = FakePatient(f"{spec} times=2")
    held = [patient.ask().holder, patient.ask().holder]

    assert patient.ask().holder is None
    for expected in ("active", "ended"):
        one = held.pop()
        assert one is not None
        patient.faults.release(one)
        assert one.state == expected


def test_to_let_go_of_a_request_after_the_end_of_its_fault_does_nothing() -> None:
    patient = FakePatient("stall-body times=1")
    holder = patient.ask().holder
    patient.faults.recover()
    assert holder is not None
    patient.faults.release(holder)

    assert [reason for _, reason, _ in patient.changes] == ["Injected", "Started", "Recovered"]


@pytest.mark.parametrize("spec", ["abort", "truncate", "corrupt", "exception", "redirect", "wrong-identity"])
def test_one_that_takes_no_time_ends_with_its_last_request(spec: str) -> None:
    patient = FakePatient(f"{spec} path=/x times=1" if spec == "redirect" else f"{spec} times=1")
    patient.ask()

    assert [reason for _, reason, _ in patient.changes] == ["Injected", "Started", "Ended"]


@given(st.binary(max_size=300), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_a_corrupted_body_keeps_its_length_and_so_many_of_its_bytes(body: bytes, percent: int, seed: int) -> None:
    change = BodyCorrupted(Share(percent), seed)
    corrupted = change.apply(body)

    assert len(corrupted) == len(body)
    flipped = sum(one != other for one, other in zip(body, corrupted, strict=True))
    assert flipped == (max(1, len(body) * percent // 100) if body else 0)
    assert change.apply(body) == corrupted


def test_the_seed_of_the_fault_says_which_bytes() -> None:
    def changes(spec: str, seed: int) -> list[Any]:
        patient = FakePatient(spec, seed=seed)
        return [patient.ask().change for _ in range(3)]

    assert changes("corrupt seed=7", 1) == changes("corrupt seed=7", 2)
    assert len(set(map(repr, changes("corrupt seed=7", 1)))) == 3


@pytest.mark.parametrize(
    ("keep", "size", "kept"), [(50, 10, 5), (100, 10, 9), (1, 10, 0), (100, 1, 0), (50, 0, 0), (33.3, 1000, 333)]
)
def test_a_truncated_body_lacks_a_byte_at_least(keep: float, size: int, kept: int) -> None:
    assert BodyTruncated("length", Share(keep)).kept(size) == kept


@pytest.mark.parametrize(
    ("over", "rate", "size", "seconds"), [(10.0, None, 7, 10.0), (10.0, 100, 1000, 10.0), (10.0, 1, 10**9, 3600.0)]
)
def test_a_bandwidth_is_for_an_hour_at_most(over: float, rate: int | None, size: int, seconds: float) -> None:
    assert BodyPaced(over, rate).seconds(size) == seconds


def test_a_version_is_replaced_where_it_is_named_as_one() -> None:
    change = OtherIdentity("web-0", "v0")

    assert change.apply("web-1: v1, Application Version: v1", "web-1", "v1") == "web-0: v1, Application Version: v0"
    assert OtherIdentity("web-0", None).apply("Application Version: v1", "x", "v1") == "Application Version: v1"


@pytest.mark.parametrize(
    ("spec", "path", "response"),
    [
        ("redirect", "/x", InjectedResponse(302, headers=(("Location", "/"),))),
        ("redirect", "/", None),
        ("redirect mode=loop code=308", "/", InjectedResponse(308, headers=(("Location", "/"),))),
        ("redirect mode=loop", "/a b\r\n", InjectedResponse(302, headers=(("Location", "/a%20b%0D%0A"),))),
        ("redirect mode=host host=x:80", "//y", InjectedResponse(302, headers=(("Location", "http://x:80/y"),))),
    ],
)
def test_where_a_redirect_leads(spec: str, path: str, response: InjectedResponse | None) -> None:
    assert FakePatient(spec).ask(Request("GET", path)).response == response


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("drip over=1s rate=1Ki", "rate: either it or over, not both"),
        ("drip over=0s", "over: '0s': a duration such as 10s, 1m30s or 250ms, more than 0s and at most 1h"),
        ("drip rate=0", "rate: '0': a size such as 300Mi, at most 1Ti"),
        ("slow-headers over=2h", "at most 1h"),
        ("truncate keep=0%", "keep: '0%': a share such as 50%, at most 100%"),
        ("truncate mode=head", "mode: 'head': length or chunk"),
        ("corrupt share=101%", "at most 100%"),
        ("redirect code=304", "code: '304': one of 301, 302, 303, 307, 308"),
        ("redirect path=x", "path: 'x': a path that begins with one /"),
        ("redirect path=//x", "path: '//x': a path that begins with one /"),
        ("redirect host=x", "host: is for mode=host only"),
        ("redirect mode=host host=a/b", "host: 'a/b': a host, and a port or none"),
        ("rate-limit requests=0", "requests: '0': a number of requests from 1 to 1000000"),
        ("rate-limit per=0s", "more than 0s"),
        ("wrong-identity pod='a b'", "pod: 'a b': a pod's name"),
        ("rate_limit", "fault: 'rate_limit': unknown; did you mean rate-limit?"),
        ("throttle", "fault: 'throttle': unknown; "),
    ],
)
def test_parameters_are_bounded(spec: str, message: str) -> None:
    with pytest.raises(FaultError) as raised:
        parse_spec(spec)

    assert message in str(raised.value)
