"""Every way to fall ill: one small file a fault, pure."""

from crashy.faults.crash import Crash
from crashy.faults.error import Error
from crashy.faults.freeze import Freeze
from crashy.faults.latency import Latency
from crashy.faults.unlive import Unlive
from crashy.faults.unready import Unready

__all__ = ["Crash", "Error", "Freeze", "Latency", "Unlive", "Unready"]
