"""What a container runs as on this machine: the command, the variables and the folder of its process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import crashy
from crashy.controllers.environment import References, service_links, variables
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.folders import Folders
from crashy.engines.lab.names import table_of
from crashy.engines.lab.network import LoopbackNetwork
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.runtime import Pod
from crashy.objects.images import is_patient
from crashy.objects.pod import Container
from crashy.patient import ADMIN_PORT
from crashy.patient.settings import IMAGE

IMAGE_ARGS = ("serve",)
# All that a container sees of the environment that the lab was started in.
_FROM_OUTSIDE = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME")


@dataclass(frozen=True, slots=True)
class Program:
    """A process to be started; `translate` maps the container's paths in commands that run beside it."""

    command: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    folders: Folders


class Programs:
    """Decides how each container of one lab runs: `root` holds the pods' private folders, and those of claims.

    The patient's image is `python -m crashy` with the image's variables, found on the pod's own address; what the
    container sets itself wins. Its ports are translated where they can't be bound. `workingDir` is used where this
    machine has that folder.
    """

    def __init__(self, root: Path, addresses: Addresses, network: LoopbackNetwork) -> None:
        self._root = root
        self._addresses = addresses
        self._network = network
        self.references = References()

    def program(self, pod: Pod, container: Container) -> Program:
        """Return how a container runs; raises StartError for a reference to nothing."""
        patient = is_patient(container.image)
        root = self._root / pod.uid
        root.mkdir(exist_ok=True)
        folders = Folders(root, pod, container, patient=patient, claims=self._root / "claims")
        near = [(service, ip) for service, ip in self._network.cluster_ips if service.namespace == pod.namespace]
        here = replace(pod, ip=self._addresses.host(pod.ip))  # what a program binds and its commands connect to
        own = variables(here, container, self.references, service_links(near, self._addresses.dial))
        translate = folders.translate
        environ = {name: os.environ[name] for name in _FROM_OUTSIDE if name in os.environ}
        environ |= {"PATH": _search_path(), "TMPDIR": str(root), "HOSTNAME": pod.name}
        if patient:
            environ |= self._image(here)
            environ["STATE_DIR"] = translate(environ["STATE_DIR"])
            environ["NAMES_FILE"] = str(table_of(self._root, pod.namespace))
        environ |= {name: translate(value) for name, value in own.items()}
        if patient:
            for name in ("PORT", "ADMIN_PORT", "GRPC_PORT"):
                environ[name] = self._listen(pod.ip, environ.get(name, ""))
        command = tuple(translate(expand(word, own)) for word in container.command)
        args = tuple(translate(expand(word, own)) for word in container.args)
        if patient and not command:
            command, args = (sys.executable, "-P", "-m", "crashy"), args or IMAGE_ARGS
        working = Path(translate(container.working_dir))
        folder = working if container.working_dir and working.is_dir() else root
        return Program((*command, *args), environ, folder, folders)

    def _image(self, pod: Pod) -> dict[str, str]:
        return IMAGE | {
            "PYTHONUNBUFFERED": "1",
            "ADMIN_PORT": str(ADMIN_PORT),  # named, since it is to be translated
            "HOST": pod.ip,
            "PYTHONPATH": str(Path(crashy.__file__).parent.parent),
            "POD_NAME": pod.name,
            "POD_NAMESPACE": pod.namespace,
            "POD_IP": pod.ip,
        }

    def _listen(self, ip: str, ports: str) -> str:
        """Translate a comma list of ports; what is no port is left for the patient to complain about."""
        words = [word.strip() for word in ports.split(",")]
        known = {w: str(self._addresses.listen(ip, int(w))) for w in words if w.isdecimal() and 0 < int(w) < 65536}
        return ",".join(known.get(word, word) for word in words)


def _search_path() -> str:
    """Return the PATH, with this Python's folder in front: `python` and `crashy` are the lab's own."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
