"""Objects of the API as the timeline and the runner know them: pure functions of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container, ContainerPort, EnvVar, PodTemplate
from crashy.objects.status import ContainerStatus, PodStatus, Terminated

Object = Mapping[str, Any]
At = Callable[[str], float]
"""Turns the cluster's timestamps into seconds of the loop."""


def pod_of(obj: Object, at: At, images: Mapping[str, str] | None = None) -> Pod:
    """Read what a Pod is; `images` gives the names by which the experiment knows images that are called otherwise."""
    meta, spec = obj["metadata"], obj["spec"]

    def container(raw: Object) -> Container:
        return Container(
            name=raw["name"],
            image=(images or {}).get(raw.get("image", ""), raw.get("image", "")),
            command=tuple(raw.get("command") or ()),
            args=tuple(raw.get("args") or ()),
            env=tuple(EnvVar(e["name"], e.get("value", ""), e.get("valueFrom")) for e in raw.get("env") or ()),
            ports=tuple(ContainerPort(p["containerPort"], p.get("name", "")) for p in raw.get("ports") or ()),
        )

    template = PodTemplate(
        containers=tuple(map(container, spec.get("containers") or ())),
        init_containers=tuple(map(container, spec.get("initContainers") or ())),
        labels=dict(meta.get("labels") or {}),
        annotations=dict(meta.get("annotations") or {}),
        restart_policy=spec.get("restartPolicy", "Always"),
        termination_grace_period_seconds=spec.get("terminationGracePeriodSeconds", 30),
        share_process_namespace=bool(spec.get("shareProcessNamespace")),
        raw={"metadata": meta, "spec": spec},
    )
    ip = (obj.get("status") or {}).get("podIP", "")
    return Pod(meta["name"], meta["namespace"], meta["uid"], ip, template, at(meta["creationTimestamp"]))


def status_of(obj: Object, at: At) -> PodStatus:
    """Read a Pod's status as the lab's kubelet publishes one."""
    status = obj.get("status") or {}
    ready: Object = next((c for c in status.get("conditions") or () if c["type"] == "Ready"), {})
    since = ready.get("lastTransitionTime") or obj["metadata"]["creationTimestamp"]
    started = status.get("startTime") or obj["metadata"]["creationTimestamp"]
    return PodStatus(
        phase=status.get("phase", "Pending"),
        containers=_containers(status.get("containerStatuses"), at),
        init_containers=_containers(status.get("initContainerStatuses"), at),
        ready=ready.get("status") == "True",
        ready_since=at(since),
        deleting="deletionTimestamp" in obj["metadata"],
        ip=status.get("podIP", ""),
        start_time=at(started),
    )


def _containers(statuses: Iterable[Object] | None, at: At) -> tuple[ContainerStatus, ...]:
    return tuple(_container(status, at) for status in statuses or ())


def _container(status: Object, at: At) -> ContainerStatus:
    state = status.get("state") or {}
    for name in ("running", "terminated"):
        if found := state.get(name):
            break
    else:
        name, found = "waiting", state.get("waiting") or {}
    last = (status.get("lastState") or {}).get("terminated")
    return ContainerStatus(
        name=status["name"],
        id=status.get("containerID", ""),
        state=name,  # type: ignore[arg-type]  # one of the three
        reason=found.get("reason", ""),
        message=found.get("message", ""),
        exit_code=found.get("exitCode"),
        ready=bool(status.get("ready")),
        started=bool(status.get("started")),
        restart_count=int(status.get("restartCount", 0)),
        started_at=_time(found, "startedAt", at),
        finished_at=_time(found, "finishedAt", at),
        last_state=last and _terminated(last, at),
    )


def _time(found: Object, key: str, at: At) -> float | None:
    return at(found[key]) if found.get(key) else None


def _terminated(last: Object, at: At) -> Terminated:
    return Terminated(
        exit_code=last["exitCode"],
        reason=last.get("reason", ""),
        started_at=_time(last, "startedAt", at) or 0.0,
        finished_at=_time(last, "finishedAt", at) or 0.0,
        message=last.get("message", ""),
        container_id=last.get("containerID", ""),
    )


def endpoints_of(slices: Iterable[Object], profile: Profile = NEWEST) -> dict[str, list[str]]:
    """Return the pods of a Service by its EndpointSlices (v1 or v1beta1): `ready`, `not_ready`, and who is `serving`.

    A proxy sends connections to the ready ones; without any, from 1.26 on, to those that still serve as they end.
    Clusters before 1.22 don't say who serves.
    """
    found: dict[str, Object] = {}
    for one in slices:
        for endpoint in one.get("endpoints") or ():
            name = (endpoint.get("targetRef") or {}).get("name") or ",".join(endpoint["addresses"])
            found[name] = endpoint.get("conditions") or {}
    ready = [name for name, conditions in found.items() if conditions.get("ready") is not False]  # unknown means ready
    ending = [name for name, conditions in found.items() if conditions.get("serving") and conditions.get("terminating")]
    serving = ready or (ending if profile.proxies_terminating_endpoints else [])
    return {"ready": ready, "not_ready": [n for n in found if n not in ready], "serving": serving}
