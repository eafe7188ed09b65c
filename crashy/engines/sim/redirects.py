"""Redirects, followed as the kubelet's client does. Source: kubelet: pkg/probe/http/http.go (RedirectChecker)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

from crashy.engines.sim.network import resolve
from crashy.engines.sim.process import Broken, Condition, Full
from crashy.kubelet.handlers.http import MAX_REQUESTS
from crashy.kubelet.handlers.judge import unknown_host
from crashy.objects.pod import HTTPGet
from crashy.patient.answers import Answer


async def follow(get: HTTPGet, ask: Callable[[HTTPGet], Awaitable[Condition]], *, anywhere: bool) -> Condition:
    """Return what a GET comes to. A modelled app redirects to a path of its own, or `anywhere`, where nobody is."""
    for _ in range(MAX_REQUESTS):
        condition = await ask(get)
        if not isinstance(condition, Answer) or not condition.location:
            return condition
        location = condition.location
        if not location.startswith("/"):
            host = urlsplit(location).hostname or ""
            if not anywhere:
                return condition
            return Full() if resolve(host) else Broken(unknown_host(host), url=location)
        get = replace(get, path=location)
    return Broken(f"stopped after {MAX_REQUESTS} redirects", url=location)
