"""The experiment that the options of `crashy lab` describe: `--at`, `--traffic`, `--for`, `--image-command` ..."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator
from pathlib import Path

from crashy.errors import BadInput
from crashy.experiment.model import Experiment, Inject, Step, Traffic
from crashy.experiment.targets import on_target, port_of, target_in
from crashy.faults.base import parse_spec
from crashy.fields.units import parse_duration
from crashy.objects.images import ImageCommand, parse_image_command
from crashy.objects.manifests import Manifests

TIMEOUT = 2.0  # seconds, as the lab's `wget -T 2`
_STEP = re.compile(r"\s*(\S+)\s+(\d+ of \S+|\S+)\s+(\S.*)", re.DOTALL)


def experiment(args: argparse.Namespace, manifests: Manifests) -> Experiment:
    """Return the experiment, without end unless `--for` gives one; raises BadInput with every mistake in them."""
    steps: list[Step] = []
    lines: list[str] = []
    for text in args.at:
        try:
            steps.append(_step(text, manifests))
        except BadInput as error:
            lines += error.lines
    images: dict[str, ImageCommand] = {}
    for where, text, folder in _image_commands(args, lines):
        try:
            images.update([parse_image_command(text, folder)])
        except ValueError as error:
            lines.append(f"{where}: {error}")
    if lines:
        raise BadInput(*lines)
    return Experiment(
        name="lab",
        lesson="",
        manifests=manifests,
        traffic=_traffic(args.traffic, args.rate, manifests) if args.traffic else None,
        duration=math.inf if args.seconds is None else args.seconds,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        images=images,
    )


def _image_commands(args: argparse.Namespace, lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each `IMAGE=COMMAND` with where it stands and the folder of its paths; the options' come last."""
    path: Path | None = args.image_commands
    try:
        given = path.read_text().splitlines() if path else []
    except (OSError, UnicodeDecodeError) as error:
        lines.append(f"--image-commands: {path}: {getattr(error, 'strerror', None) or 'is not a text'}")
        given = []
    for number, line in enumerate(given, 1):
        if path and line.strip() and not line.lstrip().startswith("#"):
            yield f"{path}:{number}", line.strip(), str(path.parent.resolve())
    yield from (("--image-command", text, str(Path.cwd())) for text in args.image_command)


def _step(text: str, manifests: Manifests) -> Step:
    """Read `8s any freeze mode=loop`."""
    words = _STEP.fullmatch(text)
    if not words:
        raise BadInput(f"--at: {text!r}: must be 'TIME TARGET FAULT', as '8s any freeze mode=loop for=10s'")
    at, target, fault = words.groups()
    try:
        seconds, spec = parse_duration(at), parse_spec(fault).to_spec()
    except BadInput as error:
        raise BadInput(f"--at: {text!r}: {error}") from None
    except ValueError as error:
        raise BadInput(f"--at: {text!r}: {at!r}: must be {error}") from None
    try:
        chosen = target_in(manifests, target)
        return Step(seconds, Inject(on_target(chosen, spec)), chosen, keep_ready=0, text=f"inject {spec}")
    except ValueError as error:
        raise BadInput(f"--at: {target!r}: {error}") from None


def _traffic(text: str, rate: float, manifests: Manifests) -> Traffic:
    """Read `SERVICE[:PORT][/PATH]`, PORT being a number or a name, the first one by default."""
    place, slash, path = text.partition("/")
    name, _, port = place.partition(":")
    if not path.isprintable() or " " in path:
        raise BadInput(f"--traffic: {text!r}: PATH must be written as in a URL, without spaces")
    services = {service.name: service for service in manifests.services}
    if name not in services:
        names = ", ".join(services) or "none"
        raise BadInput(f"--traffic: {text!r}: no Service {name!r} in the manifests; there are: {names}")
    try:
        port_of(services[name], port or None)
    except ValueError as error:
        raise BadInput(f"--traffic: {text!r}: {error}") from None
    return Traffic(service=name, port=port or None, path=slash + path, rate=rate, timeout=TIMEOUT)
