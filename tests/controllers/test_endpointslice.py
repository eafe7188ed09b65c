"""What a Service's controller publishes as its pods come, change and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crashy.clock import run_virtual
from crashy.controllers.base import PodView
from crashy.controllers.endpointslice import ServiceController, ServiceControllers
from crashy.kubelet.runtime import Pod
from crashy.objects.status import PodStatus
from crashy.timeline import Timeline
from tests.controllers.worlds import LABELS, POD, SERVICE, Network, manifests

MADE = manifests(POD, SERVICE)
READY = PodStatus("Running", (), ready=True)


def view(number: int, **status: Any) -> PodView:
    ip = f"10.0.{number >> 8}.{number & 255}"
    pod = Pod(f"web-{number}", "default", f"uid-{number}", ip, MADE.workloads[0].template)
    return PodView(pod, replace(READY, ip=ip, **status))


def with_services(main: Callable[[ServiceControllers, Network, Timeline], None]) -> None:
    async def run() -> None:
        timeline, network, services = Timeline(asyncio.get_running_loop().time), Network(), ServiceControllers()
        services.add(ServiceController(MADE.services[0], network, timeline.add), [])
        main(services, network, timeline)

    run_virtual(run())


def reported(services: ServiceControllers, timeline: Timeline, *views: PodView) -> dict[str, Any]:
    """Return what the one event says that these changes make."""
    before = len(timeline)
    for one in views:
        services.put(one)
    services.sync()
    (event,) = timeline.since(before)
    return {key: value for key, value in event.data.items() if key != "namespace"}


def test_up_to_a_hundred_endpoints_are_named_and_of_more_who_joined_and_left() -> None:
    def main(services: ServiceControllers, network: Network, timeline: Timeline) -> None:
        hundred = reported(services, timeline, *(view(i) for i in range(100)))
        assert hundred["ready"] == hundred["serving"] == [f"web-{i}" for i in range(100)]

        more = reported(services, timeline, view(100), view(101, ready=False))
        counts = {"ready": 101, "not_ready": 1, "serving": 101}
        assert more == {"joined": ["web-100"], "left": [], "counts": counts}
        turned = reported(services, timeline, view(101), view(7, ready=False))
        assert turned == {"joined": ["web-101"], "left": ["web-7"], "counts": counts}
        assert len(network.published["web"][80]) == 101

        for gone in (3, 7):
            services.drop(view(gone).pod)
        again = reported(services, timeline)
        assert again["ready"] == [f"web-{i}" for i in range(102) if i not in {3, 7}]

    with_services(main)


def test_who_has_left_and_is_back_before_it_was_reported_has_done_neither() -> None:
    def main(services: ServiceControllers, _network: Network, timeline: Timeline) -> None:
        reported(services, timeline, *(view(i) for i in range(101)))
        changed = reported(services, timeline, view(5, ready=False), view(5), view(6, ready=False))

        assert (changed["joined"], changed["left"]) == ([], ["web-6"])

    with_services(main)


def test_nothing_is_published_where_no_endpoint_has_changed() -> None:
    def main(services: ServiceControllers, _network: Network, timeline: Timeline) -> None:
        reported(services, timeline, view(1))
        before = len(timeline)
        services.put(view(1, start_time=5.0))
        services.sync()

        assert len(timeline) == before

    with_services(main)


def test_a_pod_keeps_its_place_among_the_endpoints() -> None:
    def main(services: ServiceControllers, network: Network, timeline: Timeline) -> None:
        reported(services, timeline, view(1), view(2), view(3))
        reported(services, timeline, view(2, ready=False))
        reported(services, timeline, view(2))

        assert network.published["web"] == {80: [(f"10.0.0.{i}", 8080) for i in (1, 2, 3)]}

    with_services(main)


def test_each_service_that_selects_a_pod_hears_of_it_the_first_created_first() -> None:
    def main(services: ServiceControllers, network: Network, timeline: Timeline) -> None:
        first = MADE.services[0]
        others = {"hash": {"pod-template-hash": "5"}, "both": {"tier": "x", **LABELS}, "none": {}, "db": {"app": "db"}}
        for name, selector in others.items():
            service = replace(first, name=name, selector=selector)
            services.add(ServiceController(service, network, timeline.add), [])
        before, plain = len(timeline), view(1)
        labels = {"tier": "x", "pod-template-hash": "5", **LABELS}
        services.put(replace(plain, pod=replace(plain.pod, template=replace(plain.pod.template, labels=labels))))
        services.sync()

        assert [event.object for event in timeline.since(before)] == ["service/web", "service/hash", "service/both"]

    with_services(main)


def test_another_selector_is_heard_of_from_then_on() -> None:
    def main(services: ServiceControllers, network: Network, timeline: Timeline) -> None:
        reported(services, timeline, view(1))
        web = services.get("default", "web")
        assert web
        services.change(web, replace(web.service, selector={"app": "db"}), [view(1)])
        assert network.published["web"] == {80: []}
        services.put(view(2))
        services.sync()
        assert network.published["web"] == {80: []}

    with_services(main)
