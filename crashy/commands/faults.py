"""`crashy faults`: list every way to fall ill, or show one: its parameters, examples, and what probes make of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crashy.commands.arguments import Parser
from crashy.faults.base import FAULTS, Fault, parse_spec
from crashy.faults.catalogue import catalogue, scope_catalogue, ways_in_words
from crashy.faults.probed import KINDS, Probed
from crashy.faults.scope import TARGETS
from crashy.fields import Key


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = Parser(
        "crashy faults",
        description="List the faults that a patient takes, or show one: its parameters, examples, and what each kind "
        "of probe makes of it.",
    )
    made.add_argument("name", nargs="?", metavar="NAME", choices=list(FAULTS), help="the fault to show")
    return made


def main(argv: Sequence[str]) -> int:
    """Print the catalogue, or one fault."""
    name = parser().parse_args(argv).name
    described = {fault["name"]: fault for fault in catalogue()}
    print("\n".join(_fault(described[name]) if name else _catalogue(list(described.values()))))
    return 0


def _catalogue(faults: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    longest = max(len(fault["name"]) for fault in faults)
    for target, words in TARGETS.items():
        chosen = [
            (f"{fault['name']:<{longest}}  {_way(fault)}", fault["summary"])
            for fault in faults
            if fault["target"] == target
        ]
        lines += [f"{words[0].upper()}{words[1:]}:", *_aligned(chosen), ""]
    return [
        *lines,
        "Each acts inside the patient, from outside on any container, or in both ways.",
        "What one takes, and what probes make of it: crashy faults NAME",
    ]


def _way(fault: Mapping[str, Any]) -> str:
    return "both" if len(fault["ways"]) > 1 else str(fault["ways"][0])


def _fault(fault: Mapping[str, Any]) -> list[str]:
    own = [(key.name, _parameter(key)) for key in FAULTS[fault["name"]].keys.values()]
    return [
        f"{fault['name']}: {fault['summary']}",
        f"Without a scope it matches {TARGETS[fault['target']]}.",
        ways_in_words(fault),
        "",
        "parameters:",
        *_aligned([*own, ("scope", f"every fault has {', '.join(key['name'] for key in scope_catalogue())}")]),
        "",
        "examples:",
        *(f"  {spec}" for spec in fault["examples"]),
        "",
        "what a probe of each kind says:",
        *(line for spec, probed in _rows(FAULTS[fault["name"]]) for line in (f"  {spec}", *_probes(probed))),
    ]


def _rows(fault: type[Fault]) -> Iterator[tuple[str, Probed]]:
    yield from fault.probed.items()
    for spec, probed in fault.probed_outside.items():
        yield parse_spec(spec).taken("outside").to_spec(), probed


def _parameter(key: Key) -> str:
    default = f"; default {key.default_text}" if key.default_text else ""
    mode = f"with mode={key.mode}: " if key.mode else ""
    return f"{mode}{key.help} ({key.kind.allowed}{default})"


def _probes(probed: Probed) -> list[str]:
    if len(told := set(said := probed.shown())) == 1:
        return [f"    {told.pop()}"]
    return _aligned(list(zip(KINDS, said, strict=True)), indent=4)


def _aligned(rows: Sequence[tuple[str, str]], indent: int = 2) -> list[str]:
    """Return two columns; on a terminal the second is wrapped, in a pipe a row is a line, for grep and awk."""
    width = indent + max((len(name) for name, _ in rows), default=0) + 2
    room = max(shutil.get_terminal_size().columns - width, 40) if sys.stdout.isatty() else sys.maxsize
    lines: list[str] = []
    for name, text in rows:
        first, *more = textwrap.wrap(text, room) or [""]
        lines += [f"{' ' * indent}{name}".ljust(width) + first, *(" " * width + line for line in more)]
    return [line.rstrip() for line in lines]
