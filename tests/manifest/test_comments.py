"""Comments for crashy are about their own line, or the next that is more than a comment."""

from __future__ import annotations

from crashy.manifest.comments import Comment, comments


def test_each_comment_knows_its_line() -> None:
    text = b"a: 1 # crashy: one\n# crashy: two\n\n---\n# other\nb: 2\n# crashy: three\n"

    assert comments(text, "m.yaml") == [
        Comment("m.yaml", 1, 1, "one"),
        Comment("m.yaml", 2, 6, "two"),
        Comment("m.yaml", 7, 7, "three"),
    ]


def test_any_number_of_them_is_read_in_one_pass() -> None:
    found = comments(b"# crashy: ignore x\n" * 100_000 + b"a: 1\n", "m.yaml")

    assert len(found) == 100_000
    assert {comment.line for comment in found} == {100_001}
