"""Folders of a container that are private folders of its pod on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from crashy.engines.lab.termination import TerminationMessage
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, PodTemplate
from crashy.patient.settings import IMAGE

_KEPT = {"emptyDir", "persistentVolumeClaim"}


def mounted(template: PodTemplate) -> frozenset[str]:
    """Return the volumes of a pod that are folders of this machine."""
    return frozenset(volume["name"] for volume in template.volumes if _KEPT & volume.keys())


class Folders:
    """Maps paths in a container to paths on this machine: those below an emptyDir or a claim, and the image's `/app`.

    A process of the lab sees this machine's files. So wherever the container's own commands (those of exec probes
    such as `cat /app/is_ready` too) and variables name a path below such a folder, the private folder's path is put
    in its place, and the other way round in what those commands print. The folders are made here, below `root`, once a
    pod: they survive a container's restart. Those of claims are below `claims`, by namespace and name: they survive the
    pod.
    """

    def __init__(self, root: Path, pod: Pod, container: Container, *, patient: bool, claims: Path) -> None:
        volumes = {name: root / "volumes" / name for name in mounted(pod.template)}
        for volume in pod.template.volumes:
            if claim := volume.get("persistentVolumeClaim"):
                volumes[volume["name"]] = claims / pod.namespace / claim["claimName"]
        found = {
            mount["mountPath"].rstrip("/"): volumes[mount["name"]] / mount.get("subPath", "")
            for mount in container.volume_mounts
            if mount["name"] in volumes
        }
        if patient:
            found.setdefault(IMAGE["STATE_DIR"], root / container.name)
        for folder in found.values():
            folder.mkdir(parents=True, exist_ok=True)
        self.termination = TerminationMessage(root, container)
        found |= self.termination.files
        self.mapping: Mapping[str, Path] = found
        names = "|".join(re.escape(path) for path in sorted(found, key=len, reverse=True) if path)
        self._pattern = re.compile(rf"(?<![\w./-])(?:{names})(?![\w.-])") if names else None

    def translate(self, text: str) -> str:
        """Put this machine's paths in the place of the container's."""
        return self._pattern.sub(lambda found: str(self.mapping[found[0]]), text) if self._pattern else text

    def restore(self, text: str) -> str:
        """Put the container's paths back in the place of this machine's."""
        for path, folder in sorted(self.mapping.items(), key=lambda item: len(str(item[1])), reverse=True):
            text = text.replace(str(folder), path)
        return text
