"""The kinds of events on a timeline: their names and the types of their data.

Events are added and read through these, so that mypy rejects a wrong name or key. Seconds count from the
timeline's beginning unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NotRequired, Protocol, TypedDict, TypeVar, cast

from crashy.timeline import Event

D = TypeVar("D", bound=Mapping[str, object])


class Emit(Protocol):
    """A function that adds an event; `Timeline.add` is one."""

    def __call__(self, source: str, kind: str, obj: str, /, reason: str = "", message: str = "", **data: Any) -> object:
        """Add something that happens now."""


class Kind(str, Generic[D]):
    """The name of a kind of event; its data are a `D`."""

    __slots__ = ()

    def add(  # noqa: PLR0917 - as `Timeline.add`
        self, emit: Emit, source: str, obj: str, reason: str = "", message: str = "", data: D | None = None
    ) -> None:
        """Add an event of this kind, about `obj`."""
        emit(source, self, obj, reason, message, **({} if data is None else data))

    def of(self, event: Event) -> D | None:
        """Return the data of an event of this kind; None for one of another."""
        return cast("D", event.data) if event.kind == self else None

    def read(self, events: Iterable[Event]) -> Iterable[tuple[Event, D]]:
        """Yield the events of this kind, each with its data."""
        return ((event, cast("D", event.data)) for event in events if event.kind == self)


# Typing compiles every annotation: at run time these would cost each start of a patient a millisecond and 0.1 MB.
if TYPE_CHECKING:

    class Nothing(TypedDict):
        """No data: the event has only a reason and a message."""

    class KubernetesEvent(TypedDict):
        """A Kubernetes event, as `kubectl get events` shows it: its `type`, and how often it was seen over how long."""

        type: str
        namespace: str
        container: NotRequired[str]
        count: NotRequired[int]
        over: NotRequired[float]

    class Condition(TypedDict):
        """A workload's, a pod's or the node's condition that has changed; `type` is Normal or Warning."""

        type: str
        condition: str
        status: str
        namespace: str

    class LastState(TypedDict):
        """How a container's last instance terminated; `message` is its last words, if it had any."""

        exit_code: int
        reason: str
        message: NotRequired[str]

    class ContainerState(TypedDict):
        """A container in a pod's status."""

        name: str
        state: str
        reason: str
        message: str
        exit_code: int | None
        ready: bool
        started: bool | None
        restarts: int
        last: LastState | None

    class PodStatus(TypedDict):
        """A pod's status as it is published; `restarts` is the sum over the regular containers."""

        namespace: str
        ip: str
        phase: str
        ready: bool
        deleting: bool
        restarts: int
        containers: list[ContainerState]

    class EndpointCounts(TypedDict):
        """The number of a Service's pods in each condition."""

        ready: int
        not_ready: int
        serving: int

    class Endpoints(TypedDict):
        """A Service's endpoints by their pods' names.

        Up to 100 are named each time. Above that, `counts` are given, and the names that `joined` or `left` the ready
        ones since the previous event.
        """

        namespace: str
        ready: NotRequired[list[str]]
        not_ready: NotRequired[list[str]]
        serving: NotRequired[list[str]]
        joined: NotRequired[list[str]]
        left: NotRequired[list[str]]
        counts: NotRequired[EndpointCounts]

    class Listening(TypedDict):
        """Where a Service's port can be reached from this machine; an `external` one leads out of the cluster."""

        namespace: str
        port: int
        url: str
        external: NotRequired[bool]

    class Applied(TypedDict):
        """An object that was created, configured or deleted."""

        namespace: str

    class Probe(TypedDict):
        """One call of a probe's handler, of the type that the reason names; it took `seconds`."""

        container: str
        outcome: str
        seconds: float

    class Process(TypedDict):
        """A container's process has Started or Exited, or has Zombies."""

        container: str
        id: NotRequired[str]
        attempt: NotRequired[int]
        exit_code: NotRequired[int]
        zombies: NotRequired[int]

    class Request(TypedDict):
        """A user's request, answered after `latency` seconds by `pod`; `failure` is empty if there was a response."""

        sent: float
        latency: float
        status: int
        failure: str
        ok: bool
        pod: str

    class Served(TypedDict):
        """A request that a patient has answered within `ms` milliseconds, on the patient's own timeline."""

        method: str
        path: str
        status: int
        ms: float
        remote: str | None
        client: str
        probe: str | None
        service: NotRequired[str]

    class Log(TypedDict):
        """A line that a container wrote."""

        container: str

    class PatientLog(TypedDict, total=False):
        """A patient's log line about itself."""

        level: str
        ports: list[int]
        plane: str
        in_flight: int

    class Fault(TypedDict, total=False):
        """A fault that was injected or recovered, or could not be; a patient's own timeline has its id and source."""

        id: str
        source: str

    class Experiment(TypedDict, total=False):
        """An experiment has Begun, with the object of its file, or Ended."""

        raw: Mapping[str, Any]
        engine: str
        seed: int | None
        version: str

    class Step(TypedDict, total=False):
        """A step of an experiment, planned `at` that time, or the `outcomes` of a load that has ended."""

        step: str
        at: float
        outcomes: dict[str, int]

    class Note(TypedDict, total=False):
        """A remark: how a cluster's clock differs (seconds), whose log was lost, whose hook was asked again."""

        ahead: float
        error: float
        container: str


EVENT: Kind[KubernetesEvent] = Kind("event")
CONDITION: Kind[Condition] = Kind("condition")
POD: Kind[PodStatus] = Kind("pod")
ENDPOINTS: Kind[Endpoints] = Kind("endpoints")
SERVICE: Kind[Listening] = Kind("service")
APPLY: Kind[Applied] = Kind("apply")
PROBE: Kind[Probe] = Kind("probe")
PROCESS: Kind[Process] = Kind("process")
REQUEST: Kind[Request] = Kind("request")
SERVED: Kind[Served] = Kind("request")
LOG: Kind[Log] = Kind("log")
PATIENT_LOG: Kind[PatientLog] = Kind("log")
FAULT: Kind[Fault] = Kind("fault")
EXPERIMENT: Kind[Experiment] = Kind("experiment")
STEP: Kind[Step] = Kind("step")
NOTE: Kind[Note] = Kind("note")
LAB: Kind[Nothing] = Kind("lab")

POD_REMOVED = frozenset({"PodDeleted", "PodEvicted"})
"""The reasons of a fault's event where a pod had to go because its container could not be ended."""


def normal(emit: Emit, source: str, obj: str, reason: str, message: str, *, namespace: str) -> None:
    """Add a Kubernetes event of the type Normal."""
    EVENT.add(emit, source, obj, reason, message, data={"type": "Normal", "namespace": namespace})


MOST_NAMED = 100
"""The most endpoints that an event names one by one."""


def endpoints(
    namespace: str,
    *,
    ready: Sequence[str],
    not_ready: Sequence[str],
    serving: Sequence[str],
    joined: Iterable[str],
    left: Iterable[str],
) -> Endpoints:
    """Return the data of an `endpoints` event, from a Service's pods by their names.

    >>> endpoints("default", ready=["a"], not_ready=[], serving=["a"], joined=["a"], left=[])
    {'namespace': 'default', 'ready': ['a'], 'not_ready': [], 'serving': ['a']}
    """
    if len(ready) + len(not_ready) <= MOST_NAMED:
        return {"namespace": namespace, "ready": [*ready], "not_ready": [*not_ready], "serving": [*serving]}
    counts: EndpointCounts = {"ready": len(ready), "not_ready": len(not_ready), "serving": len(serving)}
    return {"namespace": namespace, "joined": [*joined], "left": [*left], "counts": counts}


def ready_after(event: Endpoints, before: frozenset[str]) -> frozenset[str]:
    """Return the ready pods' names after an `endpoints` event; `before` are those after the previous one."""
    if "ready" in event:
        return frozenset(event["ready"])
    return (before | frozenset(event["joined"])) - frozenset(event["left"])


def has_serving(event: Endpoints) -> bool:
    """Return whether some pod gets a Service's new connections."""
    return bool(event["serving"] if "serving" in event else event["counts"]["serving"])
