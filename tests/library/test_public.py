"""What is public: three names, imported when they are used, typed, and described in a page that is true."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import crashy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "library.md"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_the_page_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 20
    assert result.failed == 0


@pytest.mark.parametrize("name", ["Lab", "Patient"])
def test_the_page_has_all_that_they_have(name: str) -> None:
    of = getattr(crashy, name)
    public = {one for one in vars(of) if not one.startswith("_")} - {"story"}
    assert {one for one in public if not re.search(rf"`[^`]*\b{one}\b", PAGE.read_text())} == set()


def test_importing_crashy_imports_nothing_else() -> None:
    reported = python("import sys; before = set(sys.modules); import crashy; print(sorted(set(sys.modules) - before))")
    assert reported.stdout == "['crashy']\n"


def test_a_patient_needs_neither_aiohttp_nor_yaml_in_this_process() -> None:
    reported = python("import sys; from crashy import Patient; print(sorted({'aiohttp', 'yaml'} & set(sys.modules)))")
    assert reported.stdout == "[]\n", reported.stderr


@pytest.mark.parametrize("name", ["Lab", "load_experiment"])
def test_without_the_extra_it_says_how_to_have_it(name: str) -> None:
    reported = python(f"import sys; sys.modules['yaml'] = None; from crashy import Patient, {name}")
    assert reported.stderr.splitlines()[-1] == (
        f"ImportError: crashy.{name} needs yaml, which is not installed: pip install 'crashy[lab]'"
    )


@pytest.mark.parametrize("extra", [True, False], ids=["with the extra", "without"])
def test_they_are_listed_as_far_as_they_can_be_had(extra: bool) -> None:
    without = "" if extra else "sys.modules['yaml'] = None; "
    reported = python(
        f"import sys; {without}import crashy; print({{*crashy.__all__}} & {{*dir(crashy)}}); help(crashy)"
    )
    listed = {"Lab", "Patient", "load_experiment"} if extra else {"Patient"}
    assert {*re.findall(r"'(\w+)'", reported.stdout.splitlines()[0])} == listed
    assert reported.returncode == 0, reported.stderr
    assert "VERSION" in reported.stdout, "help is to be had"


def test_all_of_them_are_imported_or_it_says_why_not() -> None:
    reported = python("from crashy import *; print(Lab, Patient, load_experiment)")
    assert reported.stdout.startswith("<class 'crashy.library.lab.Lab'>")
    reported = python("import sys; sys.modules['yaml'] = None; from crashy import *")
    assert reported.stderr.splitlines()[-1] == (
        "ImportError: crashy.Lab needs yaml, which is not installed: pip install 'crashy[lab]'"
    )


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="module 'crashy' has no attribute 'Labs'"):
        crashy.Labs  # noqa: B018


def test_they_are_typed(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        "from crashy import Lab, Patient, load_experiment\n"
        "with Patient(crash_after=5) as patient:\n"
        "    reveal_type(patient.requests[0].status)\n"
        "with Lab('manifests/demo', {'kind': 'Pod'}) as lab:\n"
        "    reveal_type(lab.wait_for('Killing', pod=lab.freeze('any')).t)\n"
        "reveal_type(load_experiment('x.yaml').run(on='lab').unmet)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path)]
    reported = subprocess.run(
        [*command, str(tmp_path / "typed.py")], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    revealed = re.findall(r'Revealed type is "(?:builtins\.)?(.*)"', reported.stdout)
    assert [text.replace("builtins.", "") for text in revealed] == ["int", "float", "tuple[str, ...]"], reported.stdout
    assert reported.returncode == 0
