"""Whether a container that has ended is started again: by its own rules, its own policy, or its pod's.

Source: kubernetes: pkg/api/v1/pod/util.go ContainerShouldRestart, AllContainersCouldRestart
and kubelet: pkg/kubelet/container/helpers.go ShouldAllContainersRestart.
"""

from __future__ import annotations

from collections.abc import Mapping

from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.restart_rules import matching_action

REMOVED = "RestartingAllContainers"
"""The reason of a container that was removed because its pod starts over."""
REMOVED_MESSAGE = "The container is removed because RestartAllContainers in place"
REMOVED_EXIT_CODE = 137


def is_sidecar(container: Container, profile: Profile = NEWEST) -> bool:
    """Return whether an init container is one that stays: it has probes, and is restarted under every policy."""
    return profile.sidecars and container.restart_policy == "Always"


def restart_policy(template: PodTemplate, container: Container, profile: Profile = NEWEST) -> str:
    """Return the policy that a container has: its own one, else its pod's.

    Older kubelets know an own one of sidecars only.
    """
    known = profile.restart_rules or (container in template.init_containers and is_sidecar(container, profile))
    return (container.restart_policy if known else "") or template.restart_policy


def restarts_after(template: PodTemplate, container: Container, exit_code: int, profile: Profile = NEWEST) -> bool:
    """Return whether a container that has exited with this code is started again.

    >>> from crashy.objects.restart_rules import RestartRule
    >>> app = Container("app", restart_policy="Never", restart_policy_rules=(RestartRule("Restart", "In", (42,)),))
    >>> pod = PodTemplate((app,))
    >>> restarts_after(pod, app, 42), restarts_after(pod, app, 1)
    (True, False)
    """
    if profile.restart_rules and matching_action(container.restart_policy_rules, exit_code) == "Restart":
        return True
    policy = restart_policy(template, container, profile)
    return policy != "Never" and not (policy == "OnFailure" and exit_code == 0)


def restarts_all(template: PodTemplate, exit_codes: Mapping[str, int], profile: Profile = NEWEST) -> bool:
    """Return whether a rule of an ended container makes its whole pod start over, init containers and all.

    `exit_codes` are those of the ended containers, by name.
    """
    return profile.restarts_all_containers and any(
        matching_action(container.restart_policy_rules, exit_codes[container.name]) == "RestartAllContainers"
        for container in (*template.init_containers, *template.containers)
        if container.name in exit_codes
    )
