"""The crashy-app of the liveness lab: healthy until CRASH_AFTER, and then sorry about that."""

from __future__ import annotations

from crashy.patient.identity import Identity


def greeting(identity: Identity) -> str:
    """Return what / says."""
    return f"Hi, my name is {identity.pod} and I'm a crashy app...\nBut I didn't crash... yet :D\n"


def crashed(identity: Identity, ago: float) -> str:
    """Return what / says `ago` seconds after the crash."""
    return (
        f"Hi, my name is {identity.pod} and I'm a crashy app...\nI crashed {ago:.2f} seconds ago, sorry about that :(\n"
    )
