"""The exception for invalid input of a user."""


class BadInput(ValueError):  # noqa: N818 - it names the invalid input
    """A user's input is invalid: each line names what is wrong, where, and what is allowed; commands exit with 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def printable(text: str) -> str:
    """Return a text as one printable line, so that what it quotes can't control the terminal."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
