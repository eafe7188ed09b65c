"""The engines that run on this machine."""

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
from crashy.engines.propagation import AT_ONCE
from crashy.engines.sim.sim import running as sim
from crashy.experiment.model import Apply, Experiment
from crashy.fields.units import Distribution, Uniform, parse_distribution
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.images import name as image_name
from crashy.timeline import Timeline


def add_propagation(parser: argparse.ArgumentParser) -> None:
    """Add `--propagation MIN..MAX`; its value is a Distribution, or None: as the version has it."""
    text = (
        "how much later than its endpoints the proxies of a Service change: a time or a range "
        f"(default {Uniform(*NEWEST.propagation)}); on lab and sim"
    )
    parser.add_argument("--propagation", type=_distribution, metavar="MIN..MAX", help=text)


def _distribution(text: str) -> Distribution:
    try:
        return parse_distribution(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: must be {error}") from None


def engine(
    name: str,
    timeline: Timeline,
    *,
    rng: random.Random,
    profile: Profile,
    note: Callable[[str], None],
    experiment: Experiment,
    propagation: Distribution | None,
) -> AbstractAsyncContextManager[Engine]:
    """Return the engine `lab` or `sim` for an experiment, which runs while the context is open.

    A lab calls `note` with each warning.
    """
    ingress = (experiment.traffic and experiment.traffic.ingress) or AT_ONCE
    if name == "sim":
        return sim(
            timeline,
            rng=rng,
            profile=profile,
            models=experiment.models,
            images=experiment.images,
            propagation=propagation,
            ingress=ingress,
        )
    return lab(
        timeline,
        labs=labs_folder(),
        note=note,
        rng=rng,
        profile=profile,
        models=experiment.models,
        images=experiment.images,
        propagation=propagation,
        ingress=ingress,
    )


def notes(name: str, experiment: Experiment) -> Iterator[str]:
    """Return a line for what of an experiment's manifests the engine skips, and for what stands in for their images."""
    yield from experiment.manifests.skipped_notes()
    if unused := [*_unused_images(experiment)]:
        yield f"no container has the image {' or '.join(unused)}: its command or model is not used"
    yield from images.notes(
        experiment.manifests,
        experiment.models,
        real=lambda template, container: name == "lab" and not stands_in(template, container, experiment.images),
        limited=name != "lab",
    )


def _unused_images(experiment: Experiment) -> Iterator[str]:
    """Yield the images that have a command or a model and are no container's, now or in a later step."""
    applied = [step.action.manifests for step in experiment.steps if isinstance(step.action, Apply)]
    templates = [one.template for manifests in (experiment.manifests, *applied) for one in manifests.workloads]
    used = {one.image for template in templates for one in (*template.init_containers, *template.containers)}
    names = used | {*map(image_name, used)}
    yield from (image for image in {**experiment.images, **experiment.models} if image not in names)
