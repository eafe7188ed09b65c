"""A lab of one's own: manifests that run on this machine, pods that fall ill, events that can be waited for."""

from __future__ import annotations

import os
import random
import socket
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crashy.client import Client, UnreachableError, ask_lab, choose, labs_folder
from crashy.engines.lab.control import prepare
from crashy.errors import BadInput
from crashy.experiment.model import EventPattern
from crashy.library import arguments
from crashy.library.child import Child
from crashy.library.manifests import Manifest, read_manifests, without_node_ports
from crashy.library.story import story
from crashy.objects.manifests import Manifests
from crashy.report.terminal import event_line
from crashy.timeline import Event, kinds

START = 30.0
"""Seconds that a lab has to start the processes of its pods."""
END = 10.0
"""Seconds that a lab has to end."""
ANSWER = 10.0
"""Seconds that a lab has to do what it is told."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as its last status has it."""

    name: str
    namespace: str
    ip: str
    phase: str
    ready: bool
    restarts: int


class _State:
    """Reads the events of a lab, and keeps what they make of its pods and its Services' URLs."""

    def __init__(self) -> None:
        self.pods: dict[tuple[str, str], Pod] = {}
        self.urls: dict[tuple[str, str], dict[int, str]] = {}

    def __call__(self, text: str) -> Event:
        event = Event.from_json(text)
        name = event.object.partition("/")[2]
        if (service := kinds.SERVICE.of(event)) and event.reason == "Listening":
            self.urls.setdefault((service["namespace"], name), {})[service["port"]] = service["url"]
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
    """Runs manifests as `crashy lab` does; `with` it, or until `close`, it runs, and never longer than you do.

    It waits until every pod is ready, at most `ready_within` seconds; with None it only waits until the pods are there.
    As on any cluster, a pod without a readiness probe is ready before it listens.
    A Service's `nodePort` is left out, so that labs can run side by side: `url` says where it is. `seed` makes the
    lab's random choices repeatable. Raises BadInput, a ValueError, with a line for each mistake in the manifests.

    Where a method takes a pod, it is a name, the beginning of exactly one, or `any`: one by chance, of the ready ones
    if there are any.
    """

    def __init__(self, *manifests: Manifest, ready_within: float | None = 60.0, seed: int | None = None) -> None:
        within = None if ready_within is None else arguments.seconds("ready_within", ready_within)
        seeded = [] if seed is None else [f"--seed={arguments.whole('seed', seed)}"]
        found = read_manifests(manifests)
        folder = _sockets()
        self._rng = random.Random(seed)
        self._acted = 0
        self._state = _State()
        objects = without_node_ports(found.documents)
        self._child = Child("lab", "--json", *seeded, "-", read=self._state, stdin=objects)
        self._socket = folder / f"{self._child.pid}.sock"
        try:
            self._child.wait(lambda: self._is_there(found), START, self._not_begun)
            if within is not None:
                self.wait_ready(timeout=within)
        except BaseException:
            self.close()
            raise

    def _is_there(self, manifests: Manifests) -> bool:
        pods = sum(workload.replicas for workload in manifests.workloads)
        services = [service for service in manifests.services if service.type != "ExternalName" and service.ports]
        return self._socket.exists() and len(self._urls()) >= len(services) and len(self.pods()) >= pods

    def _not_begun(self) -> str:
        return "\n".join([f"the lab has not begun after {START:g} s", *self._child.words()])

    @property
    def timeline(self) -> list[Event]:
        """Return all that has happened, oldest first; of more than 100,000 events the last.

        An event has `t` (seconds since the lab began), `kind` (`event` is a Kubernetes event), `object` (`pod/web-1`),
        `reason`, `message` and `data`.
        """
        return self._child.told()

    @property
    def dropped(self) -> int:
        """Return how many events were too many for `timeline` to keep."""
        kept, count = self._child.after(0)
        return count - len(kept)

    def url(self, service: str | None = None, port: int | None = None) -> str:
        """Return where a Service answers: the only one, on its first port, where nothing else is named.

        One whose name several namespaces have is `NAMESPACE/NAME`.
        Raises BadInput that lists what there is.
        """
        urls = self._urls()
        names = list(urls) if service is None else [arguments.text("service", service)]
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

    def _urls(self) -> dict[str, dict[int, str]]:
        self._child.look()
        found = dict(self._state.urls)
        times = Counter(name for _, name in found)
        return {name if times[name] == 1 else f"{where}/{name}": urls for (where, name), urls in found.items()}

    def pods(self) -> list[Pod]:
        """Return the pods that are there, in the order of their creation, but those that are being deleted."""
        self._child.look()
        return list(self._state.pods.values())

    def inject(self, pod: str, spec: str) -> str:
        """Inject a fault, written as `error code=503 times=2`, and return the pod's name; raises BadInput.

        A pod that has just been started is waited for.
        """
        return self._act(pod, "inject", spec=arguments.text("spec", spec, "a fault, such as 'freeze'", empty=False))

    def freeze(self, pod: str) -> str:
        """Freeze a pod: `inject(pod, "freeze")`."""
        return self.inject(pod, "freeze")

    def crash(self, pod: str) -> str:
        """Crash a pod: `inject(pod, "crash")`."""
        return self.inject(pod, "crash")

    def recover(self, pod: str) -> str:
        """Take back all faults of a pod, and return its name."""
        return self._act(pod, "recover")

    def delete(self, pod: str, grace: int | None = None) -> str:
        """Begin to delete a pod, as `kubectl delete pod --wait=false`, and return its name; `grace` is in seconds."""
        return self._act(pod, "delete", grace=None if grace is None else arguments.whole("grace", grace, 0))

    def _act(self, pod: str, operation: str, **fields: object) -> str:
        chosen = self._choose(pod)
        if operation != "delete":
            self._child.wait(
                lambda: self._listens(chosen), ANSWER, lambda: self._missing(f"{chosen.name} answers", ANSWER)
            )
        before = self._child.look()
        self._ask(operation, name=chosen.name, namespace=chosen.namespace, **fields)
        self._acted = before
        return chosen.name

    def _listens(self, pod: Pod) -> bool:
        """Return whether a patient's admin API answers; of what is no patient the lab says so itself."""
        patients = self._ask("pods")["pods"]
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
        arguments.text("pod", pod, "a pod's name, the beginning of exactly one, or any", empty=False)
        pods = self.pods()
        if not pods or pod == "all" or " of " in pod:
            raise BadInput(f"pod: {pod!r}: " + ("there is no pod" if not pods else "one at a time"))
        (found,) = choose([{"name": one.name, "ready": one.ready, "pod": one} for one in pods], pod, "pod", self._rng)
        chosen: Pod = found["pod"]
        return chosen

    def wait_for(
        self, reason: str, *, pod: str = "", message: str = "", since: Event | None = None, timeout: float = 60.0
    ) -> Event:
        """Wait for an event by its reason, how its object's name begins, and a regular expression of its message.

        An event counts that came after `since`, another event; without it, after the lab was last told to do something,
        or since it began: it may have come already. Raises TimeoutError that lists the last events.
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
        """Return how many events there were with this one."""
        if not isinstance(since, Event):
            raise TypeError(arguments.wrong("since", since, "an event of this lab"))
        events, count = self._child.after(0)
        if since not in events:
            raise BadInput(f"since: {event_line(since).strip()}: must be an event of this lab")
        return count - len(events) + events.index(since) + 1

    def wait_ready(self, pod: str = "", timeout: float = 60.0) -> None:
        """Wait until the pods whose names begin so, all if none is named, are ready; raises TimeoutError likewise.

        One that has succeeded is not waited for.

        A pod that has just fallen ill is ready until its probe has noticed: wait for the event of that first.
        """
        arguments.text("pod", pod)
        seconds = arguments.seconds("timeout", timeout)

        def ready() -> bool:
            found = [one for one in self.pods() if one.name.startswith(pod)]
            return bool(found or not pod) and all(one.ready or one.phase == "Succeeded" for one in found)

        self._child.wait(ready, seconds, lambda: self._missing(f"{pod or 'every pod'} ready", seconds))

    def _missing(self, what: str, timeout: float) -> str:
        pods = (f"{one.name} {'ready' if one.ready else 'not ready'}, restarts {one.restarts}" for one in self.pods())
        last = story(self.timeline, 12)
        return f"not within {timeout:g} s: {what}\npods: {'; '.join(pods) or 'none'}\nthe last events:\n{last}"

    def close(self) -> None:
        """End it and all that it has started; its timeline can still be read."""
        self._child.close(END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _sockets() -> Path:
    """Return the folder where a lab has its socket; raises BadInput where none can be."""
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
        raise BadInput(f"{folder}: a lab can't have its socket here: {why}: {advice}") from None
    return folder
