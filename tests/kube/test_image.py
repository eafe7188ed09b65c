"""The image: what it weighs, and that it needs no rights."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from tests.kube.cluster import MANIFESTS, Cluster, Object, ready
from tests.needs import need

IMAGE = "docker.io/library/crashy-app:1.0.0"
MOST = 15_000_000  # bytes that the layers above the base may have, unpacked


def inspected(image: str) -> dict[str, Any]:
    """Return what podman, buildah's twin, tells of an image of this machine."""
    need("podman")
    requested = subprocess.run(["podman", "image", "inspect", image], capture_output=True, text=True, check=False)
    if requested.returncode:
        pytest.skip(f"{image} is not among this machine's podman images: make image")
    found: dict[str, Any] = json.loads(requested.stdout)[0]
    return found


def test_its_layers_above_the_base_are_small_and_it_says_what_it_is() -> None:
    image = inspected(IMAGE)
    base = inspected(image["Labels"]["org.opencontainers.image.base.name"])

    assert 0 < image["Size"] - base["Size"] <= MOST
    wanted = {"title", "description", "licenses", "version", "revision", "created", "base.name"}
    assert wanted <= {label.removeprefix("org.opencontainers.image.") for label in image["Labels"]}
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"][0] == "tini"
    assert image["HealthCheck" if "HealthCheck" in image else "Healthcheck"]["Test"][0] == "CMD"


def bare() -> Object:
    (given,) = yaml.safe_load_all((MANIFESTS / "base/deployment.yaml").read_text())
    return dict(given)


def test_it_runs_without_rights(cluster: Cluster) -> None:
    """Its first process is tini, nobody is root, nothing can be written but the two state files."""
    with cluster.watch("pods") as pods:
        cluster.apply(bare())
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]

        def run(command: str) -> str:
            return cluster.kubectl("exec", pod, "--", "sh", "-c", command).stdout

        assert run("tr '\\0' ' ' < /proc/1/cmdline") == "tini -s -- crashy serve "
        assert run("id -u; id -g") == "10001\n10001\n"
        status = dict(line.split(":\t") for line in run("cat /proc/1/status").splitlines())
        assert {status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert "Read-only file system" in run("touch /opt/x 2>&1 || true")
        assert run("ls /app") == "is_healthy\nis_ready\nis_started\nlives.jsonl\n"
        cluster.inject(pod, "unready")
        assert run("ls /app") == "is_healthy\nis_started\nlives.jsonl\n"


def test_it_serves_without_a_place_to_write(cluster: Cluster) -> None:
    given = bare()
    spec = given["spec"]["template"]["spec"]
    del spec["volumes"], spec["containers"][0]["volumeMounts"]
    with cluster.watch("pods") as pods:
        cluster.apply(given)
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]
        unwritable = "STATE_DIR: /app: can't keep is_started, is_ready, is_healthy there: Read-only file system"
        cluster.log_until(pod, unwritable, 15)
        assert cluster.raw(cluster.proxy(pod, 8080, "/readyz"))


def test_it_leaves_out_what_serving_does_not_need(cluster: Cluster) -> None:
    with cluster.watch("pods") as pods:
        cluster.apply(bare())
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]
        names = r"-name tests -o -name '*.h' -o -name '*.c' -o -name '*.pyx' -o -name '*.pyi' -o -name pip"
        names += " -o -path '*/crashy/library' -o -path '*/crashy/share' -o -name pytest_plugin.py"
        assert cluster.kubectl("exec", pod, "--", "sh", "-c", f"find /opt/crashy {names}").stdout == ""
        reported = cluster.kubectl("exec", pod, "--", "crashy", "lab", "x", check=False)
        assert "pip install 'crashy[lab]'" in reported.stderr
        assert "Traceback" not in reported.stderr
