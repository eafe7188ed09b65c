"""The engines that run on this machine, and the option that says which Kubernetes they behave as."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

from crashy.client import labs_folder
from crashy.engines import images
from crashy.engines.base import Engine
from crashy.engines.lab.images import stands_in
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.experiment.model import Experiment
from crashy.kubelet.versions import NEWEST, PROFILES, Profile
from crashy.timeline import Timeline


def engine(
    name: str,
    timeline: Timeline,
    *,
    rng: random.Random,
    profile: Profile,
    note: Callable[[str], None],
    experiment: Experiment,
) -> AbstractAsyncContextManager[Engine]:
    """Return the engine `lab` or `sim` for an experiment, which runs while the context is open.

    A lab calls `note` with each warning.
    """
    if name == "sim":
        return sim(timeline, rng=rng, profile=profile, models=experiment.models)
    return lab(
        timeline,
        labs=labs_folder(),
        note=note,
        rng=rng,
        profile=profile,
        models=experiment.models,
        images=experiment.images,
    )


def notes(name: str, experiment: Experiment) -> Iterator[str]:
    """Return a line for what of an experiment's manifests the engine skips, and for what stands in for their images."""
    if experiment.manifests.skipped:
        yield f"skipped: {experiment.manifests.skipped} (the lab doesn't run them)"
    yield from images.notes(
        experiment.manifests,
        experiment.models,
        real=lambda template, container: name == "lab" and not stands_in(template, container, experiment.images),
    )


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--kubernetes VERSION`; its value is a Profile."""
    text = f"behave as the kubelet of this version: {', '.join(PROFILES)} (default {NEWEST.version})"
    parser.add_argument("--kubernetes", type=_profile, default=NEWEST, metavar="VERSION", help=text)


def _profile(version: str) -> Profile:
    if version not in PROFILES:
        raise argparse.ArgumentTypeError(f"{version!r}: must be one of {', '.join(PROFILES)}")
    return PROFILES[version]
