"""What a run on a cluster is told of it before it begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from crashy.engines.kube import session as module
from crashy.engines.kube.api import Response
from tests.engines.kube.fakes import FakeApi, refused


@pytest.mark.parametrize(
    ("version", "profile", "falls_back"),
    [
        ("v1.20.2", "1.20", False),
        ("v1.25.9-gke.1", "1.20", False),
        ("v1.26.0", "1.20", True),
        ("v1.31.5", "1.20", True),
        ("v1.33.1+k3s1", "1.32", True),
        ("v1.36.2", "1.36", True),
        ("v1.19.0", "1.20", False),
        ("v1.40.0-alpha.1", "fixed", True),
        ("nightly", "1.36", True),
    ],
)
def test_the_clusters_version_is_taken_for_what_is_predicted(
    version: str, profile: str, *, falls_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        del method, body
        if path == "/version":
            body = b'{"gitVersion": "%s"}' % version.encode()
            return Response(200, {"Date": format_datetime(datetime.now(UTC), usegmt=True)}, body)
        return {"status": {"allowed": True}} if path.startswith("/apis/authorization") else refused(403)

    @asynccontextmanager
    async def connected() -> AsyncIterator[FakeApi]:
        yield FakeApi(answers)

    monkeypatch.setattr(module, "connected", connected)
    notes: list[str] = []

    async def run() -> bool:
        async with module.session("lesson", module.Options("shop", "app=web"), notes.append) as ready:
            return ready._profile.proxies_terminating_endpoints

    assert asyncio.run(run()) is falls_back
    assert f"({version}, predicted as {profile})" in notes[0]
