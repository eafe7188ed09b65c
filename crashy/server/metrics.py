"""Metrics in Prometheus' text format: requests, counted one by one, and the patient's health and faults.

Whatever clients send, label values stay few: `route` is the pattern of the request's route, or `other`.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import NamedTuple, Protocol

from aiohttp import web

from crashy import __version__
from crashy.faults.scope import Client, ProbeName
from crashy.grpc import CHECK, WATCH
from crashy.patient.probes import STATUS, probe_of
from crashy.server.answered import UNMATCHED
from crashy.server.patient import Patient

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets, in seconds: the defaults of Prometheus' client libraries."""

MAX_KNOWN = 500
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Family(NamedTuple):
    """One metric: its name, type, help and the names of its labels."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()


REQUESTS = Family(
    "http_requests_total",
    "counter",
    "Requests by the pattern of their route; status 499: the client gave up first, 444: its connection was closed.",
    ("route", "method", "status", "client"),
)
DURATIONS = Family(
    "http_request_duration_seconds",
    "histogram",
    "Seconds from a request to the end of its handling, delays by faults included.",
    ("route",),
)
IN_FLIGHT = Family(
    "http_requests_in_flight", "gauge", "Requests being answered now, without those of /metrics and the admin API."
)
ANSWERS = Family(
    "crashy_probe_answers_total",
    "counter",
    "Answers on a probe's routes: the kubelet takes a status from 200 to 399 as success.",
    ("probe", "result", "client"),
)
HEALTHY = Family("crashy_healthy", "gauge", "1 if this probe succeeds, 0 if it fails.", ("probe",))
RESULTS = Family(
    "crashy_probe_results_total",
    "counter",
    "Probes of the kubelet as it judges them: success, failure or discarded; a late answer is a failure by PROBES.",
    ("probe", "handler", "result"),
)
FAILURES = Family(
    "crashy_probe_consecutive_failures", "gauge", "How often this probe has failed in a row.", ("probe", "handler")
)
ACTIVE = Family("crashy_faults_active", "gauge", "Faults that are active now.", ("fault",))
STARTS = Family("crashy_fault_starts_total", "counter", "How often a fault has started.", ("fault",))
HITS = Family("crashy_fault_hits_total", "counter", "Requests that a fault has hit.", ("fault",))
BUILD = Family("crashy_build_info", "gauge", "1, labelled with what runs here.", ("version", "app_version", "persona"))
LIFE = Family("crashy_life", "gauge", "Which life this is, by STATE_DIR/lives.jsonl: 1 is the first.")
FORMER = Family("crashy_former_lives", "gauge", "Former lives that are known, by how they ended.", ("how",))
DEPENDENCY_UP = Family("crashy_dependency_up", "gauge", "1 if the dependency answered the last look.", ("dependency",))
DEPENDENCY_SECONDS = Family(
    "crashy_dependency_seconds", "gauge", "Seconds that the last look at the dependency took.", ("dependency",)
)
STARTED = Family("process_start_time_seconds", "gauge", "Start time of the patient, in seconds since the epoch.")


class Durations:
    """A histogram of requests' durations: the count of each bucket, the last of which has no bound, and the sum."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one request."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def merge(self, other: Durations) -> None:
        """Count all that another has counted."""
        self.buckets = [one + more for one, more in zip(self.buckets, other.buckets, strict=True)]
        self.sum += other.sum

    @property
    def count(self) -> int:
        """The requests that were counted."""
        return sum(self.buckets)

    def samples(self) -> Iterator[tuple[str, str | None, float]]:
        """Yield each sample's suffix, bound and value; the buckets are cumulative."""
        count = 0
        for bound, fell in zip((*BOUNDS, float("inf")), self.buckets, strict=True):
            count += fell
            yield "_bucket", _number(bound), count
        yield "_sum", None, self.sum
        yield "_count", None, count


Samples = Mapping[Family, Mapping[tuple[str, ...], float | Durations]]
"""The value or histogram of each family, by the values of its labels."""


def render(samples: Samples) -> str:
    r"""Write metrics in Prometheus' text format 0.0.4: `\` and line ends are escaped, `"` in label values too."""
    return "".join(line for family, values in samples.items() for line in _lines(family, values))


def _lines(family: Family, values: Mapping[tuple[str, ...], float | Durations]) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}\n# TYPE {family.name} {family.type}\n"
    for of, value in values.items():
        labels = [f'{name}="{_escaped(text, quoted=True)}"' for name, text in zip(family.labels, of, strict=True)]
        for suffix, bound, number in value.samples() if isinstance(value, Durations) else [("", None, value)]:
            shown = ",".join(labels if bound is None else [*labels, f'le="{bound}"'])
            yield f"{family.name}{suffix}{f'{{{shown}}}' if shown else ''} {_number(number)}\n"


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quoted else text


def _number(value: float) -> str:
    text = repr(value)
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(text, text)


class Metrics(Protocol):
    """What serves /metrics."""

    async def label_routes(self, app: web.Application) -> None:
        """Label requests by the patterns of this app's routes from now on."""

    def respond(self) -> web.Response:
        """Return the response to a scrape."""


class Meter:
    """Counts one patient's requests and renders its metrics; safe from any thread.

    `wall` returns the seconds since the epoch.
    """

    def __init__(self, patient: Patient, *, wall: Callable[[], float] = time.time) -> None:
        self._patient = patient
        self._started_at = wall() - patient.uptime()
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int, Client, ProbeName | None], Durations] = {}
        self._known: dict[tuple[str, str, Client, int, str | None], Durations] = {}
        self._routes = {path: path for path in (CHECK, WATCH)}
        self._patterns: dict[re.Pattern[str], str] = {}
        patient.watchers += (self._count,)

    async def label_routes(self, app: web.Application) -> None:
        """Label requests by the patterns of this app's routes from now on."""
        for resource in app.router.resources():
            pattern = resource.get_info().get("pattern")
            if resource.name == UNMATCHED:
                continue
            if pattern is None:
                self._routes[resource.canonical] = resource.canonical
            else:
                self._patterns = {**self._patterns, pattern: resource.canonical}
        self._known.clear()

    def _count(  # noqa: PLR0917 - as `Watcher`
        self,
        method: str,
        path: str,
        client: Client,
        status: int,
        seconds: float,
        _remote: str | None,
        service: str | None,
    ) -> None:
        durations = self._known.get((method, path, client, status, service))
        if durations is None:
            durations = self._durations(method, path, client, status, service)
        with self._lock:
            durations.add(seconds)

    def _durations(self, method: str, path: str, client: Client, status: int, service: str | None) -> Durations:
        """Return where requests of a kind are counted, and remember it: most requests are of a few kinds."""
        route = OTHER  # of what is perhaps not even HTTP, too
        if method in METHODS:
            route = self._routes.get(path) or self._matching(path)
        key = (route, method if method in METHODS else OTHER, status, client, probe_of(path, service))
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            durations = self._known[method, path, client, status, service] = self._requests.setdefault(key, Durations())
        return durations

    def _matching(self, path: str) -> str:
        return next((route for pattern, route in self._patterns.items() if pattern.fullmatch(path)), OTHER)

    def respond(self) -> web.Response:
        """Return the response to a scrape."""
        patient = self._patient
        health, tally, identity = patient.health(), patient.faults.tally().items(), patient.identity
        seen = patient.seen
        with self._lock:
            text = render(
                {
                    **self._request_samples(),
                    IN_FLIGHT: {(): patient.in_flight},
                    RESULTS: seen.totals(),
                    FAILURES: seen.failures(),
                    HEALTHY: {(probe,): int(getattr(health, probe)) for probe in STATUS},
                    ACTIVE: {(name,): counts.active for name, counts in tally},
                    STARTS: {(name,): counts.starts for name, counts in tally},
                    HITS: {(name,): counts.hits for name, counts in tally},
                    BUILD: {(__version__, identity.version, patient.settings.persona): 1},
                    **_life_samples(patient),
                    STARTED: {(): self._started_at},
                    **self._dependency_samples(),
                }
            )
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def _dependency_samples(self) -> Samples:
        if self._patient.dependencies is None:
            return {}
        seen = self._patient.dependencies.describe()
        return {
            DEPENDENCY_UP: {(one["name"],): int(one["state"] in {"up", "slow"}) for one in seen},
            DEPENDENCY_SECONDS: {(one["name"],): one["seconds"] for one in seen if one["seconds"] is not None},
        }

    def _request_samples(self) -> Samples:
        requests: dict[tuple[str, ...], float] = {}
        # From 0 on, so that Prometheus' increase() counts the first of each.
        answers: dict[tuple[str, ...], float] = dict.fromkeys(
            product(STATUS, ("success", "failure"), ("users", "kubelet")), 0
        )
        durations: dict[tuple[str, ...], Durations] = {}
        for (route, method, status, client, probe), counted in self._requests.items():
            key = (route, method, str(status), client)
            requests[key] = requests.get(key, 0) + counted.count
            durations.setdefault((route,), Durations()).merge(counted)
            if probe is not None:
                answers[probe, "success" if 200 <= status < 400 else "failure", client] += counted.count
        return {REQUESTS: requests, ANSWERS: answers, DURATIONS: durations}


def _life_samples(patient: Patient) -> Samples:
    if patient.lives is None:
        return {}
    former = patient.lives.hows()
    return {LIFE: {(): patient.lives.number}, FORMER: {(how,): count for how, count in former.items()}}
