"""Verdicts as JUnit XML, for CI systems that read it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from crashy.report.html import Judged


def junit(suites: Sequence[tuple[str, float, Sequence[Judged]]]) -> str:
    """Return one suite for each experiment (its name, its seconds, its verdicts), one case for each expectation."""
    root = ET.Element("testsuites", name="crashy")
    for name, seconds, verdicts in suites:
        failed = sum(not verdict.passed for verdict in verdicts)
        suite = ET.SubElement(
            root, "testsuite", name=name, tests=str(len(verdicts)), failures=str(failed), time=f"{seconds:.3f}"
        )
        for verdict in verdicts:
            case = ET.SubElement(suite, "testcase", classname=name, name=f"{verdict.name} {verdict.wanted}")
            if not verdict.passed:
                failure = ET.SubElement(case, "failure", message=f"wanted {verdict.wanted}, seen {verdict.seen}")
                failure.text = verdict.seen
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
