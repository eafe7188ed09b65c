"""The OOM kills that a process's cgroup has counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy.server.oom import oom_kills


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.events": "oom 3\noom_kill 2\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "oom_kill 1\noom_group_kill 5\n"}, 1),
        ({"proc/self/cgroup": "0::/../host\n", "sys/fs/cgroup/memory.events": "oom_kill 1\n"}, 1),
        (
            {
                "proc/self/cgroup": "3:cpu:/x\n5:memory:/kubepods/pod1\n0::/\n",
                "sys/fs/cgroup/memory/memory.oom_control": "under_oom 0\noom_kill 4\n",
            },
            4,
        ),
    ],
)
def test_the_count_of_the_nearest_group(tmp_path: Path, files: dict[str, str], kills: int) -> None:
    group, found = oom_kills(tree(tmp_path, files))

    assert found == kills
    assert group


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": ""},
        {"proc/self/cgroup": "nonsense\n"},
        {"proc/self/cgroup": "0::/a\n"},
        {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.events": "oom_kill many\n"},
    ],
)
def test_what_is_not_told_is_not_known(tmp_path: Path, files: dict[str, str]) -> None:
    assert oom_kills(tree(tmp_path, files)) == ("", 0)
