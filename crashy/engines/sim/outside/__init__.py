"""What faults do to a modelled container from outside: one file an effect, as in `engines/lab/outside/`."""

from __future__ import annotations

from crashy.engines import outside_process
from crashy.engines.sim.life import ModelledLife

Process = outside_process.Process[ModelledLife]
