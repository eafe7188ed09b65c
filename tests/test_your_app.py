"""docs/your-app.md is true: its apps are real programs, and what it says of their runs comes of runs."""

from __future__ import annotations

import re

from tests.test_docs import ROOT

PAGE = (ROOT / "docs/your-app.md").read_text()
APPS = ROOT / "docs/your-app"
PROGRAMS = {"flask": "gunicorn", "node": "node", "nginx": "nginx"}
BLOCKS = re.findall(r"```sh\n(.*?)```\n(?:[^`]*?```text\n(.*?)```)?", PAGE, re.DOTALL)
