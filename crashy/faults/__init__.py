"""Faults, and how they compose: pure."""
