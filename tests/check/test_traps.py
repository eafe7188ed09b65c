"""Each trap is found where a container walks into it, and not beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crashy.check import files, related
from crashy.check.model import Finding, Severity, findings
from crashy.check.targets import CheckTarget
from crashy.check.traps import TRAPS
from crashy.kubelet.versions import PROFILES
from tests.check.targets import (
    MANIFESTS,
    SEEDS,
    command,
    deployment,
    http,
    service,
    shipped,
    targets,
    tcp,
)

Probe = dict[str, Any]
READY = http("/readyz")
QUICK = http(periodSeconds=1, failureThreshold=3)


def found(*patients: CheckTarget) -> list[Finding]:
    return findings(TRAPS, patients)


def container(
    liveness: Probe | None = None, readiness: Probe | None = None, startup: Probe | None = None, **more: Any
) -> dict[str, Any]:
    probes = {"livenessProbe": liveness, "readinessProbe": readiness, "startupProbe": startup}
    return {**{kind: probe for kind, probe in probes.items() if probe}, **more}


def spec(
    liveness: Probe | None = None,
    readiness: Probe | None = None,
    startup: Probe | None = None,
    pod: dict[str, Any] | None = None,
    replicas: int = 2,
    **more: Any,
) -> dict[str, Any]:
    return deployment(container(liveness, readiness, startup, **more), replicas=replicas, **(pod or {}))


def pair(readiness: Probe | None) -> dict[str, Any]:
    """Return two containers of a pod, of which the second one may have a readiness probe."""
    pods = spec(http(), ports=PORTS)
    side = container(readiness=readiness, name="side", image="crashy-app", ports=[{"containerPort": 9090}])
    pods["spec"]["template"]["spec"]["containers"].append(side)
    return pods


def rolled(readiness: Probe, startup: Probe | None = None, **fields: Any) -> dict[str, Any]:
    """Return a Deployment, with fields of its own and of its container or pod."""
    of_container = {name: fields.pop(name) for name in ("ports", "pod", "replicas") if name in fields}
    one = spec(http(), readiness, startup, **of_container)
    one["spec"].update(fields)
    return one


def stateful(partition: int) -> dict[str, Any]:
    one = spec(http(), READY)
    update = {"updateStrategy": {"rollingUpdate": {"partition": partition}}}
    return {**one, "kind": "StatefulSet", "spec": {**one["spec"], **update}}


def job(policy: str) -> dict[str, Any]:
    template = spec(http())["spec"]["template"]
    template["spec"]["restartPolicy"] = policy
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": template}}


def bare(policy: str, env: list[dict[str, str]]) -> dict[str, Any]:
    """Return a Pod of the patient with a liveness probe."""
    app = {"name": "app", "image": "crashy-app", "env": env, "livenessProbe": http(periodSeconds=2, failureThreshold=2)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"restartPolicy": policy, "containers": [app]},
    }


def secure(probe: Probe) -> Probe:
    return {**probe, "httpGet": {**probe["httpGet"], "scheme": "HTTPS"}}


ENDS_WELL = [{"name": "KILL_IN_SECONDS", "value": "30"}, {"name": "EXIT_CODE", "value": "0"}]
GATED = {"readinessGates": [{"conditionType": "example.com/lb"}]}
APART = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
            ]
        }
    }
}
FOREIGN = {"image": "registry.example/app:1"}
PORTS = [{"name": "web", "containerPort": 80}]
CRASHES = {"env": {"CRASH_AFTER": 60}}

CAUGHT = [
    # trap, the Deployment and what is before it, severity, a part of the message
    ("liveness-equals-readiness", [spec(http(), http())], "warning", "both ask GET :80/livez"),
    (
        "liveness-equals-readiness",
        [spec(http(port="web"), http(), ports=PORTS)],
        "warning",
        "both ask GET :web/livez",
    ),
    (
        "liveness-equals-readiness",
        [spec(http(failureThreshold=6), http(failureThreshold=2))],
        "note",
        "after 20 s at most, liveness after 50 s at least",
    ),
    ("liveness-equals-readiness", [spec(http(), http(), replicas=1)], "note", "no harm, as long as"),
    ("liveness-equals-readiness", [spec(http("/ready"), http("/ready"), replicas=1)], "warning", "is restarted"),
    ("liveness-on-dependency", [spec(http("/health/db"))], "warning", "/health/db"),
    (
        "liveness-on-dependency",
        [spec(http("/livez"), env={"DEPENDENCIES": "redis://cache", "LIVENESS_CHECKS_DEPENDENCIES": "1"})],
        "warning",
        "GET :80/livez depends on DEPENDENCIES: LIVENESS_CHECKS_DEPENDENCIES is set",
    ),
    (
        "liveness-on-dependency",
        [spec(http("/ready"), env={"DEPENDENCIES": "redis://cache", "READINESS_CHECKS_DEPENDENCIES": "1"})],
        "warning",
        "GET :80/ready depends on DEPENDENCIES: READINESS_CHECKS_DEPENDENCIES is set",
    ),
    ("liveness-on-dependency", [spec(command("redis-cli", "-h", "redis", "ping"))], "warning", "asks redis"),
    (
        "liveness-on-dependency",
        [spec(startup=command("sh", "-c", "mysqladmin --host=db ping || exit 1"))],
        "warning",
        "mysqladmin asks db",
    ),
    ("liveness-on-dependency", [spec(command("curl", "-f", "http://api:80/x"))], "warning", "curl asks api"),
    ("liveness-under-load", [spec(http("/1"))], "warning", "/1 does not look like a health route"),
    (
        "liveness-under-load",
        [spec(http("/"))],
        "warning",
        "/ does not look like a health route, so it probably does real",
    ),
    ("liveness-under-load", [spec(http("/"), READY), service()], "warning", "so it probably does users' work"),
    (
        "liveness-under-load",
        [spec(http(), env={"PERSONA": "rng", "RNG_MODE": "blocking"})],
        "warning",
        "behind 10 requests of 0.1 s",
    ),
    ("liveness-under-load", [spec(http("/healthz"), image="dockercoins/rng:v0.1")], "warning", "one request at a time"),
    ("tcp-frozen", [spec(tcp())], "warning", "is not restarted"),
    ("tcp-frozen", [spec(readiness=tcp())], "note", "stays ready"),
    ("tcp-frozen", [spec(http(), tcp()), service()], "note", "is not taken out"),
    ("exec-asks-nobody", [spec(command("cat", "/app/is_healthy"))], "note", "cat /app/is_healthy"),
    ("exec-asks-nobody", [spec(command("sh", "-c", "test -f /x && ls /y"))], "note", "goes on succeeding"),
    ("curl-without-fail", [spec(command("curl", "-s", "http://localhost/health"))], "warning", "exits 0 for a 500"),
    ("exec-needs-shell", [spec(command("redis-cli ping"))], "error", "'redis-cli ping' is not a program's name"),
    ("exec-needs-shell", [spec(command("ps", "aux", "|", "grep", "x"))], "warning", "| is passed to ps"),
    ("exec-without-reaper", [spec(command("redis-cli", "ping"), **FOREIGN)], "warning", "entrypoint is unknown"),
    (
        "exec-without-reaper",
        [spec(command("app", "ping"), **FOREIGN, command=["bash", "-c", "cd /srv && app"])],
        "warning",
        "app is the first process",
    ),
    (
        "exec-without-reaper",
        [spec(command("sh", "-c", "pgrep x | app ping"), command=["app", "run"])],
        "warning",
        "app is the first process",
    ),
    ("no-liveness", [spec(readiness=READY)], "note", "no livenessProbe"),
    ("no-readiness", [spec(http()), service()], "warning", "Service/web sends users to it as soon as it runs"),
    (
        "no-readiness",
        [spec(http(), env={"APP_START_DELAY": "5s"}), service()],
        "warning",
        "5 s before it listens",
    ),
    (
        "unprobed-target",
        [pair(http("/", 9090)), service()],
        "warning",
        "Service/web leads to this container; only side",
    ),
    ("unknown-port-name", [spec(http(port="http"), ports=PORTS)], "error", 'named "http" (it declares web (80))'),
    ("unknown-port-name", [spec(readiness=tcp(port="http"))], "error", "(it declares none)"),
    ("undeclared-port", [spec(http(port=8080), ports=PORTS)], "note", "8080 is not a port of this container"),
    (
        "undeclared-target-port",
        [spec(http(), READY, ports=PORTS), service(ports=[{"port": 80, "targetPort": 8080}])],
        "warning",
        "leads to port 8080; its pods declare 80",
    ),
    (
        "undeclared-target-port",
        [spec(http(), READY), service(ports=[{"port": 80, "targetPort": "web"}])],
        "error",
        "declare none",
    ),
    (
        "undeclared-target-port",
        [spec(http(), READY), service(ports=[{"port": 8080}])],
        "note",
        "declare none and are probed on 80",
    ),
    ("probe-host", [spec({"httpGet": {"path": "/livez", "port": 80, "host": "localhost"}})], "error", "is the node"),
    ("probe-host", [spec({"tcpSocket": {"port": 80, "host": "db"}})], "warning", "db is probed instead"),
    (
        "slow-start-killed",
        [spec(http(), env={"APP_START_DELAY": 80})],
        "error",
        "its start takes 80 s, liveness grants 20 s for sure and kills after 20 to 31 s: it never starts",
    ),
    ("slow-start-killed", [spec(http(), env={"APP_START_DELAY": 25})], "warning", "it depends on timing"),
    (
        "slow-start-killed",
        [spec(http(), startup=http("/startupz", failureThreshold=3), env={"APP_START_DELAY": 60})],
        "error",
        "startup grants 20 s",
    ),
    ("slow-start-killed", [spec(http("/readyz"), env={"READY_AFTER": "1m"})], "error", "its start takes 60 s"),
    (
        "slow-answer",
        [spec(readiness=READY, env={"READINESS_LATENCY": "1.5"})],
        "error",
        "readiness is answered after 1.5 s, timeoutSeconds is 1: it never becomes ready",
    ),
    ("slow-answer", [spec(http(), env={"LIVENESS_LATENCY": "1"})], "error", "it is restarted again and again"),
    (
        "slow-answer",
        [spec(readiness=http("/readiness"), image="seblum/mlops-public:backend-flask")],
        "error",
        "answered after 2 s",
    ),
    ("delay-instead-of-startup", [spec(http(initialDelaySeconds=60))], "note", "in the first 60 s"),
    (
        "liveness-before-readiness",
        [spec(http(initialDelaySeconds=5), http("/readyz", initialDelaySeconds=30))],
        "warning",
        "readiness is asked only after 30 s",
    ),
    (
        "liveness-before-startup",
        [spec(QUICK, READY, http("/startupz"), **FOREIGN)],
        "warning",
        "after a kill liveness asks up to 10 s earlier: a start over 2 s is killed again",
    ),
    (
        "liveness-before-startup",
        [spec(QUICK, READY, http("/startupz"), env={"APP_START_DELAY": "8"})],
        "warning",
        "a start over 2 s is killed again",
    ),
    (
        "liveness-before-startup",
        [spec(http(), startup=http("/startupz"), **FOREIGN), service()],
        "warning",
        "after a kill Service/web sends users to it up to 10 s before it is asked",
    ),
    (
        "liveness-before-startup",
        [spec(QUICK, READY, http("/startupz", periodSeconds=2), **FOREIGN)],
        "note",
        "after a kill the other probes ask up to 2 s before it",
    ),
    ("timeout-over-period", [spec(http(periodSeconds=2, timeoutSeconds=5))], "warning", "5 is more than"),
    ("one-failure-kills", [spec(http(failureThreshold=1))], "warning", "one answer later than 1 s"),
    ("slow-return", [spec(readiness=http("/readyz", successThreshold=3))], "note", "up to 20 s later"),
    ("exec-dear", [spec(command("python3.7", "/var/probe.py", periodSeconds=30))], "warning", "timeoutSeconds is 1"),
    ("exec-dear", [spec(command("java", "-jar", "p.jar", timeoutSeconds=10))], "warning", "every 10 s"),
    ("many-probes", [spec(http(periodSeconds=1), replicas=50)], "note", "50 a second"),
    (
        "probe-grace-over-pod",
        [spec(http(terminationGracePeriodSeconds=60))],
        "warning",
        "60 s after a failed liveness probe, 30 s otherwise",
    ),
    ("frozen-grace", [spec(http())], "note", "killed 30 s after"),
    ("no-grace", [spec(http(), pod={"terminationGracePeriodSeconds": 0})], "warning", "is 0"),
    (
        "pre-stop-over-grace",
        [spec(http(), lifecycle={"preStop": {"exec": {"command": ["sleep", "30"]}}})],
        "warning",
        "preStop takes 30 s, the grace period is 30 s",
    ),
    (
        "pre-stop-over-grace",
        [spec(http(terminationGracePeriodSeconds=2), lifecycle={"preStop": {"sleep": {"seconds": 5}}})],
        "warning",
        "after a failed liveness probe is 2 s",
    ),
    (
        "no-pre-stop-wait",
        [spec(readiness=READY, **FOREIGN), service()],
        "note",
        "SIGTERM comes while Service/web may still",
    ),
    (
        "no-pre-stop-wait",
        [spec(readiness=READY, **FOREIGN, lifecycle={"preStop": {"exec": {"command": ["true"]}}}), service()],
        "note",
        "no wait in preStop",
    ),
    (
        "ready-while-stopping",
        [spec(http(), READY, lifecycle={"preStop": {"sleep": {"seconds": 20}}})],
        "warning",
        "preStop runs 20 s after liveness has given up on a slow start; readiness may succeed in it (every 10 s)",
    ),
    (
        "rollout-stands-still",
        [rolled(http("/readyz", initialDelaySeconds=90), progressDeadlineSeconds=60)],
        "warning",
        "it is ready after 89 s at the earliest, progressDeadlineSeconds is 60",
    ),
    (
        "rollout-stands-still",
        [rolled(READY, startup=http(failureThreshold=120))],
        "note",
        "progressDeadlineSeconds is 600: a slow start is reported",
    ),
    ("rollout-stands-still", [rolled(READY, paused=True)], "note", "a new version is not rolled out"),
    (
        "rollout-stands-still",
        [rolled(READY, ports=[{"containerPort": 80, "hostPort": 80}])],
        "warning",
        "one pod a node has port 80 of it, and maxUnavailable is 0 of 2",
    ),
    ("rollout-stands-still", [rolled(READY, pod=APART)], "warning", "its pods must be on different nodes"),
    ("rollout-stands-still", [stateful(partition=2)], "note", "no ordinal is 2 or more"),
    ("liveness-without-restart", [job("Never")], "warning", "the Job starts another until backoffLimit"),
    ("liveness-without-restart", [job("OnFailure")], "note", "its work begins again"),
    ("liveness-without-restart", [spec(http(), restartPolicy="Never")], "warning", "another pod takes its place"),
    ("readiness-alone", [spec(http(), READY, replicas=1), service()], "note", "the only pod of Service/web"),
    (
        "readiness-ignored",
        [spec(http(), READY), service(publishNotReadyAddresses=True)],
        "note",
        "when it is not ready",
    ),
    ("never-healed", [spec(**CRASHES)], "warning", "CRASH_AFTER: it answers with errors after 60 s and never recovers"),
    ("never-healed", [spec(tcp(), env={"FREEZE_AFTER": 5})], "warning", "it freezes"),
    ("never-healed", [bare("OnFailure", ENDS_WELL)], "warning", "its process ends with 0 after 30 s"),
    ("ill-again", [spec(http(), **CRASHES)], "note", "longer and longer, up to 300 s"),
    ("ill-again", [bare("OnFailure", [{"name": "CRASH_AFTER", "value": "20"}])], "warning", "after 4 restarts it has"),
    ("liveness-without-restart", [bare("Never", [])], "warning", "its pod has failed then, and stays so"),
    ("liveness-without-restart", [bare("OnFailure", [])], "warning", "not started again once a restart has to wait"),
    ("never-succeeds", [spec(command("sleep", "20"))], "error", "takes 20 s, timeoutSeconds is 1: after 20 to 31 s"),
    (
        "never-succeeds",
        [spec(command("sleep", "20"), startup=http("/startupz", periodSeconds=5, failureThreshold=30))],
        "error",
        "it is killed 21 to 37 s after its first start, and again and again",
    ),
    (
        "never-succeeds",
        [spec(readiness=command("sleep", "infinity"))],
        "error",
        "never ends, timeoutSeconds is 1",
    ),
    (
        "never-succeeds",
        [spec(startup=command("sh", "-c", "sleep 1; exit 3"))],
        "error",
        "exit 3 takes 1 s",
    ),
    ("never-succeeds", [spec(startup=command("false"), **FOREIGN)], "error", "exits with 1"),
    ("never-succeeds", [spec(http("/nope"))], "error", "it answers /nope on 80 with 404"),
    ("never-succeeds", [spec(http(port=9999))], "error", "nothing listens on 9999: it listens on 80, 5000, 8080, 8081"),
    ("never-succeeds", [spec(tcp(9999))], "error", "nothing listens on 9999"),
    ("never-succeeds", [spec(secure(http()))], "error", "it speaks no TLS on 80"),
    ("never-succeeds", [spec({"grpc": {"port": 80}})], "error", "it speaks no gRPC on 80"),
    (
        "never-succeeds",
        [spec({"grpc": {"port": 9000, "service": "x"}}, env={"GRPC_PORT": 9000})],
        "error",
        "it knows no gRPC service 'x'",
    ),
    ("readiness-gate", [spec(pod=GATED)], "warning", "until something sets its condition example.com/lb to True"),
    ("ill-again", [spec(http(), env={"CRASH_AFTER": "20m"})], "note", "it never waits"),
    ("ill-again", [spec(env={"KILL_IN_SECONDS": 5})], "note", "its process ends 5 s after each start"),
]


@pytest.mark.parametrize(("trap", "objects", "severity", "message"), CAUGHT)
def test_a_trap_is_found(trap: str, objects: list[dict[str, Any]], severity: str, message: str) -> None:
    mine = [one for one in found(*targets(*objects)) if one.trap.id == trap]

    assert [(one.severity, message in one.message) for one in mine] == [(severity, True)], [o.message for o in mine]


@pytest.mark.parametrize(
    ("version", "severities"),
    [
        *((version, []) for version in ("1.20", "1.32", "1.34", "fixed")),
        *((version, ["warning"]) for version in ("1.35", "1.36", "1.37")),
    ],
)
def test_the_second_start_is_unguarded_in_some_versions(version: str, severities: list[str]) -> None:
    one = spec(QUICK, READY, http("/startupz"), **FOREIGN)
    mine = [replace(each, profile=PROFILES[version]) for each in targets(one)]

    assert [hit.severity for hit in found(*mine) if hit.trap.id == "liveness-before-startup"] == severities


@pytest.mark.parametrize(
    ("liveness", "startup", "severity"),
    [
        ({"initialDelaySeconds": 8}, {}, "warning"),  # asked after 7 s at the soonest, for the third time after 9 s
        ({"initialDelaySeconds": 9}, {}, "note"),
        ({"periodSeconds": 5}, {}, "note"),
        ({"periodSeconds": 5, "failureThreshold": 2}, {}, "warning"),
        ({}, {"periodSeconds": 2}, "note"),
        ({}, {"periodSeconds": 3}, "warning"),
    ],
)
def test_whether_liveness_can_kill_before_the_startup_probe_is_asked(
    liveness: dict[str, int], startup: dict[str, int], severity: str
) -> None:
    one = spec(QUICK | liveness, READY, http("/startupz", **startup), **FOREIGN)

    assert [hit.severity for hit in found(*targets(one)) if hit.trap.id == "liveness-before-startup"] == [severity]


def test_every_trap_is_tried() -> None:
    of_containers = {trap.id for trap in TRAPS} - {trap.id for trap in (*files.TRAPS, *related.TRAPS)}

    assert {row[0] for row in CAUGHT} == of_containers


SPARED = [
    ("liveness-equals-readiness", [spec(http("/livez"), http("/readyz"))]),
    ("liveness-equals-readiness", [spec(command("a"), http())]),
    ("liveness-on-dependency", [spec(command("redis-cli", "-h", "127.0.0.1", "ping"))]),
    ("exec-without-reaper", [spec(command("/bin/grpc_health_probe", "-addr=:50051"), **FOREIGN)]),
    ("unprobed-target", [pair(None), service()]),
    ("unprobed-target", [pair(http("/", 9090)), service(ports=[{"port": 9090}])]),
    ("liveness-before-readiness", [spec(http(initialDelaySeconds=5), http("/readyz", initialDelaySeconds=20))]),
    (
        "liveness-before-readiness",
        [spec(http(initialDelaySeconds=5), http("/readyz", initialDelaySeconds=30), http("/startupz"))],
    ),
    ("liveness-before-startup", [spec(readiness=READY, startup=http("/startupz"), **FOREIGN)]),  # it is never killed
    ("liveness-before-startup", [spec(QUICK, READY, **FOREIGN)]),
    ("liveness-before-startup", [spec(QUICK, READY, http("/startupz", periodSeconds=1), **FOREIGN)]),
    ("no-pre-stop-wait", [spec(readiness=READY), service()]),  # the patient goes on accepting for a while
    ("no-pre-stop-wait", [spec(readiness=READY, **FOREIGN)]),  # behind no Service
    (
        "no-pre-stop-wait",
        [spec(readiness=READY, **FOREIGN, lifecycle={"preStop": {"sleep": {"seconds": 5}}}), service()],
    ),
    ("ready-while-stopping", [spec(http(), READY, http(), lifecycle={"preStop": {"sleep": {"seconds": 20}}})]),
    ("ready-while-stopping", [spec(http(), READY, lifecycle={"preStop": {"sleep": {"seconds": 5}}})]),
    ("rollout-stands-still", [rolled(http("/readyz", initialDelaySeconds=90))]),
    ("rollout-stands-still", [rolled(READY, replicas=4, pod=APART)]),  # one of four may be unavailable
    ("rollout-stands-still", [stateful(partition=1)]),
    ("delay-instead-of-startup", [spec(http(initialDelaySeconds=15))]),
    ("liveness-on-dependency", [spec(command("sh", "-c", 'redis-cli -h "$POD_IP" ping'))]),
    ("liveness-on-dependency", [spec(http(), http("/health/db"))]),
    ("liveness-on-dependency", [spec(http("/livez"), env={"LIVENESS_CHECKS_DEPENDENCIES": "1"})]),
    (
        "liveness-on-dependency",
        [spec(http("/livez"), READY, env={"DEPENDENCIES": "redis://cache", "READINESS_CHECKS_DEPENDENCIES": "1"})],
    ),
    ("liveness-under-load", [spec(http("/api/healthy"))]),
    ("liveness-under-load", [spec(http("/health"))]),
    ("liveness-under-load", [spec(http("/actuator/health/liveness"))]),
    ("liveness-under-load", [spec(http(), http("/"))]),
    ("exec-asks-nobody", [spec(command("redis-cli", "ping"))]),
    ("exec-asks-nobody", [spec(command("sh", "-c", "cat /x && app ping"))]),
    ("curl-without-fail", [spec(command("curl", "-sf", "http://localhost/health"))]),
    ("curl-without-fail", [spec(command("sh", "-c", "curl http://localhost/health | grep ok"))]),
    ("exec-needs-shell", [spec(command("sh", "-c", "a | b"))]),
    ("exec-without-reaper", [spec(command("tini", "-s", "--", "redis-cli", "ping"), **FOREIGN)]),
    ("exec-without-reaper", [spec(command("app", "ping"), **FOREIGN, command=["tini", "--", "app"])]),
    ("exec-without-reaper", [spec(command("app", "ping"), **FOREIGN, command=["sh", "-c", "app"])]),
    ("exec-without-reaper", [spec(command("app", "ping"), **FOREIGN, command=["bash", "-c", "a; app & wait"])]),
    ("exec-without-reaper", [spec(command("app", "ping"), **FOREIGN, pod={"shareProcessNamespace": True})]),
    ("exec-without-reaper", [spec(command("cat", "/app/is_ready"), **FOREIGN)]),
    ("exec-without-reaper", [spec(command("app", "ping"))]),  # the patient's image has tini
    ("no-liveness", [spec(**CRASHES)]),  # worse: never-healed
    ("no-readiness", [spec(http())]),  # behind no Service
    ("unknown-port-name", [spec(http(port="web"), ports=PORTS)]),
    ("undeclared-port", [spec(http(port=80), ports=PORTS)]),
    ("undeclared-port", [spec(http(port=8080))]),
    ("undeclared-target-port", [spec(ports=PORTS), service(ports=[{"port": 8080, "targetPort": "web"}])]),
    ("undeclared-target-port", [spec(ports=PORTS), service(ports=[{"port": 53, "protocol": "UDP"}])]),
    (
        "probe-host",
        [spec({"tcpSocket": {"port": 80, "host": "127.0.0.1"}}, pod={"hostNetwork": True})],
    ),
    ("slow-start-killed", [spec(http(), env={"APP_START_DELAY": 20})]),
    ("slow-start-killed", [spec(http(), startup=http("/startupz", failureThreshold=30), env={"APP_START_DELAY": 80})]),
    ("slow-start-killed", [spec(http(), READY, env={"READY_AFTER": "1h"})]),
    ("slow-answer", [spec(readiness=http("/readyz", timeoutSeconds=3), env={"READINESS_LATENCY": 2})]),
    ("slow-answer", [spec(readiness=READY, env={"READINESS_LATENCY": 2}, **FOREIGN)]),
    ("slow-answer", [spec(readiness=READY, env={"READINESS_LATENCY": "late"})]),
    ("delay-instead-of-startup", [spec(http(initialDelaySeconds=60), startup=http("/startupz"))]),
    ("timeout-over-period", [spec(http(periodSeconds=5, timeoutSeconds=5))]),
    ("one-failure-kills", [spec(http(), http("/readyz", failureThreshold=1))]),
    ("exec-dear", [spec(command("python3", "p.py", periodSeconds=30, timeoutSeconds=5))]),
    ("exec-dear", [spec(command("redis-cli", "ping", periodSeconds=1))]),
    ("many-probes", [spec(http(), replicas=50)]),
    ("probe-grace-over-pod", [spec(http(terminationGracePeriodSeconds=30))]),
    ("frozen-grace", [spec(http(terminationGracePeriodSeconds=5))]),
    ("frozen-grace", [spec(http(), pod={"terminationGracePeriodSeconds": 5})]),
    ("pre-stop-over-grace", [spec(http(), lifecycle={"preStop": {"sleep": {"seconds": 5}}})]),
    ("readiness-alone", [spec(http(), READY, replicas=2), service()]),
    ("never-healed", [spec(http(), **CRASHES)]),
    ("never-succeeds", [spec(http(), READY, tcp(5000))]),
    ("never-succeeds", [spec(http("/admin/status", 8081), http("/12"), {"grpc": {"port": 9}}, env={"GRPC_PORT": 9})]),
    ("never-succeeds", [spec(http("/nope"), secure(READY), tcp(9999), **FOREIGN)]),  # who knows
    ("never-succeeds", [spec(http(port=7000), env={"PORT": "7000"})]),
    ("never-succeeds", [spec(http(port=7000), envFrom=[{"configMapRef": {"name": "elsewhere"}}])]),
    ("never-succeeds", [spec(command("sleep", "1", timeoutSeconds=2))]),
    ("readiness-gate", [spec()]),
    ("never-healed", [spec(env={"KILL_IN_SECONDS": 5})]),
]


@pytest.mark.parametrize(("trap", "objects"), SPARED)
def test_what_is_beside_a_trap_is_spared(trap: str, objects: list[dict[str, Any]]) -> None:
    assert trap not in {one.trap.id for one in found(*targets(*objects))}


def test_a_container_that_does_everything_right() -> None:
    right = spec(
        http(terminationGracePeriodSeconds=5),
        READY,
        http("/startupz", periodSeconds=1, failureThreshold=60),
        ports=PORTS,
    )

    assert found(*targets(right, service())) == []


def test_a_finding_names_its_line() -> None:
    text = """\
apiVersion: v1
kind: Pod
metadata:
  name: p
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: a
      image: crashy-app
      livenessProbe:
        tcpSocket:
          port: http
        failureThreshold: 1
    - name: b
      image: crashy-app
      livenessProbe: {httpGet: {path: /livez, port: 80}}
"""
    lines = {one.trap.id: (one.file, one.line, one.path) for one in found(*targets(text))}

    assert lines == {
        "unknown-port-name": ("m.yaml", 12, "spec.containers[0].livenessProbe.tcpSocket.port"),
        "tcp-frozen": ("m.yaml", 11, "spec.containers[0].livenessProbe.tcpSocket"),
        "one-failure-kills": ("m.yaml", 13, "spec.containers[0].livenessProbe.failureThreshold"),
        "no-grace": ("m.yaml", 6, "spec.terminationGracePeriodSeconds"),
    }


def test_what_two_containers_share_is_reported_once_and_the_worst_comes_first() -> None:
    pod = spec(http(port="gone"), pod={"terminationGracePeriodSeconds": 0})
    containers = pod["spec"]["template"]["spec"]["containers"]
    containers.append({**containers[0], "name": "second"})
    severities = [one.severity for one in found(*targets(pod))]

    assert [one.trap.id for one in found(*targets(pod))].count("no-grace") == 1
    assert severities == sorted(severities, key=list(Severity).index)


def test_what_is_known_of_the_patient_may_stand_in_a_config_map() -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"APP_START_DELAY": "80", "late": "3s"},
    }
    reference = {"name": "READINESS_LATENCY", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "late"}}}
    ill = spec(http(), READY, envFrom=[{"configMapRef": {"name": "c"}}], env=[reference])

    assert {"slow-start-killed", "slow-answer"} <= {one.trap.id for one in found(*targets(config, ill))}


RNG = spec(
    http("/1"),
    image="crashy-app:1.0.0",
    env={"PERSONA": "rng", "RNG_MODE": "blocking"},
    replicas=3,
)
REDIS = spec(command("redis-cli", "ping"), image="redis", replicas=1)
TUNED = spec(
    command("python3.7", "/var/liveness_probe.py", initialDelaySeconds=5, periodSeconds=30), image="apache2-custom"
)


@pytest.mark.parametrize(
    ("objects", "worst"),
    [
        ([RNG], {"liveness-under-load"}),
        ([REDIS], {"exec-without-reaper"}),
        ([TUNED], {"exec-dear", "exec-without-reaper"}),
    ],
)
def test_the_traps_of_the_labs(objects: list[dict[str, Any]], worst: set[str]) -> None:
    assert {one.trap.id for one in found(*targets(*objects)) if one.severity is not Severity.NOTE} == worst


def test_the_crashy_app_lab_before_and_after_its_probe() -> None:
    route = SEEDS / "crashy-service.yaml"
    before = found(*shipped(SEEDS / "crashy-deployment-unprobed.yaml", route))
    after = found(*shipped(SEEDS / "crashy-deployment.yaml", route))

    assert [(one.trap.id, one.severity) for one in before] == [("no-readiness", "warning"), ("never-healed", "warning")]
    assert [(one.trap.id, one.severity) for one in after] == [("no-readiness", "warning"), ("ill-again", "note")]


def test_the_health_check_lab_never_gets_ready_with_a_timeout_of_one_second() -> None:
    text = (SEEDS / "healthchecks.yaml").read_text()
    late = 'env:\n            - name: READINESS_LATENCY\n              value: "2"'
    text = text.replace("          env:", f"          {late}", 1)
    impatient = text.replace("timeoutSeconds: 3", "timeoutSeconds: 1")

    assert "slow-answer" not in {one.trap.id for one in found(*targets(text))}
    (error,) = [one for one in found(*targets(impatient)) if one.severity is Severity.ERROR]
    assert (error.trap.id, error.line) == (
        "slow-answer",
        impatient.splitlines().index(
            "            timeoutSeconds: 1", text.splitlines().index("          readinessProbe:")
        )
        + 1,
    )
    assert "undeclared-target-port" in {one.trap.id for one in found(*targets(text))}


@pytest.mark.parametrize("folder", ["crashy-app", "demo", "healthcheck", "webapp"])
def test_the_manifests_that_are_shipped_walk_into_no_trap_that_is_not_their_lesson(folder: str) -> None:
    hurts = {one.trap.id for one in found(*shipped(MANIFESTS / folder)) if one.severity is not Severity.NOTE}

    assert hurts == ({"no-readiness"} if folder == "crashy-app" else set())


@pytest.mark.parametrize(
    ("trap", "objects", "matters"),
    [
        ("no-liveness", [spec(readiness=READY), service()], False),
        ("no-liveness", [spec(readiness=READY, replicas=1), service()], True),
        ("no-liveness", [spec(readiness=tcp(), replicas=1), service()], False),  # which a hang does not take out
        ("frozen-grace", [spec(http())], False),
        ("frozen-grace", [spec(http(), pod={"terminationGracePeriodSeconds": 120})], True),
        ("readiness-alone", [spec(http(), READY, replicas=1), service()], False),
        ("readiness-alone", [spec(http(), http("/ready", failureThreshold=1), replicas=1), service()], True),
        ("readiness-alone", [spec(http(), http("/ready/db"), replicas=1), service()], True),
        ("liveness-equals-readiness", [spec(http(), http(), replicas=1)], False),
        ("liveness-equals-readiness", [spec(http(), http(), replicas=2)], True),
    ],
)
def test_what_is_common_matters_only_where_something_makes_it(
    trap: str, objects: list[dict[str, Any]], matters: bool
) -> None:
    assert [one.matters for one in found(*targets(*objects)) if one.trap.id == trap] == [matters]
