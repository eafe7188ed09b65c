"""`podinfo`, `kuard`, `agnhost`, and its `netexec` and `liveness`: the patient as these apps' manifests start them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec

from crashy.commands import serve
from crashy.patient.flags import play


def main(words: Sequence[str]) -> int:
    """Run the patient as the program in the first word, with that program's flags."""
    played = play(words, os.environ)
    variables, ignored = dict(played.variables), [played.ignored] if played.ignored else []
    if "GRPC_PORT" in variables and find_spec("h2") is None:
        ignored.append(f"{words[0]}: no gRPC on {variables.pop('GRPC_PORT')}: this image has not the extra `grpc`")
    os.environ.update(variables)  # a process that is all the app's: what it is given wins over the image's
    return serve.run((), ignored)
