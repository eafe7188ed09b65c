"""The port of a probe: a number, or a name that its container declares."""

from __future__ import annotations

from crashy.objects.pod import Container


class PortError(ValueError):
    """A port can't be resolved; the text is the kubelet's. The probe errs: it neither fails nor succeeds."""


def find_port(container: Container, port: int | str) -> int:
    """Return the number of a probe's port; raises PortError.

    A name is looked for among the container's own ports (never another container's, never a hostPort), else read as
    a number. Source: kubelet: pkg/probe/util.go ResolveContainerPort.

    >>> find_port(Container("web"), "8080")
    8080
    """
    if not isinstance(port, int | str):
        raise PortError(f"intOrString had no kind: {port!r}")
    number = port if isinstance(port, int) else _by_name(container, port)
    if not 0 < number < 65536:
        raise PortError(f"invalid port number: {number}")
    return number


def _by_name(container: Container, name: str) -> int:
    for port in container.ports:
        if port.name == name:
            return port.container_port
    if not (name.isascii() and name.removeprefix("-").removeprefix("+").isdigit()):
        raise PortError(f'strconv.Atoi: parsing "{name}": invalid syntax')
    return int(name)
