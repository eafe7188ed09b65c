"""What stood in `crashy.kubelet` in 0.1 can still be imported from there, and says where it is now."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from crashy.kubelet import MOVED

NAMES = [
    ("columns", "pod_columns"),
    ("conditions", "pod_ready"),
    ("endpoints", "usable"),
    ("ports", "find_port"),
    ("results", "Results"),
    ("rollout", "next_step"),
    ("spec", "parse_pod_template"),
    ("status", "PodStatus"),
    ("validation", "validate_probe"),
]


def test_each_has_an_example_here() -> None:
    assert [old for old, _ in NAMES] == sorted(MOVED)


@pytest.mark.parametrize(("old", "name"), NAMES)
def test_an_old_name_is_the_new_one_and_warns(old: str, name: str) -> None:
    new = MOVED[old]

    with pytest.warns(DeprecationWarning, match=f"crashy.kubelet.{old} is now {new}"):
        found = getattr(import_module(f"crashy.kubelet.{old}"), name)

    assert found is getattr(import_module(new), name)


def test_the_warning_is_of_the_line_that_imports() -> None:
    code = "from crashy.kubelet.spec import Probe\nfrom crashy.kubelet import spec\nprint(spec.Probe is Probe)\n"
    ran = subprocess.run([sys.executable, "-W", "always", "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout == "True\n"
    places = [line.partition(" ")[0] for line in ran.stderr.splitlines() if line.startswith("<string>")]
    assert places == ["<string>:1:", "<string>:3:"]  # Python 3.13 shows the lines, too


def test_a_name_that_never_was_is_an_import_error() -> None:
    with (
        pytest.warns(DeprecationWarning, match="is now"),
        pytest.raises(ImportError, match="cannot import name 'Prob'"),
    ):
        exec("from crashy.kubelet.spec import Prob")
