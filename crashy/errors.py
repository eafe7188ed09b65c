"""The one exception that a user's mistake becomes."""


class BadInput(ValueError):  # noqa: N818 - it names the input, which is what is wrong
    """What a user gave can't be used: each line says what was wrong, where, and what is allowed.

    A command prints the lines and exits with 2.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
