"""A pod and its probes as specified in a manifest, with the API server's defaults filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from crashy.objects import schema
from crashy.objects.defaults import complete_pod, complete_probe
from crashy.objects.fields import FieldError, SpecError, related
from crashy.objects.restart_rules import RestartRule, read_rules
from crashy.objects.validation import validate_pod, validate_probe


class ProbeType(StrEnum):
    """The type of a probe; the value is the first word of its field and, capitalised, of its events."""

    LIVENESS = "liveness"
    READINESS = "readiness"
    STARTUP = "startup"

    @property
    def field(self) -> str:
        """Name the container's field, `livenessProbe`."""
        return f"{self.value}Probe"


@dataclass(frozen=True, slots=True)
class HTTPGet:
    """A GET that succeeds with a status from 200 to 399; an empty `host` means the pod's address."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TCPSocket:
    """A connection that succeeds when it is made; an empty `host` means the pod's address."""

    port: int | str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Exec:
    """A command in the container, without a shell, that succeeds with exit code 0."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GRPC:
    """A call of grpc.health.v1.Health/Check that succeeds with SERVING."""

    port: int
    service: str = ""


@dataclass(frozen=True, slots=True)
class Sleep:
    """A hook that only waits, for whole seconds."""

    seconds: int


Handler = HTTPGet | TCPSocket | Exec | GRPC
Hook = HTTPGet | TCPSocket | Exec | Sleep


@dataclass(frozen=True, slots=True)
class Probe:
    """How and how often a container is probed; every time is in whole seconds."""

    handler: Handler
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None

    @classmethod
    def from_manifest(
        cls, manifest: Mapping[str, Any], *, path: str = "", probe_type: ProbeType | None = None
    ) -> Probe:
        """Read a manifest's probe and fill in the defaults; raises SpecError with every error.

        `path` is the probe's path in its manifest; without `probe_type` the rules of no single type apply.

        >>> Probe.from_manifest({"tcpSocket": {"port": 80}}).period_seconds
        10
        >>> Probe.from_manifest({"exec": {}, "timeoutSeconds": -1}, path="livenessProbe")
        Traceback (most recent call last):
        crashy.objects.fields.SpecError: livenessProbe.exec.command: Required value
        livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0
        """
        wrong: list[FieldError] = []
        raw = schema.decode(manifest, schema.PROBE, path, wrong)
        complete_probe(raw)
        _refuse(wrong, validate_probe(raw, path, probe_type.field if probe_type else ""))
        return _probe(raw)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The hooks right after a container's start and right before its SIGTERM."""

    post_start: Hook | None = None
    pre_stop: Hook | None = None


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container declares; `host_port` 0 means none."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A variable with a literal `value` (which may hold `$(NAME)`), or with a `valueFrom` as the manifest has it."""

    name: str
    value: str = ""
    value_from: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Container:
    """A container as its pod's specification describes it; without a `restart_policy` it has its pod's.

    An init container whose own one is `Always` is a sidecar.
    """

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    ports: tuple[ContainerPort, ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict, hash=False)
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle = Lifecycle()
    restart_policy: str = ""
    restart_policy_rules: tuple[RestartRule, ...] = ()
    image_pull_policy: str = "IfNotPresent"
    volume_mounts: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"

    def probe(self, probe_type: ProbeType) -> Probe | None:
        """Return the container's probe of that type, if it has one."""
        if probe_type is ProbeType.LIVENESS:
            return self.liveness_probe
        return self.readiness_probe if probe_type is ProbeType.READINESS else self.startup_probe

    def handlers(self) -> Iterator[Handler | Hook]:
        """Yield the handlers of the container's probes and hooks."""
        yield from (probe.handler for kind in ProbeType if (probe := self.probe(kind)))
        yield from (hook for hook in (self.lifecycle.post_start, self.lifecycle.pre_stop) if hook)


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod's labels and specification; `raw` is the whole mapping (`metadata`, `spec`) as the manifest has it."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    dns_policy: str = "ClusterFirst"
    volumes: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    readiness_gates: tuple[str, ...] = ()
    share_process_namespace: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def host_network(self) -> bool:
        """Return whether its pods have the node's addresses, and `localhost` is theirs too."""
        return bool((self.raw.get("spec") or {}).get("hostNetwork"))


def parse_pod_template(manifest: Mapping[str, Any], path: str = "spec.template", *, ends: bool = False) -> PodTemplate:
    """Read a controller's pod template (a Job's `ends`), or with `path=""` a Pod; raises SpecError with every error.

    Unknown fields and values of a wrong type are errors too, as for a server that decodes strictly.

    >>> app = {"name": "app", "image": "app:1", "readinessProbe": {"tcpSocket": {"port": "web"}}}
    >>> parse_pod_template({"spec": {"containers": [app]}}).containers[0].readiness_probe.handler
    TCPSocket(port='web', host='')
    """
    wrong: list[FieldError] = []
    raw = schema.decode(manifest, schema.TEMPLATE if path else schema.POD, path, wrong)
    spec = raw.setdefault("spec", {})
    complete_pod(spec)
    _refuse(wrong, validate_pod(raw, path, ends=ends))
    metadata = raw.get("metadata", {})
    return PodTemplate(
        containers=tuple(_container(c) for c in spec["containers"]),
        init_containers=tuple(_container(c) for c in spec.get("initContainers", ())),
        labels=metadata.get("labels", {}),
        annotations=metadata.get("annotations", {}),
        restart_policy=spec["restartPolicy"],
        termination_grace_period_seconds=spec["terminationGracePeriodSeconds"],
        dns_policy=spec["dnsPolicy"],
        volumes=tuple(spec.get("volumes", ())),
        readiness_gates=tuple(gate["conditionType"] for gate in spec.get("readinessGates", ())),
        share_process_namespace=spec.get("shareProcessNamespace", False),
        raw=manifest,
    )


def _refuse(decoding: list[FieldError], rules: Iterable[FieldError]) -> None:
    """Raise the errors, if any, without the rules' errors about values that decoding left out."""
    lost = [error.path for error in decoding if error.kind != "unknown field"]
    broken = [rule for rule in rules if not any(related(rule.path, path) for path in lost)]
    if errors := [*decoding, *broken]:
        raise SpecError(errors)


def _container(raw: Mapping[str, Any]) -> Container:
    hooks = raw.get("lifecycle", {})
    return Container(
        name=raw["name"],
        image=raw["image"],
        command=tuple(raw.get("command", ())),
        args=tuple(raw.get("args", ())),
        working_dir=raw.get("workingDir", ""),
        env=tuple(EnvVar(e["name"], e.get("value", ""), e.get("valueFrom")) for e in raw.get("env", ())),
        env_from=tuple(raw.get("envFrom", ())),
        ports=tuple(_port(p) for p in raw.get("ports", ())),
        resources=raw.get("resources", {}),
        liveness_probe=_probe(raw["livenessProbe"]) if "livenessProbe" in raw else None,
        readiness_probe=_probe(raw["readinessProbe"]) if "readinessProbe" in raw else None,
        startup_probe=_probe(raw["startupProbe"]) if "startupProbe" in raw else None,
        lifecycle=Lifecycle(_hook(hooks.get("postStart")), _hook(hooks.get("preStop"))),
        restart_policy=raw.get("restartPolicy", ""),
        restart_policy_rules=read_rules(raw.get("restartPolicyRules", ())),
        image_pull_policy=raw["imagePullPolicy"],
        volume_mounts=tuple(raw.get("volumeMounts", ())),
        termination_message_path=raw["terminationMessagePath"],
        termination_message_policy=raw["terminationMessagePolicy"],
    )


def _port(raw: Mapping[str, Any]) -> ContainerPort:
    return ContainerPort(raw["containerPort"], raw.get("name", ""), raw["protocol"], raw.get("hostPort", 0))


def _probe(raw: Mapping[str, Any]) -> Probe:
    return Probe(
        handler=_handler(raw),
        initial_delay_seconds=raw["initialDelaySeconds"],
        timeout_seconds=raw["timeoutSeconds"],
        period_seconds=raw["periodSeconds"],
        success_threshold=raw["successThreshold"],
        failure_threshold=raw["failureThreshold"],
        termination_grace_period_seconds=raw.get("terminationGracePeriodSeconds"),
    )


def _handler(raw: Mapping[str, Any]) -> Handler:
    if "grpc" in raw:
        return GRPC(raw["grpc"]["port"], raw["grpc"].get("service", ""))
    return _action(raw)


def _action(raw: Mapping[str, Any]) -> HTTPGet | TCPSocket | Exec:
    if "exec" in raw:
        return Exec(tuple(raw["exec"]["command"]))
    if "httpGet" in raw:
        get = raw["httpGet"]
        headers = tuple((h["name"], h.get("value", "")) for h in get.get("httpHeaders", ()))
        return HTTPGet(get["port"], get["path"], get.get("host", ""), get["scheme"], headers)
    return TCPSocket(raw["tcpSocket"]["port"], raw["tcpSocket"].get("host", ""))


def _hook(raw: Mapping[str, Any] | None) -> Hook | None:
    if raw is None:
        return None
    return Sleep(raw["sleep"].get("seconds", 0)) if "sleep" in raw else _action(raw)
