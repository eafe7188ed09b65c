"""The Flask app of the health-check lab (KILL_IN_SECONDS); its probes are in the table of probe routes."""

from __future__ import annotations

from crashy.patient.identity import Identity


def greeting(identity: Identity) -> str:
    """Return what / says."""
    return f"Hello from {identity.pod}!\n"
