"""Paths become documents: files, folders and standard input, and a line for each that can't be read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.errors import BadInput
from crashy.manifest.load import gather
from tests.manifest.conftest import DEPLOYMENT, POD, SERVICE
from tests.manifest.reading import load, read_files

Write = Callable[[dict[str, str | bytes]], None]


def files_of(*paths: str, stdin: bytes = b"") -> list[str]:
    return [document.file for document in load(paths, io.BytesIO(stdin))]


def errors_of(*paths: str, stdin: bytes = b"") -> list[str]:
    return gather(paths, io.BytesIO(stdin))[1]


def test_a_folder_stands_for_its_manifests_by_name(write: Write) -> None:
    write(
        {
            "f/b.yaml": POD,
            "f/a.json": '{"kind": "Pod"}',
            "f/c.yml": POD,
            "f/.d.yaml": "[",
            "f/e.txt": "[",
            "f/g/h.yaml": "[",
        }
    )

    assert files_of("f") == ["f/a.json", "f/b.yaml", "f/c.yml"]


def test_paths_keep_their_order_and_standard_input_is_one_of_them(write: Write) -> None:
    write({"b.yaml": POD, "a.txt": SERVICE})

    assert files_of("b.yaml", "-", "a.txt", stdin=DEPLOYMENT.encode()) == ["b.yaml", "standard input", "a.txt"]


def test_a_pipe_is_a_file_too(write: Write) -> None:
    write({})
    reader, writer = os.pipe()
    os.write(writer, POD.encode())
    os.close(writer)

    assert len(files_of(f"/dev/fd/{reader}")) == 1
    os.close(reader)


@pytest.mark.parametrize(
    ("paths", "lines"),
    [
        ((), ["no manifest: name a file, a folder, or - for standard input"]),
        (("nowhere.yaml",), ["nowhere.yaml: no such file or directory"]),
        (("empty.yaml",), ["empty.yaml: holds no object"]),
        (("bare",), ["bare: this folder holds no manifest (*.yaml, *.yml, *.json)"]),
        (("loop.yaml",), ["loop.yaml: too many levels of symbolic links"]),
        (("empty.yaml/x",), ["empty.yaml/x: not a directory"]),
        (("a\0b",), ["a\0b: embedded null byte"]),
        (("-", "-"), ["-: standard input can be read only once", "standard input: holds no object"]),
        (
            ("nowhere.yaml", "empty.yaml", "bare"),
            [
                "nowhere.yaml: no such file or directory",
                "empty.yaml: holds no object",
                "bare: this folder holds no manifest (*.yaml, *.yml, *.json)",
            ],
        ),
        (("/dev/zero",), ["/dev/zero: is larger than 16777216 bytes, the most that is read of one file"]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_reason(write: Write, paths: tuple[str, ...], lines: list[str]) -> None:
    write({"empty.yaml": "", "bare/readme.txt": ""})
    Path("loop.yaml").symlink_to("loop.yaml")

    assert errors_of(*paths) == lines


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(write: Write) -> None:
    write({"mine.yaml": POD})
    Path("mine.yaml").chmod(0)

    assert errors_of("mine.yaml") == ["mine.yaml: permission denied"]


def test_the_mistakes_of_every_file_come_together(write: Write) -> None:
    write({"a.yaml": "a: b: c", "b.yaml": DEPLOYMENT.replace("replicas: 2", "replicas: -2")})

    with pytest.raises(BadInput) as refused:
        read_files(["a.yaml", "missing.yaml", "b.yaml"])

    assert [line.split(": ")[0] for line in refused.value.lines] == ["a.yaml:1:5", "missing.yaml", "b.yaml:6"]


def test_load_alone_refuses_too(write: Write) -> None:
    write({})

    with pytest.raises(BadInput, match=r"^gone.yaml: no such file or directory$"):
        load(["gone.yaml"])


def test_the_later_of_two_wins_and_both_places_are_named(write: Callable[[dict[str, str]], None]) -> None:
    write({"a.yaml": DEPLOYMENT, "b.yaml": f"# more of it\n{DEPLOYMENT.replace('replicas: 2', 'replicas: 5')}"})
    got = read_files(["a.yaml", "b.yaml"])

    assert [workload.replicas for workload in got.workloads] == [5]
    assert got.warnings == (
        "b.yaml:2: document 1 (Deployment/web): replaces document 1 at a.yaml:1, as kubectl apply does: the later one "
        "wins",
    )
