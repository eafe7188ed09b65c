"""The identity that the patient shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from crashy.patient.settings import Settings

# kodekloud/webapp-color: each version has a colour of its own, unless APP_COLOR is set.
_COLORS = {"v1": "blue", "v2": "green", "v3": "red"}


class Identity(NamedTuple):
    """The names in a patient's responses and logs; `namespace`, `ip` and `node` are empty if unknown."""

    pod: str
    namespace: str = ""
    ip: str = ""
    node: str = ""
    version: str = "v1"
    color: str = "blue"


def identify(settings: Settings, environ: Mapping[str, str], hostname: Callable[[], str]) -> Identity:
    """Return the identity: the pod is POD_NAME (the Downward API), else HOSTNAME, else the host's name.

    The last two are not validated: characters that a header can't have are replaced by `-`.
    """
    pod = settings.pod_name or re.sub(r"[^0-9A-Za-z._-]", "-", environ.get("HOSTNAME") or hostname()) or "crashy"
    color = settings.app_color or _COLORS.get(settings.app_version, "blue")
    return Identity(pod, settings.pod_namespace, settings.pod_ip, settings.node_name, settings.app_version, color)
