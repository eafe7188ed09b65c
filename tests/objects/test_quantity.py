"""Quantities. apimachinery: pkg/api/resource/quantity_test.go."""

from __future__ import annotations

from fractions import Fraction

import pytest

from crashy.objects.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("500m", Fraction(1, 2)),
        ("100n", Fraction(1, 10**7)),
        ("7u", Fraction(7, 10**6)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("-1", -1),
        ("+1k", 1000),
        ("2M", 2 * 10**6),
        ("3G", 3 * 10**9),
        ("1T", 10**12),
        ("1P", 10**15),
        ("1E", 10**18),
        ("1e3", 1000),
        ("1E-3", Fraction(1, 1000)),
        ("1Ki", 1024),
        ("128Mi", 128 * 1024**2),
        ("1Gi", 1024**3),
        ("1Ti", 1024**4),
        ("1Pi", 1024**5),
        ("1Ei", 1024**6),
        (2, 2),
        (0.5, Fraction(1, 2)),
    ],
)
def test_parsed(text: str | float, amount: Fraction) -> None:
    assert parse_quantity(text) == amount


@pytest.mark.parametrize("text", ["", ".", "half", "1 Gi", "1gi", "1K", "1mi", "1.2.3", "1e", "--1", "1\n", "1e9999"])
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantities must match the regular expression '\^\("):
        parse_quantity(text)
