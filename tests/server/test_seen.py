"""What a patient sees of its probes: of a kubelet's requests, and of nobody else's."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from crashy.kubelet.handlers.grpc import probe_grpc
from crashy.kubelet.handlers.http import probe_http
from crashy.objects.pod import GRPC, HTTPGet
from crashy.patient.ledger import MOST_PROBES, UNKNOWN
from crashy.server.app import create_app
from crashy.server.patient import Patient
from tests.server.running import DEADLINE, Running, until

Make = Callable[..., Patient]
KUBELET = "kube-probe/1.36"


@pytest.fixture
def patient() -> Iterator[Running]:
    app = Running.start({"GRPC_PORT": "0", "METRICS": "1"})
    yield app
    app.end()


def rows(app: Running) -> list[dict[str, Any]]:
    return list(app.admin("GET", "probes")["probes"])


def answers(app: Running) -> bool:
    try:
        return app.ask("/hostname", timeout=0.2).status == 200
    except TimeoutError:
        return False


def grpc_port(app: Running) -> int:
    return int(app.line(r"gRPC health on 127\.0\.0\.1:(\d+)")[1])


def test_the_kubelets_own_handlers_are_seen(patient: Running) -> None:
    def both() -> None:
        get = HTTPGet(patient.port, "/livez?verbose")
        asyncio.run(probe_http(get, host="127.0.0.1", port=patient.port, timeout=DEADLINE))
        check = GRPC(grpc_port(patient), "readiness")
        asyncio.run(probe_grpc(check, host="127.0.0.1", port=grpc_port(patient), timeout=DEADLINE))

    both()
    patient.inject("unready")
    both()

    assert [(row["kind"], row["asks"], row["state"]) for row in rows(patient)] == [
        ("liveness", f"http :{patient.port}/livez?verbose", f"succeeded 2 in a row; {UNKNOWN}"),
        ("readiness", f"grpc :{grpc_port(patient)} readiness", f"failed 1 in a row; {UNKNOWN}"),
    ]
    assert (rows(patient)[0]["path"], rows(patient)[1]["service"]) == ("/livez?verbose", "readiness")
    assert [one["status"] for one in rows(patient)[1]["results"]] == [200, 503]


@pytest.mark.parametrize(
    "agent", ["Mozilla/5.0", "", "curl/8", "Kube-Probe/1", "x kube-probe/1", "kube-lifecycle/1.36"]
)
def test_nobody_elses_requests_count(patient: Running, agent: str) -> None:
    assert patient.ask("/readyz", User_Agent=agent).status == 200

    assert rows(patient) == []
    assert patient.admin("GET", "status")["probes"] == []


def test_a_probe_of_the_admin_port_counts_too(patient: Running) -> None:
    patient.ask("/admin/status", port=patient.admin_port, User_Agent=KUBELET)

    assert [(row["port"], row["kind"], row["path"]) for row in rows(patient)] == [
        (patient.admin_port, None, "/admin/status")
    ]


def test_status_page_and_metrics_show_it(patient: Running) -> None:
    patient.inject("unlive")
    assert patient.ask("/livez", User_Agent=KUBELET).status == 500

    (summary,) = patient.admin("GET", "status")["probes"]
    assert summary["consecutive_failures"] == 1
    assert summary["state"] == f"failed 1 in a row; {UNKNOWN}"
    status = [sys.executable, "-m", "crashy", "status", "--url", f"http://127.0.0.1:{patient.admin_port}"]
    printed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    assert f"\n  liveness http :{patient.port}/livez: failed 1 in a row; {UNKNOWN}\n" in printed
    page = patient.ask("/", Accept="text/html").body
    assert f"<td>liveness<td>http :{patient.port}/livez<td><td>failed 1 in a row; {UNKNOWN}" in page
    metrics = patient.ask("/metrics").body
    assert 'crashy_probe_results_total{probe="liveness",handler="http",result="failure"} 1\n' in metrics
    assert 'crashy_probe_consecutive_failures{probe="liveness",handler="http"} 1\n' in metrics


def test_a_probe_whose_client_gave_up_has_failed(patient: Running) -> None:
    patient.inject("latency delay=1h routes=/livez")
    with closing(http.client.HTTPConnection("127.0.0.1", patient.port)) as connection:
        connection.request("GET", "/livez", headers={"User-Agent": KUBELET})
        until(lambda: patient.admin("GET", "faults")["faults"][0]["hits"], "the probe has come")

    (row,) = until(lambda: rows(patient), "the probe has ended")
    assert [(one["status"], one["ok"]) for one in row["results"]] == [(499, False)]
    assert row["port"] == patient.port


@pytest.mark.parametrize("spec", ["stall-body", "truncate", "truncate mode=chunk"])
def test_a_probe_whose_body_does_not_come_to_its_end_does_not_count(patient: Running, spec: str) -> None:
    patient.inject(f"{spec} clients=kubelet")
    get = HTTPGet(patient.port, "/livez")
    asyncio.run(probe_http(get, host="127.0.0.1", port=patient.port, timeout=0.3))

    (row,) = until(lambda: rows(patient), "the probe has ended")
    assert [one["ok"] for one in row["results"]] == [None]
    assert row["state"].endswith("; the last 1 did not count")


def test_a_probe_that_came_while_the_app_was_frozen_is_noted_with_the_time_that_it_waited(patient: Running) -> None:
    fault = patient.inject("freeze")
    until(lambda: not answers(patient), "the app is frozen")
    frozen = patient.admin("GET", "status")["uptime"]
    with closing(http.client.HTTPConnection("127.0.0.1", patient.port)) as connection:
        connection.request("GET", "/livez", headers={"User-Agent": KUBELET})
        until(lambda: patient.admin("GET", "status")["uptime"] > frozen + 0.5, "half a second is over")
    patient.admin("DELETE", f"faults/{fault}")

    (row,) = until(lambda: rows(patient), "the probe was noted")
    (result,) = row["results"]
    assert not result["ok"], "its client had given up meanwhile"
    if hasattr(socket, "TCP_INFO"):
        assert result["seconds"] >= 0.4


def test_until_the_first_probe_nothing_of_it_is_imported() -> None:
    code = (
        "import sys; import crashy.server.serve, crashy.server.admin; "
        "print([m for m in sys.modules if m in ('crashy.server.seen', 'crashy.patient.ledger', "
        "'crashy.patient.probe_settings')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


async def test_whatever_calls_itself_a_kubelet_is_bounded(aiohttp_client: Any, make_patient: Make) -> None:
    patient = make_patient()
    client = await aiohttp_client(create_app(patient, admin=False))
    for i in range(3 * MOST_PROBES):
        path = f"/{i}/%00%0a<script>%ff" + "x" * 2000
        assert (await client.get(path, headers={"User-Agent": KUBELET + "y" * 1000})).status == 404
    page = await (await client.get("/", headers={"Accept": "text/html"})).text()
    assert "<script" not in page

    whole = patient.seen.whole()
    assert len(whole["probes"]) == MOST_PROBES
    assert len(json.dumps(whole)) < 1000 * MOST_PROBES
