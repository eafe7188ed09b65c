"""The termination message is at most what the kubelet reads, and never a reason to fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crashy.patient import TERMINATION_MESSAGE_BYTES as MOST
from crashy.patient import TERMINATION_MESSAGE_PATH
from crashy.server.termination import write_termination_message


def test_the_message_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "termination-log"
    write_termination_message(str(file), "a long former message")
    write_termination_message(str(file), "bye")

    assert file.read_text() == "bye"


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("", b""),
        ("two\nlines\x1b", b"two\nlines\x1b"),
        ("a" * (MOST + 1), b"a" * MOST),
        ("a" + "\N{SNOWMAN}" * MOST, b"a" + "\N{SNOWMAN}".encode() * (MOST // 3)),
        ("not text: \udcff", rb"not text: \udcff"),
    ],
)
def test_it_is_valid_text_of_at_most_4096_bytes(tmp_path: Path, message: str, written: bytes) -> None:
    file = tmp_path / "termination-log"
    write_termination_message(str(file), message)

    assert file.read_bytes() == written


def test_a_file_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing" / "file", tmp_path / "pipe", "a\0b", ""):
        write_termination_message(str(path), "bye")


@pytest.mark.skipif(Path(TERMINATION_MESSAGE_PATH).exists(), reason="this machine is a container of Kubernetes")
def test_the_default_file_is_not_made() -> None:
    write_termination_message(TERMINATION_MESSAGE_PATH, "bye")

    assert not Path(TERMINATION_MESSAGE_PATH).exists()
