"""The house stands: imports run downwards only, and pure rooms stay pure."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import crashy
from crashy.objects.kinds import KINDS

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "crashy").rglob("*.py"))
GROUND = {"timeline", "clock", "errors", "fields", "targets"}
CLUSTER = {"controllers", "kubelet", "objects"}

# room -> the rooms of the package that it may import, besides itself
MAY_IMPORT = {
    "timeline": set(),
    "clock": set(),
    "errors": set(),
    "fields": set(),
    "targets": {"errors"},
    "grpc": set(),
    "chunked": set(),
    "checks": {"errors"},
    "bundled": {"errors"},
    "faults": GROUND | {"grpc"},
    "patient": GROUND | {"grpc", "faults"},
    "server": GROUND | {"grpc", "checks", "faults", "patient", "traffic"},
    "objects": GROUND,
    "manifest": GROUND | {"objects"},
    "kubelet": GROUND | {"grpc", "chunked", "objects"},
    "controllers": GROUND | {"kubelet", "objects"},
    "kubectl": GROUND | CLUSTER,
    "check": GROUND | CLUSTER | {"faults", "patient", "manifest"},
    "traffic": GROUND | {"grpc", "chunked", "faults"},
    "report": GROUND | CLUSTER | {"kubectl", "traffic"},
    "engines": GROUND | CLUSTER | {"grpc", "faults", "patient", "kubectl", "manifest", "traffic"},
    "experiment": GROUND | CLUSTER | {"engines", "manifest", "faults", "traffic", "report"},
    "client": GROUND | {"patient"},
    "commands": GROUND
    | CLUSTER
    | {
        "faults",
        "patient",
        "server",
        "kubectl",
        "manifest",
        "traffic",
        "report",
        "engines",
        "check",
        "bundled",
        "checks",
        "client",
        "experiment",
    },
    "library": GROUND | {"bundled", "client", "engines", "experiment", "manifest", "objects", "patient", "report"},
    "pytest_plugin": {"library"},
    "cli": GROUND | {"commands"},
    "__main__": {"cli"},
    "__init__": {"library"},
}

MOST_OF_THE_LINES = 0.22  # that one room may hold

# rooms that only decide: no event loop, no sockets, no clock, no dice of their own
PURE_ROOMS = ("fields", "faults", "patient", "objects", "kubelet", "controllers", "kubectl", "report", "check")
IMPURE_CONTROLLERS = tuple(
    f"controllers/{name.lower()}.py"
    for name in ("cluster", "endpointslice", "node", "nodelifecycle", "steps", "timer", *KINDS)
)
IMPURE_MODULES = ("kubelet/handlers/", "kubelet/driver.py", *IMPURE_CONTROLLERS)
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

    assert not extra or path.stem in {"http2", "grpc_client", "grpc_response", "grpc_wire"}


def test_check_uses_only_what_is_pure_of_the_controllers() -> None:
    used = {name for path in MODULES if room(path) == "check" for name in imports(path)}
    impure = {f"crashy.{name.removesuffix('.py').replace('/', '.')}" for name in IMPURE_CONTROLLERS}

    assert used & impure == set()


def files_imported() -> dict[str, set[str]]:
    """Map each file to the files that it imports, wherever in it; what `crashy` itself has is left out: it is lazy."""
    inside = {path: str(path.relative_to(ROOT / "crashy")) for path in MODULES}
    by_module = {
        f"crashy.{name.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}": name
        for name in inside.values()
    }
    found: dict[str, set[str]] = {}
    for path, name in inside.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                modules = [one if one in by_module else node.module for one in whole]
            found[name] |= {by_module[module] for module in modules if module in by_module} - {name}
    return found


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    """List what a file imports, by way of others too."""
    seen: set[str] = set()
    left = [*graph[start]]
    while left:
        if (name := left.pop()) not in seen:
            seen.add(name)
            left += graph[name]
    return seen


def circle(graph: dict[str, set[str]], start: str) -> str:
    """Write the shortest way from a file back to itself: `a.py imports b.py imports a.py`."""
    ways, seen = [[start]], set[str]()
    for way in ways:  # grows: the shortest ways come first
        if start in graph[way[-1]]:
            return " imports ".join([*way, start])
        ways += [[*way, name] for name in sorted(graph[way[-1]] - seen)]
        seen |= graph[way[-1]]
    return ""


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = files_imported()
    reaches = {name: reached(graph, name) for name in graph}
    tied = {name for name in graph if name in reaches[name]}

    circles: list[str] = []
    for name in sorted(tied):
        if not any(name in one for one in circles):
            circles.append(circle(graph, name))
    assert circles == []


def test_no_room_holds_too_much() -> None:
    lines = Counter[str]()
    for path in MODULES:
        lines[room(path)] += len(path.read_text().splitlines())
    share = {name: count / lines.total() for name, count in lines.items()}

    assert {name: round(part, 3) for name, part in share.items() if part > MOST_OF_THE_LINES} == {}


IN_THE_IMAGE = ("serve", "proxy", "traffic", "probe", "event_simulator", "inject", "recover", "status")


def test_the_image_has_the_rooms_that_its_commands_need() -> None:
    (stay,) = re.findall(r'stay="([^"]*)"', (ROOT / "Dockerfile").read_text())
    graph = files_imported()
    needed = {Path(name).parts[0] for command in IN_THE_IMAGE for name in reached(graph, f"commands/{command}.py")}

    assert {name.removesuffix(".py") for name in needed | {"cli.py"}} - set(stay.split()) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_what_happens(path: Path) -> None:
    """Return, Raise, Write: ruff's D401 holds them to the imperative, and takes Give, Say and Tell for such."""
    documented = (ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [
        ast.get_docstring(node) or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, documented)
    ]

    assert [text for text in docstrings if text.split(" ")[0] in {"Give", "Say", "Tell"}] == []
