"""What runs for a container: the patient, its own command, or its image's stand-in; and the notes on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import NEWEST
from crashy.objects.images import KNOWN, PATIENT, is_patient, name, played
from crashy.objects.manifests import Manifests
from crashy.objects.pod import Container, Exec, PodTemplate
from crashy.objects.standin import DEFAULT, JOB_RUN, Model, Models, model_of
from crashy.patient import shell

SIDECAR = "crashy-proxy"
"""The name of the container that `crashy kube wrap` adds."""


def runs_patient(container: Container) -> bool:
    """Return whether a container is the patient: its image, without another command than `crashy serve`, or an app's.

    Such an app is one that the patient can be by its name, in its own image or in the patient's.
    """
    if plays(container):
        return True
    words = [*container.command, *container.args]
    serves = words[:1] == ["serve"] if not container.command else words[:2] == ["crashy", "serve"]
    return is_patient(container.image) and (serves or not words)


def is_proxy(container: Container) -> bool:
    """Return whether a container is the proxy that `crashy kube wrap` puts beside an app, in the patient's image."""
    return container.name == SIDECAR and is_patient(container.image) and container.args[:1] == ("proxy",)


def led(container: Container, port: int) -> int:
    """Return the port of the app to which such a proxy leads from one of its own; any other one is itself.

    >>> led(Container("crashy-proxy", "crashy-app", args=("proxy", "--http", "28080", "$(POD_IP):8080")), 28080)
    8080
    """
    words = [word for word in container.args[1:] if not word.startswith("-")]
    pairs = zip(words[::2], words[1::2], strict=False)
    found = (upstream.rpartition(":")[2] for listens, upstream in pairs if listens.rpartition(":")[2] == str(port))
    return next((int(one) for one in found if one.isdecimal()), port)


def plays(container: Container) -> tuple[str, ...]:
    """Return the command line of the app that the patient runs as in a container; empty if it is none."""
    return played(container.image, container.command, container.args)


def program(container: Container) -> tuple[str, ...]:
    """Return the command that a container runs instead of its image's own program; empty if it names none."""
    return shell.program(container.command, container.args)


def runs_once(template: PodTemplate, container: Container) -> bool:
    """Return whether a container has to end before the pod's others start: an init container that is no sidecar."""
    return container in template.init_containers and not is_sidecar(container, NEWEST)


def notes(
    manifests: Manifests,
    models: Models,
    real: Callable[[PodTemplate, Container], bool] = lambda _, __: False,
    *,
    limited: bool = True,
) -> Iterator[str]:
    """Return a line that says which containers are stand-ins, and which of their commands are taken to succeed.

    Those that are `real` run as processes of their own; `limited` says whether limits hold for stand-ins.
    """
    images: dict[str, Model] = {}
    apps: dict[str, None] = {}
    beyond: dict[str, None] = {}
    jobs = False
    for workload in manifests.workloads:
        template = workload.template
        for container in (*template.init_containers, *template.containers):
            if real(template, container) or is_proxy(container):
                continue
            if plays(container) and not is_patient(container.image):
                apps[container.image] = None
            for command in _commands(container):
                beyond |= dict.fromkeys(shell.others(command))
            main = program(container)
            if not runs_patient(container) and not runs_once(template, container) and (not main or shell.others(main)):
                images[container.image] = model_of(template, container, models)
                jobs = jobs or "Job" in workload.kind
    if apps:
        yield f"run as the patient, which answers as they do: {', '.join(apps)}"
    if images:
        listed = ", ".join(f"{image}{_about(image, model)}" for image, model in images.items())
        ends = f"; in a Job it exits 0 after {JOB_RUN}, or after its model's run=TIME" if jobs else ""
        limits = "" if limited else ", without their manifests' limits"
        yield f"stand-ins, healthy apps that answer on the ports that are declared or probed{limits}: {listed}{ends}"
    if beyond:
        yield f"commands taken to succeed while their app is well: {', '.join(beyond)}"


def _about(image: str, model: Model) -> str:
    """Return a stand-in's model, unless it is the default, and the patient's persona that answers as its image does."""
    persona = KNOWN.get(name(image))
    known = [f"{PATIENT}:1.0.0 with PERSONA={persona} answers as it does"] if persona else []
    model_text = [str(model)] if model != DEFAULT else []
    return f" ({'; '.join((*model_text, *known))})" if known or model_text else ""


def _commands(container: Container) -> Iterator[tuple[str, ...]]:
    """Yield the commands that are run beside a container's own."""
    for handler in container.handlers():
        if isinstance(handler, Exec) and not (runs_patient(container) and _answered(handler.command)):
            yield handler.command


def _answered(command: tuple[str, ...]) -> bool:
    """Return whether the patient itself decides what a command finds."""
    return "/app/is_" in command[-1] or command[0].rpartition("/")[2] == "podcli"
