"""A program started as the leader of a session of its own, with its output handed on as it comes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from crashy.engines.lab import proc
from crashy.engines.lab.joining import joining
from crashy.engines.lab.reaper import kill_group

Output = Callable[[bytes], None]


class _Pipe(asyncio.Protocol):
    """The reading end of a pipe; `closed` is set once no process holds the other end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._output(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


class Process:
    """A process group. Its leader's exit and the end of its output are separate: a child may hold on to the pipe."""

    def __init__(
        self, leader: asyncio.subprocess.Process, pipes: Sequence[tuple[asyncio.ReadTransport, _Pipe]]
    ) -> None:
        self._leader = leader
        self._pipes = pipes

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        folder: Path,
        stdout: Output,
        stderr: Output,
        groups: Sequence[Path] = (),
    ) -> Process:
        """Start `command`, found by `environ`'s PATH, in control groups, if any; raises OSError if it can't be.

        Where both outputs are one callable, they share a pipe and so keep their order. `groups` are `cgroup.procs`
        files.
        """
        if groups:
            command = joining(command, environ, folder, groups)
        loop = asyncio.get_running_loop()
        outputs = [stdout] if stdout == stderr else [stdout, stderr]
        ends = [os.pipe() for _ in outputs]
        try:
            leader = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=ends[0][1],
                stderr=ends[-1][1],
                env=dict(environ),
                cwd=folder,
                start_new_session=True,
            )
        except BaseException:
            for reading, _ in ends:
                os.close(reading)
            raise
        finally:
            for _, writing in ends:
                os.close(writing)
        pipes = [
            await loop.connect_read_pipe(lambda output=output: _Pipe(output), os.fdopen(reading, "rb", 0))  # type: ignore[misc]
            for output, (reading, _) in zip(outputs, ends, strict=True)
        ]
        return cls(leader, pipes)

    @property
    def pid(self) -> int:
        """Return the leader's process id, which is also its group's and its session's."""
        return self._leader.pid

    async def wait(self) -> int:
        """Wait for the leader's end and return its exit code as Kubernetes does: 128 + signal for a death by signal."""
        code = await self._leader.wait()
        return code if code >= 0 else 128 - code

    async def output_ended(self) -> None:
        """Wait until every process that could write has closed its output."""
        for _, pipe in self._pipes:
            await pipe.closed.wait()

    def handles(self, signum: signal.Signals) -> bool:
        """Return whether the leader has a handler for a signal; as PID 1 of a container it would get no other one.

        Only Linux has it; elsewhere, yes.
        """
        return proc.handles(self.pid, signum)

    def send_signal(self, signum: int) -> None:
        """Send a signal to the leader, unless it has ended."""
        if self._leader.returncode is None:
            self._leader.send_signal(signum)

    def terminate(self) -> None:
        """SIGTERM the leader alone, if it has a handler: PID 1 of a container doesn't pass it on by itself."""
        if self.handles(signal.SIGTERM):
            self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL the whole group; a stopped process dies of it too."""
        kill_group(self.pid)

    def close(self) -> None:
        """Stop listening to its output."""
        for transport, _ in self._pipes:
            transport.close()
