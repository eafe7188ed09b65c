"""The exec probe. kubelet: pkg/probe/exec/exec_test.go, pkg/kubelet/prober/prober_test.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.handlers.exec import ExecResult, cut, expand_command, probe_exec
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Container, EnvVar
from tests.kubelet.cases import Expect, Means, case


async def ask(ends: ExecResult | Exception, *command: str, timeout: float = 1, version: str = "1.36") -> Outcome:
    seen = []

    async def run(words: tuple[str, ...], seconds: float) -> ExecResult:
        seen.append((words, seconds))
        if isinstance(ends, Exception):
            raise ends
        return ends

    outcome = await probe_exec(run, command, timeout, profile=PROFILES[version])
    assert seen == [(command, timeout)]
    return outcome


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        # TestExec
        case("exec.ok exec.exit0-error", ExecResult(0, "OK"), Outcome(Result.SUCCESS, "OK")),
        (ExecResult(0), Outcome(Result.SUCCESS, "")),
        case("exec.nonzero", ExecResult(1, "Fail"), Outcome(Result.FAILURE, "Fail")),
        (ExecResult(137), Outcome(Result.FAILURE, "")),
        case("exec.truncate-10k", ExecResult(0, "x" * 11264), Outcome(Result.SUCCESS, "x" * 10240)),
        (ExecResult(1, "x" * 10241), Outcome(Result.FAILURE, "x" * 10240)),
        case("exec.other-error", OSError("test error"), Outcome(Result.UNKNOWN, error="test error")),
        (OSError(), Outcome(Result.UNKNOWN, error="OSError")),
    ],
)
async def test_the_exit_code_decides(ends: ExecResult | Exception, expected: Outcome, expect: Expect) -> None:
    outcome = await ask(ends, "testcmd")
    assert outcome == expected
    size = len(outcome.output)
    expect(result=outcome.result, output=outcome.output, error=outcome.errored, output_bytes=size)


@pytest.mark.parametrize(
    ("timeout", "version", "output"),
    [
        case("exec.timeout", 1, "1.36", 'command timed out: "sleep 5" timed out after 1s'),
        (90, "1.36", 'command timed out: "sleep 5" timed out after 1m30s'),
        (1, "1.20", ""),
    ],
)
async def test_a_timeout_is_a_failure(timeout: float, version: str, output: str, expect: Expect) -> None:
    outcome = await ask(TimeoutError(), "sleep", "5", timeout=timeout, version=version)
    assert outcome == Outcome(Result.FAILURE, output)
    words = "command timed out: command testcmd timed out"  # the test's own; a runtime quotes its command
    expect(result=outcome.result, output=Means(words, outcome.output == output), error=outcome.errored)


@pytest.mark.case("exec.timeout-gate-off")
async def test_with_its_gate_off_a_timeout_is_an_error(expect: Expect) -> None:
    async def run(_: tuple[str, ...], __: float) -> ExecResult:
        raise TimeoutError

    outcome = await probe_exec(run, ("testcmd",), 1, timeout_fails=False)
    assert outcome == Outcome(Result.UNKNOWN, error='command timed out: "testcmd" timed out after 1s')
    expect(result=outcome.result, output=outcome.output, error=outcome.errored)
    assert (await probe_exec(run, ("x",), 1, profile=PROFILES["1.20"], timeout_fails=False)).errored


@pytest.mark.case("prober.execadapter.output-with-error")
async def test_what_a_command_has_said_stands_beside_how_it_ended(expect: Expect) -> None:
    outcome = await ask(ExecResult(1, "foo"))
    assert outcome == Outcome(Result.FAILURE, "foo")
    expect(output=outcome.output, error=Means("bad", outcome.result is Result.FAILURE))


@pytest.mark.parametrize(
    ("output", "limit", "kept"),
    [
        # TestNewExecInContainer
        case("prober.execadapter.output", "foo", 1024, "foo"),
        case("prober.execadapter.truncated", "x" * 10240, 1024, "x" * 1024),
        ("", 1024, ""),
        ("äö", 3, "ä\ufffd"),
    ],
)
def test_output_is_cut(output: str, limit: int, kept: str, expect: Expect) -> None:
    found = cut(output, limit)
    assert found == kept
    first = Means(f"first {limit} characters", found == output[:limit])
    expect(output=first if len(output) > limit else found, error=None)


A = EnvVar("A", "script")
FROM = EnvVar("FROM", "", {"fieldRef": {"fieldPath": "metadata.name"}})


@pytest.mark.parametrize(
    ("env", "argument", "expected"),
    [
        # TestProbe: static environment variables
        case("prober.exec.static-env-expansion", (A,), "some $(A) $(B)", "some script $(B)"),
        case("prober.exec.args-passed", (), "some script", "some script"),
        ((A, EnvVar("A", "later")), "$(A)", "later"),
        ((A, FROM), "$(FROM)$(A)", "script"),
        # third_party/forked/golang/expansion/expand_test.go
        ((A,), "$$(A)", "$(A)"),
        ((A,), "$$$(A)", "$script"),
        ((A,), "$A $(A", "$A $(A"),
        ((A,), "$(A)$", "script$"),
        ((A,), "$(B$(A))", "$(B$(A))"),
        ((EnvVar("A", "$(B)"), EnvVar("B", "x")), "$(A)", "$(B)"),
    ],
)
def test_literal_variables_are_expanded(env: tuple[EnvVar, ...], argument: str, expected: str, expect: Expect) -> None:
    command = expand_command(Container("app", env=env), ("/bin/bash", "-c", argument))
    assert command == ("/bin/bash", "-c", expected)
    expect(command_run=command)
