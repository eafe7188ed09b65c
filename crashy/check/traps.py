"""The table of the known traps; `docs/traps.md` and the rules in SARIF are generated from it."""

from __future__ import annotations

from crashy.check import failing, files, handler_traps, pods, ports, related, rollouts, timing, unguarded
from crashy.check.model import Severity, Trap

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE

TRAPS = (
    # What a probe checks.
    Trap(
        "liveness-equals-readiness", W, "Liveness and readiness have the same handler",
        "What should only take a pod out of its Services for a while (load, a warm-up, a dependency that is down) also "
        "restarts it, and a restart adds load to the other pods.",
        "Give liveness a route of its own that only checks whether the process works, or let it fail much later "
        "than readiness: a higher failureThreshold.",
        handler_traps.liveness_equals_readiness,
    ),
    Trap(
        "liveness-on-dependency", W, "Liveness depends on something else",
        "When the dependency is down, every pod that checks it is restarted again and again. That fixes nothing, and "
        "keeps all of them from working once it is back.",
        "Let liveness check the process alone; a dependency belongs in readiness, if anywhere.",
        handler_traps.liveness_on_dependency,
    ),
    Trap(
        "liveness-under-load", W, "Liveness requests a route that does users' work",
        "Under load it answers late, liveness fails, the container is restarted, the others get its share of the load "
        "and fail next, until all of them restart in turn.",
        "Use a route that does no work (/healthz), with a timeout that load does not reach; let readiness detect load.",
        handler_traps.liveness_under_load,
    ),
    Trap(
        "tcp-frozen", W, "A TCP probe passes while the process is frozen",
        "The kernel completes handshakes for the process: a frozen app passes until its connection backlog is full, "
        "and one that answers every request with an error always passes.",
        "Use httpGet or grpc, or an exec probe that sends the app a request and waits for the response.",
        handler_traps.tcp_frozen,
    ),
    Trap(
        "exec-asks-nobody", N, "The probe's command does not contact the app",
        "A command that looks at a file or a process succeeds while the app hangs: the file stays where it is.",
        "Contact the app, or let the app touch a file and have the command check the file's age.",
        handler_traps.exec_asks_nobody,
    ),
    Trap(
        "curl-without-fail", W, "curl without --fail succeeds on errors",
        "curl exits 0 for any response, 500 included: the probe only detects that nothing listens.",
        "curl --fail --max-time 1, or httpGet, which needs no program in the image.",
        handler_traps.curl_without_fail,
    ),
    Trap(
        "never-succeeds", E, "The probe fails however well the app is",
        "Its command always takes longer than timeoutSeconds (enforced since Kubernetes 1.20), or ends with an error; "
        "or it asks for a port, a scheme, a route or a service that the app doesn't have. Liveness and startup kill a "
        "healthy container again and again, readiness never succeeds.",
        "A timeoutSeconds above the command's time; the port, scheme and path that the app answers on.",
        failing.never_succeeds,
    ),
    Trap(
        "exec-needs-shell", E, "The probe's command needs a shell but has none",
        "exec runs a program with its arguments. A shell command line is not a program's name: the probe errs, and an "
        "error counts neither as failure nor as success. Liveness never fails, readiness never succeeds.",
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
        "If the app can hang in a way that only a restart fixes, give it a liveness probe; otherwise leave it.",
        handler_traps.no_liveness,
    ),
    Trap(
        "no-readiness", W, "A Service sends users to pods that may not be ready",
        "Without a readiness probe a container is ready as soon as it runs: users are sent to it while it starts and "
        "while it fails.",
        "Give it a readiness probe, even one of liveness' route that fails sooner.",
        handler_traps.no_readiness,
    ),
    Trap(
        "unprobed-target", W, "A Service leads to the container of a pod that has no probe",
        "The pod is ready when its other container is: users are sent to this one while it starts and while it fails.",
        "A readiness probe for each container that users reach.",
        handler_traps.unprobed_target,
    ),
    # Ports and hosts.
    Trap(
        "unknown-port-name", E, "The probe names a port that its container does not declare",
        "The name can't be resolved, the probe errs, and an error counts neither as failure nor as success. Liveness "
        "never fails, readiness never succeeds. The API server accepts it.",
        "Declare the port by this name in the same container, or give its number.",
        ports.unknown_port_name,
    ),
    Trap(
        "undeclared-port", N, "The probe uses a port that its container does not declare",
        "Declaring ports is informational, so this may work; usually the port was changed in one place only.",
        "Use a port of the container, or declare this one.",
        ports.undeclared_port,
    ),
    Trap(
        "undeclared-target-port", W, "A Service leads to a port that nobody is known to listen on",
        "All probes may succeed while no user gets a response, because they use another port.",
        "Let targetPort be a port of the container; best by its name.",
        ports.undeclared_target_port,
    ),
    Trap(
        "probe-host", W, "The probe contacts another host than the pod",
        "The kubelet calls from the node: localhost is the node itself, and another host says nothing about this pod.",
        "Leave host out; to send a Host header, set httpHeaders.",
        ports.probe_host,
    ),
    # Periods and timeouts.
    Trap(
        "slow-start-killed", E, "Its start takes longer than its probes allow",
        "The kubelet decides to kill the container before it has started, starts it again, and so on: "
        "CrashLoopBackOff. While its preStop and its grace period run it may become ready, but for no longer.",
        "A startupProbe whose failureThreshold x periodSeconds covers the slowest start.",
        timing.slow_start_killed,
    ),
    Trap(
        "slow-answer", E, "It responds later than the probe's timeout",
        "Every probe times out: readiness never succeeds, liveness and startup kill a healthy container.",
        "A timeoutSeconds above the slowest response, or a faster route.",
        timing.slow_answer,
    ),
    Trap(
        "delay-instead-of-startup", N, "A long initialDelaySeconds stands in for a startup probe",
        "It applies to every start, quick ones too: until then a hang goes undetected. A start that takes even longer "
        "is killed.",
        "A startupProbe with a short period: it ends as soon as the app has started.",
        timing.delay_instead_of_startup,
    ),
    Trap(
        "liveness-before-startup", W, "After a kill the startup probe is asked too late",
        "In Kubernetes 1.35 to 1.37 the container after one that a probe has killed counts as started, like that one, "
        "until its startup probe's worker looks again: up to periodSeconds later. Until then liveness is asked and can "
        "kill it again, and without a readiness probe its pod is ready (kubernetes#141155).",
        "A startupProbe with a periodSeconds that liveness outlasts (1, with a higher failureThreshold), or a liveness "
        "probe with an initialDelaySeconds above that period; and a readiness probe. Or a kubelet that is mended.",
        unguarded.liveness_before_startup,
    ),
    Trap(
        "liveness-before-readiness", W, "Liveness gives up before readiness is first asked",
        "Readiness is asked so late because the start takes so long, but liveness grants less: whoever starts that "
        "slowly is killed, again and again, and is ready at most for the time that its preStop and its end take.",
        "A startupProbe that covers the slowest start; then neither of the two needs an initialDelaySeconds.",
        timing.liveness_before_readiness,
    ),
    Trap(
        "timeout-over-period", W, "The probe waits longer than its period",
        "Probes of one type never overlap: while the app hangs, one follows the other every timeoutSeconds, and the "
        "period has no effect.",
        "A timeoutSeconds of at most periodSeconds.",
        timing.timeout_over_period,
    ),
    Trap(
        "one-failure-kills", W, "One failed probe restarts the container",
        "A single late response, a pause for garbage collection or a busy node is enough.",
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
        "exec-dear", W, "The probe's command is slow to start",
        "An interpreter is started for every single probe, in the container's own CPU and memory. On a busy node or "
        "under a CPU limit that alone may exceed timeoutSeconds, and a healthy container is restarted.",
        "httpGet or grpc, which start nothing; else a longer timeoutSeconds and periodSeconds.",
        timing.exec_dear,
    ),
    Trap(
        "many-probes", N, "Many probes a second",
        "Each is a new connection, or a new process in the container; the app and its node do this all the time.",
        "A longer periodSeconds, where detection may take some seconds more.",
        timing.many_probes,
    ),
    # Termination and Services.
    Trap(
        "probe-grace-over-pod", W, "The probe's grace period is longer than the pod's",
        "A container that fails its probe gets longer to end than a healthy one that is deleted.",
        "The probe's terminationGracePeriodSeconds is meant to be shorter than the pod's.",
        timing.probe_grace_over_pod,
    ),
    Trap(
        "frozen-grace", N, "A frozen container gets its whole grace period",
        "A frozen process never sees SIGTERM, so each restart waits all of terminationGracePeriodSeconds for nothing.",
        "A terminationGracePeriodSeconds of a few seconds in the livenessProbe (Kubernetes 1.25 or newer).",
        timing.frozen_grace,
    ),
    Trap(
        "no-grace", W, "The pod has no time to end",
        "With terminationGracePeriodSeconds: 0 a deleted pod is killed at once: requests in flight are lost, and its "
        "object is gone before its processes are.",
        "More seconds than the longest request takes.",
        timing.no_grace,
    ),
    Trap(
        "pre-stop-over-grace", W, "preStop uses up the grace period",
        "The grace period counts from the start of preStop: the app gets SIGTERM 2 seconds before SIGKILL.",
        "A terminationGracePeriodSeconds of preStop's time plus the time that the app needs to end.",
        timing.pre_stop_over_grace,
    ),
    Trap(
        "no-pre-stop-wait", N, "It gets SIGTERM while Services still send it requests",
        "A pod that is deleted leaves its Services at the same time as it gets SIGTERM, and nodes and proxies learn it "
        "later: what they send until then is refused, as a 502 in every rolling update.",
        "A preStop of sleep: {seconds: 5} (Kubernetes 1.30 or newer), or of a sleep command; or an app that goes on "
        "accepting for some seconds after SIGTERM.",
        rollouts.no_pre_stop_wait,
    ),
    Trap(
        "ready-while-stopping", W, "Readiness may succeed while the container is killed",
        "After liveness has given up on a start, readiness is still asked until the process has ended: while preStop "
        "runs, and while it ignores SIGTERM. If it succeeds then, a rolling update takes the pod for ready and removes "
        "an old one; then the container is gone (kubernetes#123027).",
        "A startupProbe that covers the slowest start, or minReadySeconds above the time that the kill takes.",
        rollouts.ready_while_stopping,
    ),
    Trap(
        "rollout-stands-still", W, "A rolling update stands still, or is reported as failed",
        "Its numbers leave it no next step, or less time than its pods need: kubectl rollout status fails, and a "
        "pipeline with it.",
        "A progressDeadlineSeconds above the slowest start; a maxUnavailable of 1 where pods exclude each other.",
        rollouts.rollout_stands_still,
    ),
    Trap(
        "liveness-without-restart", W, "Liveness kills what is not restarted, or is to end by itself",
        "With restartPolicy Never a failed liveness probe ends the pod: nothing starts it again. With OnFailure it is "
        "started again at once, whatever its exit code is, and has lost what it had done; but once that has to wait "
        "(CrashLoopBackOff), one that has ended with 0 has completed, and so has its pod (kubernetes#109537).",
        "restartPolicy: Always for what serves; no liveness probe, but activeDeadlineSeconds for what runs to an end.",
        pods.liveness_without_restart,
    ),
    Trap(
        "readiness-alone", N, "Readiness on the only replica",
        "When it fails, no other pod takes over: users get no response at all instead of a late or wrong one.",
        "At least two replicas, or a readiness probe that fails only when no response is better than a bad one.",
        pods.readiness_alone,
    ),
    Trap(
        "readiness-ignored", N, "The Service sends users to pods that are not ready",
        "With publishNotReadyAddresses: true a readiness probe changes nothing for users of this Service.",
        "Set it only on Services through which pods find each other.",
        pods.readiness_ignored,
    ),
    Trap(
        "readiness-gate", W, "The pod waits for a condition that somebody else sets",
        "With readinessGates a pod is ready only while each of these conditions is True, however ready its containers "
        "are. Without the controller that sets them it never is: its Services leave it out, a rollout waits for it.",
        "See that the controller runs where this is applied, or leave readinessGates to its webhook.",
        failing.gates_unset,
    ),
    Trap(
        "never-healed", W, "It fails, and nothing restarts it",
        "A process that keeps running is restarted only if a liveness probe fails; one that has ended, only if "
        "restartPolicy says so.",
        "A liveness probe with httpGet; restartPolicy: Always for what serves.",
        pods.never_healed,
    ),
    Trap(
        "ill-again", N, "It fails again after every restart",
        "Each restart helps until the next failure. The back-off before each grows: CrashLoopBackOff.",
        "Nothing, if that is intended.",
        pods.ill_again,
    ),
    *related.TRAPS,
    *files.TRAPS,
)  # fmt: skip
