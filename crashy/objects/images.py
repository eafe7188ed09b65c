"""Images: the patient's own, those that it can answer for, and those that are a command of this machine."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

PATIENT = "crashy-app"

# Images of well-known labs that the patient can stand in for, and the persona that answers as they do.
KNOWN = {
    "kodekloud/webapp-delayed-start": "webapp-delayed-start",
    "kodekloud/webapp-color": "webapp-color",
    "seblum/mlops-public": "flask-healthcheck",
    "dockercoins/rng": "rng",
    "dockersamples/dockercoins_rng": "rng",
}

# Images of courses' apps that the patient runs as, each with the command line that the image begins: all of it by
# itself (CMD), or that a container's args follow (ENTRYPOINT).
_CMD: Mapping[str, tuple[str, ...]] = {
    "ghcr.io/stefanprodan/podinfo": ("podinfo",),
    "stefanprodan/podinfo": ("podinfo",),
    "quay.io/stefanprodan/podinfo": ("podinfo",),
    **dict.fromkeys(
        (f"gcr.io/kuar-demo/kuard-{machine}" for machine in ("amd64", "arm64", "arm", "ppc64le")), ("kuard",)
    ),
    "luksa/kubia-unhealthy": ("kubia",),
}
_ENTRYPOINT: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    (f"{registry}/e2e-test-images/agnhost" for registry in ("registry.k8s.io", "k8s.gcr.io")), ("agnhost",)
)
APPS = frozenset({"podinfo", "kuard", "kubia", "agnhost", "netexec", "liveness"})
"""The programs that the patient runs as: those of such images, and their names in its own."""


def name(image: str) -> str:
    """Return an image's name without Docker's registry, tag and digest: `kodekloud/webapp-color`."""
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return (folder + slash).removeprefix("docker.io/") + last.partition(":")[0]


def is_patient(image: str) -> bool:
    """Return whether an image is the project's own, in whatever registry and with whatever tag."""
    return name(image).rpartition("/")[2] == PATIENT


def played(image: str, command: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    """Return the command line of the app that the patient runs as in a container; empty if it is no such app.

    >>> played("gcr.io/kuar-demo/kuard-amd64:blue", (), ())
    ('kuard',)
    >>> played("crashy-app:1.0.0", ("./podinfo", "--port=9898"), ()), played("crashy-app:1.0.0", (), ("liveness",))
    (('podinfo', '--port=9898'), ('liveness',))
    >>> played("registry.k8s.io/e2e-test-images/agnhost:2.40", (), ("pause",)), played("nginx", (), ())
    ((), ())
    """
    known = name(image)
    if command:
        words = (*command, *args)
    elif known in _ENTRYPOINT:
        words = (*_ENTRYPOINT[known], *args)
    else:
        words = tuple(args) or _CMD.get(known, ())
    if not words or not (known in _CMD or known in _ENTRYPOINT or is_patient(image)):
        return ()
    program = words[0].rpartition("/")[2]
    if program not in APPS or (program == "agnhost" and words[1:2] not in {("netexec",), ("liveness",)}):
        return ()
    return (program, *words[1:])


class ImageCommand(NamedTuple):
    """The command that an image is on this machine; a relative path in it starts at `folder`."""

    words: tuple[str, ...]
    folder: str


ImageCommands = Mapping[str, ImageCommand]
"""By image: as a container names it, or its name without registry of Docker's, tag and digest."""

_ALLOWED = "must be IMAGE=COMMAND, such as 'nginx=python3 -m http.server 80'"


def parse_command(text: str, folder: str) -> ImageCommand:
    """Read a command as a shell splits it; raises ValueError, which says what is allowed."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"a command with its quotes closed ({str(error).lower()})") from None
    if not words:
        raise ValueError("a command, such as 'python3 -m http.server 80'")
    return ImageCommand(words, folder)


def parse_image_command(text: str, folder: str) -> tuple[str, ImageCommand]:
    """Read `IMAGE=COMMAND`; raises ValueError with the whole message."""
    image, equals, command = text.partition("=")
    image = image.strip()
    if not image or not equals or " " in image:
        raise ValueError(f"{text!r}: {_ALLOWED}")
    try:
        return image, parse_command(command, folder)
    except ValueError as error:
        raise ValueError(f"{text!r}: {image} must be {error}") from None


def command_of(image: str, commands: ImageCommands) -> ImageCommand | None:
    """Return the command that an image is; None if it is none."""
    return commands.get(image) or commands.get(name(image))
