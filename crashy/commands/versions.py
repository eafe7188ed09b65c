"""The option that says which Kubernetes is meant."""

from __future__ import annotations

import argparse

from crashy.kubelet.versions import NEWEST, PROFILES, Profile


def add_version(parser: argparse.ArgumentParser, what: str = "behave as") -> None:
    """Add `--kubernetes VERSION`; its value is a Profile."""
    text = f"{what} the kubelet of this version: {', '.join(PROFILES)} (default {NEWEST.version})"
    parser.add_argument("--kubernetes", type=_profile, default=NEWEST, metavar="VERSION", help=text)


def _profile(version: str) -> Profile:
    if version not in PROFILES:
        raise argparse.ArgumentTypeError(f"{version!r}: must be one of {', '.join(PROFILES)}")
    return PROFILES[version]
