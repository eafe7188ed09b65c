"""Workloads, which create pods of one template, each kind in a file of its name; and the simplest, a bare Pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crashy.objects.document import Source
from crashy.objects.names import is_dns_subdomain
from crashy.objects.pod import PodTemplate
from crashy.objects.reading import Reader, Reading, name_rules, read_template
from crashy.objects.schema import POD
from crashy.objects.selector import LabelSelector

Key = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The fields of all workloads; `replicas` is the desired number of pods.

    `replicas_given` is whether the manifest has it; if not, applying it again leaves the number unchanged.
    """

    kind: ClassVar[str]
    name: str
    namespace: str
    template: PodTemplate
    source: Source
    replicas: int = 1
    replicas_given: bool = True
    selector: LabelSelector | None = None

    @property
    def key(self) -> Key:
        """Return its kind, namespace and name."""
        return self.kind, self.namespace, self.name

    @property
    def object(self) -> str:
        """Name it as events do: `deployment/web`."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def pods_begin(self) -> str:
        """Return the prefix of its pods' names."""
        return f"{self.name}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarePod(Workload):
    """A Pod without an owner: it is not replaced after its deletion. Its labels are `template.labels`."""

    kind: ClassVar[str] = "Pod"

    @property
    def pods_begin(self) -> str:
        """Return its own name, which is the pod's."""
        return self.name


def read_pod(reading: Reading) -> BarePod | None:
    """Return the Pod, or None if it is invalid. Its labels are checked with the rest of it."""
    reading.check(error for error in name_rules(reading, is_dns_subdomain) if error.path != "metadata.labels")
    template = read_template(reading, reading.document.object, path="")
    if template is None or reading.errors:
        return None
    return BarePod(name=reading.name, namespace=reading.namespace, template=template, source=reading.document.source)


BARE_POD = Reader(POD, read_pod)
