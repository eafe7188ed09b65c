"""What the faults of dependencies share: they change what the patient sees of what it depends on."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.scope import DefaultTarget, Look, Request, Way
from crashy.fields import param
from crashy.fields.values import Words

_NAME = r"[0-9A-Za-z*][0-9A-Za-z.*:_-]{0,252}"


class DependencyFault(Fault):
    """Change what the patient sees of its dependencies.

    Its `times`, `every` and `p` are of looks; one that selects requests (`routes`, `clients`) hits no look.
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

    @property
    def ways(self) -> tuple[Way, ...]:
        """Inside: it changes what the patient itself sees."""
        return ("inside",)

    def matches(self, request: Request) -> bool:
        """Return False: it is about no request."""
        return False

    def matches_look(self, look: Look) -> bool:
        """Return whether it is about a look, which it counts then."""
        if self.scope.routes or self.scope.methods or self.scope.clients or self.scope.headers:
            return False
        known = (look.name, look.host, f"{look.host}:{look.port}")
        named = not self.names or any(fnmatchcase(one, name) for name in self.names for one in known)
        return look.lookup is self.lookups and named
