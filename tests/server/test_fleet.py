"""POST /admin/fleet on real patients: faults for several pods at once, found by a table of names."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_probe import free_port
from tests.server.running import Answer, Running, until

Serve = Callable[..., Running]
TOKEN = "s3cret"
NAMES = ("web-0", "web-1", "web-2")
WELL: dict[str, list[str]] = {name: [] for name in NAMES}


class Fleet:
    """Three pods behind the name `web`, in a table that can be changed."""

    def __init__(self, serve: Serve, folder: Path, **settings: str) -> None:
        self.table = folder / "names"
        more = {"NAMES_FILE": str(self.table), "PEERS": "web", **settings}
        self.pods = {name: serve(POD_NAME=name, **more) for name in NAMES}
        self.places = {name: f"127.0.0.1 {pod.admin_port}" for name, pod in self.pods.items()}
        self.write()

    def write(self) -> None:
        self.table.write_text("".join(f"web 8081 {place}\n" for place in self.places.values()))

    def send(self, body: Any, method: str = "POST", *, by: str = "web-0", **headers: Any) -> Answer:
        pod = self.pods[by]
        headers["Content_Type"] = "application/json"
        return pod.ask("/admin/fleet", method=method, port=pod.admin_port, body=json.dumps(body), **headers)

    def inject(self, *, by: str = "web-0", **body: Any) -> dict[str, list[str]]:
        """Send a fault that must reach everybody who was chosen; return the pods by what became of them."""
        answer = self.send(body, by=by)
        assert answer.status == 200, answer
        return told(answer)

    def faults(self) -> dict[str, list[str]]:
        return {name: [one["spec"] for one in pod.admin("GET", "status")["faults"]] for name, pod in self.pods.items()}


def told(answer: Answer) -> dict[str, list[str]]:
    by_status: dict[str, list[str]] = {}
    for row in json.loads(answer.body)["pods"]:
        by_status.setdefault(row["status"], []).append(row["pod"])
    return by_status


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    started: list[Running] = []

    def serve(**settings: str) -> Running:
        started.append(Running.start(settings))
        return started[-1]

    yield Fleet(serve, tmp_path_factory.mktemp("fleet"), ADMIN_TOKEN=TOKEN)
    for running in started:
        running.end()


@pytest.fixture
def fleet(shared: Fleet) -> Iterator[Fleet]:
    """Return the same pods to most tests; each finds them without faults."""
    yield shared
    for pod in shared.pods.values():
        pod.admin("DELETE", "faults", Authorization=f"Bearer {TOKEN}")


def send(fleet: Fleet, body: Any, method: str = "POST", by: str = "web-0") -> Answer:
    return fleet.send(body, method, by=by, Authorization=f"Bearer {TOKEN}")


def test_a_fault_reaches_every_pod_and_is_recovered_from_any(fleet: Fleet) -> None:
    answer = send(fleet, {"spec": "latency delay=1s"})

    assert (answer.status, told(answer)) == (200, {"injected": [*NAMES]})
    assert fleet.faults() == {name: ["latency delay=1s"] for name in NAMES}

    recovered = send(fleet, {}, "DELETE", "web-2")
    assert (recovered.status, told(recovered)) == (200, {"recovered": [*NAMES]})
    assert {row["detail"] for row in json.loads(recovered.body)["pods"]} == {"1 fault"}
    assert fleet.faults() == WELL


def test_it_reaches_the_pods_that_are_named(fleet: Fleet) -> None:
    answer = send(fleet, {"fault": {"fault": "unready"}, "pods": ["web-1"]})

    assert told(answer) == {"not chosen": ["web-0", "web-2"], "injected": ["web-1"]}
    assert fleet.faults() == {"web-0": [], "web-1": ["unready"], "web-2": []}


def test_a_number_of_pods_is_chosen_and_enough_stay_ready(fleet: Fleet) -> None:
    first = send(fleet, {"spec": "unready", "pods": 1, "keep_ready": 1})
    assert [len(pods) for _, pods in sorted(told(first).items())] == [1, 2]
    assert json.loads(first.body)["ready"] == 2

    second = send(fleet, {"spec": "unready", "keep_ready": 1}, by="web-2")
    assert len(told(second)["spared"]) == json.loads(second.body)["ready"] == 1

    third = send(fleet, {"spec": "unready", "pods": told(second)["spared"], "keep_ready": 1})
    assert told(third)["spared"] == told(second)["spared"]
    assert [pod for pod, specs in fleet.faults().items() if not specs] == told(second)["spared"]


def test_a_pod_with_a_fault_that_waits_does_not_count_as_ready(fleet: Fleet) -> None:
    send(fleet, {"spec": "latency delay=1s after=1h", "pods": ["web-0", "web-1"]})

    assert told(send(fleet, {"spec": "unready", "keep_ready": 1}))["spared"] == ["web-2"]


def test_jitter_is_added_to_the_faults_own_start(fleet: Fleet) -> None:
    send(fleet, {"spec": "freeze after=1h jitter=1s seed=1", "jitter": "1h"})
    starts = [pod.admin("GET", "faults")["faults"][-1]["starts_in"] for pod in fleet.pods.values()]

    assert all(3500 < start <= 7201 for start in starts)
    assert len({round(start) for start in starts}) > 1, "the seed is not that of the fleet's jitter"


@pytest.mark.parametrize("keep", [1, 2])
def test_of_many_calls_at_once_none_takes_what_another_counts_on(fleet: Fleet, keep: int) -> None:
    answers: list[Answer] = []

    def call(by: str) -> None:
        answers.append(send(fleet, {"spec": "unready", "pods": 1, "keep_ready": keep}, by=by))

    threads = [threading.Thread(target=call, args=(by,)) for by in NAMES * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status for answer in answers] == [200] * len(threads)
    assert sorted(map(len, fleet.faults().values()))[:keep] == [0] * keep


def test_pods_that_do_not_answer_are_named_and_do_not_count(fleet: Fleet) -> None:
    whole = dict(fleet.places)
    fleet.places["web-1"] = "127.0.0.1 9"
    fleet.write()
    try:
        answer = send(fleet, {"spec": "unready", "pods": ["web-0", "web-1"], "keep_ready": 1})
    finally:
        fleet.places = whole
        fleet.write()

    assert answer.status == 207
    rows = json.loads(answer.body)["pods"]
    assert [(row["pod"], row["status"]) for row in rows] == [
        (None, "failed"),
        ("web-0", "injected"),
        ("web-1", "failed"),
        ("web-2", "not chosen"),
    ]
    assert rows[0]["address"] == "127.0.0.1:9"
    assert rows[0]["detail"].startswith("no connection: ")
    assert rows[2]["detail"] == "PEERS lead to no such pod that answers"


def test_a_pod_that_refuses_the_fault_is_named(fleet: Fleet) -> None:
    answer = send(fleet, {"spec": "memory to=999Gi"})

    assert answer.status == 207
    assert set(told(answer)) == {"failed"}
    assert fleet.faults() == WELL


def test_without_the_token_nothing_reaches_anybody(fleet: Fleet) -> None:
    assert fleet.send({"spec": "unready"}).status == 401
    assert fleet.send({"spec": "unready"}, Authorization="Bearer x").status == 401
    assert fleet.send({}, "DELETE").status == 401
    assert fleet.faults() == WELL


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("crash", "body"),
        ({}, "fault"),
        ({"spec": "unready", "fault": "unready"}, "fault"),
        ({"spec": "unready", "pod": "web-0"}, "pod"),
        ({"spec": ["unready"]}, "spec"),
        ({"spec": "melt"}, "fault"),
        ({"spec": "unready", "pods": 0}, "pods"),
        ({"spec": "unready", "keep_ready": -1}, "keep_ready"),
        ({"spec": "unready", "jitter": "soon"}, "jitter"),
    ],
)
def test_a_mistake_is_named_before_anybody_is_asked(fleet: Fleet, body: Any, field: str) -> None:
    answer = send(fleet, body)

    assert (answer.status, json.loads(answer.body)["field"]) == (400, field)
    assert fleet.faults() == WELL


class Thief(BaseHTTPRequestHandler):
    """A place that redirects to another, and keeps the tokens that it was sent."""

    tokens: list[str | None]
    to: str

    def _serve(self) -> None:
        self.tokens.append(self.headers.get("Authorization"))
        self.send_response(307 if self.to else 200)
        self.send_header("Location", self.to)
        self.end_headers()

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def places() -> Iterator[Callable[[str], tuple[int, list[str | None]]]]:
    servers = []

    def start(to: str) -> tuple[int, list[str | None]]:
        tokens: list[str | None] = []
        handler = type("Handler", (Thief,), {"tokens": tokens, "to": to})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return servers[-1].server_port, tokens

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_token_goes_to_no_other_host(fleet: Fleet, places: Any) -> None:
    elsewhere, stolen = places("")
    port, _ = places(f"http://127.0.0.1:{elsewhere}/admin/fleet")
    whole = dict(fleet.places)
    fleet.places["web-9"] = f"127.0.0.1 {port}"
    fleet.write()
    try:
        answer = send(fleet, {"spec": "unready"})
    finally:
        fleet.places = whole
        fleet.write()

    assert stolen == []
    assert told(answer) == {"failed": [None], "injected": [*NAMES]}
    assert "it answered 307" in answer.body


LIES: list[dict[str, Any]] = [
    {},  # to anything but who it is
    {"pod": 1, "recovered": 7},
    {"pod": "\ud800", "namespace": "default", "ready": True, "id": "\ud800", "recovered": None},
    {"pod": "web-9", "namespace": "default", "ready": True, "id": {"a": 1}},
    {"pod": "web-9", "namespace": "default", "ready": True, "id": "a\x1b[31m", "recovered": "all"},
    {"detail": "\ud800" * 400, "status": 500},
]


@pytest.mark.parametrize("later", LIES)
def test_a_peer_that_answers_nonsense_is_named(fleet: Fleet, later: dict[str, Any]) -> None:
    class Liar(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            first = self.command == "GET"
            body = json.dumps({"pod": "web-9", "namespace": "default", "ready": True} if first else later).encode()
            self.send_response(200 if first else later.get("status", 200))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        whole = dict(fleet.places)
        fleet.places["web-9"] = f"127.0.0.1 {server.server_port}"
        fleet.write()
        try:
            answers = [send(fleet, {"spec": "unready"}), send(fleet, {}, "DELETE")]
        finally:
            fleet.places = whole
            fleet.write()
            server.shutdown()

    assert [answer.status for answer in answers] == [207, 207]
    assert [told(answer)["failed"] for answer in answers] == [["web-9"], ["web-9"]]


def test_the_leases_end_with_the_call(fleet: Fleet) -> None:
    for _ in range(2):
        assert send(fleet, {"spec": "unready", "pods": 1}).status == 200

    def lease(method: str, path: str = "", holder: str = "") -> int:
        pod, body = fleet.pods["web-0"], json.dumps({"id": holder})
        return pod.ask(
            f"/admin/fleet/lease{path}",
            method=method,
            port=pod.admin_port,
            body=body,
            Authorization=f"Bearer {TOKEN}",
            Content_Type="application/json",
        ).status

    assert [lease("POST", holder=holder) for holder in "aba"] == [200, 409, 200]
    assert [lease("DELETE", f"/{holder}") for holder in "baa"] == [404, 204, 404]
    assert [lease("POST", holder="b"), lease("DELETE", "/b")] == [200, 204]


def test_all_crash_but_one_and_who_was_asked_answers_before_its_own(serve: Serve, tmp_path: Path) -> None:
    fleet = Fleet(serve, tmp_path)
    gone = fleet.inject(spec="crash", pods=["web-0", "web-1"], keep_ready=1)

    assert gone == {"injected": ["web-0", "web-1"], "not chosen": ["web-2"]}
    assert [fleet.pods[name].exit_code() for name in ("web-0", "web-1")] == [1, 1]
    assert fleet.pods["web-2"].process.poll() is None


def test_without_peers_there_is_no_fleet(serve: Serve) -> None:
    alone = serve()

    answer = alone.ask("/admin/fleet", method="POST", body='{"spec": "crash"}', Content_Type="application/json")
    assert answer.status == 409
    assert "PEERS" in json.loads(answer.body)["detail"]
    assert until(lambda: alone.admin("GET", "status")["faults"] == [], "it has no fault")


def test_pods_of_one_address_are_asked_at_their_ports_in_peers(serve: Serve) -> None:
    ports = [free_port() for _ in NAMES]
    peers = ",".join(f"127.0.0.1:{port}" for port in ports)
    pods = [serve(POD_NAME=name, PEERS=peers, PORT=str(port)) for name, port in zip(NAMES, ports, strict=True)]
    for pod, port in zip(pods, ports, strict=True):
        assert pod.port == port

    answer = pods[0].ask("/admin/fleet", method="POST", port=pods[0].admin_port, body='{"spec": "latency delay=1ms"}')

    assert (answer.status, told(answer)) == (200, {"injected": [*NAMES]})
