"""What a container runs as on this machine: the command, the variables and the folder of its process."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import crashy
from crashy.controllers.environment import References, service_links, variables
from crashy.engines.images import plays, program, runs_once
from crashy.engines.lab import images
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.folders import Folders
from crashy.engines.lab.names import table_of
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.probes import probes_of
from crashy.errors import BadInput
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.runtime import Pod
from crashy.objects import standin
from crashy.objects.images import APPS, ImageCommands, command_of, is_patient
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.standin import Models
from crashy.patient import ADMIN_PORT, TERMINATION_MESSAGE_PATH
from crashy.patient.flags import play
from crashy.patient.lives import END_FILE
from crashy.patient.settings import IMAGE
from crashy.patient.standin import StandIn

IMAGE_ARGS = ("serve",)
_PYTHON = (sys.executable, "-P", "-m")
_OURS = Path(crashy.__file__).parent.parent
_OWN_ADDRESS = str(Path(__file__).with_name("own_address"))
# All that a container sees of the environment that the lab was started in.
_FROM_OUTSIDE = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME")


@dataclass(frozen=True, slots=True)
class Program:
    """A process to be started; `translate` maps the container's paths in commands that run beside it.

    A stand-in is asked on its admin port for those commands.
    """

    command: tuple[str, ...]
    environ: Mapping[str, str]
    folder: Path
    folders: Folders
    stand_in: tuple[str, int] | None = None


class Programs:
    """Decides how each container of one lab runs: `root` holds the pods' private folders, and those of claims.

    The patient's image is `python -m crashy` with the image's variables, found on the pod's own address; what the
    container sets itself wins. Its ports are translated where they can't be bound. `workingDir` is used where this
    machine has that folder. Of other images, `images` says which are a command of this machine, and `models` how the
    stand-ins of the rest go.
    """

    def __init__(
        self,
        root: Path,
        addresses: Addresses,
        network: LoopbackNetwork,
        images: ImageCommands = MappingProxyType({}),
        models: Models = MappingProxyType({}),
    ) -> None:
        self._root = root
        self._addresses = addresses
        self._network = network
        self._images = images
        self._models = models
        self.references = References()

    def program(self, pod: Pod, container: Container) -> Program:
        """Return how a container runs; raises StartError for a reference to nothing."""
        app = plays(container) if command_of(container.image, self._images) is None else ()
        patient = bool(app) or is_patient(container.image)
        root = self._root / pod.uid
        root.mkdir(exist_ok=True)
        folders = Folders(root, pod, container, patient=patient, claims=self._root / "claims")
        near = [(service, ip) for service, ip in self._network.cluster_ips if service.namespace == pod.namespace]
        here = replace(pod, ip=self._addresses.host(pod.ip))  # what a program binds and its commands connect to
        own = variables(here, container, self.references, service_links(near, self._addresses.dial))
        translate = folders.translate
        environ = {name: os.environ[name] for name in _FROM_OUTSIDE if name in os.environ}
        environ |= {"PATH": images.search_path(), "TMPDIR": str(root), "HOSTNAME": pod.name}
        if patient:
            environ |= self._image(here)
            environ["STATE_DIR"] = translate(environ["STATE_DIR"])
            environ["TERMINATION_MESSAGE_PATH"] = translate(TERMINATION_MESSAGE_PATH)
            environ["NAMES_FILE"] = str(table_of(self._root, pod.namespace))
        environ |= {name: translate(value) for name, value in own.items()}
        command = tuple(expand(word, own) for word in app)
        if app:
            environ["PATH"] = os.pathsep.join((str(self._names()), environ["PATH"]))
            command = self._play(command, environ)
        if patient:
            if folder_of_state := environ.get("STATE_DIR"):
                environ[END_FILE] = f"{folder_of_state}/.end-of-{pod.name}-{container.name}"
            for name in ("PORT", "ADMIN_PORT", "GRPC_PORT"):
                environ[name] = self._listen(pod.ip, environ.get(name, ""))
            if not environ.get("PROBES"):
                environ["PROBES"] = probes_of(container, lambda port: self._addresses.dial(pod.ip, port)[1])
        runs = images.command(pod.template, container, self._images)
        if runs is None:
            return self._stand_in(pod, container, environ, folders, root)
        if runs.folder:
            environ = self._image_command(pod, container) | environ
        if runs.words and not patient:
            environ |= self._own_address(pod, container)
            environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_OWN_ADDRESS, environ.get("PYTHONPATH"))))
        command = command or tuple(translate(expand(word, environ if runs.folder else own)) for word in runs.words)
        if app or (patient and not container.command):
            command = (*_PYTHON, "crashy", *(command or IMAGE_ARGS))
        working = Path(translate(container.working_dir))
        folder = working if container.working_dir and working.is_dir() else Path(runs.folder or root)
        return Program(command, environ, folder, folders)

    def is_patient(self, template: PodTemplate, container: Container) -> bool:
        """Return whether crashy runs in a container, as the patient or as a stand-in, and no program of its own."""
        mapped = command_of(container.image, self._images) is not None
        if is_patient(container.image) or (plays(container) and not mapped):
            return True
        return images.stands_in(template, container, self._images)

    def stand_in(self, pod: Pod, container: Container) -> tuple[str, int] | None:
        """Return where the admin API of a container's stand-in is; None if it has none."""
        if not images.stands_in(pod.template, container, self._images):
            return None
        return self._addresses.dial(pod.ip, standin.admin_port(pod.template, container))

    def _play(self, words: tuple[str, ...], environ: dict[str, str]) -> tuple[str, ...]:
        """Set the variables by which the patient runs as an app; return its own arguments where it refuses them."""
        try:
            variables = dict(play(words, environ).variables)
        except BadInput:
            return words
        if find_spec("h2") is None:
            variables.pop("GRPC_PORT", None)
        environ |= variables
        return ()

    def _names(self) -> Path:
        """Return the folder in which the patient's commands have the names that they have in its image."""
        folder = self._root / "names"
        if not folder.exists():
            folder.mkdir()
            for name in ("podcli", *sorted(APPS - {"kubia", "netexec", "liveness"})):
                file = folder / name
                file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m crashy {name} "$@"\n')
                file.chmod(0o755)
        return folder

    def _image_command(self, pod: Pod, container: Container) -> dict[str, str]:
        """Return the variables that say where a program should listen; one in Python does so of itself."""
        ports = self._ports(pod, container)
        host = self._addresses.host(pod.ip)
        first = {"PORT": str(next(iter(ports.values())))} if ports else {}
        return {"HOST": host, "POD_IP": host, "POD_NAME": pod.name, "PYTHONUNBUFFERED": "1", **first}

    def _own_address(self, pod: Pod, container: Container) -> dict[str, str]:
        moved = ",".join(f"{port}:{here}" for port, here in self._ports(pod, container).items() if port != here)
        return {"_CRASHY_POD_IP": self._addresses.host(pod.ip), "_CRASHY_PORTS": moved}

    def _ports(self, pod: Pod, container: Container) -> dict[int, int]:
        return {port: self._addresses.listen(pod.ip, port) for port in standin.ports(pod.template, container)}

    def _stand_in(
        self, pod: Pod, container: Container, environ: Mapping[str, str], folders: Folders, root: Path
    ) -> Program:
        template, listen = pod.template, self._addresses.listen
        model = standin.model_of(template, container, self._models)
        secure = standin.tls_ports(container)
        admin = listen(pod.ip, standin.admin_port(template, container))
        host = self._addresses.host(pod.ip)
        plan = StandIn(
            image=container.image,
            pod=pod.name,
            host=host,
            admin_port=admin,
            began=time.monotonic(),
            start=str(model.start),
            drain=str(model.drain),
            run=str(model.job_run if standin.ends(template) else model.run or ""),
            ports=tuple(listen(pod.ip, port) for port in standin.ports(template, container)),
            tls=tuple(listen(pod.ip, port) for port in standin.ports(template, container) if port in secure),
            services={name: kind.value for name, kind in standin.grpc_services(container).items()},
            command=program(container),
            init=runs_once(template, container),
            folders={path: str(folder) for path, folder in folders.mapping.items()},
        )
        own = {"PYTHONPATH": str(_OURS), "PYTHONUNBUFFERED": "1", "POD_NAME": pod.name}
        command = (*_PYTHON, "crashy.server.standin", plan.to_json())
        return Program(command, {**environ, **own}, root, folders, (host, admin))

    def _image(self, pod: Pod) -> dict[str, str]:
        return IMAGE | {
            "PYTHONUNBUFFERED": "1",
            "ADMIN_PORT": str(ADMIN_PORT),  # named, since it is to be translated
            "HOST": pod.ip,
            "PYTHONPATH": str(_OURS),
            "POD_NAME": pod.name,
            "POD_NAMESPACE": pod.namespace,
            "POD_IP": pod.ip,
        }

    def _listen(self, ip: str, ports: str) -> str:
        """Translate a comma list of ports; what is no port is left for the patient to complain about."""
        words = [word.strip() for word in ports.split(",")]
        known = {w: str(self._addresses.listen(ip, int(w))) for w in words if w.isdecimal() and 0 < int(w) < 65536}
        return ",".join(known.get(word, word) for word in words)
