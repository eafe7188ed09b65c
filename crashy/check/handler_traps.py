"""Traps in a probe's handler: the wrong request, the wrong receiver, the wrong means."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crashy.check.model import Hit, Severity
from crashy.check.outcomes import FailureMode, Verdict, noticed, outcome
from crashy.check.ports import leads_to
from crashy.check.targets import CheckTarget
from crashy.objects import clients, programs, reaping
from crashy.objects.pod import Exec, Handler, HTTPGet, Probe, ProbeType, TCPSocket
from crashy.objects.ports import PortError, find_port
from crashy.patient.life import RNG_SECONDS

_HEALTH = re.compile(
    r"(is)?(health|healthy|healthiness|live|alive|liveness|ready|readiness)(z|check)?|startupz?|started|probe|ping|status|up|"
    r"heartbeat|hc|version"
)
_SCRIPT = re.compile(r"\.[a-z]+$|(^|/)[a-z]*sh$")
_CHECKS_MORE = re.compile(r"ready|readiness|readyz|actuator|status")
_ROOM = re.compile(r"[/_.?&=-]+")
_DEPENDENCIES = re.compile(
    r"db|database|datasource|redis|mysql|mariadb|postgres(ql)?|mongo(db)?|kafka|rabbit(mq)?|amqp|elastic(search)?|"
    r"ldap|smtp|s3|upstream|downstream|dependenc(y|ies)|deps|deep"
)


def liveness_equals_readiness(target: CheckTarget) -> Iterator[Hit]:
    """Find a liveness probe with readiness' handler that does not fail clearly later."""
    liveness, readiness = target.container.liveness_probe, target.container.readiness_probe
    if liveness is None or readiness is None or _asks(target, liveness) != _asks(target, readiness):
        return
    kill = noticed(target, ProbeType.LIVENESS, FailureMode.ERRORS)
    out = noticed(target, ProbeType.READINESS, FailureMode.ERRORS)
    text = f"both ask {shown(liveness.handler)}"
    if kill and out and kill.best > out.worst:
        text += f"; readiness fails sooner, after {out.worst:g} s at most, liveness after {kill.best:g} s at least"
        yield Hit(target.field("livenessProbe"), text, Severity.NOTE, matters=False)
    elif target.pods in {0, 1} and _checks_little(liveness.handler):
        text += ": no harm, as long as it checks the process alone; a pod that is only busy is restarted"
        yield Hit(target.field("livenessProbe"), text, Severity.NOTE, matters=False)
    else:
        yield Hit(target.field("livenessProbe"), f"{text}: a pod that is only busy is restarted")


def liveness_on_dependency(target: CheckTarget) -> Iterator[Hit]:
    """Find a liveness (or startup) probe that depends on another host, or on a route named after a dependency.

    Of the patient, one that asks what its settings let depend on others.
    """
    for kind in (ProbeType.LIVENESS, ProbeType.STARTUP):
        probe = target.container.probe(kind)
        if probe and (setting := _checks_dependencies(target, probe.handler)):
            yield Hit(target.field(kind.field), f"{shown(probe.handler)} depends on DEPENDENCIES: {setting} is set")
            continue
        match probe and probe.handler:
            case HTTPGet(path=path) if words := [w for w in _words(path) if _DEPENDENCIES.fullmatch(w)]:
                text = f"{path} seems to check more than this process ({', '.join(words)})"
                yield Hit(target.field(f"{kind.field}.httpGet.path"), text)
            case Exec(command):
                found = [(argv, host) for argv in programs.programs(command) for host in programs.hosts(argv)]
                for argv, host in found[:1]:
                    text = f"{programs.name(argv[0])} asks {host}, which is not this container"
                    yield Hit(target.field(f"{kind.field}.exec.command"), text)


def _checks_dependencies(target: CheckTarget, handler: Handler) -> str:
    """Return the setting by which the answer to a patient's probe depends on its DEPENDENCIES; empty for none."""
    settings, given = target.env.settings, target.env.variables
    if not target.env.obeys or (settings is not None and not settings.dependencies):
        return ""
    from crashy.patient import probes, routes  # noqa: PLC0415 - few containers are the patient

    match handler:
        case HTTPGet(path=path):
            asked = probes.PROBE_ROUTES.get(routes.route(path))
        case Exec(command):
            asked = next((one for one, file in probes.FILES.items() if any(file in word for word in command)), None)
        case TCPSocket():
            asked = None
        case _:
            asked = probes.GRPC_SERVICES.get(handler.service)
    setting = f"{(asked or '').upper()}_CHECKS_DEPENDENCIES"
    return setting if given.get(setting, "").lower() in {"1", "true", "yes", "on"} else ""


def liveness_under_load(target: CheckTarget) -> Iterator[Hit]:
    """Find a liveness probe on a users' route, or of an app that serves one request at a time."""
    probe = target.container.liveness_probe
    if probe is None or not isinstance(probe.handler, HTTPGet):
        return
    path = probe.handler.path
    if not any(_HEALTH.fullmatch(word) for word in _words(path)):
        whose = "users' work" if target.routes else "real work"
        text = f"{path} does not look like a health route, so it probably does {whose}"
        yield Hit(target.field("livenessProbe.httpGet.path"), text)
    if target.env.serial:
        waiting = round(probe.timeout_seconds / RNG_SECONDS)
        text = f"it serves one request at a time: behind {waiting} requests of {RNG_SECONDS:g} s, {path} comes too late"
        yield Hit(target.field("livenessProbe"), text)


def tcp_frozen(target: CheckTarget) -> Iterator[Hit]:
    """Find TCP probes; where liveness is one, nothing notices a hang."""
    for kind, probe in target.probes.items():
        if kind is ProbeType.STARTUP or not isinstance(probe.handler, TCPSocket):
            continue
        out = "is not taken out of its Services" if target.routes else "stays ready"
        what = "is not restarted" if kind is ProbeType.LIVENESS else out
        severity = Severity.WARNING if kind is ProbeType.LIVENESS else Severity.NOTE
        text = f"a container that is frozen, or answers with errors, {what}"
        yield Hit(target.field(f"{kind.field}.tcpSocket"), text, severity)


def exec_asks_nobody(target: CheckTarget) -> Iterator[Hit]:
    """Find commands that only look at files or processes."""
    for kind, probe in target.probes.items():
        if isinstance(probe.handler, Exec) and outcome(target, probe, FailureMode.HANG).verdict is Verdict.PASSES:
            text = f"{' '.join(probe.handler.command)} goes on succeeding while the app hangs"
            yield Hit(target.field(f"{kind.field}.exec.command"), text)


def curl_without_fail(target: CheckTarget) -> Iterator[Hit]:
    """Find curl without -f, --fail or --fail-with-body, whose output is not checked."""
    for kind, command in _commands(target):
        if not clients.sees_errors(command):
            text = "curl without --fail exits 0 for a 500 too"
            yield Hit(target.field(f"{kind.field}.exec.command"), text)


def exec_needs_shell(target: CheckTarget) -> Iterator[Hit]:
    """Find a whole command line as a program's name, and shell operators without a shell."""
    for kind, command in _commands(target):
        path = target.field(f"{kind.field}.exec.command")
        if not clients.startable(command):
            yield Hit(path, f"{command[0]!r} is not a program's name: no shell splits it")
        elif sign := clients.operator(command):
            text = f"{sign} is passed to {programs.name(command[0])} as an argument: no shell interprets it"
            yield Hit(path, text, Severity.WARNING)


def exec_without_reaper(target: CheckTarget) -> Iterator[Hit]:
    """Find exec probes that may leave orphans where no reaper is known."""
    if reaping.reaped(target.template, target.container):
        return
    for kind, command in _commands(target):
        names = [programs.name(argv[0]) for argv in programs.programs(command)]
        # A program called by its path is stopped itself; a shell or a script leaves behind what it has started.
        alone = "/" in command[0] and not programs.shell(command) and not _SCRIPT.search(command[0])
        if alone or programs.reaps(command) or set(names) <= programs.CHILDLESS:
            continue
        own = target.container
        first = reaping.first_process((*own.command, *own.args), own.image) if own.command else ""
        who = f"{first} is the first process" if first else "the image's entrypoint is unknown"
        text = f"{' '.join(names)} runs without a reaper: {who}"
        yield Hit(target.field(f"{kind.field}.exec"), text)
        return


def no_liveness(target: CheckTarget) -> Iterator[Hit]:
    """Find containers without a liveness probe, unless they are known to crash or freeze.

    It matters where the only pod of a Service leaves it when it hangs, and nothing brings it back.
    """
    if target.container.liveness_probe is None and not {"CRASH_AFTER", "FREEZE_AFTER"} & target.env.failures.keys():
        leaves = noticed(target, ProbeType.READINESS, FailureMode.HANG) is not None
        matters = bool(target.routes) and target.pods == 1 and leaves
        yield Hit(target.field(""), "no livenessProbe: a hang lasts until somebody notices", matters=matters)


def no_readiness(target: CheckTarget) -> Iterator[Hit]:
    """Find containers behind a Service without a readiness probe, unless another container of the pod has one."""
    if target.container.readiness_probe is not None or not target.routes:
        return
    if any(container.readiness_probe for container in target.template.containers):
        return
    if not any(leads_to(route, target) for route in target.routes):
        return
    names = ", ".join(f"Service/{route.service.name}" for route in target.routes)
    late = f", {target.env.starts:g} s before it listens" if target.env.starts else " as soon as it runs"
    yield Hit(target.field(""), f"no readinessProbe: {names} sends users to it{late}")


def unprobed_target(target: CheckTarget) -> Iterator[Hit]:
    """Find containers without a readiness probe that a Service leads to, where only another of the pod has one."""
    if target.container.readiness_probe is not None:
        return
    probed = [container.name for container in target.template.containers if container.readiness_probe]
    names = ", ".join(f"Service/{route.service.name}" for route in target.routes if leads_to(route, target))
    if probed and names:
        text = f"{names} leads to this container; only {', '.join(probed)} has a readinessProbe"
        yield Hit(target.field(""), text)


def depends_on(handler: Handler) -> Iterator[str]:
    """Return what a handler seems to depend on beside its own process: words of a route, or hosts."""
    match handler:
        case HTTPGet(path=path):
            yield from (word for word in _words(path) if _DEPENDENCIES.fullmatch(word))
        case Exec(command):
            yield from (host for argv in programs.programs(command) for host in programs.hosts(argv))


def shown(handler: Handler) -> str:
    """Return a handler in short: `GET :80/health`."""
    match handler:
        case HTTPGet(port, path, host, scheme):
            return f"{'HTTPS ' if scheme == 'HTTPS' else ''}GET {host}:{port}{path}"
        case TCPSocket(port, host):
            return f"TCP {host}:{port}"
        case Exec(command):
            line = " ".join(" ".join(command).split())
            return f"exec {line if len(line) <= 60 else line[:57] + '...'}"
    return f"gRPC :{handler.port} {handler.service}".rstrip()


def _checks_little(handler: Handler) -> bool:
    """Return whether a handler asks a route of health alone, or less: not users' work, nor what a pod needs."""
    match handler:
        case HTTPGet(path=path):
            words = _words(path)
            healthy = any(_HEALTH.fullmatch(word) for word in words)
            return healthy and not any(_CHECKS_MORE.fullmatch(w) or _DEPENDENCIES.fullmatch(w) for w in words)
        case Exec():
            return False
    return True


def _asks(target: CheckTarget, probe: Probe) -> object:
    """Return what is equal for two handlers that send the same request; named ports are resolved."""
    handler = probe.handler
    if isinstance(handler, Exec):
        return handler
    try:
        port: int | str = find_port(target.container, handler.port)
    except PortError:
        port = handler.port
    match handler:
        case HTTPGet(path=path, host=host):
            return "http", host, port, path
        case TCPSocket(host=host):
            return "tcp", host, port
    return "grpc", port, handler.service


def _words(path: str) -> list[str]:
    return [word for word in _ROOM.split(path.lower()) if word]


def _commands(target: CheckTarget) -> Iterator[tuple[ProbeType, tuple[str, ...]]]:
    for kind, probe in target.probes.items():
        if isinstance(probe.handler, Exec):
            yield kind, probe.handler.command
