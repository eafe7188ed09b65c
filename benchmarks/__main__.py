"""`make bench`: measure and print; ratios count, both sides are in one run."""

import platform

from benchmarks import cold_start, traffic
from crashy.report.terminal import columns

print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()} {platform.release()}")
for title, rows in (
    ("Cold start: exec to the first 200 on /health; ratio to bare aiohttp+uvloop", cold_start.measure()),
    ("Traffic: against one local patient", traffic.throughput()),
    ("Truth: a server that drops every connection for one second", traffic.truth()),
):
    print(f"\n{title}\n{columns(rows)}")
