"""The exception for invalid input of a user."""


class BadInput(ValueError):  # noqa: N818 - it names the invalid input
    """A user's input is invalid: each line names what is wrong, where, and what is allowed; commands exit with 2."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
