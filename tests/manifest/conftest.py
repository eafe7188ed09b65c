"""What the manifest's tests share: small manifests that are right, to be made wrong one line at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.errors import BadInput
from crashy.manifest.parse import parse
from crashy.objects.manifests import Manifests, read

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: crashy-app:1.0.0
          ports:
            - name: http
              containerPort: 8080
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector:
    app: web
  ports:
    - port: 80
      targetPort: 8080
      nodePort: 30080
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: alone
  labels:
    app: alone
spec:
  containers:
    - name: alone
      image: crashy-app:1.0.0
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  color: green
"""


def manifests(text: str | bytes) -> Manifests:
    """Read one file's text as `m.yaml`."""
    return read(*parse(text.encode() if isinstance(text, str) else text, "m.yaml"))


def complaints(text: str | bytes) -> list[str]:
    """Return the lines with which one file's text is refused; none if it is not."""
    try:
        manifests(text)
    except BadInput as error:
        return list(error.lines)
    return []


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str | bytes]], None]:
    """Write files, by name, into a folder of the test's own, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write
