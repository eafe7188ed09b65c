"""The engines that run on this machine, and the option that says which Kubernetes they behave as."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from crashy.client import labs_folder
from crashy.engines.base import Engine
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.kubelet.versions import NEWEST, PROFILES, Profile
from crashy.objects.standin import Models
from crashy.timeline import Timeline


def engine(
    name: str,
    timeline: Timeline,
    *,
    rng: random.Random,
    profile: Profile,
    note: Callable[[str], None],
    models: Models,
) -> AbstractAsyncContextManager[Engine]:
    """Return the engine `lab` or `sim`, which runs while the context is open; a lab calls `note` with each warning."""
    if name == "sim":
        return sim(timeline, rng=rng, profile=profile, models=models)
    return lab(timeline, labs=labs_folder(), note=note, rng=rng, profile=profile)


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--kubernetes VERSION`; its value is a Profile."""
    text = f"behave as the kubelet of this version: {', '.join(PROFILES)} (default {NEWEST.version})"
    parser.add_argument("--kubernetes", type=_profile, default=NEWEST, metavar="VERSION", help=text)


def _profile(version: str) -> Profile:
    if version not in PROFILES:
        raise argparse.ArgumentTypeError(f"{version!r}: must be one of {', '.join(PROFILES)}")
    return PROFILES[version]
