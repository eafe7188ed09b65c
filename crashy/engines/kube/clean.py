"""Deletes the namespaces that runs have left behind on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crashy.engines.kube import rights
from crashy.engines.kube.api import ApiError, connected
from crashy.engines.kube.namespace import GONE_WITHIN, delete, left_behind
from crashy.errors import BadInput


async def clean(names: Sequence[str], report: Callable[[str], None]) -> list[str]:
    """Delete the namespaces of runs, those of these names or all; report each and return those that failed.

    Raises BadInput for a name that no run has made, and for a cluster that can't be reached.
    """
    async with connected() as api:
        try:
            await rights.check(api, rights.CLEAN, "")
            there = {namespace.name: namespace for namespace in await left_behind(api)}
        except ApiError as error:
            raise error.refusal("can't be used") from None
        if unknown := [name for name in names if name not in there]:
            raise BadInput(
                f"kube: {', '.join(unknown)}: no namespace that a run has made; there are: {', '.join(there) or 'none'}"
            )
        left = []
        for namespace in [there[name] for name in names] or list(there.values()):
            try:
                gone = await delete(api, namespace)
                why = f"is not gone after {GONE_WITHIN:g} s"
            except ApiError as error:
                gone, why = False, error.message
            report(f"namespace {namespace.name} {'deleted' if gone else why}")
            if not gone:
                left.append(namespace.name)
        if not there:
            report(f"nothing to delete: {api.host} has no namespace that a run has made")
        return left
