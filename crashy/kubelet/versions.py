"""Where the kubelets of different Kubernetes versions differ: one named profile a version.

1.20 and 1.36 were measured on running clusters. The others follow the source where it was read, and 1.36 elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Requeue(StrEnum):
    """When a pod whose container waits in back-off is synced again."""

    EXACT = "exact"
    """At the end of the window: no kubelet does that, the tables assume it."""
    POLL = "poll"
    """10 s x U[1, 1.5] after every failed sync, whatever the window (up to 1.34)."""
    WINDOW = "window"
    """The rest of the window (at most the resync period) x U[1, 1.5] (from 1.35)."""


@dataclass(frozen=True, slots=True)
class EventTexts:
    """Event messages that differ between versions; `str.format` fills in `{container}`, `{image}` and the like."""

    pulled: str = 'Container image "{image}" already present on machine and can be accessed by the pod'
    created: str = "Container created"
    started: str = "Container started"
    back_off: str = "Back-off restarting failed container {container} in pod {pod}_{namespace}({uid})"
    errored: str = "{type} probe errored and resulted in {result} state: {error}"
    exec_timeout: str = 'command timed out: "{command}" timed out after {timeout}'
    redirect_warning: str = "Probe terminated redirects, Response body: {body}"
    unschedulable: str = (
        "0/1 nodes are available: 1 node(s) {why}. no new claims to deallocate, preemption: 0/1 nodes are available: "
        "1 Preemption is not helpful for scheduling."
    )
    tainted: str = "had untolerated taint(s)"
    hook_failed: str = "{hook}Hook failed"
    http_hook: str = "HTTP lifecycle hook ({path}) for {container} failed - error: {error}"
    post_start_error: str = "PostStartHookError"


@dataclass(frozen=True, slots=True)
class Profile:
    """The behaviour of one version of the kubelet. The defaults are the newest version's."""

    version: str
    """The profile's name: `MAJOR.MINOR`, or `fixed`."""
    texts: EventTexts = field(default_factory=EventTexts)

    always_jitters: bool = False
    """Every worker sleeps U[0, period) first; otherwise only those within a period of the kubelet's own start."""
    triggers_readiness: bool = True
    """A container that runs, has started and is not ready is probed at every sync, besides the ticks."""
    trigger_resets_ticker: bool = True
    """Such an extra probe moves the grid of ticks to its own moment."""
    startup_success_holds: bool = True
    """A startup worker is on hold after its success; otherwise it keeps ticking and finds nothing to do."""
    inherits_started: bool = True
    """After a probe's kill, the next instance counts as started as the last one did, until its startup probe has been
    tried: liveness and readiness ask too early (kubernetes#141155; since 1.35, fixed by #141342)."""

    relist_seconds: float = 1.0
    """A pod's next sync waits for the first relist after the end of its last one; the period of that tick grid."""
    publishes_running_at_relist: bool = False
    """A start is published at the next relist, not at once, and nothing is probed before."""
    startup_failure_syncs: bool = True
    """A failed startup probe syncs the pod at once; otherwise the kill waits for the periodic sync."""

    requeue: Requeue = Requeue.WINDOW
    crash_loop_gates: bool = True
    """The gates ReduceDefaultCrashLoopBackOffDecay and KubeletCrashLoopBackOffMax exist."""

    probes_before_status: bool = False
    """After its own restart the kubelet starts a pod's probe workers before it publishes the pod's status: no container
    with a readiness probe is ready (up to 1.23; kubelet.go HandlePodAdditions). Otherwise after it (SyncPod): for a
    moment every one that runs is."""
    keeps_status_on_restart: bool = True
    """What was started and ready stays so while the kubelet restarts, if it runs for 10 s already (from 1.35; KEP-4781:
    the gate ChangeContainerStatusOnKubeletRestart, off)."""
    node_monitor_grace: float = 50.0
    """Seconds without a node's heartbeat after which it is not ready (40 up to 1.31; kube-controller-manager:
    --node-monitor-grace-period)."""
    kills_all_on_oom: bool = True
    """On cgroup v2 a container dies whole for want of memory (memory.oom.group, from 1.28); otherwise one process does.

    kubelet: pkg/kubelet/kuberuntime/kuberuntime_container_linux.go.
    """

    probe_level_grace: bool = True
    """A probe's own terminationGracePeriodSeconds is honoured."""
    sidecars: bool = True
    """An init container with restartPolicy Always is a sidecar; otherwise it is a plain init container."""

    resizes_in_place: bool = True
    """A pod's CPU and memory may change while it runs (InPlacePodVerticalScaling, on from 1.33)."""
    announces_resizes: bool = True
    """Such a change has its event ResizeStarted, and the events name the pod's generation (from 1.35).

    kubelet: pkg/kubelet/allocation/allocation_manager.go.
    """
    hooks_like_probes: bool = True
    """An httpGet hook has its scheme and headers, and is asked again over http where a server answers TLS in plain text
    (the gate ConsistentHTTPGetHandlers, on from 1.27); otherwise it is `http://IP:PORT/` and its path, and no more."""
    sleep_hooks: bool = True
    """A hook may `sleep` (the gate PodLifecycleSleepAction, on from 1.30); otherwise the API server drops the field."""

    restart_rules: bool = True
    """A container's own restartPolicy and restartPolicyRules are honoured (the gate ContainerRestartRules, on from
    1.35)."""
    restarts_all_containers: bool = True
    """So is such a rule's action RestartAllContainers (the gate RestartAllContainersOnContainerExits, on from 1.36)."""

    stops_liveness_on_deletion: bool = True
    """Liveness and startup probes end with the pod's deletion; otherwise they continue until the process has ended."""
    keeps_terminating_endpoints: bool = True
    """A terminating pod stays in its EndpointSlices, not ready but serving; otherwise it is removed at once (KEP-1672:
    the gate EndpointSliceTerminatingCondition, on from 1.22)."""
    proxies_terminating_endpoints: bool = True
    """Without any ready endpoint, connections go to those that are serving and terminating (KEP-1669: kube-proxy's gate
    ProxyTerminatingEndpoints, on from 1.26)."""
    publishes_final_phase_on_deletion: bool = True
    """A deleted pod's last status is Succeeded or Failed; otherwise it is Running to the end."""
    withholds_final_phase: bool = True
    """The phase of a pod that has ended by itself is published when the pod is terminated; otherwise at once."""
    final_phase_after: float = 0.1
    """Seconds that stopping the sandbox of a pod that has ended by itself takes, before its phase says so."""
    gone_after_exit: tuple[float, float] = (0.6, 1.0)
    """Seconds from a deleted pod's last exit until its object is removed: minimum and maximum."""

    propagation: tuple[float, float] = (0.1, 0.6)
    """Seconds from an EndpointSlice's change until a node's kube-proxy has written it, at least and at most.

    kubernetes: pkg/proxy/iptables/proxier.go: syncRunner, at least 1 s (minSyncPeriod) between two syncs; as measured.
    """

    spam_filter_by_type: bool = True
    """25 events (then one in 300 s) a pod *and type*, warnings apart from the rest; otherwise a pod, all together."""

    @property
    def user_agent(self) -> str:
        """Return the User-Agent of this version's http and grpc probes."""
        return f"kube-probe/{self.release}"

    @property
    def release(self) -> str:
        """Return `MAJOR.MINOR`, as User-Agents have it; the fix comes after 1.37."""
        return "1.38" if self.version == "fixed" else self.version


_1_36 = Profile("1.36")
_1_37 = replace(_1_36, version="1.37")
_FIXED = replace(_1_37, version="fixed", inherits_started=False)
_1_35 = replace(_1_36, version="1.35", restarts_all_containers=False)
_1_34 = replace(
    _1_35,
    version="1.34",
    requeue=Requeue.POLL,
    announces_resizes=False,
    restart_rules=False,
    inherits_started=False,
    keeps_status_on_restart=False,
    texts=EventTexts(
        pulled='Container image "{image}" already present on machine',
        created="Created container: {container}",
        started="Started container {container}",
        tainted="had untolerated taint {{{taint}: }}",
    ),
)
_1_32 = replace(
    _1_34,
    version="1.32",
    resizes_in_place=False,
    texts=replace(
        _1_34.texts,
        unschedulable="0/1 nodes are available: 1 node(s) {why}. preemption: 0/1 nodes are available: "
        "1 Preemption is not helpful for scheduling.",
    ),
)
_1_20 = Profile(
    version="1.20",
    texts=EventTexts(
        pulled='Container image "{image}" already present on machine',
        created="Created container {container}",
        started="Started container {container}",
        back_off="Back-off restarting failed container",
        errored="{type} probe errored: {error}",
        exec_timeout="",
        redirect_warning="{body}",
        unschedulable="0/1 nodes are available: 1 node(s) {why}.",
        tainted="had taint {{{taint}: }}, that the pod didn't tolerate",
        hook_failed="{message}",
        http_hook='Http lifecycle hook ({path}) for {container} failed - error: {error}, message: ""',
        post_start_error="PostStartHookError: {error}",
    ),
    always_jitters=True,
    triggers_readiness=False,
    trigger_resets_ticker=False,
    startup_success_holds=False,
    inherits_started=False,
    publishes_running_at_relist=True,
    startup_failure_syncs=False,
    requeue=Requeue.POLL,
    crash_loop_gates=False,
    probes_before_status=True,
    keeps_status_on_restart=False,
    node_monitor_grace=40.0,
    kills_all_on_oom=False,
    probe_level_grace=False,
    sidecars=False,
    resizes_in_place=False,
    announces_resizes=False,
    hooks_like_probes=False,
    sleep_hooks=False,
    restart_rules=False,
    restarts_all_containers=False,
    stops_liveness_on_deletion=False,
    keeps_terminating_endpoints=False,
    proxies_terminating_endpoints=False,
    publishes_final_phase_on_deletion=False,
    withholds_final_phase=False,
    final_phase_after=0.0,
    gone_after_exit=(6.0, 9.0),
    propagation=(0.05, 1.05),
    spam_filter_by_type=False,
)

PROFILES = {profile.version: profile for profile in (_1_20, _1_32, _1_34, _1_35, _1_36, _1_37, _FIXED)}
NEWEST = _1_36
"""The newest one that was measured, and the default."""
RANGE = f"from {_1_20.version} to {_1_37.version}, or {_FIXED.version}"


def nearest(version: str) -> Profile:
    """Return a version's profile, else the nearest lower one; raises ValueError outside of the range.

    What the API server accepts and whom kube-proxy falls back to are the version's own.

    >>> nearest("1.28").version, nearest("v1.36.2+k3s1").version, nearest("fixed").version
    ('1.20', '1.36', 'fixed')
    >>> nearest("1.29").sleep_hooks, nearest("1.30").sleep_hooks
    (False, True)
    """
    if version in PROFILES:
        return PROFILES[version]
    found = re.fullmatch(r"v?1\.(\d{1,3})(?:[.+-]\S*)?", version)
    minor = int(found[1]) if found else 0
    known = {_minor(one): one for one in PROFILES.values() if one is not _FIXED}
    if not min(known) <= minor <= max(known):
        raise ValueError(f"{version!r}: must be {RANGE}")
    lower = known[max(one for one in known if one <= minor)]
    return replace(lower, sleep_hooks=minor >= 30, proxies_terminating_endpoints=minor >= 26)


def of_cluster(version: str) -> Profile:
    """Return the profile that is nearest to a cluster's version, whatever it is."""
    found = re.match(r"v?1\.(\d+)", version)
    minor = int(found[1]) if found else _minor(NEWEST)
    if minor > _minor(_1_37):
        return _FIXED
    return nearest(f"1.{max(minor, _minor(_1_20))}")


def _minor(profile: Profile) -> int:
    return int(profile.version.partition(".")[2])
