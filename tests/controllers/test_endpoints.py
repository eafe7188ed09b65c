"""Who gets a Service's connections. endpointslice: utils.go podToEndpoint; kube-proxy: pkg/proxy/topology.go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.controllers.endpoints import Endpoint, pod_to_endpoint, usable
from crashy.objects.status import Phase, PodStatus
from tests.kubelet.cases import Expect, case

YES, NO = True, False


@pytest.mark.parametrize(
    ("publish", "ready", "deleting", "expected"),
    [
        # publishNotReadyAddresses, pod Ready, pod deleted: ready, serving, terminating
        case("endpoint.pub0.ready0.deleting0", NO, NO, NO, (NO, NO, NO)),
        case("endpoint.pub0.ready0.deleting1", NO, NO, YES, (NO, NO, YES)),
        case("endpoint.pub0.ready1.deleting0", NO, YES, NO, (YES, YES, NO)),
        case("endpoint.pub0.ready1.deleting1", NO, YES, YES, (NO, YES, YES)),
        case("endpoint.pub1.ready0.deleting0", YES, NO, NO, (YES, NO, NO)),
        case("endpoint.pub1.ready0.deleting1", YES, NO, YES, (YES, NO, YES)),
        case("endpoint.pub1.ready1.deleting0", YES, YES, NO, (YES, YES, NO)),
        case("endpoint.pub1.ready1.deleting1", YES, YES, YES, (YES, YES, YES)),
    ],
)
def test_a_pods_endpoint(
    publish: bool, ready: bool, deleting: bool, expected: tuple[bool, bool, bool], expect: Expect
) -> None:
    status = PodStatus("Running", (), ready=ready, deleting=deleting, ip="10.0.0.1")
    endpoint = pod_to_endpoint(status, publish_not_ready_addresses=publish)
    assert endpoint == Endpoint("10.0.0.1", *expected)
    expect(ready=endpoint.ready, serving=endpoint.serving, terminating=endpoint.terminating)


@pytest.mark.parametrize(("phase", "ip"), [("Failed", "10.0.0.1"), ("Succeeded", "10.0.0.1"), ("Pending", "")])
def test_a_pod_that_ended_or_has_no_address_has_none(phase: Phase, ip: str) -> None:
    assert pod_to_endpoint(PodStatus(phase, (), ip=ip)) is None


READY = Endpoint("ready", YES, YES, NO)
LEAVING = Endpoint("leaving", NO, YES, YES)
DEAD = Endpoint("dead", NO, NO, YES)
UNREADY = Endpoint("unready", NO, NO, NO)


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        case("proxy.only-ready", [READY, LEAVING], [READY]),
        case("proxy.fallback-serving-terminating", [LEAVING, UNREADY], [LEAVING]),
        case("proxy.none", [UNREADY], []),
        ([DEAD, UNREADY], []),
        ([], []),
        ([UNREADY, READY, DEAD, READY, LEAVING], [READY, READY]),
        # kube-proxy looks at the terminating ones only: one that serves, but neither is ready nor ends, can't be.
        ([Endpoint("odd", NO, YES, NO)], []),
    ],
)
def test_who_gets_connections(endpoints: list[Endpoint], expected: list[Endpoint], expect: Expect) -> None:
    found = usable(endpoints)
    assert found == expected
    expect(usable=[endpoints.index(endpoint) for endpoint in found])


@given(st.lists(st.builds(Endpoint, st.sampled_from("abc"), st.booleans(), st.booleans(), st.booleans())))
def test_a_ready_endpoint_keeps_all_others_out(endpoints: list[Endpoint]) -> None:
    chosen = usable(endpoints)
    if any(endpoint.ready for endpoint in endpoints):
        assert chosen == [endpoint for endpoint in endpoints if endpoint.ready]
    else:
        assert all(endpoint.serving and endpoint.terminating for endpoint in chosen)


STATUSES = st.builds(
    PodStatus,
    st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
    st.just(()),
    ready=st.booleans(),
    deleting=st.booleans(),
    ip=st.sampled_from(["", "10.0.0.1", "10.0.0.2"]),
)


@given(st.lists(STATUSES))
def test_a_pod_that_is_not_ready_gets_no_new_connection(statuses: list[PodStatus]) -> None:
    """Nor does one that ends, while another is ready and stays."""
    found = [(status, endpoint) for status in statuses if (endpoint := pod_to_endpoint(status))]
    chosen = [id(endpoint) for endpoint in usable(endpoint for _, endpoint in found)]
    for status, endpoint in found:
        if id(endpoint) in chosen:
            assert status.ready
            assert not status.deleting or not any(other.ready and not other.deleting for other, _ in found)
