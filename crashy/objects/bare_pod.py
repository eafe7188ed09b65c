"""A Pod that no controller owns."""

from __future__ import annotations

from dataclasses import dataclass

from crashy.objects.document import Source
from crashy.objects.names import is_dns_subdomain
from crashy.objects.pod import PodTemplate
from crashy.objects.reading import Reading, name_rules, read_template


@dataclass(frozen=True, slots=True)
class BarePod:
    """A Pod that nothing owns: it is not made anew once it is gone. Its labels are `template.labels`."""

    name: str
    namespace: str
    template: PodTemplate
    source: Source


def read_pod(reading: Reading) -> BarePod | None:
    """Return the Pod, or None when something is wrong with it. Its labels are checked with the rest of it."""
    reading.check(error for error in name_rules(reading, is_dns_subdomain) if error.path != "metadata.labels")
    template = read_template(reading, reading.document.object, path="")
    if template is None or reading.errors:
        return None
    return BarePod(reading.name, reading.namespace, template, reading.document.source)
