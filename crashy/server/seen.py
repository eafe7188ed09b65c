"""What a patient has seen of its probes: the kubelet's requests, noted in the ledger; made when the first one comes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from asyncio import BaseTransport
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from crashy.grpc import CHECK
from crashy.patient.ledger import UNKNOWN, Asked, Ledger
from crashy.patient.probe_settings import ProbeSettings
from crashy.patient.probes import probe_of
from crashy.server.answered import BEGUN, GAVE_UP

PROBE = "kube-probe/"
"""How the User-Agent of a kubelet's probe begins, by HTTP and by gRPC; a hook's begins otherwise."""

NOTES = (
    "tcp and exec probes can't be seen from inside",
    "a probe that comes while the app is frozen is noted when the app goes on",
)

Note = Callable[[int, float], None]
"""Notes how a probe ended, by its status and the seconds that its handling took."""

# Linux: struct tcp_info in linux/tcp.h. Its first byte is the state; a connection that the client has closed is in 8.
_TCP_INFO, _SIZE, _LAST_DATA_RECEIVED, _CLOSE_WAIT = getattr(socket, "TCP_INFO", None), 104, 52, 8


_LONG = 0.5  # seconds within which no client gives up: a timeout is a second at least


def waited(transport: BaseTransport | None) -> tuple[float, bool]:
    """Return for how many seconds a request has waited in the kernel, and whether its client has given up meanwhile.

    So a probe that came while the event loop was blocked is known to be late, to 4 ms.
    """
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or _TCP_INFO is None:
        return 0.0, False
    with suppress(OSError, ValueError, struct.error):  # a ValueError: it is closed already
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
        (milliseconds,) = struct.unpack_from("I", info, _LAST_DATA_RECEIVED)
        return milliseconds / 1000, info[0] == _CLOSE_WAIT
    return 0.0, False


class SeenProbes:
    """The ledger of one patient, safe from any thread; `now` returns its clock, `wall` seconds since the epoch."""

    def __init__(
        self,
        settings: Sequence[ProbeSettings],
        now: Callable[[], float],
        began: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._known = bool(settings)
        self._ledger = Ledger(settings, began)
        self._now = now
        self._wall = wall
        self._began = began
        self._lock = threading.Lock()

    def http(self, request: web.Request) -> Note | None:
        """Return what notes the answer to a request; None if it is no probe."""
        if not request.headers.get("User-Agent", "").startswith(PROBE):
            return None

        def cut() -> bool:  # between its head and the end of its body
            return BEGUN in request and (request.transport is None or request.transport.is_closing())

        return self._note(request.transport, "http", request.path_qs, request.path, None, cut)

    def grpc(self, transport: BaseTransport, user_agent: str, service: str) -> Note | None:
        """Return what notes the answer to a health check; None if it is no probe."""
        return self._note(transport, "grpc", service, CHECK, service) if user_agent.startswith(PROBE) else None

    def _note(  # noqa: PLR0917 - for the two above
        self,
        transport: BaseTransport | None,
        handler: str,
        target: str,
        path: str,
        service: str | None,
        cut: Callable[[], bool] = lambda: False,
    ) -> Note:
        sockname = transport.get_extra_info("sockname") if transport is not None else None
        asked = Asked(handler, sockname[1] if sockname else 0, target)
        before, gone = waited(transport)
        began = self._now()
        before = min(before, began - self._began)

        def note(status: int, seconds: float) -> None:
            left = gone or (seconds > _LONG and waited(transport)[1])
            with self._lock:
                self._ledger.note(
                    asked,
                    probe_of(path, service),
                    began - before,
                    GAVE_UP if left else status,
                    before + seconds,
                    counts=not cut(),
                )

        return note

    def not_ready(self) -> bool:
        """Return whether the kubelet is known to hold the pod for not ready, whatever the patient itself says."""
        with self._lock:
            return any(row.kind == "readiness" and row.results and not row.passed for row in self._ledger.known)

    def summary(self) -> list[dict[str, Any]]:
        """Return what `GET /admin/status` shows."""
        with self._lock:
            return self._ledger.summary(self._now())

    def whole(self) -> dict[str, Any]:
        """Return what `GET /admin/probes` shows."""
        now, wall = self._now(), self._wall()
        with self._lock:
            probes = self._ledger.whole(now, lambda at: _stamp(wall - (now - at)))
        return {"settings": "known" if self._known else UNKNOWN, "notes": list(NOTES), "probes": probes}

    def totals(self) -> Mapping[tuple[str, ...], float]:
        """Return the results by kind (or `other`), handler, and success or failure."""
        with self._lock:
            return dict(self._ledger.totals)

    def failures(self) -> Mapping[tuple[str, ...], float]:
        """Return the most consecutive failures by kind (or `other`) and handler."""
        with self._lock:
            return self._ledger.failures()


def _stamp(wall: float) -> str:
    second, millisecond = divmod(int(wall * 1000), 1000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{millisecond:03}Z", time.gmtime(second))
