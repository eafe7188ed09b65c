"""The operations of a fleet, the pods that PEERS leads to; what they do is imported when one is first called."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from crashy.server.operation import Operation
from crashy.server.patient import Patient


class Api(Protocol):
    """What has the operations: the admin API."""

    patient: Patient


async def get_fleet_member(api: Api, _request: web.Request) -> web.StreamResponse:
    """Return what this pod is in its fleet: its name, and whether it counts as ready.

    A pod counts as ready if its readiness probe succeeds and it has no fault, active or pending.
    """
    from crashy.server import fleet  # noqa: PLC0415 - few need it

    return fleet.describe(api.patient)


async def inject_fleet(api: Api, request: web.Request) -> web.StreamResponse:
    """Inject a fault into pods of the fleet: those that PEERS leads to.

    The body has the fault: `spec`, or `fault` as in `POST /admin/faults`. It may have `pods` (`"all"`, a number, or a
    list of names), `keep_ready` (never leave fewer ready: others are spared) and `jitter` (each starts later by a
    random part of this). The token is passed on. This pod is the last. The status is 207 if a pod has failed.
    """
    from crashy.server import fleet  # noqa: PLC0415 - few need it

    return await fleet.inject(api.patient, request)


async def recover_fleet(api: Api, request: web.Request) -> web.StreamResponse:
    """Recover every fault of every pod of the fleet."""
    from crashy.server import fleet  # noqa: PLC0415 - few need it

    return await fleet.recover(api.patient, request)


async def lease_fleet_member(api: Api, request: web.Request) -> web.StreamResponse:
    """Let one call to the fleet have this pod for itself, for half a minute at most; for its peers.

    So of two calls at once the second counts as ready what the first has left.
    """
    from crashy.server import fleet  # noqa: PLC0415 - few need it

    return await fleet.lease(api.patient, request)


async def end_fleet_lease(api: Api, request: web.Request) -> web.StreamResponse:
    """End a call's lease of this pod."""
    from crashy.server import fleet  # noqa: PLC0415 - few need it

    return fleet.end_lease(api.patient, request)


OPERATIONS = (
    Operation("GET", "/admin/fleet", get_fleet_member, {200: "FleetMember"}),
    Operation("POST", "/admin/fleet", inject_fleet, {200: "Fleet", 207: "Fleet"}, "FleetInjection", (409,)),
    Operation("DELETE", "/admin/fleet", recover_fleet, {200: "Fleet", 207: "Fleet"}, errors=(409,)),
    Operation("POST", "/admin/fleet/lease", lease_fleet_member, {200: "FleetMember"}, "FleetLease", (409,)),
    Operation("DELETE", "/admin/fleet/lease/{id}", end_fleet_lease, {204: None}, errors=(404,)),
)
