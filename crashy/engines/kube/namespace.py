"""A namespace of a run's own: made for it, known by its labels, deleted after it."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass

from crashy.engines.kube.api import Api, ApiError, Object
from crashy.errors import BadInput
from crashy.objects.names import generated

MANAGED = {"app.kubernetes.io/managed-by": "crashy"}
RUN = "crashy/run"
PREFIX = "crashy-"
GONE_WITHIN = 120.0
"""Seconds that a namespace has to go: its kubelet may take a minute to find that nothing runs there any more."""
_LONGEST = 63


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that is there: its name and the uid that only this one has."""

    name: str
    uid: str


def draw_name(experiment: str) -> str:
    """Draw a name for a run's namespace: `crashy-<experiment>-<suffix>`; no seed repeats it."""
    return generated(f"{PREFIX}{experiment[: _LONGEST - len(PREFIX) - 6].rstrip('-')}-", random.SystemRandom())


async def create(api: Api, name: str) -> Namespace:
    """Make a namespace, and wait until pods can be made in it; raises ApiError."""
    labels = {**MANAGED, RUN: name.removeprefix(PREFIX)}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    made = await api.request("POST", "/api/v1/namespaces", body)
    for _ in range(100):  # pods need the service account, which a controller makes
        try:
            await api.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
            break
        except ApiError as error:
            if error.status != 404:
                break
        await asyncio.sleep(0.05)
    return Namespace(name, made["metadata"]["uid"])


async def delete(api: Api, namespace: Namespace) -> bool:
    """Delete a namespace and wait until it is gone; its pods get a second. Says whether it is.

    Retries an API server that can't be reached for a while; raises ApiError if it refuses.
    """
    path = f"/api/v1/namespaces/{namespace.name}"
    try:
        async with asyncio.timeout(GONE_WITHIN):
            await _insist(api, "DELETE", path, {"preconditions": {"uid": namespace.uid}})
            await _hurry(api, path)
            there = await _insist(api, "GET", path)
            while there and there["metadata"]["uid"] == namespace.uid:
                await asyncio.sleep(0.2)
                there = await _insist(api, "GET", path)
    except TimeoutError:
        return False
    return True


async def _insist(api: Api, method: str, path: str, body: Object | None = None) -> Object | None:
    """Retry until there is a response; None if not found, or already as requested (a deletion in progress)."""
    while True:
        try:
            return await api.request(method, path, body)
        except ApiError as error:
            if error.status in (404, 409):
                return None
            if error.status not in (0, 429) and error.status < 500:
                raise
        await asyncio.sleep(0.5)


async def _hurry(api: Api, path: str) -> None:
    """Let pods end within a second: there is no point in waiting for a frozen patient's drain.

    One in which nothing runs goes at once; some kubelets take a minute to find that out.
    """
    for pod in (await _insist(api, "GET", f"{path}/pods") or {}).get("items") or ():
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        grace = int(any("running" in status["state"] for status in statuses))
        await _insist(api, "DELETE", f"{path}/pods/{pod['metadata']['name']}", {"gracePeriodSeconds": grace})


async def left_behind(api: Api) -> list[Namespace]:
    """Return the namespaces that carry the labels of a run; raises ApiError."""
    selector = ",".join([*(f"{key}%3D{value}" for key, value in MANAGED.items()), RUN])
    items = (await api.request("GET", f"/api/v1/namespaces?labelSelector={selector}")).get("items") or []
    return [Namespace(item["metadata"]["name"], item["metadata"]["uid"]) for item in items if ours(item)]


def ours(namespace: Object) -> bool:
    """Return whether a namespace is one that a run has made: its labels and its name both say so."""
    labels = namespace["metadata"].get("labels") or {}
    name = str(namespace["metadata"]["name"])
    return MANAGED.items() <= labels.items() and name == PREFIX + str(labels.get(RUN))


def refuse_system(name: str) -> None:
    """Raise BadInput for a system namespace, and for an invalid name."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise BadInput(f"--in-namespace: {name!r}: must be lower-case letters, digits and hyphens, at most 63")
    if name.startswith("kube-") or name.endswith("-system"):
        raise BadInput(f"--in-namespace: {name}: is a system namespace: faults are not for those")
