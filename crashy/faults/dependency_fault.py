"""What the faults of dependencies share: they change what the patient sees of what it depends on."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.scope import DefaultTarget, Look
from crashy.fields import param
from crashy.fields.values import Words

_NAME = r"[0-9A-Za-z*][0-9A-Za-z.*:_-]{0,252}"


class DependencyFault(Fault):
    """Change what the patient sees of its dependencies.

    Its `times`, `every` and `p` are of looks, not of requests.
    """

    target: ClassVar[DefaultTarget] = "dependencies"
    rank: ClassVar[int] = 0
    lookups: ClassVar[bool] = False
    """Whether it is about lookups of names; else about connections."""

    names: tuple[str, ...] = param(
        Words(_NAME, "names, hosts or HOST:PORT, * stands for anything, such as cache,db*"),
        "of these dependencies only, by name, host or HOST:PORT",
        default=(),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("routes", "methods", "clients"):
            if getattr(self.scope, key):
                raise FaultError(key, f"{self.name} is about no request: its names select dependencies")

    def acts_on_requests(self) -> bool:
        """Return False."""
        return False

    def matches_look(self, look: Look) -> bool:
        """Return whether it is about a look, which it counts then."""
        known = (look.name, look.host, f"{look.host}:{look.port}")
        named = not self.names or any(fnmatchcase(one, name) for name in self.names for one in known)
        return look.lookup is self.lookups and named
