"""The exec probe: a command in the container, judged by its exit code. Source: kubelet: pkg/probe/exec/exec.go."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from crashy.kubelet.backoff import format_go_duration
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container

MAX_OUTPUT = 10 * 1024
"""The most bytes of output that are kept."""

_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")


@dataclass(frozen=True, slots=True)
class ExecResult:
    """A command's exit code, and its stdout followed by its stderr; its stderr alone too."""

    exit_code: int
    output: str = ""
    stderr: str = ""


Run = Callable[[tuple[str, ...], float], Awaitable[ExecResult]]
"""Runs a command with a timeout in seconds; raises TimeoutError, or OSError if it can't be started."""


async def probe_exec(
    run: Run, command: tuple[str, ...], timeout: float, *, profile: Profile = NEWEST, timeout_fails: bool = True
) -> Outcome:
    """Run a command: exit code 0 succeeds, another or the timeout (seconds) fails, a failed start is an error.

    Without `timeout_fails` (the gate ExecProbeTimeout, on by default since 1.20) a timeout is an error as well.
    """
    try:
        result = await run(command, timeout)
    except TimeoutError:
        text = profile.texts.exec_timeout.format(command=" ".join(command), timeout=format_go_duration(timeout))
        return Outcome(Result.FAILURE, text) if timeout_fails else Outcome(Result.UNKNOWN, error=text or "timed out")
    except OSError as error:
        return Outcome(Result.UNKNOWN, error=str(error) or type(error).__name__)
    output = cut(result.output)
    return Outcome(Result.SUCCESS if result.exit_code == 0 else Result.FAILURE, output)


def cut(output: str, limit: int = MAX_OUTPUT) -> str:
    """Return the first `limit` bytes of an output."""
    return output.encode()[:limit].decode(errors="replace")


def expand_command(container: Container, command: tuple[str, ...]) -> tuple[str, ...]:
    """Replace `$(NAME)` in an exec probe's command by the container's literal `env` values, and `$$` by `$`.

    An unknown name is left unchanged; one whose value comes from elsewhere (`valueFrom`) counts as empty.
    Source: kubelet: pkg/kubelet/container/helpers.go ExpandContainerCommandOnlyStatic.
    """
    known = {variable.name: variable.value for variable in container.env}
    return tuple(expand(argument, known) for argument in command)


def expand(text: str, known: dict[str, str]) -> str:
    """Replace `$(NAME)` by its value, `$$` by `$`. Source: kubernetes: third_party/forked/golang/expansion."""
    return _REFERENCE.sub(lambda m: "$" if m[1] == "$" else known.get(m[2], m[0]), text)
