"""A run on a cluster from its start to its end: then all that it created is deleted, and every fault recovered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from crashy.engines.kube import rights
from crashy.engines.kube.api import Api, ApiError, connected
from crashy.engines.kube.clock import ClusterClock, measure
from crashy.engines.kube.kube import KubeEngine
from crashy.engines.kube.namespace import GONE_WITHIN, Namespace, create, delete, draw_name, refuse_system
from crashy.engines.kube.routes import Routes, cluster_ips_reachable, node_addresses
from crashy.engines.kube.view import View
from crashy.errors import BadInput
from crashy.kubelet.versions import NEWEST, Profile, of_cluster
from crashy.timeline import Timeline, kinds


@dataclass(frozen=True, slots=True)
class Options:
    """How a run uses the cluster: in a namespace of its own, or as a guest in a user's (`namespace`, `selector`).

    `image` is the name that the patient's image has on the cluster; `known_as` the one that the experiment gives it.
    """

    namespace: str = ""
    selector: str = ""
    image: str = ""
    known_as: str = field(default="crashy-app")

    def check(self) -> None:
        """Raise BadInput where they don't fit together."""
        if bool(self.namespace) != bool(self.selector):
            raise BadInput("--in-namespace and --selector go together: NS is where, SEL the labels of your pods")
        if self.namespace:
            refuse_system(self.namespace)


class Session:
    """A cluster made ready for one run; `running` gives its engine."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        *,
        clock: ClusterClock,
        routes: Routes,
        note: Callable[[str], None],
        options: Options,
        profile: Profile = NEWEST,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._clock = clock
        self._routes = routes
        self._note = note
        self._options = options
        self._profile = profile

    @asynccontextmanager
    async def running(self, timeline: Timeline) -> AsyncIterator[KubeEngine]:
        """Follow the namespace on the timeline and return the engine; raises BadInput for what the API refuses."""
        options, clock = self._options, self._clock
        ahead = asyncio.get_running_loop().time() - time.time() - clock.offset
        text = f"the cluster's clock is {ahead:+.3f} s from this machine's, give or take {clock.error:.3f} s"
        data: kinds.Note = {"ahead": round(ahead, 6), "error": round(clock.error, 6)}
        kinds.NOTE.add(timeline.add, "kube", f"namespace/{self._namespace}", "Clock", text, data=data)
        images = {options.image: options.known_as} if options.image else {}
        refused: BadInput | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                view = View(
                    self._api,
                    self._namespace,
                    timeline,
                    self._clock,
                    tasks=tasks,
                    note=self._note,
                    selector=options.selector,
                    images=images,
                    profile=self._profile,
                )
                try:
                    await view.start()
                    self._check_guest(view)
                    kube = KubeEngine(
                        self._api,
                        self._namespace,
                        view,
                        self._routes,
                        timeline=timeline,
                        tasks=tasks,
                        note=self._note,
                        guest=bool(options.namespace),
                        image=options.image,
                    )
                    try:
                        yield kube
                    finally:
                        kube.close()
                        if options.namespace:
                            await kube.recover_injected()
                except BadInput as error:  # as it is, not in the group's wrapping
                    refused = error
                except ApiError as error:
                    refused = error.refusal("can't be used")
                finally:
                    view.stop()
        except* BadInput as group:
            refused = _first(group)
        if refused:
            raise refused

    def _check_guest(self, view: View) -> None:
        """Raise BadInput where a guest would find no pod."""
        options = self._options
        if not options.namespace:
            return
        if not view.pods():
            raise BadInput(f"--selector: {options.selector}: no pod in namespace {options.namespace} has these labels")


def _first(group: BaseExceptionGroup[BadInput]) -> BadInput:
    one: BaseException = group
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    assert isinstance(one, BadInput)  # noqa: S101 - the group holds nothing else
    return one


@asynccontextmanager
async def session(experiment: str, options: Options, note: Callable[[str], None]) -> AsyncIterator[Session]:
    """Connect, look whether we may, measure the clock and make a namespace; delete it in the end.

    `note` is called with each line for the user. Raises BadInput for a cluster that can't be used.
    """
    options.check()
    now = asyncio.get_running_loop().time
    async with connected() as api:
        try:
            version = (await api.request("GET", "/version"))["gitVersion"]
            name = options.namespace or draw_name(experiment)
            await rights.check(api, rights.GUEST if options.namespace else rights.OWN, name)

            async def date() -> str:
                return (await api.send("GET", "/version")).headers["Date"]

            clock, cluster_ips, nodes = await asyncio.gather(
                measure(date, now), cluster_ips_reachable(api), node_addresses(api)
            )
        except ApiError as error:
            raise error.refusal("can't be used") from None
        guest = f", as a guest: no manifest is applied, the pods are those with {options.selector}"
        profile = of_cluster(version)
        rules = f"{version}, predicted as {profile.version}"
        note(f"kube: {api.host} ({rules}), namespace {name}{guest if options.namespace else ''}")
        routes = Routes(api, cluster_ips=cluster_ips, nodes=nodes)
        ready = Session(api, name, clock=clock, routes=routes, note=note, options=options, profile=profile)
        if options.namespace:
            yield ready
            return
        namespace = await _create(api, name)
        try:
            yield ready
        finally:
            await _delete(api, namespace, note)


async def _create(api: Api, name: str) -> Namespace:
    try:
        return await create(api, name)
    except ApiError as error:
        raise error.refusal(f"namespace {name}") from None


async def _delete(api: Api, namespace: Namespace, note: Callable[[str], None]) -> None:
    note(f"kube: deleting namespace {namespace.name}")
    try:
        if await delete(api, namespace):
            return
        why = f"is not gone after {GONE_WITHIN:g} s"
    except ApiError as error:
        why = error.message
    note(f"kube: namespace {namespace.name}: {why}; crashy kube clean tries again")
