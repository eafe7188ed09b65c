from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from crashy.server.metrics import Meter
from tests.server.admin_app import make_app, make_patient

TOKEN = "s3cret"

EXAMPLES = os.environ.get("EXAMPLES", "")
"""How many `make fuzz` wants of each operation: then all that the document's bounds suggest is tried too."""
AMOUNT = [f"--max-examples={EXAMPLES}"] if EXAMPLES else ["--max-examples=15", "--phases=fuzzing,stateful"]
LEAST = 5000 if EXAMPLES else 50
"""Cases, at least."""

# No schema says which parameters go together, nor what a spec is; and a fault that was taken back can still be read.
NOT_OURS = "positive_data_acceptance,use_after_free"


@pytest.mark.slow
@pytest.mark.parametrize("given", [None, TOKEN], ids=["without the token", "with the token"])
async def test_whatever_is_sent_the_answer_is_as_the_document_says(
    given: str | None, aiohttp_server: Any, tmp_path: Path
) -> None:
    """The patient has no body here, so that it survives what is injected."""
    patient = make_patient(token=TOKEN)
    server = await aiohttp_server(make_app(patient, Meter(patient)))
    options = [
        *AMOUNT,
        "--exclude-path=/admin/events",
        "--generation-deterministic",
        f"--exclude-checks={NOT_OURS}",
    ]
    if given:
        options.append(f"--header=Authorization: Bearer {given}")
    schemathesis = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        str(server.make_url("/admin/openapi.json")),
        *options,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await schemathesis.communicate()

    assert schemathesis.returncode == 0, output.decode()
    counted = re.search(r"(\d+) generated, (\d+) passed", output.decode())
    assert counted, output.decode()
    assert int(counted[1]) == int(counted[2]) >= LEAST
