"""What `kubectl describe pod` prints, of what the lab has. Source: kubectl: pkg/describe/describe.go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from crashy.controllers.base import NODE, PodView
from crashy.kubectl.tables import Snapshot, latest_events, one_line, seen
from crashy.objects.pod import GRPC, Container, ContainerPort, Exec, HTTPGet, Probe, ProbeType
from crashy.objects.status import ContainerStatus, Terminated

Date = Callable[[float], str]


def describe_pod(view: PodView, lab: Snapshot) -> str:
    """Return the description of a pod, of its containers and their last states, and its events."""
    pod, status = view.pod, view.status

    def date(t: float) -> str:
        return datetime.fromtimestamp(lab.date + t - lab.now, UTC).strftime("%a, %d %b %Y %H:%M:%S %z")

    template = pod.template
    lines = [
        f"Name:\t{pod.name}",
        f"Namespace:\t{pod.namespace}",
        f"Node:\t{NODE}",
        f"Start Time:\t{date(status.start_time)}",
        *_pairs("Labels", template.labels.items(), "="),
        *_pairs("Annotations", template.annotations.items(), ": "),
        f"Status:\t{'Terminating' if status.deleting else status.phase}",
        f"IP:\t{status.ip}",
    ]
    for title, containers in (("Init Containers", template.init_containers), ("Containers", template.containers)):
        if containers:
            lines.append(f"{title}:")
        for container in containers:
            lines += _container(container, status.container(container.name), date)
    lines += ["Conditions:", "  Type\tStatus", f"  Ready \t{status.ready} "]
    return aligned([*lines, *_events(view, lab)])


def _pairs(title: str, pairs: Iterable[tuple[str, str]], sign: str) -> Iterator[str]:
    found = [f"{key}{sign}{one_line(value)}" for key, value in sorted(pairs)] or ["<none>"]
    yield f"{title}:\t{found[0]}"
    yield from (f"\t{pair}" for pair in found[1:])


def _container(container: Container, status: ContainerStatus | None, date: Date) -> Iterator[str]:
    yield f"  {container.name}:"
    if status:
        yield f"    Container ID:\t{status.id}"
    yield f"    Image:\t{container.image}"
    many = "s" if len(container.ports) > 1 else ""
    yield f"    Port{many}:\t{_ports(container.ports, lambda port: port.container_port)}"
    yield f"    Host Port{many}:\t{_ports(container.ports, lambda port: port.host_port)}"
    for title, words in (("Command", container.command), ("Args", container.args)):
        if words:
            yield f"    {title}:"
            yield from (f"      {one_line(line)}" for word in words for line in word.split("\n"))
    if status:
        yield from _states(status, date)
    for title in ("limits", "requests"):
        if amounts := container.resources.get(title):
            yield f"    {title.capitalize()}:"
            yield from (f"      {name}:\t{amount}" for name, amount in sorted(amounts.items()))
    for kind in (ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP):
        if probe := container.probe(kind):
            yield f"    {kind.capitalize()}:\t{_probe(probe)}"


def _ports(ports: Sequence[ContainerPort], number: Callable[[ContainerPort], int]) -> str:
    return ", ".join(f"{number(port)}/{port.protocol}" for port in ports) or "<none>"


def _states(status: ContainerStatus, date: Date) -> Iterator[str]:
    yield f"    State:\t{status.state.capitalize()}"
    if status.state == "terminated" and status.exit_code is not None:
        times = status.started_at or 0.0, status.finished_at or 0.0
        yield from _terminated(Terminated(status.exit_code, status.reason, *times, status.message), date)
    elif status.state == "waiting" and status.reason:
        yield f"      Reason:\t{status.reason}"
    elif status.started_at is not None:
        yield f"      Started:\t{date(status.started_at)}"
    if status.last_state:
        yield "    Last State:\tTerminated"
        yield from _terminated(status.last_state, date)
    yield f"    Ready:\t{status.ready}"
    yield f"    Restart Count:\t{status.restart_count}"


def _terminated(end: Terminated, date: Date) -> Iterator[str]:
    if end.reason:
        yield f"      Reason:\t{end.reason}"
    if end.message:
        first, *rest = end.message.split("\n")
        yield f"      Message:\t{one_line(first)}"
        yield from map(one_line, rest)
    yield f"      Exit Code:\t{end.exit_code}"
    yield f"      Started:\t{date(end.started_at)}"
    yield f"      Finished:\t{date(end.finished_at)}"


def _probe(probe: Probe) -> str:
    numbers = (
        f"delay={probe.initial_delay_seconds}s timeout={probe.timeout_seconds}s period={probe.period_seconds}s "
        f"#success={probe.success_threshold} #failure={probe.failure_threshold}"
    )
    match probe.handler:
        case Exec(command):
            return f"exec [{one_line(' '.join(command))}] {numbers}"
        case HTTPGet(port, path, host, scheme):
            return f"http-get {scheme.lower()}://{host}:{port}{path} {numbers}"
        case GRPC(port, service):
            return f"grpc <pod>:{port} {service} {numbers}"
        case tcp:
            return f"tcp-socket {tcp.host}:{tcp.port} {numbers}"


def _events(view: PodView, lab: Snapshot) -> list[str]:
    rows = [
        f"  {event.data['type']}\t{event.reason}\t{seen(event, lab)}\t{event.source}\t{one_line(event.message)}"
        for event in latest_events(lab)
        if (event.object, event.data["namespace"]) == (view.pod.object, view.pod.namespace)
    ]
    heads = ["Events:", "  Type\tReason\tAge\tFrom\tMessage", "  ----\t------\t----\t----\t-------"]
    return [*heads, *rows] if rows else ["Events:\t<none>"]


def aligned(lines: Iterable[str]) -> str:
    """Return lines whose cells end with tabs as Go's tabwriter aligns them, block by block, two blanks apart."""
    text = ""
    for columns, block in groupby((line.split("\t") for line in lines), key=len):
        rows = list(block)
        widths = [max(len(row[at]) for row in rows) + 2 for at in range(columns - 1)]
        for row in rows:
            text += "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + f"{row[-1]}\n"
    return text
