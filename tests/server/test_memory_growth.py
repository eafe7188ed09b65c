"""A fault of memory in a real process: what the kernel sees of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.running import Running, until

Serve = Callable[..., Running]
MIB = 1 << 20
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")


def resident(app: Running) -> int:
    """Return the process's resident memory, in bytes."""
    text = Path(f"/proc/{app.process.pid}/status").read_text()
    return sum(int(size) << 10 for size in re.findall(r"(?m)^VmRSS:\s+(\d+) kB", text))


def rises(app: Running, size: int) -> None:
    until(lambda: resident(app) >= size, f"the memory rises to {size}")


def falls(app: Running, size: int) -> None:
    until(lambda: resident(app) <= size, f"the memory falls to {size}")


def test_it_grows_to_its_size_and_no_further_and_gives_it_back(serve: Serve) -> None:
    app = serve()
    assert app.port
    rest = resident(app)

    fault = app.inject("memory to=200Mi")
    rises(app, 200 * MIB)
    assert app.ask("/live").status == app.ask("/ready").status == 200
    assert resident(app) < 200 * MIB + rest
    app.admin("DELETE", f"faults/{fault}")

    falls(app, rest + 16 * MIB)


@pytest.mark.parametrize("ends", ["for", "recover", "clear"])
def test_it_ends_like_any_fault(ends: str, serve: Serve) -> None:
    app = serve()
    assert app.port
    rest = resident(app)

    app.inject("memory to=150Mi" + (" for=1s" if ends == "for" else ""))
    rises(app, 150 * MIB)
    if ends == "recover":
        app.admin("POST", "recover", '{"fault": "memory"}', Content_Type="application/json")
    elif ends == "clear":
        app.admin("DELETE", "faults")

    falls(app, rest + 16 * MIB)


def test_at_a_rate_it_grows_in_steps_and_can_be_ended_on_the_way(serve: Serve) -> None:
    app = serve()
    assert app.port
    rest = resident(app)

    app.inject("memory to=2Gi rate=20Mi")
    rises(app, rest + 10 * MIB)
    app.admin("DELETE", "faults")

    falls(app, rest + 8 * MIB)


def test_two_grow_to_the_larger_size(serve: Serve) -> None:
    app = serve()
    assert app.port
    rest = resident(app)

    app.inject("memory to=100Mi")
    rises(app, 100 * MIB)
    app.inject("memory to=150Mi")
    rises(app, 150 * MIB)

    assert resident(app) < 150 * MIB + rest


def test_a_fault_beyond_the_machine_is_refused_and_nothing_grows(serve: Serve) -> None:
    app = serve()
    answer = app.ask(
        "/admin/faults", method="POST", port=app.admin_port, body="memory to=1Ti", Content_Type="text/plain"
    )

    assert answer.status == 409
    assert "so that the machine keeps a tenth" in answer.body
    assert app.admin("GET", "faults") == {"faults": []}


def test_a_setting_beyond_the_machine_is_refused_at_the_start(serve: Serve) -> None:
    app = serve(FAULTS="memory to=1Ti")

    assert app.exit_code() == 2
    assert re.search(r"FAULTS: memory to=1Ti: to: '1Ti': at most .* here, so that the machine keeps a tenth", app.log)
