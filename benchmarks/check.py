"""`crashy check` on many files: 3,000 of a Deployment and its Service each, in one run (a whole process, one core)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.environment import ENVIRON
from benchmarks.table import Line, line

FILES = 3000
SECONDS, MEGABYTES = 10, 400
FORMATS = ("text", "summary", "json", "sarif")
CRASHY = str(Path(sys.executable).with_name("crashy"))
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  labels: {{app.kubernetes.io/name: web-{number}, app.kubernetes.io/part-of: shop}}
spec:
  replicas: 3
  selector:
    matchLabels: {{app.kubernetes.io/name: web-{number}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: web-{number}, app.kubernetes.io/part-of: shop}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: web
          image: registry.example/web:{number}
          ports:
            - {{name: http, containerPort: 8080}}
            - {{name: metrics, containerPort: 9090}}
          env:
            - {{name: DATABASE_URL, value: "postgres://db/shop"}}
            - {{name: POD_NAME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
          resources:
            requests: {{cpu: 100m, memory: 128Mi}}
            limits: {{memory: 256Mi}}
          readinessProbe:
            httpGet: {{path: /ready, port: http}}
            periodSeconds: 5
          livenessProbe:
            httpGet: {{path: /, port: http}}
            timeoutSeconds: 5
            failureThreshold: 1
        - name: proxy
          image: registry.example/proxy:2
          livenessProbe:
            tcpSocket: {{port: 15021}}
            initialDelaySeconds: 30
---
apiVersion: v1
kind: Service
metadata:
  name: web-{number}
spec:
  selector:
    app.kubernetes.io/name: web-{number}
    app.kubernetes.io/part-of: shop
  ports:
    - {{name: http, port: 80, targetPort: http}}
"""


def _write(folder: Path) -> None:
    for number in range(FILES):
        file = folder / f"team-{number % 30}" / f"web-{number}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(MANIFEST.format(number=number))


def _run(form: str, folder: Path) -> tuple[float, float]:
    """Return the CPU seconds of a run, and the most MB that it held."""
    command = [CRASHY, "check", "-R", "--fail-on", "error", "--format", form, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRON)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def measure() -> list[Line]:
    """Check all files in one run, in each format."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="crashy-bench-") as name:
        _write(Path(name))
        for form in FORMATS:
            runs = [_run(form, Path(name)) for _ in range(3)]
            figure = f"check -R --format {form}, {FILES:,} files"
            lines += [
                line(f"{figure}: CPU", [seconds for seconds, _ in runs], unit="s", most=SECONDS),
                line(f"{figure}: memory", [most for _, most in runs], unit="MB", most=MEGABYTES),
            ]
    return lines
