import pytest

from crashy.faults.base import parse_spec
from crashy.faults.scope import Request

USER = Request("GET", "/")
USER_POST = Request("POST", "/api/orders")
USER_ON_READY = Request("GET", "/ready", "users", "readiness")
KUBELET = Request("GET", "/ready", "kubelet", "readiness")
KUBELET_LIVE = Request("GET", "/live", "kubelet", "liveness")
KUBELET_ON_ROOT = Request("GET", "/", "kubelet")
ALL = {
    "user": USER,
    "user's post": USER_POST,
    "user on /ready": USER_ON_READY,
    "kubelet on /ready": KUBELET,
    "kubelet on /live": KUBELET_LIVE,
    "kubelet on /": KUBELET_ON_ROOT,
}
USERS = {"user", "user's post"}
KUBELETS = {"kubelet on /ready", "kubelet on /live", "kubelet on /"}
READY = {"user on /ready", "kubelet on /ready"}


@pytest.mark.parametrize(
    ("spec", "met"),
    [
        ("error", USERS),
        ("error clients=users", USERS),
        ("error clients=kubelet", KUBELETS),
        ("error clients=all", set(ALL)),
        ("error methods=POST", {"user's post"}),
        ("error methods=POST clients=kubelet", set()),
        ("error routes=/", {"user", "kubelet on /"}),
        ("error routes=/ clients=users", {"user"}),
        ("error routes=/ready", READY),
        ("error routes=/ready clients=users", {"user on /ready"}),
        ("error routes=/ready,/live clients=kubelet", {"kubelet on /ready", "kubelet on /live"}),
        ("error routes=/api/*", {"user's post"}),
        ("error routes=/*", set(ALL)),
        ("error routes=/READY", set()),
        ("latency", USERS),
        ("crash mode=errors", set(ALL)),
        ("crash mode=errors clients=users", USERS),
        ("crash mode=errors clients=kubelet", KUBELETS),
        ("crash mode=errors clients=all", set(ALL)),
        ("freeze mode=hang", set(ALL)),
        ("freeze mode=hang routes=/", {"user", "kubelet on /"}),
        ("unready", READY),
        ("unready clients=kubelet", {"kubelet on /ready"}),
        ("unready clients=users", {"user on /ready"}),
        ("unready clients=all", READY),
        ("unready routes=/", {"user", "kubelet on /"}),
        ("unlive", {"kubelet on /live"}),
    ],
)
def test_a_fault_meets_users_routes_unless_it_says_otherwise(spec: str, met: set[str]) -> None:
    fault = parse_spec(spec)

    assert {name for name, request in ALL.items() if fault.scope.matches(request, fault.target)} == met


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("crash", False),
        ("crash after=3s jitter=1s seed=3", False),
        ("freeze for=3s", False),
        ("crash routes=/", True),
        ("crash methods=GET", True),
        ("crash headers=x-user=42", True),
        ("crash clients=all", True),
        ("crash p=1", True),
        ("crash every=1", True),
        ("crash times=1", True),
    ],
)
def test_a_scope_that_speaks_of_single_requests_makes_a_trap(spec: str, names: bool) -> None:
    assert parse_spec(spec).scope.names_requests is names


X_USER_42 = (("Host", "web"), ("X-User", "42"))


@pytest.mark.parametrize(
    ("headers", "sent", "met"),
    [
        ("x-user=42", X_USER_42, True),
        ("X-USER=42", X_USER_42, True),
        ("x-user=4", X_USER_42, False),
        ("x-user=4*", X_USER_42, True),
        ("x-user=*", X_USER_42, True),
        ("x-user=", X_USER_42, False),
        ("x-user=", (("x-user", ""),), True),
        ("x-user=*", (), False),
        ("host=web,x-user=42", X_USER_42, True),
        ("host=web,x-user=43", X_USER_42, False),
        ("host=WEB", X_USER_42, False),  # a value's case matters
        ("x-user=?2", X_USER_42, False),  # only * stands for anything
        ("x-user=[0-9]*", (("x-user", "[0-9]?"),), True),
        ("x-user=[0-9]*", (("x-user", "4"),), False),
        ("a=1,a=2", (("a", "1"), ("a", "2")), True),  # sent twice
        ("'user-agent=Mozilla/5.0 (X11; *'", (("User-Agent", "Mozilla/5.0 (X11; Linux)"),), True),
    ],
)
def test_a_fault_meets_requests_that_have_all_of_its_headers(
    headers: str, sent: tuple[tuple[str, str], ...], *, met: bool
) -> None:
    assert parse_spec(f"error headers={headers}").scope.matches_headers(sent) is met


def test_headers_alone_reach_no_probe() -> None:
    fault = parse_spec("error headers=x-user=42")

    assert {name for name, request in ALL.items() if fault.scope.matches(request, fault.target)} == USERS
