"""Measurements: always ratios, both sides in one run, alternating, on loopback."""
