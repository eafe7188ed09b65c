"""Durations as kubectl prints them. Source: apimachinery: pkg/util/duration/duration.go HumanDuration."""

from __future__ import annotations


def human_duration(seconds: float) -> str:
    """Write an age in kubectl's short form, of two units at most, truncated.

    >>> [human_duration(s) for s in (0.9, 119, 130, 3600, 90000)]
    ['0s', '119s', '2m10s', '60m', '25h']
    """
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole == -1 else "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 180:
        return f"{minutes}m" + (_rest(whole % 60, "s") if minutes < 10 else "")
    if hours < 48:
        return f"{hours}h" + (_rest(minutes % 60, "m") if hours < 8 else "")
    if days < 2 * 365:
        return f"{days}d" + (_rest(hours % 24, "h") if days < 8 else "")
    return f"{days // 365}y" + (_rest(days % 365, "d") if days < 8 * 365 else "")


def _rest(number: int, unit: str) -> str:
    return f"{number}{unit}" if number else ""
