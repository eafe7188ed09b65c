"""What Prometheus scrapes, as Prometheus' own client, its promtool and a real Prometheus read it."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from crashy.faults.base import FAULTS, parse_spec
from crashy.grpc import CHECK, WATCH
from crashy.patient.identity import Identity
from crashy.patient.settings import load
from crashy.server.admin import METRICS, OPERATIONS
from crashy.server.answered import GAVE_UP
from crashy.server.app import create_app
from crashy.server.metrics import BOUNDS, METHODS, Durations, Family, Meter, render
from crashy.server.patient import Patient
from tests.needs import need
from tests.server.running import Running, until

Make = Callable[..., Patient]
Labels = dict[str, str]
KUBELET = {"User-Agent": "kube-probe/1.36"}


def read(text: str, name: str) -> list[tuple[Labels, float]]:
    """Return the labels and the value of each sample with this name."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return [(sample.labels, sample.value) for sample in samples if sample.name == name]


def value(text: str, name: str, **labels: str) -> float:
    [found] = [number for of, number in read(text, name) if of.items() >= labels.items()]
    return found


@pytest.fixture
def metered(make_patient: Make) -> Patient:
    return make_patient(METRICS="1")


@pytest.fixture
def meter(metered: Patient) -> Meter:
    return Meter(metered, wall=lambda: 1000.0)


@pytest.fixture
def client(aiohttp_client: Callable[..., Any], metered: Patient, meter: Meter) -> Callable[..., Any]:
    async def make(*faults: str, admin: bool = False) -> Any:
        for fault in faults:
            metered.inject(parse_spec(fault))
        return await aiohttp_client(create_app(metered, admin=admin, meter=meter))

    return make


async def scrape(client: Any) -> str:
    answer = await client.get("/metrics")
    assert answer.status == 200
    return await answer.text()  # type: ignore[no-any-return]


# --- the text format

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = st.lists(st.sampled_from(['"', "\\", "\n", "n", "\\n", "{", "}", ",", "=", " ", "#", "\r", "\u2028", "é"])).map(
    "".join
)


@given(labels=st.lists(TEXTS | NASTY, max_size=3), number=st.floats() | st.integers(0, 2**53))
def test_whatever_a_label_holds_it_is_read_back(labels: list[str], number: float) -> None:
    names = ("a", "b", "c")[: len(labels)]

    text = render({Family("x_total", "counter", "What.", names): {tuple(labels): number}})

    [(of, found)] = read(text, "x_total")
    assert of == dict(zip(names, labels, strict=True))
    assert found == number or (math.isnan(found) and math.isnan(number))


@given(help_=(TEXTS | NASTY).map(str.strip))
def test_whatever_a_help_holds_it_is_read_back(help_: str) -> None:
    [family] = text_string_to_metric_families(render({Family("x", "gauge", help_): {(): 1}}))

    assert (family.documentation, family.type) == (help_, "gauge")


@given(st.lists(st.sampled_from(BOUNDS) | st.floats(0, 100)))
def test_a_histogram_counts_each_request_in_every_bucket_that_holds_it(seconds: list[float]) -> None:
    durations = Durations()
    for each in seconds:
        durations.add(each)

    text = render({Family("x_seconds", "histogram", "What.", ("route",)): {("/",): durations}})

    buckets = {float(of["le"]): number for of, number in read(text, "x_seconds_bucket")}
    assert buckets == {bound: sum(each <= bound for each in seconds) for bound in (*BOUNDS, math.inf)}
    assert value(text, "x_seconds_count", route="/") == len(seconds)
    assert value(text, "x_seconds_sum", route="/") == pytest.approx(sum(seconds))


# --- what is counted


@pytest.mark.parametrize(
    ("method", "path", "headers", "labels"),
    [
        ("GET", "/", {}, ("/", "GET", "200", "users")),
        ("GET", "/?a=b", {}, ("/", "GET", "200", "users")),
        ("HEAD", "/info", {}, ("/info", "HEAD", "200", "users")),
        ("GET", "/0", {}, ("/{n}", "GET", "200", "users")),
        ("GET", "/99999999", {}, ("/{n}", "GET", "400", "users")),
        ("GET", "/ready", KUBELET, ("/ready", "GET", "200", "kubelet")),
        ("GET", "/nope", KUBELET, ("other", "GET", "404", "kubelet")),
        ("GET", "/nope/%22%0A", {}, ("other", "GET", "404", "users")),
        ("DELETE", "/", {}, ("/", "DELETE", "405", "users")),
        ("PROPFIND", "/", {}, ("other", "other", "405", "users")),
        ("GET", "/admin/faults/f7", {}, ("/admin/faults/{id}", "GET", "404", "users")),
        ("POST", "/metrics", {}, ("/metrics", "POST", "405", "users")),
    ],
)
async def test_a_request_is_reported_by_the_pattern_of_its_route(
    client: Any, method: str, path: str, headers: Labels, labels: tuple[str, ...]
) -> None:
    asking = await client()
    await (await asking.request(method, path, headers=headers)).read()

    text = await scrape(asking)

    assert read(text, "http_requests_total") == [
        (dict(zip(("route", "method", "status", "client"), labels, strict=True)), 1)
    ]
    assert value(text, "http_request_duration_seconds_count", route=labels[0]) == 1


@settings(deadline=None)  # on a busy machine
@given(st.lists(st.tuples(st.sampled_from(["GET", "PROPFIND"]) | TEXTS, TEXTS), min_size=20, max_size=30))
def test_whatever_is_asked_the_series_stay_few(requested: list[tuple[str, str]]) -> None:
    patient = Patient(load([], {}), Identity("webapp-1"))
    meter = Meter(patient)
    for method, path in requested:
        patient.end_request(method, path, "users", 404, 0.0, None, counted=False)

    samples = read(meter.respond().text or "", "http_requests_total")
    assert {of["route"] for of, _ in samples} == {"other"}
    assert {of["method"] for of, _ in samples} <= METHODS | {"other"}
    assert sum(number for _, number in samples) == len(requested)


async def test_answers_of_probes_are_reported_by_probe_and_result(client: Any, metered: Patient) -> None:
    asking = await client("unready times=2 clients=kubelet")
    for _ in range(3):
        await asking.get("/ready", headers=KUBELET)
    await asking.get("/livez")
    metered.end_request("POST", CHECK, "kubelet", 503, 0.0, None, "startup", counted=False)
    metered.end_request("POST", CHECK, "kubelet", 200, 0.0, None, "readiness", counted=False)
    metered.end_request("GET", "/ready", "kubelet", GAVE_UP, 0.0, None, counted=False)

    text = await scrape(asking)

    samples = {tuple(of.values()): number for of, number in read(text, "crashy_probe_answers_total")}
    assert len(samples) == 12  # each from 0 on, so that increase() sees the first
    assert {key: number for key, number in samples.items() if number} == {
        ("readiness", "failure", "kubelet"): 3,
        ("readiness", "success", "kubelet"): 2,
        ("startup", "failure", "kubelet"): 1,
        ("liveness", "success", "users"): 1,
    }
    assert sum(number for of, number in read(text, "http_requests_total") if of["route"] == CHECK) == 2


def test_grpc_has_routes_too(metered: Patient, meter: Meter) -> None:
    metered.end_request("POST", WATCH, "users", 200, 0.0, None, "", counted=False)

    assert value(meter.respond().text or "", "http_requests_total", route=WATCH) == 1


async def test_faults_and_health_are_reported(client: Any) -> None:
    asking = await client("error times=3 routes=/info", "unready", "latency delay=1s after=1h")
    for _ in range(4):
        await asking.get("/info")

    text = await scrape(asking)

    def by_fault(name: str) -> dict[str, float]:
        samples = {of["fault"]: number for of, number in read(text, name)}
        assert set(samples) == set(FAULTS)
        return {name: number for name, number in samples.items() if number}

    assert by_fault("crashy_faults_active") == {"unready": 1}
    assert by_fault("crashy_fault_starts_total") == {"error": 1, "unready": 1}
    assert by_fault("crashy_fault_hits_total") == {"error": 3}
    assert [(of["probe"], number) for of, number in read(text, "crashy_healthy")] == [
        ("startup", 1),
        ("readiness", 0),
        ("liveness", 1),
    ]


async def test_what_runs_and_since_when_is_reported(client: Any) -> None:
    text = await scrape(await client())

    [(built, one)] = read(text, "crashy_build_info")
    assert (built["app_version"], built["persona"], one) == ("v1", "crashy-app", 1)
    assert value(text, "process_start_time_seconds") == pytest.approx(1000, abs=5)
    assert value(text, "http_requests_in_flight") == 0


# --- where it is answered


@pytest.mark.parametrize("admin", [False, True], ids=["data", "admin"])
async def test_the_answer_is_of_the_type_that_prometheus_wants(client: Any, admin: bool) -> None:
    answer = await (await client(admin=admin)).get("/metrics")

    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["X-Pod"] == "webapp-1"


async def test_it_is_for_reading(client: Any) -> None:
    asking = await client()
    posted = await asking.post("/metrics")

    assert (posted.status, posted.headers["Allow"]) == (405, "GET")
    assert (await asking.head("/metrics")).status == 200


@pytest.mark.parametrize(
    "fault", ["error", "error clients=all", "error routes=/metrics", "crash mode=errors", "freeze mode=hang"]
)
async def test_no_fault_of_requests_meets_it(client: Any, metered: Patient, fault: str) -> None:
    await scrape(await client(fault))

    assert (metered.requests, metered.in_flight) == (0, 0)


@pytest.mark.parametrize("admin", [False, True], ids=["data", "admin"])
async def test_without_the_setting_it_is_an_unknown_route(
    aiohttp_client: Callable[..., Any], make_patient: Make, admin: bool
) -> None:
    client = await aiohttp_client(create_app(make_patient(), admin=admin))

    unknown = await client.get("/nope")
    answer = await client.get("/metrics")
    document = await (await client.get("/admin/openapi.json")).json()

    assert (answer.status, await answer.text()) == (404, await unknown.text())
    assert "/metrics" not in document["paths"]


async def test_the_api_document_has_it_where_it_is_answered(client: Any) -> None:
    document = await (await (await client(admin=True)).get("/admin/openapi.json")).json()

    assert set(document["paths"]) == {operation.path for operation in (*OPERATIONS, METRICS)}
    [answered] = document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert answered == "text/plain"


def test_a_patient_without_it_does_not_import_it() -> None:
    code = "import sys, crashy.server.serve; sys.exit('crashy.server.metrics' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- the real thing


def test_a_frozen_app_is_reported_of_on_the_admin_port(serve: Callable[..., Running]) -> None:
    patient = serve(METRICS="1", ADMIN_TOKEN="s3cret")
    for _ in range(2):
        patient.ask("/")
    patient.ask("/admin/freeze", method="POST", port=patient.admin_port, Authorization="Bearer s3cret")
    patient.line("stuck")

    text = patient.ask("/metrics", port=patient.admin_port).body

    assert value(text, "http_requests_total", route="/", status="200") == 2
    assert value(text, "http_requests_total", route="/admin/freeze", status="201") == 1
    assert value(text, "crashy_faults_active", fault="freeze") == 1
    assert value(text, "crashy_fault_starts_total", fault="freeze") == 1


def test_promtool_finds_nothing_to_say(serve: Callable[..., Running]) -> None:
    promtool = need("promtool")
    patient = serve(METRICS="1")
    for path in ("/", "/ready", "/0", "/nope"):
        patient.ask(path)
    text = patient.ask("/metrics").body

    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Callable[[int], Callable[[str], float | None]]]:
    """Start a real Prometheus that scrapes a port of this machine; return what asks it for the value of a query."""
    program = need("prometheus")
    started: list[subprocess.Popen[bytes]] = []

    def start(port: int) -> Callable[[str], float | None]:
        job = {"job_name": "patient", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        timing = {"scrape_interval": "500ms", "scrape_timeout": "500ms"}
        (tmp_path / "prometheus.yml").write_text(json.dumps({"global": timing, "scrape_configs": [job]}))
        log = tmp_path / "log"
        with log.open("wb") as stderr:
            options = ("config.file=prometheus.yml", "storage.tsdb.path=data", "web.listen-address=127.0.0.1:0")
            started.append(
                subprocess.Popen([program, *(f"--{o}" for o in options)], cwd=tmp_path, stdout=stderr, stderr=stderr)
            )
        return lambda query: ask(log, query)

    def ask(log: Path, query: str) -> float | None:
        found = re.search(r'"Listening on" address=(127\.0\.0\.1:\d+)', log.read_text())
        if found is None:
            return None
        url = f"http://{found[1]}/api/v1/query?query={urllib.parse.quote(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                result = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:  # it is not ready yet
            error.close()
            return None
        return float(result[0]["value"][1]) if result else None

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.slow
def test_prometheus_scrapes_the_patient_frozen_or_not(serve: Callable[..., Running], prometheus: Any) -> None:
    patient = serve(METRICS="1")
    for _ in range(3):
        patient.ask("/")
    query = prometheus(patient.admin_port)

    # Each by waiting: on a busy machine a scrape may come too late, and then nothing is known until the next.
    until(lambda: query("up") == 1, "Prometheus has scraped the patient")
    until(lambda: query('http_requests_total{route="/"}') == 3, "it knows the requests")
    until(lambda: query('crashy_healthy{probe="readiness"}') == 1, "it knows the health")
    until(lambda: query("histogram_quantile(0.5, http_request_duration_seconds_bucket{route='/'})"), "a median")

    patient.inject("freeze for=1m")

    until(lambda: query('up * on (instance) crashy_faults_active{fault="freeze"}') == 1, "it knows the frozen patient")
