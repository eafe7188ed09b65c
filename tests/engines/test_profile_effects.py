"""Every field of `Profile` has an effect on what runs: on sim each alone, and in each version."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from crashy.kubelet.backoff import crash_loop_backoff
from crashy.kubelet.versions import NEWEST, PROFILES, Profile
from tests.engines.effects import Seen, container, pod, probe, service, watch
from tests.engines.profile_effects import EFFECTS

ELSEWHERE = {
    "version": "lab/test_profile_effects.py: sim's containers read no headers",
    "texts": "test_profile_texts.py",
    "propagation": "test_propagation.py: how late a version's proxies are",
    "sleep_hooks": "test_hooks.py: a pod that has one is refused",
    "kills_all_on_oom": "lab/test_cgroup.py, test_the_limits_of_v2: cgroup v2 alone has it",
    "resizes_in_place": "tests/commands/test_run_resize.py: on an older one it is refused",
    "announces_resizes": "tests/commands/test_run_resize.py, tests/kubelet/test_resizing.py",
    "crash_loop_gates": "test_the_gates_of_the_back_off: no engine has a setting for it",
}


def test_every_field_has_an_effect_that_is_tried() -> None:
    """If this fails: a new field needs a row in tests/engines/profile_effects.py."""
    assert {*EFFECTS, *ELSEWHERE} == {one.name for one in fields(Profile)}


def seen(name: str, profile: Profile) -> object:
    effect = EFFECTS[name]
    events = watch(effect.objects, effect.steps, effect.seconds, on="sim", profile=profile)
    return effect.measure(Seen(events, effect.objects[0]["metadata"]["name"]))


@pytest.mark.parametrize("name", EFFECTS)
def test_the_field_alone_makes_the_difference(name: str) -> None:
    effect = EFFECTS[name]
    other = getattr(PROFILES["1.20"], name) if effect.other is None else effect.other

    assert seen(name, NEWEST) == effect.new
    assert seen(name, replace(NEWEST, **{name: other})) == effect.old


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
@pytest.mark.parametrize("name", EFFECTS)
def test_what_each_version_does(name: str, version: str) -> None:
    expected = dict(zip(("1.20", "1.32", "1.36"), EFFECTS[name].by_version, strict=True))

    assert seen(name, PROFILES[version]) == expected[version]


def test_the_gates_of_the_back_off() -> None:
    assert crash_loop_backoff(PROFILES["1.32"], reduced_decay=True).maximum == 60
    with pytest.raises(ValueError, match=r"1\.20 has no setting"):
        crash_loop_backoff(PROFILES["1.20"], reduced_decay=True)


@pytest.mark.parametrize(
    ("profile", "least", "most"),
    [
        (replace(NEWEST, propagation=(3.0, 3.0)), 3.0, 3.2),
        *((PROFILES[version], *PROFILES[version].propagation) for version in ("1.20", "1.32", "1.36")),
    ],
)
def test_how_long_proxies_take(profile: Profile, least: float, most: float) -> None:
    one = pod("web", container(readinessProbe=probe("/readyz")))
    traffic = {"service": "web", "path": "/", "rate": 20}
    events = watch([one, service("web")], [], 12, on="sim", profile=profile, traffic=traffic)
    known = next(event.t for event in events if event.kind == "endpoints" and event.data["serving"])
    answered = next(event.t for event in events if event.kind == "request" and event.reason == "200")

    assert least - 0.01 <= answered - known <= most + 0.1
