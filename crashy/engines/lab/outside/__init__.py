"""What faults do to a container from outside: one file for each effect, named after it, that begins and ends it."""

from __future__ import annotations

from crashy.engines import outside_process
from crashy.engines.lab.started import Running

Process = outside_process.Process[Running]
