"""Watches one namespace: keeps its pods, and records every change on the timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from crashy.controllers.base import PodView
from crashy.engines.kube.api import Api, ApiError, Object
from crashy.engines.kube.clock import ClusterClock
from crashy.engines.kube.events import EventRecord, Events
from crashy.engines.kube.follow import follow
from crashy.engines.kube.logs import Logs
from crashy.engines.kube.objects import endpoints_of
from crashy.engines.kube.pods import Pods
from crashy.kubelet.versions import NEWEST, Profile
from crashy.timeline import Timeline, kinds

_QUIET = 10.0
"""Seconds between two notes of watches that were lost."""
_SERVICE = "kubernetes.io/service-name"


class _Tracker(Protocol):
    def listed(self, items: list[Object]) -> None: ...

    def changed(self, change: str, obj: Object) -> None: ...


class View:
    """Follows a namespace; with a `selector`, only its pods, their events and the Services that they serve."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        timeline: Timeline,
        clock: ClusterClock,
        *,
        tasks: asyncio.TaskGroup,
        note: Callable[[str], None],
        selector: str = "",
        images: Mapping[str, str] | None = None,
        profile: Profile = NEWEST,
    ) -> None:
        self._api = api
        self._note = note
        self._quiet_until = 0.0
        self._namespace = namespace
        self._timeline = timeline
        self._selector = selector
        mine = self._mine if selector else _everything
        self._tasks = tasks
        self._watches: list[asyncio.Task[None]] = []
        self._logs = Logs(api, timeline, tasks)
        self._pods = Pods(timeline, clock.at, images or {}, self._logs.look)
        self._events = _Events(timeline, clock, mine)
        self._slices = _Slices(timeline, namespace, mine, profile)

    def pods(self) -> list[PodView]:
        """Return the pods that are there, in the order of their creation."""
        return self._pods.views()

    def _mine(self, kind: str, name: str) -> bool:
        return kind == "pod" and name in self._pods.names

    async def start(self) -> None:
        """Begin to follow, until it is stopped; returns when all there is was listed once."""
        core = f"/api/v1/namespaces/{self._namespace}"
        apps = f"/apis/apps/v1/namespaces/{self._namespace}"
        discovery = f"/apis/{await _discovery(self._api)}/namespaces/{self._namespace}"
        self._logs.old_news = bool(self._selector)
        await self._follow(f"{core}/pods", self._pods, self._selector)  # the others ask who is mine
        rest: list[tuple[str, _Tracker]] = [
            (f"{core}/events", self._events),
            (f"{discovery}/endpointslices", self._slices),
        ]
        if not self._selector:
            rest.append((f"{apps}/deployments", _Progress(self._timeline, self._namespace)))
        for path, tracker in rest:
            await self._follow(path, tracker)

    def stop(self) -> None:
        """End it."""
        self._logs.close()
        for watch in self._watches:
            watch.cancel()

    async def _follow(self, path: str, tracker: _Tracker, selector: str = "") -> None:
        begun = asyncio.Event()

        def listed(items: list[Object]) -> None:
            tracker.listed(items)
            self._logs.old_news = False
            begun.set()

        def trouble(text: str) -> None:
            kinds.NOTE.add(self._timeline.add, "kube", f"namespace/{self._namespace}", "WatchLost", text)
            if self._timeline.now() >= self._quiet_until:  # all watches are lost at once
                self._quiet_until = self._timeline.now() + _QUIET
                self._note(f"kube: lost a watch, asking again: {text}")

        async def watch() -> None:
            try:
                await follow(
                    self._api, path, listed=listed, changed=tracker.changed, trouble=trouble, selector=selector
                )
            except ApiError as error:
                raise error.refusal(f"watch {path}") from None

        self._watches.append(self._tasks.create_task(watch(), name=path))
        await begun.wait()


def _everything(kind: str, name: str) -> bool:
    del kind, name
    return True


async def _discovery(api: Api) -> str:
    """Return the API of EndpointSlices: v1 since 1.21, v1beta1 before."""
    group = await api.request("GET", "/apis/discovery.k8s.io")
    versions = [str(version["groupVersion"]) for version in group["versions"]]
    return next((v for v in versions if v.endswith("/v1")), versions[0])


class _Events:
    def __init__(self, timeline: Timeline, clock: ClusterClock, mine: Callable[[str, str], bool]) -> None:
        self._timeline = timeline
        self._clock = clock
        self._mine = mine
        self._events = Events()
        self._listed = False

    def listed(self, items: list[Object]) -> None:
        for item in items:
            if self._listed:
                self.changed("ADDED", item)
            else:
                self._events.know(item)
        self._listed = True

    def changed(self, change: str, obj: Object) -> None:
        record = self._events.take(obj) if change != "DELETED" else None
        if record:
            kind, _, name = record.object.partition("/")
            if self._mine(kind, name):
                self._add(record)

    def _add(self, record: EventRecord) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        ago = now - self._clock.when(record.stamp, now)
        self._timeline.add_past(
            ago, record.source, kinds.EVENT, record.object, record.reason, record.message, **record.data
        )


class _Slices:
    def __init__(self, timeline: Timeline, namespace: str, mine: Callable[[str, str], bool], profile: Profile) -> None:
        self._timeline = timeline
        self._profile = profile
        self._namespace = namespace
        self._mine = mine
        self._slices: dict[str, Object] = {}  # by uid
        self._published: dict[str, dict[str, list[str]]] = {}  # by Service

    def listed(self, items: list[Object]) -> None:
        before = {_service(one) for one in self._slices.values()}
        self._slices = {item["metadata"]["uid"]: item for item in items}
        for service in before | {_service(item) for item in items}:
            self._publish(service)

    def changed(self, change: str, obj: Object) -> None:
        self._slices[obj["metadata"]["uid"]] = obj
        if change == "DELETED":
            del self._slices[obj["metadata"]["uid"]]
        self._publish(_service(obj))

    def _publish(self, service: str) -> None:
        mine = [one for one in self._slices.values() if _service(one) == service]
        endpoints = endpoints_of(mine, self._profile)
        names = (*endpoints["ready"], *endpoints["not_ready"])
        known = service in self._published or self._mine("service", service) or any(self._mine("pod", n) for n in names)
        if endpoints == self._published.get(service) or not known:
            return
        before, now = (set(one["ready"]) for one in (self._published.get(service, {"ready": []}), endpoints))
        self._published[service] = endpoints
        data = kinds.endpoints(self._namespace, **endpoints, joined=sorted(now - before), left=sorted(before - now))
        kinds.ENDPOINTS.add(self._timeline.add, "endpointslice-controller", f"service/{service}", data=data)


def _service(one: Object) -> str:
    return str((one["metadata"].get("labels") or {}).get(_SERVICE, one["metadata"]["name"]))


class _Progress:
    """Reports each turn of a Deployment's condition `Progressing`."""

    def __init__(self, timeline: Timeline, namespace: str) -> None:
        self._timeline = timeline
        self._namespace = namespace
        self._published: dict[str, str] = {}

    def listed(self, items: list[Object]) -> None:
        for item in items:
            self.changed("ADDED", item)

    def changed(self, change: str, obj: Object) -> None:
        name = obj["metadata"]["name"]
        conditions = (obj.get("status") or {}).get("conditions") or ()
        found = next((c for c in conditions if c["type"] == "Progressing"), None)
        if change == "DELETED" or found is None or found["reason"] == self._published.get(name):
            return
        self._published[name] = found["reason"]
        kinds.CONDITION.add(
            self._timeline.add,
            "deployment-controller",
            f"deployment/{name}",
            found["reason"],
            found.get("message", ""),
            data={
                "type": "Normal" if found["status"] == "True" else "Warning",
                "condition": "Progressing",
                "status": found["status"],
                "namespace": self._namespace,
            },
        )
