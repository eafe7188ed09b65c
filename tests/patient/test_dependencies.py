"""What DEPENDENCIES may be, and what the patient makes of what it sees."""

from __future__ import annotations

import pytest

from crashy.errors import BadInput
from crashy.faults.health import Health
from crashy.patient.dependencies import Dependencies, Seen, read
from crashy.patient.settings import load

SECRET = "geheim"


@pytest.mark.parametrize(
    ("text", "names", "urls"),
    [
        ("redis://cache", ["cache"], ["redis://cache:6379"]),
        ("mysql://root:geheim@db/shop", ["db"], ["mysql://db:3306"]),
        ("http://auth/healthz, https://auth", ["auth:80", "auth:443"], ["http://auth:80", "https://auth:443"]),
        ("tcp://q:1,http://q:1", ["tcp://q:1", "http://q:1"], ["tcp://q:1", "http://q:1"]),
        ("tcp://[::1]:80", ["::1"], ["tcp://[::1]:80"]),
        ("tcp://db-0.db.shop.svc.cluster.local:5432", ["db-0.db.shop.svc.cluster.local"], None),
    ],
)
def test_each_is_named_by_as_much_as_tells_it_from_the_others(
    text: str, names: list[str], urls: list[str] | None
) -> None:
    found = read(text)

    assert [one.name for one in found] == names
    assert urls is None or [one.url for one in found] == urls


@pytest.mark.parametrize(
    "text",
    [
        "cache:6379",
        "ftp://files",
        "tcp://queue",
        "redis://",
        "redis://cache:0",
        "redis://cache:99999",
        "redis://a,redis://a",
        "http://auth/a b",
        "http://auth/\r\nX: y",
        "redis://:geheim@",
        ",".join(f"redis://cache-{n}" for n in range(21)),
    ],
)
def test_what_is_wrong_is_told_without_a_word_of_it(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        load([], {"DEPENDENCIES": text})

    assert str(caught.value).startswith("DEPENDENCIES: (not shown): must be a comma list of at most 20 different URLs")


def test_a_password_is_dropped_and_a_query_never_shown() -> None:
    settings = load([], {"DEPENDENCIES": f"redis://:{SECRET}@cache,http://u:{SECRET}@auth/x?key={SECRET}"})
    watched = Dependencies(settings.dependencies, readiness=True, liveness=True)

    assert [one.path for one in settings.dependencies] == ["/", f"/x?key={SECRET}"]
    assert SECRET not in repr(settings) + str(watched.describe()) + watched.page()[1]


def test_changes_alone_are_told() -> None:
    (cache,) = read("redis://cache")
    watched = Dependencies([cache], readiness=False, liveness=False)
    looks = [(0.01, ""), (0.02, ""), (0.6, ""), (0.0, "Connection refused"), (0.0, "Connection refused"), (0.01, "")]

    assert [watched.saw(cache, *look) for look in looks] == [
        "dependency cache (redis://cache:6379) is up",
        "",
        "dependency cache (redis://cache:6379) is slow: 0.60s",
        "dependency cache (redis://cache:6379) is down: Connection refused",
        "",
        "dependency cache (redis://cache:6379) is up",
    ]


@pytest.mark.parametrize(
    ("state", "ready", "alive", "status"),
    [("unknown", False, True, 503), ("up", True, True, 200), ("slow", True, True, 200), ("down", False, False, 503)],
)
@pytest.mark.parametrize(("readiness", "liveness"), [(False, False), (True, False), (False, True), (True, True)])
def test_probes_that_check_them_fail_with_one_of_them(
    readiness: bool, liveness: bool, state: str, ready: bool, alive: bool, status: int
) -> None:
    cache, db = read("redis://cache,mysql://db")
    watched = Dependencies([cache, db], readiness=readiness, liveness=liveness)
    watched.saw(db, 0.0, "")
    if state != "unknown":
        watched.saw(cache, 0.7 if state == "slow" else 0.1, "refused" if state == "down" else "")

    assert watched.describe()[0]["state"] == state
    assert watched.health() == Health(readiness=ready or not readiness, liveness=alive or not liveness)
    assert watched.page()[0] == status


def test_a_probe_that_checks_them_waits_for_the_slowest() -> None:
    cache, db = read("redis://cache,mysql://db")
    watched = Dependencies([cache, db], readiness=True, liveness=False)
    watched.saw(cache, 0.3, "")
    watched.saw(db, 2.0, "")

    assert [watched.wait(probe) for probe in ("startup", "readiness", "liveness", None)] == [0, 2, 0, 0]
    assert Seen() == ("unknown", 0.0, "")
