"""Timelines made readable."""
