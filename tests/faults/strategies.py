"""Faults of every kind, for laws that hold for all of them."""

from typing import Any

from hypothesis import strategies as st

from crashy.faults.base import FAULTS as BY_NAME
from crashy.faults.base import Fault, parse_spec
from crashy.faults.kinds.cpu import Cpu
from crashy.faults.kinds.crash import SIGNALS, Crash
from crashy.faults.kinds.disk import Disk
from crashy.faults.kinds.error import Error, Statuses
from crashy.faults.kinds.fds import Fds
from crashy.faults.kinds.flap import Flap
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.kinds.latency import Latency
from crashy.faults.kinds.log_flood import LogFlood
from crashy.faults.kinds.memory import Memory
from crashy.faults.kinds.tasks import Tasks
from crashy.faults.kinds.threads import Threads
from crashy.faults.kinds.unlive import Unlive
from crashy.faults.kinds.unready import Unready
from crashy.faults.kinds.unstarted import Unstarted
from crashy.faults.scope import Scope
from crashy.fields.sizes import MOST, Share
from crashy.fields.units import Fixed, Percentiles, Uniform

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SECONDS = st.integers(0, 86_400_000_000).map(lambda us: us / 1e6)
SOME_SECONDS = SECONDS.filter(bool)
DELAYS = st.integers(0, 3_600_000_000).map(lambda us: us / 1e6)
ROUTES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Z", "C"], exclude_characters=","), max_size=12).map("/{}".format),
    max_size=4,
    unique=True,
).map(tuple)
METHODS = st.lists(st.sampled_from(["GET", "POST", "PATCH"]), max_size=3, unique=True).map(tuple)
HEADERS = st.lists(
    st.builds(
        "{}={}".format, st.sampled_from(["x-user", "X-Plan", "a"]), st.text("ab *?[]\\'=", max_size=6).map(str.strip)
    ),
    max_size=3,
    unique=True,
).map(tuple)
WEIGHTS = st.integers(1, 10**9 - 1).map(lambda n: n / 1000)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def scopes(for_: st.SearchStrategy[float | None] | None = None) -> st.SearchStrategy[Scope]:
    return st.builds(
        Scope,
        after=SECONDS,
        for_=maybe(SOME_SECONDS) if for_ is None else for_,
        times=maybe(st.integers(1, 1_000_000)),
        every=maybe(st.integers(1, 1_000_000)),
        p=maybe(st.floats(0, 1)),
        seed=maybe(st.integers(0, 2**53 - 1)),
        routes=ROUTES,
        methods=METHODS,
        headers=HEADERS,
        clients=maybe(st.sampled_from(["users", "kubelet", "all"])),
        jitter=SECONDS,
    )


DISTRIBUTIONS = (
    st.builds(Fixed, DELAYS)
    | st.lists(DELAYS, min_size=2, max_size=2).map(sorted).map(lambda pair: Uniform(*pair))
    | st.lists(
        st.tuples(st.integers(0, 100_000), DELAYS), min_size=1, max_size=5, unique_by=lambda point: point[0]
    ).map(
        lambda points: Percentiles(
            tuple(
                zip(
                    sorted(percentile / 1000 for percentile, _ in points),
                    sorted(seconds for _, seconds in points),
                    strict=True,
                )
            )
        )
    )
)
STATUSES = st.dictionaries(st.integers(200, 599), WEIGHTS, min_size=2, max_size=5).map(
    lambda weights: Statuses(tuple(weights.items()))
) | st.integers(200, 599).map(lambda status: Statuses(((status, 1.0),)))
PROTOCOLS = st.lists(st.sampled_from(["http", "grpc", "exec"]), min_size=1, unique=True).map(
    lambda chosen: tuple(one for one in ("http", "grpc", "exec") if one in chosen)
)
SIZES = st.integers(1, MOST)


def shares(most: int) -> st.SearchStrategy[Share]:
    return st.integers(1, most * 1000).map(lambda thousandths: Share(thousandths / 1000))


FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Crash, mode=st.just("exit"), code=st.integers(0, 255), scope=scopes(st.none())),
    st.builds(Crash, mode=st.just("signal"), signal=st.sampled_from(SIGNALS), scope=scopes(st.none())),
    st.builds(Crash, mode=st.just("errors"), scope=scopes()),
    st.builds(Freeze, mode=st.sampled_from(["loop", "hang", "deaf"]), scope=scopes()),
    st.builds(Freeze, mode=st.just("stop"), scope=scopes(SOME_SECONDS.filter(lambda seconds: seconds <= 3600))),
    st.builds(Unready, protocols=PROTOCOLS, scope=scopes()),
    st.builds(Unlive, scope=scopes()),
    st.builds(Unstarted, protocols=st.just(("exec", "tcp")), scope=st.builds(Scope, after=SECONDS)),
    st.builds(
        Flap,
        probe=st.sampled_from(["readiness", "liveness", "startup"]),
        period=SECONDS.filter(lambda seconds: seconds >= 0.1),
        duty=shares(100),
        protocols=PROTOCOLS,
        scope=scopes(),
    ),
    st.builds(Error, code=STATUSES, body=maybe(TEXTS), scope=scopes()),
    st.builds(Latency, delay=DISTRIBUTIONS, scope=scopes()),
    st.builds(Memory, to=SIZES | shares(200), rate=maybe(SIZES), scope=scopes()),
    st.builds(Fds, to=st.integers(1, 65_536) | shares(100), rate=maybe(st.integers(1, 65_536)), scope=scopes()),
    st.builds(Threads, to=st.integers(1, 10_000) | shares(90), rate=maybe(st.integers(1, 10_000)), scope=scopes()),
    st.builds(Tasks, to=st.integers(1, 100_000), rate=maybe(st.integers(1, 100_000)), scope=scopes()),
    st.builds(LogFlood, rate=st.integers(1, 512), size=st.integers(100, 16_384), scope=scopes()),
    st.builds(Disk, to=SIZES | shares(100), rate=maybe(SIZES), scope=scopes()),
    st.builds(Cpu, cores=st.integers(1, 1024), share=shares(100), scope=scopes()),
    st.sampled_from([parse_spec(example) for fault in BY_NAME.values() for example in fault.examples]),
)
