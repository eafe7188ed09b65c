"""A list and a watch after it, continued through all that breaks a watch: no change is lost or repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

from crashy.engines.kube.api import Api, ApiError, Object

WATCH_SECONDS = 60
"""Seconds that a watch lasts before it is resumed where it ended; a dead connection is detected soon after."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
_FINAL = (400, 401, 403, 404, 405)


async def follow(
    api: Api,
    path: str,
    *,
    listed: Callable[[list[Object]], None],
    changed: Callable[[str, Object], None],
    trouble: Callable[[str], None],
    selector: str = "",
) -> None:
    """Call `listed` with all objects, then `changed` with ADDED, MODIFIED or DELETED and the object.

    `listed` is called again where the server no longer knows what came since the last change (410 Gone). Where it
    can't be reached, `trouble` is called, and it retries. Raises ApiError where a retry can't help.
    """
    chosen = {"labelSelector": selector} if selector else {}
    version, pause = "", FIRST_PAUSE
    while True:
        try:
            if not version:
                everything = await api.request("GET", f"{path}?{urlencode(chosen)}")
                version = everything["metadata"]["resourceVersion"]
                listed(everything.get("items") or [])
            query = {"watch": 1, "resourceVersion": version, "timeoutSeconds": WATCH_SECONDS}
            query |= {"allowWatchBookmarks": "true"} | chosen
            async for change in api.lines(f"{path}?{urlencode(query)}", WATCH_SECONDS + 15):
                one = change["object"]
                if change["type"] == "ERROR":
                    raise ApiError(int(one.get("code") or 0), str(one.get("message", "")))
                version = one["metadata"]["resourceVersion"]
                pause = FIRST_PAUSE
                if change["type"] != "BOOKMARK":
                    changed(change["type"], one)
        except ApiError as error:
            if error.status in _FINAL:
                raise
            if error.status == 410:
                version = ""
                continue
            trouble(f"{path}: {error.message}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
