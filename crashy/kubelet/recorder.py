"""What the kubelet reports about one pod: events in the version's words, its status, probes and processes."""

from __future__ import annotations

from collections.abc import Callable

from crashy.kubelet.events import Event, EventCorrelator, probe_event
from crashy.kubelet.outcome import Outcome
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, ProbeType
from crashy.objects.status import ContainerStatus, PodStatus, Terminated
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

SOURCE = "kubelet"
"""The `source` of these events on the timeline."""


class Recorder:
    """Reports to `emit` what happens to a pod, `now` being the loop's time.

    An event's data has its `count` so far and the seconds it goes `over`, as `kubectl get events` shows them; one that
    the kubelet's spam filter drops is not reported.
    """

    def __init__(self, pod: Pod, emit: Emit, profile: Profile, now: Callable[[], float]) -> None:
        self._pod = pod
        self._emit = emit
        self._profile = profile
        self._texts = profile.texts
        self._correlator = EventCorrelator(profile)
        self._now = now

    def pulled(self, container: Container) -> None:
        """Report that its image is present."""
        self._event(container, "Normal", "Pulled", self._texts.pulled.format(image=container.image))

    def created(self, container: Container) -> None:
        """Report that it is about to be started."""
        self._event(container, "Normal", "Created", self._texts.created.format(container=container.name))

    def started(self, container: Container) -> None:
        """Report that it runs."""
        self._event(container, "Normal", "Started", self._texts.started.format(container=container.name))

    def sandbox_changed(self) -> None:
        """Report that the pod's sandbox is gone, and another one is made."""
        self._event(None, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")

    def resize(self, reason: str, text: str) -> None:
        """Report how far a change of the pod's resources in place is."""
        self._event(None, "Normal", reason, text)

    def failed(self, container: Container, error: str) -> None:
        """Report that the runtime could not start it."""
        self._event(container, "Warning", "Failed", f"Error: {error}")

    def mount_failed(self, message: str) -> None:
        """Report that a volume could not be mounted."""
        self._event(None, "Warning", "FailedMount", message)

    def sandbox_failed(self, message: str) -> None:
        """Report that its sandbox could not be created."""
        self._event(None, "Warning", "FailedCreatePodSandBox", message)

    def hook_failed(self, container: Container, hook: str, message: str) -> None:
        """Report that its `PreStop` or `PostStart` hook failed; `message` says why."""
        text = self._texts.hook_failed.format(hook=hook, message=message)
        self._event(container, "Warning", f"Failed{hook}Hook", text)

    def hook_fell_back(self, container: Container, place: str) -> None:
        """Note that an https hook was answered in plain HTTP and asked again.

        The kubelet counts it and writes an event, which its own recorder drops, as it is about a pod and no container
        (kubelet: pkg/kubelet/container/helpers.go shouldRecordEvent): a cluster has none.
        """
        text = f"request to HTTPS lifecycle hook {place} got HTTP response, retry with HTTP succeeded"
        data: kinds.Note = {"container": container.name}
        kinds.NOTE.add(self._emit, SOURCE, self._pod.object, "LifecycleHTTPFallback", text, data)

    def killing(self, container: Container, message: str) -> None:
        """Report that it is about to be killed, for the reason that the message gives."""
        self._event(container, "Normal", "Killing", message)

    def back_off(self, container: Container) -> None:
        """Report that it waits to be started again."""
        pod = self._pod
        text = self._texts.back_off.format(container=container.name, pod=pod.name, namespace=pod.namespace, uid=pod.uid)
        self._event(container, "Warning", "BackOff", text)

    def judged(self, container: Container, probe_type: ProbeType, outcome: Outcome) -> None:
        """Report a probe's outcome, retries included: a success needs no event."""
        if message := probe_event(probe_type, outcome, self._profile):
            self._event(container, *message)

    def probed(self, container: Container, probe_type: ProbeType, outcome: Outcome, seconds: float) -> None:
        """Report one call of a handler."""
        kinds.PROBE.add(
            self._emit,
            SOURCE,
            self._pod.object,
            probe_type,
            outcome.error or outcome.output,
            data={
                "container": container.name,
                "outcome": "error" if outcome.errored else outcome.result,
                "seconds": round(seconds, 6),
            },
        )

    def process(self, reason: str, data: kinds.Process) -> None:
        """Report that a container's process has `Started` or `Exited`."""
        kinds.PROCESS.add(self._emit, SOURCE, self._pod.object, reason, data=data)

    def status(self, status: PodStatus, source: str = SOURCE) -> None:
        """Report a status."""
        kinds.POD.add(self._emit, source, self._pod.object, status.phase, data=pod_data(self._pod, status))

    def _event(self, container: Container | None, kind: str, reason: str, message: str) -> None:
        pod, now = self._pod, self._now()
        field_path = f"spec.{self._field(container)}{{{container.name}}}" if container else ""
        event = self._correlator.correlate(Event(pod.object, kind, reason, message, SOURCE, field_path), now)
        if event is None:
            return
        data: kinds.KubernetesEvent = {
            "type": event.type,
            "namespace": pod.namespace,
            "count": event.count,
            "over": round(event.last - event.first, 6),
        }
        if container:
            data["container"] = container.name
        kinds.EVENT.add(self._emit, SOURCE, pod.object, event.reason, event.message, data)

    def _field(self, container: Container) -> str:
        return "initContainers" if container in self._pod.template.init_containers else "containers"


def pod_data(pod: Pod, status: PodStatus) -> kinds.PodStatus:
    """Return the data of a `pod` event for a status; `restarts` is the sum over the regular containers."""
    return {
        "namespace": pod.namespace,
        "ip": status.ip,
        "phase": status.phase,
        "ready": status.ready,
        "deleting": status.deleting,
        "restarts": sum(c.restart_count for c in status.containers),
        "containers": [_container_data(c) for c in (*status.init_containers, *status.containers)],
    }


def deleted_data(pod: Pod, status: PodStatus) -> kinds.PodStatus:
    """Return the data of the last `pod` event, of a pod that was removed."""
    return {**pod_data(pod, status), "ready": False}


def _last_data(last: Terminated) -> kinds.LastState:
    data: kinds.LastState = {"exit_code": last.exit_code, "reason": last.reason}
    return {**data, "message": last.message} if last.message else data


def _container_data(status: ContainerStatus) -> kinds.ContainerState:
    last = status.last_state
    return {
        "name": status.name,
        "state": status.state,
        "reason": status.reason,
        "message": status.message,
        "exit_code": status.exit_code,
        "ready": status.ready,
        "started": status.started,
        "restarts": status.restart_count,
        "last": _last_data(last) if last else None,
    }
