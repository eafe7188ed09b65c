"""The metrics of a proxy, in Prometheus' text format: its connections and its faults."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from crashy.server.metrics import ACTIVE, CONTENT_TYPE, HITS, STARTED, STARTS, Family, render
from crashy.server.proxy_patient import ProxyPatient

OPEN = Family("crashy_proxy_connections", "gauge", "Connections that are open.", ("listens", "upstream"))
ACCEPTED = Family(
    "crashy_proxy_connections_total", "counter", "Connections that were accepted.", ("listens", "upstream")
)


class ProxyMeter:
    """Renders one proxy's metrics; `wall` returns the seconds since the epoch."""

    def __init__(self, patient: ProxyPatient, *, wall: Callable[[], float] = time.time) -> None:
        self._patient = patient
        self._started_at = wall() - patient.uptime()

    async def label_routes(self, app: web.Application) -> None:
        """Do nothing: a proxy has no routes of its own."""

    def respond(self) -> web.Response:
        """Return the response to a scrape."""
        patient, tally = self._patient, self._patient.faults.tally().items()
        passages = patient.passages()
        text = render(
            {
                OPEN: {one[:2]: one.connections for one in passages},
                ACCEPTED: {one[:2]: one.accepted for one in passages},
                ACTIVE: {(name,): counts.active for name, counts in tally},
                STARTS: {(name,): counts.starts for name, counts in tally},
                HITS: {(name,): counts.hits for name, counts in tally},
                STARTED: {(): self._started_at},
            }
        )
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})
