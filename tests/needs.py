"""The real components that tests use; a test whose component is missing is skipped, and says how to have it."""

from __future__ import annotations

import shutil

import pytest

# Debian's package of a program, where it has another name.
PACKAGES = {
    "ab": "apache2-utils",
    "mariadbd": "mariadb-server",
    "nginx": "nginx-light",
    "node": "nodejs",
    "promtool": "prometheus",
    "unshare": "util-linux",
}


def missing(program: str) -> str:
    """Return why a test that uses the program is skipped, and how to have it."""
    return f"{program} is not on this machine: apt-get install {PACKAGES.get(program, program)}"


def need(program: str) -> str:
    """Return the path of a program; skip the test where it is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(missing(program))
    return found


def needs(program: str, *others: str) -> pytest.MarkDecorator:
    """Mark tests to be skipped where neither the program nor one of the others, which would do, is there."""
    return pytest.mark.skipif(not any(map(shutil.which, (program, *others))), reason=missing(program))
