"""docs/your-app.md is true: its apps are real programs, and what it says of their runs comes of runs."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from crashy.experiment.read import read_experiment
from tests.needs import need
from tests.side_by_side import Ran, run_all
from tests.test_docs import ROOT

PAGE = (ROOT / "docs/your-app.md").read_text()
APPS = ROOT / "docs/your-app"
PROGRAMS = {"flask": "gunicorn", "node": "node", "nginx": "nginx"}
BLOCKS = re.findall(r"```sh\n(.*?)```\n(?:[^`]*?```text\n(.*?)```)?", PAGE, re.DOTALL)
