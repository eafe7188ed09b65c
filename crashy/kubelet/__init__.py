"""The kubelet's probes and restarts: pure, except `handlers` and `driver`."""

import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

# Modules that docs/kubelet-library.md named in 0.1, and their new names; the old ones are removed in 0.3.
MOVED = {
    "columns": "crashy.kubectl.columns",
    "conditions": "crashy.kubelet.generate",
    "endpoints": "crashy.controllers.endpoints",
    "ports": "crashy.objects.ports",
    "results": "crashy.kubelet.outcome",
    "rollout": "crashy.controllers.rollout",
    "spec": "crashy.objects.pod",
    "status": "crashy.objects.status",
    "validation": "crashy.objects.validation",
}


class _Moved(ModuleType):
    """An old name of a module; the new one is imported at the first use."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        new = MOVED[self.__name__.rpartition(".")[2]]
        warnings.warn(f"{self.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(new), name)


for _old in MOVED:
    sys.modules[f"{__name__}.{_old}"] = globals()[_old] = _Moved(f"{__name__}.{_old}")
