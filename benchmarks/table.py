"""Lines of the result: what was measured, what it must reach, and whether it does."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One figure: the median of its runs, with the lowest and the highest; `met` is None without a target."""

    figure: str
    value: float
    low: float
    high: float
    unit: str = "x"
    target: str = ""
    met: bool | None = None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Write it."""
        verdict = "" if self.met is None else "met" if self.met else "NOT MET"
        numbers = (_short(self.value, self.unit), _short(self.low, ""), _short(self.high, ""))
        return (self.figure, *numbers, self.target, verdict, self.note)


HEAD = ("FIGURE", "MEDIAN", "MIN", "MAX", "TARGET", "", "NOTE")


def _short(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}".rstrip() if abs(value) >= 1000 else f"{value:.3g} {unit}".rstrip()


def line(
    figure: str,
    values: Sequence[float],
    *,
    unit: str = "x",
    most: float | None = None,
    least: float | None = None,
    note: str = "",
) -> Line:
    """Make the line of these runs' values; `most` or `least` is what their median may be."""
    middle = statistics.median(values)
    target, met = "", None
    if most is not None:
        target, met = f"<= {most:g} {unit}", middle <= most
    elif least is not None:
        target, met = f">= {least:g} {unit}", middle >= least
    return Line(figure, middle, min(values), max(values), unit, target, met, note)


def against(
    figure: str,
    values: Mapping[str, Sequence[float]],
    mine: str,
    other: str,
    *,
    most: float | None = None,
    least: float | None = None,
    note: str = "",
) -> Line:
    """Make the line of the ratio of two that ran in turns, run by run."""
    ratios = [one / base for one, base in zip(values[mine], values[other], strict=True)]
    return line(f"{figure}: {mine} / {other}", ratios, most=most, least=least, note=note)
