"""The tables in the documents, made from the code. `python -m tests.docs_tables` writes them between their markers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from crashy.check.traps import TRAPS
from crashy.experiment import expectations as room
from crashy.experiment.schema import SCHEMA
from crashy.faults.base import FAULTS, Fault, parse_spec
from crashy.faults.catalogue import catalogue, ways_in_words
from crashy.faults.probed import KINDS as PROBE_KINDS
from crashy.faults.scope import TARGETS
from crashy.patient.personas import GREETINGS
from crashy.patient.probes import PROBES, STATUS
from crashy.patient.settings import IMAGE, SETTINGS
from crashy.server import metrics as scraped
from tests.fidelity import KINDS, listed, set_aside

ROOT = Path(__file__).parent.parent


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings() -> str:
    """Return the table of the patient's settings."""
    rows = [
        (
            f"`{name}`" + (" ±" if f"{name}_JITTER" in SETTINGS else ""),
            f"`{key.default_text}`" if key.default_text else "",
            f"`{IMAGE[name]}`" if name in IMAGE else "",
            key.help,
        )
        for name, key in SETTINGS.items()
        if not name.endswith("_JITTER")
    ]
    return table(("variable", "default", "in the image", "what it does"), rows)


def probes() -> str:
    """Return the table of the routes that answer probes."""
    by_probe = {probe: [r.path for r in PROBES if r.probe == probe] for probe in STATUS}
    rows = [(probe, " ".join(f"`{p}`" for p in paths), str(STATUS[probe])) for probe, paths in by_probe.items()]
    return table(("probe", "routes", "says no with"), rows)


def faults() -> str:
    """Return the table of the faults."""
    rows = [
        (f"[`{f['name']}`](docs/faults.md#{f['name']})", f["summary"], f"`{f['examples'][:2][-1]}`")
        for f in catalogue()
    ]
    return table(("fault", "what it does", "for example"), rows)


def _parameters(fault: dict[str, Any]) -> str:
    rows = [
        (
            f"`{key.name}`" + (f" (`mode={key.mode}`)" if key.mode else ""),
            f"`{key.default_text}`" if key.default_text else "",
            key.kind.allowed,
            key.help,
        )
        for key in FAULTS[fault["name"]].keys.values()
    ]
    return table(("parameter", "default", "allowed", "what it is"), rows) if rows else "No parameters of its own."


def _probed(fault: type[Fault]) -> str:
    """Return the table of what each kind of probe makes of a fault."""
    rows = []
    for spec, probed in fault.probed.items():
        effect = parse_spec(spec).process_effect()
        only = f" (not on sim: {effect.not_on_sim})" if effect and effect.not_on_sim else ""
        rows.append((f"`{spec}`{only}", *(text.replace("`", "\\`") for text in probed.shown())))
    for spec, probed in fault.probed_outside.items():
        outside = parse_spec(spec).taken("outside").to_spec()
        rows.append((f"`{outside}`", *(text.replace("`", "\\`") for text in probed.shown())))
    return table(("with", *PROBE_KINDS), rows)


def fault_pages() -> str:
    """Return a section for each fault."""
    sections = []
    for fault in catalogue():
        examples = "\n".join(fault["examples"])
        sections.append(
            f"## {fault['name']}\n\n{fault['summary']} Without a scope it matches {TARGETS[fault['target']]}.\n"
            f"{ways_in_words(fault)}"
            f"\n\n{_parameters(fault)}\n\n```text\n{examples}\n```\n\n{_probed(FAULTS[fault['name']])}"
        )
    return "\n\n".join(sections)


def metrics() -> str:
    """Return the table of what Prometheus scrapes."""
    families = [value for value in vars(scraped).values() if isinstance(value, scraped.Family)]
    rows = [(f"`{f.name}`", f.type, " ".join(f"`{name}`" for name in f.labels), f.help) for f in families]
    return table(("metric", "type", "labels", "what it is"), rows)


def personas() -> str:
    """Return the personas' names."""
    return ", ".join(f"`{name}`" for name in GREETINGS)


def expectations() -> str:
    """Return the table of what an experiment can expect."""
    rows = [
        (f"`{name}`", import_module(f"{room.__name__}.{name}").__doc__ or "", f"`{expectation.example}`")
        for name, expectation in room.expectations().items()
    ]
    return table(("expectation", "of what", "for example"), rows)


def traps() -> str:
    """Return the index of the traps, and a section for each."""
    index = table(("trap", "severity", "what it is"), [(f"[`{t.id}`](#{t.id})", t.severity, t.title) for t in TRAPS])
    sections = [f"## {t.id}\n\n**{t.severity}**: {t.title}.\n\n{t.why}\n\nFix: {t.mend}" for t in TRAPS]
    return "\n\n".join([index, *sections])


def fidelity() -> str:
    """Return what `make fidelity` prints when all tests pass."""
    lines = []
    for kind in KINDS:
        applied, aside = len(listed(kind) - set_aside(kind)), len(set_aside(kind))
        lines.append(f"{kind}s: {applied} applied, {applied} passed, {aside} set aside")
    return "\n".join(["```text", *lines, "```"])


TABLES = {
    "README.md": {"settings": settings, "probes": probes, "faults": faults, "personas": personas, "fidelity": fidelity},
    "docs/integrations.md": {"metrics": metrics},
    "docs/experiments.md": {"expectations": expectations},
    "docs/faults.md": {"faults": fault_pages},
    "docs/fidelity.md": {"fidelity": fidelity},
    "docs/traps.md": {"traps": traps},
}


def filled(name: str) -> str:
    """Return a document's text with every table as the code has it."""
    return replaced((ROOT / name).read_text(), {marker: make() for marker, make in TABLES[name].items()}, name)


def replaced(text: str, blocks: Mapping[str, str], name: str) -> str:
    """Return a text of that name with each block between its markers."""
    for marker, content in blocks.items():
        block = re.compile(f"(<!-- {marker} -->\n).*?(\n<!-- end {marker} -->)", re.DOTALL)
        if not block.search(text):
            raise LookupError(f"{name}: no place for {marker!r}")
        text = block.sub(lambda m, content=content: f"{m[1]}{content}{m[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    for document in TABLES:
        (ROOT / document).write_text(filled(document))
    (ROOT / "docs/experiment.schema.json").write_text(json.dumps(SCHEMA, indent=2) + "\n")
