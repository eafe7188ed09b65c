"""The images that the lab can run without a command: the patient's own; and the error for others."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.objects.fields import FieldError, child, invalid
from crashy.objects.kinds import KINDS
from crashy.objects.workload import Workload

PATIENT = "crashy-app"

# Images of well-known labs that the patient can stand in for, and the persona that answers as they do.
KNOWN = {
    "kodekloud/webapp-delayed-start": "webapp-delayed-start",
    "kodekloud/webapp-color": "webapp-color",
    "seblum/mlops-public": "flask-healthcheck",
    "dockercoins/rng": "rng",
    "dockersamples/dockercoins_rng": "rng",
}


def name(image: str) -> str:
    """Return an image's name without Docker's registry, tag and digest: `kodekloud/webapp-color`."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return (folder + slash).removeprefix("docker.io/") + last.partition(":")[0]


def is_patient(image: str) -> bool:
    """Return whether an image is the project's own, in whatever registry and with whatever tag."""
    return name(image).rpartition("/")[2] == PATIENT


def refusals(workload: Workload) -> Iterator[FieldError]:
    """Find the containers that no process can be started for: whose image is another's, and has no command."""
    spec = child(KINDS[workload.kind].template or "", "spec")
    template = workload.template
    for field, containers in (("initContainers", template.init_containers), ("containers", template.containers)):
        for index, container in enumerate(containers):
            if not container.command and not is_patient(container.image):
                yield invalid(f"{spec}.{field}[{index}].image", container.image, _refusal(container.image))


def _refusal(image: str) -> str:
    """Return what to do about an image that can't be run without a command."""
    persona = KNOWN.get(name(image))
    use = f"{PATIENT}:1.0.0" + (f" with PERSONA={persona}, which answers as it does," if persona else "")
    return f"the lab pulls no images: use {use} or give a command"
