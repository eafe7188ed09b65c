"""The scope that every fault may have: when it is active, and which requests it matches."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from crashy.fields import Declared, param
from crashy.fields.values import Choice, Duration, Integer, Probability, Words
from crashy.grpc import CHECK

ProbeName = Literal["startup", "readiness", "liveness"]
Client = Literal["users", "kubelet"]
Protocol = Literal["http", "grpc", "exec", "tcp"]
"""How a probe may ask: httpGet, grpc, exec of a command that looks for a file, tcpSocket."""
Way = Literal["inside", "outside"]
"""Where a fault acts: in the patient, or on a process and on what passes between it and its clients."""
WAYS: tuple[Way, ...] = ("inside", "outside")
DefaultTarget = Literal["users", "everything", "startup", "readiness", "liveness", "dependencies"]
"""What a fault without a scope is about: users' routes, everything, one probe's routes, or looks at dependencies."""
TARGETS: dict[DefaultTarget, str] = {
    "users": "users' routes",
    "everything": "the whole app, probes included",
    "startup": "the startup route",
    "readiness": "the readiness routes",
    "liveness": "the liveness routes",
    "dependencies": "all that the app depends on",
}
"""The same in words."""

PROBES: tuple[ProbeName, ...] = ("startup", "readiness", "liveness")
PROTOCOLS: tuple[Protocol, ...] = ("http", "grpc", "exec", "tcp")

CONNECTION = "CONNECTION"
"""The method of what stands for a whole connection, which has no path: one that speaks no HTTP/1.1."""

KUBELET = ("kube-probe/", "kube-lifecycle/")
"""How the User-Agents of a kubelet's probes and hooks begin; before 1.27 a hook's is like any Go program's."""

_METHOD = r"[A-Za-z]{1,16}"
_ROUTE = r"/[^\s,]{0,199}"
_HEADER = r"[!#-'*+.^_`|~0-9A-Za-z-]{1,100}=(?:[!-+\--~](?:[ -+\--~]{0,198}[!-+\--~])?)?"


def client_of(user_agent: str) -> Client:
    """Return whose request it is."""
    return "kubelet" if user_agent.startswith(KUBELET) else "users"


class Request(NamedTuple):
    """What a fault sees of a request: `path` has no query, `is_probe` is the probe whose route it is.

    Of a connection that speaks no HTTP/1.1 it sees one request, whose method is CONNECTION and whose path is empty.
    """

    method: str
    path: str
    client: Client = "users"
    is_probe: ProbeName | None = None
    headers: Iterable[tuple[str, str]] = ()

    @property
    def sort(self) -> Sort:
        """All but its headers: few clients send requests of many sorts."""
        return self[:4]


Sort = tuple[str, str, Client, ProbeName | None]


def protocol_of(request: Request) -> Protocol:
    """Return how a request asks; a command that a probe of a stand-in runs has the method EXEC."""
    if request.path == CHECK:
        return "grpc"
    return "exec" if request.method == "EXEC" else "http"


class Look(NamedTuple):
    """What a fault sees of a look at a dependency: the `lookup` of its host's name, or the connection to it.

    A peer has no `name`.
    """

    host: str
    port: int
    name: str = ""
    lookup: bool = False


def is_address(host: str) -> bool:
    """Return whether a host is an address, which nobody looks up."""
    return ":" in host or host.replace(".", "").isdecimal()


class Scope(Declared):
    """When a fault is active and which requests it matches; times are in seconds.

    A fault starts `after` its injection, plus a random part of `jitter` that is drawn once, and lasts `for`.
    Of the matching requests, each `every`th is a candidate, `p` is the probability that it is hit, and after `times`
    hits the fault ends.
    """

    after: float = param(Duration(zero=True), "start that much later", default=0.0)
    for_: float | None = param(Duration(zero=False), "end by itself that long after its start")
    times: int | None = param(Integer(1, 1_000_000), "hit the next N matching requests, then end")
    every: int | None = param(Integer(1, 1_000_000), "hit each Nth matching request")
    p: float | None = param(Probability(), "hit a request with this probability")
    seed: int | None = param(Integer(0, 2**53 - 1), "make random choices repeatable")
    routes: tuple[str, ...] = param(
        Words(_ROUTE, "paths that begin with /, * stands for anything, such as /,/api/*"),
        "match these paths only, from any client",
        default=(),
    )
    methods: tuple[str, ...] = param(
        Words(_METHOD, "HTTP methods, such as GET,POST", upper=True), "match these HTTP methods only", default=()
    )
    headers: tuple[str, ...] = param(
        Words(_HEADER, "headers as NAME=VALUE, * stands for anything, such as x-user=42,a=b*"),
        "match requests with all of these headers only",
        default=(),
    )
    clients: str | None = param(
        Choice("users", "kubelet", "all"), "match requests of these: users, the kubelet, or all"
    )
    jitter: float = param(Duration(zero=True), "start later by a random part of this, drawn once", default=0.0)
    via: Way | None = param(
        Choice(*WAYS), "act inside the patient or from outside; by default inside where a patient runs"
    )

    @property
    def names_requests(self) -> bool:
        """Whether it selects requests, which makes a fault of the whole process request-triggered."""
        return bool(self.routes or self.methods or self.headers) or any(
            value is not None for value in (self.clients, self.times, self.every, self.p)
        )

    def matches(self, request: Request, target: DefaultTarget) -> bool:
        """Whether a fault with this scope, whose default target is `target`, matches a request of this sort.

        Its headers are left to `matches_headers`, and nothing is counted. Routes without `clients` match any client.
        Without routes the default target decides: a fault of users' routes matches no probe's route and no kubelet,
        unless `clients` is `kubelet` (all its requests) or `all`.
        """
        if self.methods and request.method not in self.methods:
            return False
        if self.clients in ("users", "kubelet") and request.client != self.clients:
            return False
        if self.routes:
            return any(fnmatchcase(request.path, route) for route in self.routes)
        if target not in ("users", "everything"):
            return request.is_probe == target
        if self.clients in ("kubelet", "all"):
            return True
        if self.clients is None and target == "everything":
            return True
        return request.is_probe is None and request.client == "users"

    def matches_headers(self, headers: Iterable[tuple[str, str]]) -> bool:
        """Whether these are among a request's headers; the case of names doesn't matter, that of values does."""
        return all(any(_is_header(wanted, name, value) for name, value in headers) for wanted in self.headers)


def _is_header(wanted: str, name: str, value: str) -> bool:
    named, _, pattern = wanted.partition("=")
    if named.lower() != name.lower():
        return False
    return fnmatchcase(value, pattern.replace("[", "[[]").replace("?", "[?]"))  # a `*` alone has a meaning
