"""Programs of crashy's own that use up what a container may use, in its control group; no effect by itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from crashy.engines.lab.outside import Process
from crashy.engines.lab.process import Process as Burner
from crashy.engines.lab.started import Running
from crashy.kubelet.runtime import StartError

Died = Callable[[Running, int], None]


def burn(
    process: Process, script: str, arguments: Sequence[str], *, count: int, died: Died | None = None
) -> Callable[[], None] | None:
    """Run a script of Python beside a container, `count` times at once; return what ends them all.

    `died` is called with the exit code of one that wasn't ended. The script ends by itself once its parent has: the
    lab may be killed, and its warden before it.
    """
    life = process.life
    if life is None:
        return None
    command = [sys.executable, "-I", "-S", "-c", script, *arguments]
    burners: list[Burner] = []
    ended = False

    async def run() -> None:
        try:
            burner = await life.beside(command)
        except StartError as error:
            process.warn(str(error))
            return
        burners.append(burner)
        if ended:
            burner.kill()
        code = await burner.wait()
        burners.remove(burner)
        burner.close()
        if died and not ended:
            died(life, code)

    running = [asyncio.get_running_loop().create_task(run()) for _ in range(count)]

    def end() -> None:
        nonlocal ended
        ended = True
        running.clear()
        for burner in burners:
            burner.kill()

    return end
