"""What the recorder did in the scenarios, done to an engine: its words, each with its step."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.drain import NotDrainedError, drain
from crashy.objects.document import Document

if TYPE_CHECKING:
    from tests.engines.replay import Replay


async def act(one: Replay, what: str) -> None:
    """Do what the recorder did; raises NotImplementedError for what no step does."""
    for pattern, step in STEPS.items():
        if match := re.fullmatch(pattern, what):
            done = step(one, match)
            if asyncio.iscoroutine(done):
                await done
            return
    raise NotImplementedError(what)


def _scale(one: Replay, match: re.Match[str]) -> None:
    for controller in one.engine._cluster._controllers.values():
        workload = controller.workload
        if f"{workload.kind}/{workload.name}" == match[1]:
            one.engine.scale(workload, int(match[2]))


async def _set(one: Replay, match: re.Match[str]) -> None:
    def change(manifest: dict[str, Any]) -> None:
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        env = [entry for entry in container["env"] if entry["name"] != match[1]]
        container["env"] = [
            {**entry, "value": match[2]} if entry["name"] == match[1] else entry for entry in container["env"]
        ]
        if len(env) == len(container["env"]):
            container["env"].append({"name": match[1], "value": match[2]})

    await one.change("", change)


async def _partition(one: Replay, match: re.Match[str]) -> None:
    await one.change("", lambda o: o["spec"]["updateStrategy"]["rollingUpdate"].update(partition=int(match[1])))


async def _suspend(one: Replay, match: re.Match[str]) -> None:
    wanted = match[1] == "suspend"
    await one.change("", lambda o: o["spec"].update(suspend=wanted))


async def _resume(one: Replay, match: re.Match[str]) -> None:
    for index, document in enumerate(one.documents):
        if document.object["metadata"]["name"] == match[1]:
            changed = copy.deepcopy(document.object)
            changed["spec"]["suspend"] = False
            one.documents[index] = replace(document, object=changed)
    await one.apply(one.documents)


async def _evict(one: Replay, match: re.Match[str]) -> None:
    now = asyncio.get_running_loop().time
    code, cause = 201, ""
    try:
        await one.engine.evict(one.pod_like(match[1]))
    except EvictionRefusedError as error:
        code, cause = error.code, error.cause
    one.story.add_event(now() - one._began, "API/eviction", str(code), cause)


async def _drain(one: Replay, match: re.Match[str]) -> None:
    """Without the flag kubectl cordons the node, and refuses to go on; drain() has it always."""
    if not match[1]:
        one.engine.cordon()
        return
    with contextlib.suppress(NotDrainedError):
        await drain(one.engine, lambda _: None, float(match[1]))


def _relabel(one: Replay, match: re.Match[str]) -> None:
    if match[1] == "its pod (orphan)":
        one.orphan = next(view.pod for view in one.engine.pods() if not view.status.deleting)
        one.engine._cluster.relabel(one.orphan, {"app": "orphan"})
    elif one.orphan:
        one.engine._cluster.relabel(one.orphan, one.orphan.template.labels)


def _configure(kind: str, **data: str) -> Callable[[Replay, re.Match[str]], Any]:
    name = {"ConfigMap": "settings", "Secret": "secret"}[kind]
    made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    made |= {"data": data} if kind == "ConfigMap" else {"stringData": data}
    return lambda one, match: one.apply([*one.documents, Document("made.yaml", 1, 1, made)])


async def _pause(one: Replay, match: re.Match[str]) -> None:
    (controller,) = one.engine._cluster._controllers.values()
    now = {"paused": match[1] == "pause", "replicas": controller.workload.replicas}
    await one.change("Deployment", lambda o: o["spec"].update(now))


async def _undo(one: Replay, match: re.Match[str]) -> None:
    """Kubectl refuses to undo a paused one."""
    if any(document.object["spec"].get("paused") for document in one.documents):
        return
    one.documents = list(one.at_first)
    await one.apply(one.documents)


async def _apply(one: Replay, match: re.Match[str]) -> None:
    await one.apply([d for d in one.documents if d.object["metadata"]["name"].startswith(match[1])])


STEPS: Mapping[str, Callable[[Replay, re.Match[str]], Any]] = {
    r"scale (\w+/\w+) to (\d+)": _scale,
    r"set (\w+)=(\S+)(?: \(.*\))?": _set,
    r"(?:break it|put the template back): (\w+)=(\S+)": _set,
    r"set partition (\d+)": _partition,
    r"delete (?:the broken )?Pod/(\S+).*": lambda one, match: one.engine.delete(one.pod(match[1])),
    r"delete its (?:first )?pod": lambda one, match: one.engine.delete(one.pod("")),
    r"still stuck\?|API error": lambda one, match: None,
    r"(suspend|resume)": _suspend,
    r"resume CronJob/(\w+) .*": _resume,
    r"POST eviction of (\S+)": _evict,
    r"kubectl drain NODE(?: --ignore-daemonsets --timeout=(\d+)s)?": _drain,
    r"kubectl uncordon NODE": lambda one, match: one.engine.uncordon(),
    r"SIGTERM the kubelet process, \d+ s without one": lambda one, match: one.engine.stop("kubelet"),
    r"start the kubelet again": lambda one, match: one.spawn(one.engine.start()),
    r"apply (age\d+-)\*": _apply,
    r"ready now": lambda one, match: None,
    r"relabel (its pod \(orphan\)|it back \(adopt\))": _relabel,
    r"create the ConfigMap without the key": _configure("ConfigMap"),
    r"create the ConfigMap|add the key": _configure("ConfigMap", K="value", READY_AFTER="1"),
    r"create the Secret": _configure("Secret", key="value"),
    r"kubectl rollout (?:status|history) .*": lambda one, match: None,
    r"kubectl rollout undo deployment/web": _undo,
    r"kubectl rollout (pause|resume) deployment/web": _pause,
}
