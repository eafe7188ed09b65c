"""Faults for several pods at once: PEERS leads to them, and each is asked over its admin API.

No two calls choose among the same pods at once: a call first takes the lease of every pod that it has found, in the
order of their names, and so counts as ready what the other has left.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from aiohttp import ClientSession, ClientTimeout, web

from crashy.faults.base import Fault, FaultError, from_json
from crashy.patient.fleet import MOST_PEERS, Member, Order, choose, read_order
from crashy.server import payload
from crashy.server.fleet_peers import WITHIN, Failed, Peers, Place, read_id, read_member, read_recovered
from crashy.server.patient import Patient
from crashy.server.problem import Problem, json_response

LEASE_SECONDS = 30.0
WAIT_SECONDS = 10.0
"""Seconds to wait for the end of other calls: less than a lease, which must last for what follows."""

_AGAIN_SECONDS = 0.05


class Found(NamedTuple):
    """A pod of the fleet, and where its admin API is."""

    member: Member
    place: Place


def describe(patient: Patient) -> web.Response:
    """Return what this pod is in its fleet."""
    ready = (
        patient.health().readiness
        and patient.phase == "serving"
        and not patient.faults.list()
        and not patient.seen.not_ready()
    )
    return json_response(Member(patient.identity.pod, patient.identity.namespace, ready)._asdict())


async def lease(patient: Patient, request: web.Request) -> web.Response:
    """Let a call have this pod for itself; raises Problem 409 while another has it."""
    value = await payload.read(request)
    holder = payload.sole_member(value, "id", "give the id of the call") if isinstance(value, dict) else None
    if not isinstance(holder, str) or not 1 <= len(holder) <= 64:
        raise Problem(400, "must be the id of the call: 1 to 64 characters", field="id")
    if not patient.lease.take(holder, LEASE_SECONDS):
        raise Problem(409, "another call to the fleet has this pod", headers={"Retry-After": "1"})
    return describe(patient)


def end_lease(patient: Patient, request: web.Request) -> web.Response:
    """End a lease; raises Problem 404 if the call doesn't have it."""
    if not patient.lease.end(request.match_info["id"]):
        raise Problem(404, "this call has no lease of this pod", field="id")
    return web.Response(status=204)


async def inject(patient: Patient, request: web.Request) -> web.Response:
    """Inject a fault into as many pods as the body asks for and `keep_ready` allows, this one last."""
    fault, order = _read(await payload.read(request))
    async with _fleet(patient, request) as fleet:
        await fleet.find()
        try:
            await fleet.lease_and_inject(fault, order)
            fleet.inject_own()
        finally:
            patient.lease.end(fleet.holder)
    return fleet.answer()


async def recover(patient: Patient, request: web.Request) -> web.Response:
    """Recover every fault of every pod, this one last."""
    async with _fleet(patient, request) as fleet:
        await fleet.find()
        await asyncio.gather(*(fleet.recover(one) for one in fleet.others()))
        for one in fleet.found:
            if fleet.is_own(one):
                fleet.tell(one, "recovered", detail=_faults(len(patient.recover(None))))
    return fleet.answer()


def _read(value: Any) -> tuple[Fault, Order]:
    if not isinstance(value, dict):
        raise Problem(400, 'must be an object, such as {"spec": "crash", "pods": 2, "keep_ready": 1}', field="body")
    known = ("spec", "fault", "pods", "keep_ready", "jitter")
    if unknown := [name for name in value if name not in known]:
        raise Problem(400, "is unknown here", field=unknown[0], allowed=known)
    if ("spec" in value) == ("fault" in value):
        raise Problem(400, "give the fault, as `spec` or as `fault`", field="fault", allowed=["spec", "fault"])
    fault = payload.fault({"spec": value["spec"]} if "spec" in value else value["fault"])
    return fault, read_order(value)


def _faults(count: int) -> str:
    return f"{count} fault{'' if count == 1 else 's'}"


@asynccontextmanager
async def _fleet(patient: Patient, request: web.Request) -> AsyncIterator[_Fleet]:
    if not patient.settings.peers:
        raise Problem(409, "this patient has no PEERS: set them to the names of its pods, or of their headless Service")
    async with ClientSession(timeout=ClientTimeout(WITHIN), auto_decompress=False) as session:
        yield _Fleet(patient, Peers(patient, session, request.headers.get("Authorization", "")))


class _Fleet:
    """One call to the fleet: what it has found, and what became of each pod."""

    def __init__(self, patient: Patient, peers: Peers) -> None:
        self._patient = patient
        self._peers = peers
        self.holder = os.urandom(8).hex()
        self._rng = random.Random()
        self._rows: list[dict[str, Any]] = []
        self._leased: list[Found] = []
        self._own: tuple[Found, Fault] | None = None
        self._ready: int | None = None
        self.found: list[Found] = []

    def answer(self) -> web.Response:
        """Return what became of each pod: 207 if anything failed."""
        rows = sorted(self._rows, key=lambda row: (row["pod"] or "", row["address"] or ""))
        failed = any(row["status"] == "failed" for row in rows)
        return json_response({"pods": rows, "ready": self._ready}, status=207 if failed else 200)

    def tell(self, one: Found, status: str, *, fault: str | None = None, detail: str = "") -> None:
        """Note what became of a pod."""
        self._tell(one.member.pod, "{}:{}".format(*one.place), status, fault, detail)

    def _tell(self, pod: str | None, address: str | None, status: str, fault: str | None, detail: str) -> None:
        row = {"pod": pod, "address": address, "status": status, "fault": fault, "detail": detail[:300]}
        self._rows.append(row)

    def is_own(self, one: Found) -> bool:
        """Return whether it is this pod."""
        return one.member[:2] == (self._patient.identity.pod, self._patient.identity.namespace)

    def others(self) -> Iterable[Found]:
        """Return the pods that were found, without this one."""
        return [one for one in self.found if not self.is_own(one)]

    async def find(self) -> None:
        """Look PEERS up and ask each place who is there; a pod that is found twice counts once."""
        looked_up = await asyncio.gather(*map(self._look_up, self._patient.settings.peers[:MOST_PEERS]))
        found = [*dict.fromkeys(place for several in looked_up for place in several)]
        if len(found) > MOST_PEERS:
            raise Problem(409, f"PEERS lead to {len(found)} places: at most {MOST_PEERS}")
        members = {one.member[:2]: one for one in await asyncio.gather(*map(self._meet, found)) if one}
        self.found = sorted(members.values())

    async def _look_up(self, peer: str) -> list[Place]:
        try:
            return await self._peers.look_up(peer)
        except Failed as why:
            self._tell(None, peer, "failed", None, str(why))
            return []

    async def _meet(self, place: Place) -> Found | None:
        try:
            return Found(read_member(await self._peers.ask(place, "GET", "", token=False)), place)
        except Failed as why:
            self._tell(None, "{}:{}".format(*place), "failed", None, str(why))
            return None

    async def lease_and_inject(self, fault: Fault, order: Order) -> None:
        """Inject the fault into those that are chosen, under the leases of all; this pod's is left to `inject_own`."""
        try:
            await self._take_leases()
            await self._inject_others(fault, order)
        finally:  # but for this pod's own
            await asyncio.gather(*(self._end_lease(one) for one in self._leased if not self.is_own(one)))

    async def _take_leases(self) -> None:
        """Take the lease of each pod, one after another; raises Problem 409 if another call doesn't end."""
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        for one in self.found:
            try:
                self._leased.append(Found(read_member(await self._lease(one, until)), one.place))
            except Failed as why:
                self.tell(one, "failed", detail=str(why))

    async def _lease(self, one: Found, until: float) -> Any:
        while (answer := await self._peers.ask(one.place, "POST", "/lease", {"id": self.holder}, busy=409)) is None:
            if asyncio.get_running_loop().time() > until:
                raise Problem(409, "another call to this fleet goes on: try again", headers={"Retry-After": "1"})
            await asyncio.sleep(_AGAIN_SECONDS)
        return answer

    async def _end_lease(self, one: Found) -> None:
        with suppress(Failed):  # it may have crashed, as it should
            await self._peers.ask(one.place, "DELETE", f"/lease/{self.holder}")

    async def _inject_others(self, fault: Fault, order: Order) -> None:
        members = [one.member for one in self._leased]
        chosen = choose(members, order, self._rng)
        self._ready = sum(member.ready for member in members) - sum(member.ready for member in chosen)
        self._tell_others(chosen, order)
        tasks = []
        for one in self._leased:
            if one.member not in chosen:
                continue
            # Drawn here: a fault with a seed would draw the same in every pod.
            after = round(fault.scope.after + self._rng.uniform(0, order.jitter), 3)
            each = from_json({**fault.to_json(), "after": after})
            if self.is_own(one):
                self._own = one, each
            else:
                tasks.append(self._inject(one, each))
        await asyncio.gather(*tasks)

    def _tell_others(self, chosen: Collection[Member], order: Order) -> None:
        """Note who was spared, not chosen or not found."""
        named = order.pods if isinstance(order.pods, frozenset) else None
        spared = not isinstance(order.pods, int) or len(chosen) < order.pods
        for one in self._leased:
            if one.member not in chosen:
                is_spared = spared and (named is None or one.member.pod in named)
                detail = f"keep_ready={order.keep_ready}" if is_spared else ""
                self.tell(one, "spared" if is_spared else "not chosen", detail=detail)
        for name in sorted((named or frozenset()) - {one.member.pod for one in self.found}):
            self._tell(name, None, "failed", None, "PEERS lead to no such pod that answers")

    async def _inject(self, one: Found, fault: Fault) -> None:
        try:
            answer = await self._peers.ask(one.place, "POST", None, fault.to_json())
            self.tell(one, "injected", fault=read_id(answer), detail=fault.to_spec())
        except Failed as why:
            self.tell(one, "failed", detail=str(why))

    def inject_own(self) -> None:
        """Inject the fault into this pod, if it was chosen."""
        if self._own is None:
            return
        one, fault = self._own
        try:
            self.tell(one, "injected", fault=self._patient.inject(fault, "fleet").id, detail=fault.to_spec())
        except FaultError as error:
            self.tell(one, "failed", detail=str(error))

    async def recover(self, one: Found) -> None:
        """Recover every fault of another pod."""
        try:
            answer = await self._peers.ask(one.place, "DELETE", None)
            self.tell(one, "recovered", detail=_faults(read_recovered(answer)))
        except Failed as why:
            self.tell(one, "failed", detail=str(why))
