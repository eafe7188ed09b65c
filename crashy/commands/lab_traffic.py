"""Users' requests in the lab: the options `--traffic` and `--rate`."""

from __future__ import annotations

from dataclasses import dataclass

from crashy.errors import BadInput
from crashy.objects.manifests import Manifests
from crashy.objects.service import Service, ServicePort

TIMEOUT = 2.0  # seconds, as the lab's `wget -T 2`


@dataclass(frozen=True, slots=True)
class Traffic:
    """Whom the users ask, and for what."""

    service: Service
    port: ServicePort
    path: str

    @classmethod
    def find(cls, text: str, manifests: Manifests) -> Traffic:
        """Read `SERVICE[:PORT][/PATH]`, PORT being a number or a name, the first one by default; raises BadInput."""
        place, slash, path = text.partition("/")
        name, colon, wanted = place.partition(":")
        if not path.isprintable() or " " in path:
            raise BadInput(f"--traffic: {text!r}: PATH must be written as in a URL, without spaces")
        services = {service.name: service for service in manifests.services}
        if name not in services:
            there = ", ".join(services) or "none"
            raise BadInput(f"--traffic: {text!r}: no Service {name!r} in the manifests; there are: {there}")
        ports = services[name].ports
        found = [port for port in ports if not colon or wanted in {str(port.port), port.name}]
        if not found:
            there = ", ".join(str(port.port) for port in ports)
            raise BadInput(f"--traffic: {text!r}: Service {name} has no port {wanted!r}; there are: {there}")
        return cls(services[name], found[0], slash + path)
