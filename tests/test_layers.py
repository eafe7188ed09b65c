"""The house stands: imports run downwards only, and pure rooms stay pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import crashy

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "crashy").rglob("*.py"))
GROUND = {"timeline", "clock", "errors"}

# room -> the rooms of the package that it may import, besides itself
MAY_IMPORT = {
    "timeline": set(),
    "clock": set(),
    "errors": set(),
    "bundled": {"errors"},
    "faults": GROUND,
    "patient": GROUND | {"faults"},
    "server": GROUND | {"faults", "patient"},
    "kubelet": {"timeline", "clock"},
    "manifest": GROUND | {"kubelet"},
    "check": GROUND | {"faults", "kubelet", "manifest"},
    "traffic": GROUND,
    "report": GROUND | {"traffic"},
    "experiment": GROUND | {"engines", "manifest", "faults", "traffic", "report"},
    "engines": GROUND | {"faults", "patient", "kubelet", "manifest", "traffic"},
    "client": GROUND,
    "commands": GROUND
    | {
        "faults",
        "patient",
        "server",
        "kubelet",
        "manifest",
        "traffic",
        "report",
        "engines",
        "check",
        "bundled",
        "client",
        "experiment",
    },
    "library": GROUND | {"bundled", "client", "engines", "experiment", "manifest", "patient", "report"},
    "pytest_plugin": {"library"},
    "cli": GROUND | {"commands"},
    "__main__": {"cli"},
    "__init__": {"library"},
}

# rooms that only decide: no event loop, no sockets, no clock, no dice of their own
PURE_ROOMS = ("faults", "patient", "kubelet", "report", "check")
IMPURE_MODULES = ("kubelet/handlers/", "kubelet/driver.py")
IMPURE = {"asyncio", "aiohttp", "os", "socket", "subprocess", "time", "threading", "selectors"}
LOCKED = {"faults/active.py": {"threading"}}  # one lock: the data loop and the admin thread both ask it


def room(path: Path) -> str:
    """Name the room of a module: its first folder or its own name."""
    return path.relative_to(ROOT / "crashy").parts[0].removesuffix(".py")


def imports(path: Path) -> list[str]:
    """List the modules that a module imports, wherever in it; those under `if TYPE_CHECKING` too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" if node.module == "crashy" else node.module for alias in node.names]
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downwards_only(path: Path) -> None:
    here = room(path)
    inside = {name.split(".")[1] for name in imports(path) if name.startswith("crashy.")} - {"__version__"}
    inside = {"library" if name in crashy.__all__ else name for name in inside}

    assert inside - {here} <= MAY_IMPORT[here]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_rooms_take_time_chance_and_the_network_from_outside(path: Path) -> None:
    inside = str(path.relative_to(ROOT / "crashy"))
    if room(path) not in PURE_ROOMS or inside.startswith(IMPURE_MODULES):
        return

    assert {name.split(".")[0] for name in imports(path)} & IMPURE - LOCKED.get(inside, set()) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_laboratory_needs_its_extra(path: Path) -> None:
    extra = {"yaml", "rich"} & {name.split(".")[0] for name in imports(path)}

    assert not extra or room(path) in {"manifest", "engines", "report", "commands"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_grpc_needs_http2(path: Path) -> None:
    extra = {"h2", "hpack"} & {name.split(".")[0] for name in imports(path)}

    assert not extra or path.stem in {"http2", "grpc_answer", "grpc_wire"}
