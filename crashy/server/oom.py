"""What the cgroup of this process has counted of OOM kills."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath


def oom_kills(root: Path = Path("/")) -> tuple[str, int]:
    """Return this process's cgroup, so that another one differs, and its OOM kills; `("", 0)` where nothing is told.

    On cgroup v2 they are in `memory.events`, on v1 in `memory.oom_control`.
    """
    try:
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            v1 = "memory" in controllers.split(",")
            if controllers and not v1:
                continue
            mount = root / ("sys/fs/cgroup/memory" if v1 else "sys/fs/cgroup")
            own = PurePosixPath(path.lstrip("/"))
            for group in (own, *own.parents):  # a container may see its own group as the root
                file = mount / group / ("memory.oom_control" if v1 else "memory.events")
                if file.exists():
                    found = re.search(r"(?m)^oom_kill (\d+)$", file.read_text())
                    return (f"{path}:{file.parent.stat().st_ino}", int(found[1])) if found else ("", 0)
    except (OSError, ValueError):
        pass
    return "", 0
