"""The option that says which Kubernetes is meant."""

from __future__ import annotations

import argparse
import sys

from crashy.kubelet.versions import NEWEST, RANGE, Profile, nearest

AUTO = "auto"
"""What a command that can run on a cluster takes for `that cluster's version`."""


def add_version(parser: argparse.ArgumentParser, what: str = "behave as", *, auto: bool = False) -> None:
    """Add `--kubernetes VERSION`; its value is a Profile or, only with `auto`, that word."""
    default = f"default {NEWEST.version}; on kube: {AUTO}, the cluster's own" if auto else f"default {NEWEST.version}"
    text = f"{what} the kubelet of this version, {RANGE} ({default})"
    parse = _profile_or_auto if auto else _profile
    parser.add_argument("--kubernetes", type=parse, default=None if auto else NEWEST, metavar="VERSION", help=text)


def _profile_or_auto(version: str) -> Profile | str:
    return AUTO if version == AUTO else _profile(version)


def _profile(version: str) -> Profile:
    if version == AUTO:
        raise argparse.ArgumentTypeError(f"{AUTO!r}: only crashy run --on kube has a cluster to ask; must be {RANGE}")
    try:
        profile = nearest(version)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not f"{version.removeprefix('v')}.".startswith(f"{profile.version}."):
        print(
            f"note: --kubernetes {version}: behaves as {profile.version}, the nearest lower version known",
            file=sys.stderr,
        )
    return profile
