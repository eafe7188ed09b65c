"""The server that people crash on purpose, and the laboratory that shows what happens next.

The public API is `__all__`, imported on first use. Everything else may change.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would cost a small command a third of its time
if TYPE_CHECKING:
    from crashy.library.experiment import load_experiment
    from crashy.library.lab import Lab
    from crashy.library.patient import Patient

__all__ = ["Lab", "Patient", "load_experiment"]

_MODULES = {"Lab": "lab", "Patient": "patient", "load_experiment": "experiment"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - not needed by small commands

    try:
        found: object = getattr(import_module(f"crashy.library.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        message = f"crashy.{name} needs {error.name}, which is not installed: pip install 'crashy[lab]'"
        raise ImportError(message, name=error.name) from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the names that can be imported: without the extra fewer, so that `help(crashy)` works."""
    from importlib.util import find_spec  # noqa: PLC0415

    missing = set() if find_spec("yaml") else {"Lab", "load_experiment"}
    return sorted({*globals(), *__all__} - missing)
