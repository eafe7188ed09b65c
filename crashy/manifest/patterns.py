"""The regular expressions in kustomizations, of which none may keep this machine busy."""

from __future__ import annotations

import re
import warnings

from crashy.manifest.kustomization import RENDER_FIRST

MAX_REPEATS = 3  # each multiplies the time that Python takes for a name that doesn't match; Go's expressions don't

_LITERAL = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)


class Costly(ValueError):  # noqa: N818 - it names what the pattern is
    """A pattern may take too long here."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression. Raises re.error for what is none, and Costly for what may take too long here."""
    plain = _LITERAL.sub("x", text)
    if re.search(r"\)[*+{]", plain) or sum(map(plain.count, "*+{")) > MAX_REPEATS:
        raise Costly(f"{text}: repeats a group, or more than {MAX_REPEATS} times; {RENDER_FIRST}")
    with warnings.catch_warnings(action="error", category=FutureWarning):  # [[:alpha:]], which Python reads differently
        try:
            return re.compile(text, re.ASCII)
        except FutureWarning as warning:
            raise re.error(str(warning)) from None
