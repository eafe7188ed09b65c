"""What a pod needs of ConfigMaps and Secrets before its containers can be created, and how it waits for it.

kubelet: pkg/kubelet/volumemanager/volume_manager.go WaitForAttachAndMount, pkg/volume/util/operationexecutor,
pkg/util/goroutinemap/exponentialbackoff/exponential_backoff.go, pkg/kubelet/kuberuntime/kuberuntime_container.go
startContainer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container

FIRST_MOUNT_SECONDS = 0.25
"""From a pod's creation to the first try to mount its volumes, as it was measured on 1.36."""

_INITIAL_BACKOFF = 0.5
_MOST_BACKOFF = 122.0


class Unmounted(NamedTuple):
    """A volume that can't be mounted, and why."""

    volume: str
    error: str

    @property
    def message(self) -> str:
        """Return the message of the event FailedMount."""
        return f'MountVolume.SetUp failed for volume "{self.volume}" : {self.error}'


class Config(Protocol):
    """The ConfigMaps and Secrets that exist at this moment."""

    def unmounted(self, pod: Pod) -> Unmounted | None:
        """Return the first volume of a pod that can't be mounted."""
        ...

    def unset(self, pod: Pod, container: Container) -> str:
        """Return why a container's variables can't be made; empty if they can."""
        ...


class Complete:
    """A configuration in which every object that is referred to exists."""

    def unmounted(self, pod: Pod) -> Unmounted | None:
        """Return None."""
        return None

    def unset(self, pod: Pod, container: Container) -> str:
        """Return nothing."""
        return ""


COMPLETE: Config = Complete()


def mount_delays() -> Iterator[float]:
    """Yield the seconds between two tries to mount a volume: half a second first, each time twice as long."""
    seconds = _INITIAL_BACKOFF
    while True:
        yield seconds
        seconds = min(2 * seconds, _MOST_BACKOFF)
