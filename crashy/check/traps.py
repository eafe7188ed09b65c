"""The table of the traps that are known. `docs/traps.md` is made from it, and so are the rules in SARIF."""

from __future__ import annotations

from crashy.check import handler_traps, pods, ports, timing
from crashy.check.model import Severity, Trap

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE

TRAPS = (
    # Which question a probe asks, and whom.
    Trap(
        "liveness-equals-readiness", W, "Liveness asks what readiness asks",
        "What should only take a pod out of its Services for a while (load, a warm-up, a dependency that is away) also "
        "restarts it, and a restart makes the others' load worse.",
        "Give liveness a route of its own that only says whether the process still works, or let it fail much later "
        "than readiness: a higher failureThreshold.",
        handler_traps.liveness_equals_readiness,
    ),
    Trap(
        "liveness-on-dependency", W, "Liveness depends on something else",
        "When the dependency is away, every pod that asks for it is restarted, again and again: it heals nothing, and "
        "keeps them all from working once it is back.",
        "Let liveness ask the process alone; a dependency belongs into readiness, if anywhere.",
        handler_traps.liveness_on_dependency,
    ),
    Trap(
        "liveness-under-load", W, "Liveness asks a route that does users' work",
        "Under load it answers late, liveness fails, the container is restarted, the others get its share of the load "
        "and fail next, until all of them restart in turn.",
        "Ask a route that does no work (/healthz), with a timeout that load does not reach; let readiness meet load.",
        handler_traps.liveness_under_load,
    ),
    Trap(
        "tcp-frozen", W, "A TCP probe passes while the process is frozen",
        "The kernel shakes hands for the process: a frozen app passes until its queue of connections is full, one that "
        "answers every request with an error passes for ever.",
        "Use httpGet or grpc, or an exec probe that asks the app something and waits for the answer.",
        handler_traps.tcp_frozen,
    ),
    Trap(
        "exec-asks-nobody", N, "The probe's command asks nobody",
        "A command that looks at a file or a process succeeds while the app hangs: the file stays where it is.",
        "Ask the app, or let it renew the file and have the command look how old it is.",
        handler_traps.exec_asks_nobody,
    ),
    Trap(
        "curl-without-fail", W, "curl without --fail succeeds on errors",
        "curl exits 0 for whatever it is answered, 500 included: the probe only notices that nobody listens.",
        "curl --fail --max-time 1, or httpGet, which needs no program in the image.",
        handler_traps.curl_without_fail,
    ),
    Trap(
        "exec-needs-shell", E, "The probe's command needs a shell, and has none",
        "exec runs a program with its arguments. A line of shell is no program's name: the probe errs, and an error "
        "counts neither as failure nor as success. Liveness never fails, readiness never succeeds.",
        'command: ["sh", "-c", "..."], or each word as an item of its own.',
        handler_traps.exec_needs_shell,
    ),
    Trap(
        "exec-without-reaper", W, "Exec probes without a process that reaps orphans",
        "What a probe's command leaves behind when it is stopped, or ends before its children, becomes a child of the "
        "container's first process. Few apps reap such orphans: zombies pile up until no process can be started.",
        "Make tini (or dumb-init) the first process, or run the probe under it (tini -s -- COMMAND), or set "
        "shareProcessNamespace: true.",
        handler_traps.exec_without_reaper,
    ),
    Trap(
        "no-liveness", N, "Nothing restarts a container that hangs",
        "Without a liveness probe a container is restarted only if its process ends.",
        "If the app can hang in a way that only a restart mends, give it a liveness probe; else leave it so.",
        handler_traps.no_liveness,
    ),
    Trap(
        "no-readiness", W, "A Service sends users to pods that may not be ready",
        "Without a readiness probe a container counts as ready the moment it runs: users meet it while it starts, and "
        "all the while it is ill.",
        "Give it a readiness probe, even if it asks the same route as liveness, only sooner.",
        handler_traps.no_readiness,
    ),
    # Where it asks.
    Trap(
        "unknown-port-name", E, "The probe names a port that its container does not declare",
        "The name can't be resolved, the probe errs, and an error counts neither as failure nor as success. Liveness "
        "never fails, readiness never succeeds. The API server does not mind.",
        "Declare the port by this name in the same container, or give its number.",
        ports.unknown_port_name,
    ),
    Trap(
        "undeclared-port", W, "The probe asks a port that its container does not declare",
        "Declaring ports is for the reader, so this may work; mostly it is a port that has moved on one side only.",
        "Ask a port of the container, or declare this one.",
        ports.undeclared_port,
    ),
    Trap(
        "undeclared-target-port", W, "A Service leads to a port that its pods do not declare",
        "Probes may all succeed while no user gets an answer, for they ask another port.",
        "Let targetPort be a port of the container; best by its name.",
        ports.undeclared_target_port,
    ),
    Trap(
        "probe-host", W, "The probe asks another host than the pod",
        "The kubelet calls from the node: localhost is the node itself, and any other host says nothing of this pod.",
        "Leave host out; to send a Host header, set httpHeaders.",
        ports.probe_host,
    ),
    # How often, how long.
    Trap(
        "slow-start-killed", E, "Its start takes longer than its probes grant",
        "The container is killed before it has started, starts again, and is killed again: CrashLoopBackOff.",
        "A startupProbe whose failureThreshold x periodSeconds covers the slowest start.",
        timing.slow_start_killed,
    ),
    Trap(
        "slow-answer", E, "It answers later than the probe waits",
        "Every probe times out: readiness never succeeds, liveness and startup kill a container that is well.",
        "A timeoutSeconds above the slowest answer, or a route that answers sooner.",
        timing.slow_answer,
    ),
    Trap(
        "delay-instead-of-startup", N, "A long initialDelaySeconds stands in for a startup probe",
        "It is waited for at every start, quick ones too: for so long a hang goes unnoticed. A start that takes longer "
        "still is killed.",
        "A startupProbe with a short period: it ends as soon as the app has started.",
        timing.delay_instead_of_startup,
    ),
    Trap(
        "timeout-over-period", W, "The probe waits longer than its period",
        "Probes of one kind never overlap: while the app hangs, one follows the other every timeoutSeconds, and the "
        "period says nothing any more.",
        "A timeoutSeconds of at most periodSeconds.",
        timing.timeout_over_period,
    ),
    Trap(
        "one-failure-kills", W, "One failed probe restarts the container",
        "A single late answer, a pause for garbage collection or a busy node is enough.",
        "A failureThreshold of 3 or more; a shorter period makes up for the time.",
        timing.one_failure_kills,
    ),
    Trap(
        "slow-return", N, "Several successes are needed to become ready",
        "Each one but the first adds a period to every start and to every recovery.",
        "successThreshold: 1, unless the app flaps.",
        timing.slow_return,
    ),
    Trap(
        "exec-dear", W, "The probe's command takes long to start",
        "An interpreter is started for every single probe, in the container's own CPU and memory. On a busy node or "
        "under a CPU limit that alone may exceed timeoutSeconds, and a container that is well is restarted.",
        "httpGet or grpc, which start nothing; else a longer timeoutSeconds and periodSeconds.",
        timing.exec_dear,
    ),
    Trap(
        "many-probes", N, "Many probes a second",
        "Each is a new connection, or a new process in the container; the app and its node do this all the time.",
        "A longer periodSeconds, where some seconds more to notice are no harm.",
        timing.many_probes,
    ),
    # How it ends, and who else is there.
    Trap(
        "probe-grace-over-pod", W, "A probe grants more time to end than the pod does",
        "A container that a probe has found ill gets longer to end than one that is well and merely deleted.",
        "The probe's terminationGracePeriodSeconds is there to be shorter than the pod's.",
        timing.probe_grace_over_pod,
    ),
    Trap(
        "frozen-grace", N, "A frozen container is granted its whole grace period",
        "A frozen process never sees SIGTERM, so each restart waits all of terminationGracePeriodSeconds for nothing.",
        "A terminationGracePeriodSeconds of a few seconds in the livenessProbe (Kubernetes 1.25 or newer).",
        timing.frozen_grace,
    ),
    Trap(
        "no-grace", W, "The pod is granted no time to end",
        "With terminationGracePeriodSeconds: 0 a deleted pod is killed at once: requests under way are lost, and its "
        "object is gone before its processes are.",
        "As many seconds as the longest request takes, and some.",
        timing.no_grace,
    ),
    Trap(
        "pre-stop-over-grace", W, "preStop takes all the time there is to end",
        "The grace period counts from the start of preStop: the app gets SIGTERM 2 seconds before SIGKILL.",
        "A terminationGracePeriodSeconds of preStop's time and the time that the app needs to end.",
        timing.pre_stop_over_grace,
    ),
    Trap(
        "readiness-alone", N, "Readiness on the only replica",
        "When it fails, no other pod takes over: users get no answer at all instead of one that is late or wrong.",
        "At least two replicas, or a readiness probe that fails only when no answer is better than any.",
        pods.readiness_alone,
    ),
    Trap(
        "readiness-ignored", N, "The Service sends users to pods that are not ready",
        "With publishNotReadyAddresses: true a readiness probe changes nothing for users of this Service.",
        "Leave it to Services by which pods find each other.",
        pods.readiness_ignored,
    ),
    Trap(
        "never-healed", W, "It falls ill, and nothing heals it",
        "The process goes on, so it is restarted only if a liveness probe notices.",
        "A liveness probe that asks the app over httpGet.",
        pods.never_healed,
    ),
    Trap(
        "ill-again", N, "It falls ill in every life",
        "Each restart heals it until the next time. Kubernetes makes it wait longer before each: CrashLoopBackOff.",
        "Nothing, if that is the lesson.",
        pods.ill_again,
    ),
)  # fmt: skip
