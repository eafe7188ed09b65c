"""The trap of a container's second start, which its startup probe doesn't guard at first (kubernetes#141155)."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.check.impacts import stays_ended
from crashy.check.model import Hit, Severity
from crashy.check.ports import leads_to
from crashy.check.starts import RELIST, liveness_spares, unguarded, waits_for
from crashy.check.targets import CheckTarget
from crashy.objects.images import is_patient


def liveness_before_startup(target: CheckTarget) -> Iterator[Hit]:
    """Find startup probes that are asked, after a kill, so late that liveness or users come first."""
    liveness, most = target.container.liveness_probe, unguarded(target)
    if liveness is None or not most or stays_ended(target):
        return
    path = target.field("startupProbe.periodSeconds")
    spared = liveness_spares(target)
    slow = not is_patient(target.container.image) or waits_for(target, liveness).worst > spared
    users = [f"Service/{route.service.name}" for route in target.routes if leads_to(route, target)]
    if spared < most and slow:
        yield Hit(path, f"after a kill liveness asks up to {most} s earlier: a start over {spared:g} s is killed again")
    elif target.container.readiness_probe is None and users:
        yield Hit(path, f"after a kill {', '.join(users)} sends users to it up to {most} s before it is asked")
    elif most > RELIST:
        text = f"after a kill the other probes ask up to {most} s before it"
        yield Hit(path, text, Severity.NOTE, matters=False)
