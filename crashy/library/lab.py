"""`Lab`: run manifests on this machine, inject faults into pods, wait for events."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crashy.client import Client, UnreachableError, ask_lab, choose, labs_folder
from crashy.engines.lab.control import prepare
from crashy.errors import BadInput
from crashy.experiment.model import EventPattern
from crashy.library import arguments
from crashy.library.child import Child, last
from crashy.library.manifests import Manifest, read_manifests, without_node_ports
from crashy.objects.manifests import Manifests
from crashy.report.terminal import WORTH_A_LINE, event_line
from crashy.timeline import Event, kinds

START = 30.0  # seconds for a lab to start the processes of its pods
END = 10.0  # seconds for a lab to end
ANSWER = 10.0  # seconds for a lab to respond


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod's last status."""

    name: str
    namespace: str
    ip: str
    phase: str
    ready: bool
    restarts: int


class _State:
    """Reads the events of a lab, and keeps its pods and its Services' URLs."""

    def __init__(self) -> None:
        self.pods: dict[tuple[str, str], Pod] = {}
        self.urls: dict[tuple[str, str], dict[int, str]] = {}
        self.external: set[tuple[str, str]] = set()

    def __call__(self, text: str) -> Event:
        event = Event.from_json(text)
        name = event.object.partition("/")[2]
        if (service := kinds.SERVICE.of(event)) and event.reason == "Listening":
            self.urls.setdefault((service["namespace"], name), {})[service["port"]] = service["url"]
            self.external |= {(service["namespace"], name)} if service.get("external") else set()
        elif pod := kinds.POD.of(event):
            namespace = pod["namespace"]
            if event.reason == "Deleted" or pod["deleting"]:
                self.pods.pop((namespace, name), None)
            else:
                self.pods[namespace, name] = Pod(
                    name, namespace, pod["ip"], pod["phase"], pod["ready"], pod["restarts"]
                )
        return event


class Lab:
    """Runs manifests as `crashy lab` does, until the end of its `with`, `close`, or the end of this process.

    It waits until every pod is ready, at most `ready_within` seconds; with None, only until the pods exist. As on any
    cluster, a pod without a readiness probe is ready before it listens. A Service's `nodePort` is ignored, so that
    several labs can run at once: see `url`. `seed` makes the lab's random choices repeatable. A Service leads to its
    endpoints of this moment; with `propagation`, as "0.1s..0.6s", it follows them later, as on a cluster. Raises
    BadInput, a ValueError, with a line for each mistake in the manifests.

    A `pod` argument is a name, the start of exactly one, or `any`: a random one, ready if possible.
    """

    def __init__(
        self,
        *manifests: Manifest,
        ready_within: float | None = 60.0,
        seed: int | None = None,
        propagation: str = "0s",
    ) -> None:
        within = None if ready_within is None else arguments.seconds("ready_within", ready_within)
        options = [f"--propagation={arguments.delay('propagation', propagation)}"]
        options += [] if seed is None else [f"--seed={arguments.whole('seed', seed)}"]
        found = read_manifests(manifests)
        folder = _sockets()
        self._rng = random.Random(seed)
        self._acted = 0
        self._state = _State()
        objects = without_node_ports(found.documents)
        self._child = Child("lab", "--json", *options, "-", read=self._state, stdin=objects)
        self._socket = folder / f"{self._child.pid}.sock"
        try:
            self._child.wait(lambda: self._has_started(found), START, self._not_started)
            if within is not None:
                self.wait_ready(timeout=within)
        except BaseException:
            self.close()
            raise

    def _has_started(self, manifests: Manifests) -> bool:
        pods = sum(workload.replicas for workload in manifests.workloads)
        services = [service for service in manifests.services if service.ports]
        return self._socket.exists() and len(self._urls()) >= len(services) and len(self.pods()) >= pods

    def _not_started(self) -> str:
        return "\n".join([f"the lab has not started within {START:g} s", *self._child.messages()])

    @property
    def timeline(self) -> list[Event]:
        """Return all events, oldest first; of more than 100,000 the last.

        An event has `t` (seconds since the lab began), `kind` (`event` is a Kubernetes event), `object` (`pod/web-1`),
        `reason`, `message` and `data`.
        """
        return self._child.records()

    @property
    def dropped(self) -> int:
        """Return how many events `timeline` no longer has."""
        kept, count = self._child.after(0)
        return count - len(kept)

    def url(self, service: str | None = None, port: int | None = None) -> str:
        """Return the URL of a Service's port; by default, of the only Service that has pods, and its first port.

        A name that several namespaces have is `NAMESPACE/NAME`. Raises BadInput that lists the possible values.
        """
        urls = self._urls()
        names = list(self._urls(external=False)) if service is None else [arguments.text("service", service)]
        number = None if port is None else arguments.whole("port", port)
        if len(names) != 1 or names[0] not in urls:
            wanted = "name one" if service is None else f"{service!r}: no such Service"
            raise BadInput(f"service: {wanted}; there are: {', '.join(urls) or 'none'}")
        ports = urls[names[0]]
        if number is None:
            return next(iter(ports.values()))
        if number not in ports:
            raise BadInput(f"port: {number}: Service {names[0]} has: {', '.join(map(str, ports))}")
        return ports[number]

    def _urls(self, *, external: bool = True) -> dict[str, dict[int, str]]:
        self._child.poll()
        found = {key: urls for key, urls in self._state.urls.items() if external or key not in self._state.external}
        times = Counter(name for _, name in found)
        return {name if times[name] == 1 else f"{where}/{name}": urls for (where, name), urls in found.items()}

    def pods(self) -> list[Pod]:
        """Return the pods, oldest first, without those that are being deleted."""
        self._child.poll()
        return list(self._state.pods.values())

    def inject(self, pod: str, spec: str) -> str:
        """Inject a fault, such as `error code=503 times=2`, once the pod listens; return its name; raises BadInput.

        `service/NAME` is an ExternalName Service.
        """
        arguments.text("spec", spec, "a fault, such as 'freeze'", empty=False)
        if _pod(pod).startswith("service/"):
            return self._act_on_service(pod, "/admin/faults", {"spec": spec})
        return self._act(pod, "inject", spec=spec)

    def freeze(self, pod: str) -> str:
        """Freeze a pod: `inject(pod, "freeze")`."""
        return self.inject(pod, "freeze")

    def crash(self, pod: str) -> str:
        """Crash a pod: `inject(pod, "crash")`."""
        return self.inject(pod, "crash")

    def recover(self, pod: str) -> str:
        """Take back all faults of a pod, or of `service/NAME`, and return its name."""
        if _pod(pod).startswith("service/"):
            return self._act_on_service(pod, "/admin/recover", {})
        return self._act(pod, "recover")

    def delete(self, pod: str, grace: int | None = None) -> str:
        """Start to delete a pod, as `kubectl delete pod --wait=false`, and return its name; `grace` is in seconds."""
        return self._act(pod, "delete", grace=None if grace is None else arguments.whole("grace", grace, 0))

    def _act_on_service(self, service: str, path: str, body: dict[str, str]) -> str:
        before = self._child.poll()
        self._ask("service", name=service.removeprefix("service/"), path=path, body=body)
        self._acted = before
        return service

    def _act(self, pod: str, operation: str, **fields: object) -> str:
        chosen = self._choose(pod)
        if operation != "delete":
            self._child.wait(
                lambda: self._listens(chosen), ANSWER, lambda: self._missing(f"{chosen.name} answers", ANSWER)
            )
        before = self._child.poll()
        self._ask(operation, name=chosen.name, namespace=chosen.namespace, **fields)
        self._acted = before
        return chosen.name

    def _listens(self, pod: Pod) -> bool:
        """Return whether a patient's admin API answers; True for other containers, which the lab refuses by itself."""
        patients = [one for one in self._ask("pods")["pods"] if "admin_url" in one]
        urls = [one["admin_url"] for one in patients if (one["name"], one["namespace"]) == (pod.name, pod.namespace)]
        try:
            return not urls or bool(Client(urls[0], timeout=ANSWER).request("GET", "/admin/status"))
        except UnreachableError:
            return False

    def _ask(self, operation: str, **fields: object) -> dict[str, Any]:
        try:
            answer = ask_lab(self._socket, {"op": operation, **fields}, timeout=ANSWER)
        except (OSError, ValueError) as error:
            if self._child.exit_code is not None:
                raise self._child.ended() from None
            raise ConnectionError(f"{self._socket}: the lab does not answer: {error}") from None
        if "error" in answer:
            raise BadInput(str(answer["error"]))
        return answer

    def _choose(self, pod: str) -> Pod:
        _pod(pod)
        pods = self.pods()
        if not pods or pod == "all" or " of " in pod:
            raise BadInput(f"pod: {pod!r}: " + ("there is no pod" if not pods else "must be one pod"))
        (found,) = choose([{"name": one.name, "ready": one.ready, "pod": one} for one in pods], pod, "pod", self._rng)
        chosen: Pod = found["pod"]
        return chosen

    def wait_for(
        self, reason: str, *, pod: str = "", message: str = "", since: Event | None = None, timeout: float = 60.0
    ) -> Event:
        """Wait for an event by its reason, the start of its object's name, and a regular expression of its message.

        It must come after `since`, another event; without that, after the last `inject`, `recover` or `delete`, or the
        lab's start: it may have come already. Raises TimeoutError that lists the last events.
        """
        arguments.text("reason", reason, "an event's reason, such as Killing", empty=False)
        pattern = EventPattern(reason, arguments.text("pod", pod), arguments.pattern("message", message))
        seconds = arguments.seconds("timeout", timeout)
        place = self._acted if since is None else self._after(since)

        def found() -> Event | None:
            nonlocal place
            events, place = self._child.after(place)
            return next(
                filter(pattern.matches, (one for one in events if one.kind in {kinds.EVENT, kinds.FAULT})), None
            )

        return self._child.wait(found, seconds, lambda: self._missing(str(pattern), seconds))

    def _after(self, since: Event) -> int:
        """Return the number of events up to this one."""
        if not isinstance(since, Event):
            raise TypeError(arguments.wrong("since", since, "an event of this lab"))
        events, count = self._child.after(0)
        if since not in events:
            raise BadInput(f"since: {event_line(since).strip()}: must be an event of this lab")
        return count - len(events) + events.index(since) + 1

    def wait_ready(self, pod: str = "", timeout: float = 60.0) -> None:
        """Wait until the pods whose names start with `pod` are ready or have succeeded; raises TimeoutError likewise.

        Their Services lead to them then. After a fault a pod stays ready until its probe fails: wait for that event
        first.
        """
        arguments.text("pod", pod)
        seconds = arguments.seconds("timeout", timeout)

        def ready() -> bool:
            found = [one for one in self.pods() if one.name.startswith(pod)]
            there = bool(found or not pod) and all(one.ready or one.phase == "Succeeded" for one in found)
            return there and bool(self._ask("propagated")["propagated"])

        self._child.wait(ready, seconds, lambda: self._missing(f"{pod or 'every pod'} ready", seconds))

    def _missing(self, what: str, timeout: float) -> str:
        pods = (f"{one.name} {'ready' if one.ready else 'not ready'}, restarts {one.restarts}" for one in self.pods())
        events = story(self.timeline, 12)
        return f"not within {timeout:g} s: {what}\npods: {'; '.join(pods) or 'none'}\nthe last events:\n{events}"

    def close(self) -> None:
        """End the lab and its processes; its timeline stays readable."""
        self._child.close(END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def story(events: Iterable[Event], most: int) -> str:
    """Return the last events that are worth a line, at most `most`, and how many came before."""
    return last([event_line(event) for event in events if event.kind in WORTH_A_LINE], most)


def _sockets() -> Path:
    """Return the folder for a lab's socket; raises BadInput if no socket can be made there."""
    folder = labs_folder().absolute()
    trial = folder / os.urandom(6).hex()  # as long as the longest name, `4194304.sock`
    try:
        prepare(folder)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(trial))
        trial.unlink()
    except OSError as error:
        why = error.strerror or error
        advice = "set CRASHY_RUNTIME_DIR to a folder of your own with a short path"
        raise BadInput(f"{folder}: a lab can't make its socket here: {why}: {advice}") from None
    return folder


def _pod(pod: str) -> str:
    return arguments.text("pod", pod, "a pod's name, the beginning of exactly one, or any", empty=False)
