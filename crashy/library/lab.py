"""A lab of one's own: manifests that run on this machine, pods that fall ill, events that can be waited for."""

from __future__ import annotations

import json
import os
import random
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from crashy.bundled import locate
from crashy.client import Client, UnreachableError, ask_lab, choose, labs_folder
from crashy.errors import BadInput
from crashy.experiment.model import EventPattern
from crashy.library.child import Child
from crashy.library.story import story
from crashy.manifest.load import gather
from crashy.manifest.parse import parse
from crashy.objects.document import Document
from crashy.objects.kinds import read
from crashy.objects.manifests import Manifests
from crashy.timeline import Event

Manifest = str | os.PathLike[str] | Mapping[str, Any]
"""A file or a folder, YAML written out (a text of more than one line), or an object."""

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
        found = _read(manifests)
        self._rng = random.Random(seed)
        self._acted = 0
        seeded = [] if seed is None else [f"--seed={seed}"]
        objects = _without_node_ports(found.documents)
        self._child = Child("lab", "--json", *seeded, "-", read=Event.from_json, stdin=objects)
        self._socket = labs_folder() / f"{self._child.pid}.sock"
        try:
            self._child.wait(lambda: self._is_there(found), START, self._not_begun)
            if ready_within is not None:
                self.wait_ready(timeout=ready_within)
        except BaseException:
            self.close()
            raise

    def _is_there(self, manifests: Manifests) -> bool:
        pods = sum(deployment.replicas for deployment in manifests.deployments) + len(manifests.pods)
        services = [service for service in manifests.services if service.type != "ExternalName" and service.ports]
        return self._socket.exists() and len(self._urls()) >= len(services) and len(self.pods()) >= pods

    def _not_begun(self) -> str:
        return "\n".join([f"the lab has not begun after {START:g} s", *self._child.words()])

    @property
    def timeline(self) -> list[Event]:
        """Return all that has happened, oldest first.

        An event has `t` (seconds since the lab began), `kind` (`event` is a Kubernetes event), `object` (`pod/web-1`),
        `reason`, `message` and `data`.
        """
        return self._child.told()

    def url(self, service: str | None = None, port: int | None = None) -> str:
        """Return where a Service answers: the only one, on its first port, where nothing else is named.

        One whose name several namespaces have is `NAMESPACE/NAME`.
        Raises BadInput that lists what there is.
        """
        urls = self._urls()
        names = list(urls) if service is None else [service]
        if len(names) != 1 or names[0] not in urls:
            wanted = "url: name a Service" if service is None else f"url: {service!r}: no such Service"
            raise BadInput(f"{wanted}; there are: {', '.join(urls) or 'none'}")
        ports = urls[names[0]]
        if port is not None and port not in ports:
            raise BadInput(f"url: {port}: Service {names[0]} has: {', '.join(map(str, ports))}")
        return ports[port or next(iter(ports))]

    def _urls(self) -> dict[str, dict[int, str]]:
        found: dict[tuple[str, str], dict[int, str]] = {}
        for event in self.timeline:
            if event.kind == "service" and event.reason == "Listening":
                key = (event.data["namespace"], event.object.partition("/")[2])
                found.setdefault(key, {})[event.data["port"]] = event.data["url"]
        times = Counter(name for _, name in found)
        return {name if times[name] == 1 else f"{where}/{name}": urls for (where, name), urls in found.items()}

    def pods(self) -> list[Pod]:
        """Return the pods that are there, in the order of their creation, but those that are being deleted."""
        pods: dict[tuple[str, str], Pod] = {}
        for event in self.timeline:
            if event.kind != "pod":
                continue
            told, name = event.data, event.object.partition("/")[2]
            key = (told["namespace"], name)
            if event.reason == "Deleted" or told["deleting"]:
                pods.pop(key, None)
            else:
                facts = (told["namespace"], told["ip"], told["phase"], told["ready"], told["restarts"])
                pods[key] = Pod(name, *facts)
        return list(pods.values())

    def inject(self, pod: str, spec: str) -> str:
        """Inject a fault, written as `error code=503 times=2`, and return the pod's name; raises BadInput.

        A pod that has just been started is waited for.
        """
        return self._act(pod, "inject", spec=spec)

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
        return self._act(pod, "delete", grace=grace)

    def _act(self, pod: str, operation: str, **fields: object) -> str:
        chosen = self._choose(pod)
        if operation != "delete":
            self._child.wait(
                lambda: self._listens(chosen), ANSWER, lambda: self._missing(f"{chosen.name} answers", ANSWER)
            )
        before = len(self.timeline)
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
        pattern = EventPattern(reason, pod, message)
        begin = self._acted if since is None else self.timeline.index(since) + 1

        def found() -> Event | None:
            events = (event for event in self.timeline[begin:] if event.kind in {"event", "fault"})
            return next(filter(pattern.matches, events), None)

        return self._child.wait(found, timeout, lambda: self._missing(str(pattern), timeout))

    def wait_ready(self, pod: str = "", timeout: float = 60.0) -> None:
        """Wait until the pods whose names begin so, all if none is named, are ready; raises TimeoutError likewise.

        One that has succeeded is not waited for.

        A pod that has just fallen ill is ready until its probe has noticed: wait for the event of that first.
        """

        def ready() -> bool:
            found = [one for one in self.pods() if one.name.startswith(pod)]
            return bool(found or not pod) and all(one.ready or one.phase == "Succeeded" for one in found)

        self._child.wait(ready, timeout, lambda: self._missing(f"{pod or 'every pod'} ready", timeout))

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


def _read(manifests: Sequence[Manifest]) -> Manifests:
    """Read manifests; raises BadInput with a line for each mistake."""
    documents: list[Document] = []
    errors: list[str] = []
    for number, one in enumerate(manifests, 1):
        if isinstance(one, Mapping):
            found, wrong = parse(json.dumps(one).encode(), f"manifest {number}")
        elif isinstance(one, str) and "\n" in one:
            found, wrong = parse(textwrap.dedent(one).encode(), f"manifest {number}")
        else:
            found, wrong = gather(locate([os.fspath(one)]))
        documents += found
        errors += wrong
    if not manifests:
        errors.append("no manifest: give a file, a folder, YAML or an object")
    return read(documents, errors)


def _without_node_ports(documents: Sequence[Document]) -> bytes:
    """Return objects as YAML, their Services on ports that are free: labs that run side by side can't share one."""
    texts = []
    for document in documents:
        made = json.loads(json.dumps(document.object))
        if made["kind"] == "Service":
            for port in made["spec"].get("ports", ()):
                port.pop("nodePort", None)
        texts.append(json.dumps(made))
    return "\n---\n".join(texts).encode()
