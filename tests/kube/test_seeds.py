"""The labs that this project serves, on a real cluster: their YAML, and what their texts say of it.

The YAML is word for word, but for the names of images that nobody can pull.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from tests.kube.cluster import (
    MANIFESTS,
    ROOT,
    Cluster,
    Object,
    curl,
    curl_until,
    curl_until_each,
    in_service,
    named,
    ready,
    restarts,
    says,
)

SEEDS = Path(__file__).parent / "seeds"
OTHERS = ROOT / "tests/manifest/seeds"


def documents(path: Path) -> list[Object]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.mark.timeout(300)
def test_the_crashy_app_lab(node_port: int, cluster: Cluster) -> None:
    """Without a probe it answers 500 and nobody knows; with one it is restarted, again and again."""
    with cluster.watch("pods") as pods, cluster.watch("events") as events:
        cluster.apply(OTHERS / "crashy-deployment-unprobed.yaml", OTHERS / "crashy-service.yaml")
        url = f"http://{cluster.node_ip}:{node_port}"
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]
        greeting = f"Hi, my name is {pod} and I'm a crashy app...\n"

        assert curl_until(url, 200, 10).body.rstrip() == f"{greeting}But I didn't crash... yet :D"
        assert curl(f"{url}/health").body == "200 OK"

        crashed = curl_until(url, 500, 70).body
        assert re.fullmatch(rf"{re.escape(greeting)}I crashed \d+\.\d\d seconds ago, sorry about that :\(\n?", crashed)
        assert curl(f"{url}/health").body == "500 Internal Server Error"
        (broken,) = cluster.get("pods")["items"]
        assert (broken["status"]["phase"], ready(broken), restarts(broken)) == ("Running", True, 0)

        assert cluster.apply(OTHERS / "crashy-deployment.yaml") == "deployment.apps/crashy-app configured\n"
        healed = pods.wait(lambda one: restarts(one) == 1 and ready(one), 110, what="restarted")
        assert healed["metadata"]["name"] != pod
        mine = healed["metadata"]["name"]
        for is_it in (
            says("Scheduled", "Successfully assigned"),
            says("Pulled", cluster.texts.pulled.format(image="crashy-app:1.0.0")),
            says("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
            says("Killing", "Container crashy-app failed liveness probe, will be restarted"),
            says("Started", cluster.texts.started.format(container="crashy-app")),
        ):
            events.wait(lambda e, is_it=is_it: e["involvedObject"]["name"] == mine and is_it(e), 10)  # type: ignore[misc]
        assert "yet :D" in curl_until(url, 200, 10).body


@pytest.mark.timeout(180)
def test_the_health_check_lab(cluster: Cluster) -> None:
    """Ready after the probe's delay; the process ends itself after a minute, and is started again.

    Its text pulls the image Always, for which a registry is needed: that line is IfNotPresent here. Both its Services
    have one name, so that the second replaces the first.
    """
    (deployment, *services) = documents(OTHERS / "healthchecks.yaml")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["imagePullPolicy"] == "Always"
    container["imagePullPolicy"] = "IfNotPresent"

    with cluster.watch("pods") as pods:
        cluster.apply(deployment)
        assert cluster.apply(services[0]) == "service/backendflask-healthcheck created\n"
        assert cluster.apply(services[1]) == "service/backendflask-healthcheck configured\n"
        assert cluster.get("service", "backendflask-healthcheck")["spec"]["type"] == "ClusterIP"

        first = pods.wait(ready, 30, what="Ready")
        since = {one["type"]: one["lastTransitionTime"] for one in first["status"]["conditions"]}
        assert seconds(since["Ready"]) - seconds(since["Initialized"]) >= 10  # readiness' initialDelaySeconds
        pod = first["metadata"]["name"]
        for path in ("/liveness", "/readiness"):
            assert "check completed" in cluster.raw(cluster.proxy(pod, 5000, path))

        died = pods.wait(lambda one: restarts(one) == 1, 90, what="restarted")
        ended = died["status"]["containerStatuses"][0]["lastState"]["terminated"]
        assert ended["exitCode"] == 1
        assert 60 <= seconds(ended["finishedAt"]) - seconds(ended["startedAt"]) <= 64


def seconds(time_of_kubernetes: str) -> float:
    return time.mktime(time.strptime(time_of_kubernetes, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.timeout(360)
def test_the_tuned_exec_probe(cluster: Cluster, needs: Callable[..., None]) -> None:
    """Its Deployment has a Pod's spec, and its sidecar's Pod no name: Kubernetes refuses both. Its probe works."""
    needs("apache2-custom:1.0.0")
    (given,) = documents(SEEDS / "tuned-exec.yaml")
    refused = cluster.kubectl("apply", "-f", SEEDS / "tuned-exec.yaml", check=False)
    assert 'no matches for kind "Deployment" in version "v1"' in refused.stderr
    refused = cluster.kubectl("apply", "-f", SEEDS / "tuned-exec-sidecar.yaml", check=False)
    assert "name" in refused.stderr
    assert refused.returncode == 1

    meant = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": given["metadata"],
        "spec": {
            "selector": {"matchLabels": given["metadata"]["labels"]},
            "template": {"metadata": {"labels": given["metadata"]["labels"]}, "spec": given["spec"]},
        },
    }
    # Python and `requests` need most of the default second to start: on a busy machine each probe would time out.
    given["spec"]["containers"][0]["livenessProbe"]["timeoutSeconds"] = 5
    # Without a DNS a kubelet complains at each sync of a pod that wants it; after 25 events of a pod it writes no more.
    given["spec"]["dnsPolicy"] = "Default"
    with cluster.watch("pods") as pods, cluster.watch("events") as events:
        cluster.apply(meant)
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]
        described = cluster.kubectl("describe", "deployment", "liveness-exec").stdout
        assert re.search(r"Liveness: +exec \[python3.7 /var/liveness_probe.py\]", described)
        cluster.log_until(pod, r"INFO - all tests passed, Liveness probe has succeed!, exiting", 75)
        log = cluster.kubectl("logs", pod).stdout
        assert re.search(
            r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] INFO - got /health response: 200$", log, re.MULTILINE
        )
        assert "INFO - fetched Average Load value: " in log

        cluster.inject(pod, "freeze mode=deaf")  # as `service apache2 stop`
        events.wait(says("Killing", "Container liveness failed liveness probe, will be restarted"), 180, what="Killing")
        log = cluster.kubectl("logs", pod).stdout
        assert "ERROR - Could not get /health response, the test has been failed!" in log
        assert "ERROR - Fail /health API test, Liveness probe has failed!, exiting" in log
        events.wait(says("Unhealthy", "Liveness probe failed:"), 1)
        pods.wait(lambda one: restarts(one) == 1 and ready(one), 45, what="restarted")


@pytest.mark.timeout(180)
def test_redis_with_tini_in_its_exec_probe(cluster: Cluster, needs: Callable[..., None]) -> None:
    """A Redis that hangs is restarted, and no probe leaves a zombie or a waiting redis-cli behind.

    Word for word, `tini -s -- redis-cli ping` answers PONG; but when it times out its redis-cli lives on and holds the
    probe up, so manifests/redis has `timeout` in it.
    """
    needs("redis-tini:1.0.0")
    with cluster.watch("pods") as pods, cluster.watch("events") as events:
        cluster.apply(MANIFESTS / "redis")
        pod = pods.wait(ready, 20, what="Ready")["metadata"]["name"]
        ping = cluster.kubectl("exec", pod, "--", "tini", "-s", "--", "redis-cli", "ping")
        assert ping.stdout == "PONG\n"

        cluster.kubectl("exec", pod, "--", "redis-cli", "client", "pause", "600000")
        events.wait(says("Unhealthy", "Liveness probe failed"), 10, what="Unhealthy")
        processes = cluster.kubectl("exec", pod, "--", "sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null || true").stdout
        assert "(redis-server)" in processes
        assert [line for line in processes.splitlines() if ") Z " in line] == []
        assert processes.count("(redis-cli)") <= 1  # the one that asks just now
        pods.wait(lambda one: restarts(one) == 1 and ready(one), 30, what="restarted")


@pytest.fixture
def webapp(node_port: int, needs: Callable[..., None]) -> Iterator[Cluster]:
    """Return the two webapp pods in the namespace `default`, and the `curl` pod that the scripts name."""
    needs("crashy-app:1.0.0", "apache2-custom:1.0.0")
    default = Cluster("default")
    taken = default.get("pods,services", "-l", "name=simple-webapp")["items"]
    taken += Cluster("kube-public").get("pods", "--field-selector", "metadata.name=curl")["items"]
    if taken:
        pytest.skip("somebody's webapp lab is on this cluster already")
    (pod,) = documents(MANIFESTS / "curl/pod.yaml")
    pod["spec"]["containers"][0]["image"] = "apache2-custom:1.0.0"  # which has wget too
    try:
        default.apply(MANIFESTS / "webapp")
        address = default.get("service", "webapp-service")["spec"]["clusterIP"]
        # A cluster without DNS serves too.
        alias = {"ip": address, "hostnames": ["webapp-service.default.svc.cluster.local"]}
        pod["spec"]["hostAliases"] = [alias]
        Cluster("kube-public").apply(pod)
        Cluster("kube-public").kubectl("wait", "--for=condition=Ready", "pod/curl", "--timeout=80s")
        yield default
    finally:
        default.kubectl("delete", "-f", MANIFESTS / "webapp", "--ignore-not-found", "--wait=false")
        Cluster("kube-public").kubectl("delete", "pod", "curl", "--ignore-not-found", "--wait=false")


@contextmanager
def kodekloud(name: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run one of KodeKloud's scripts as a learner does, by bash; what it left in the background ends at the end."""
    with subprocess.Popen(
        ["bash", SEEDS / f"kodekloud/{name}.sh"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as running:  # fmt: skip
        try:
            yield running
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGTERM)


def printed(name: str, folder: Path) -> list[str]:
    """Return the lines that one of KodeKloud's scripts prints."""
    with kodekloud(name, folder) as running:
        return running.communicate(timeout=90)[0].splitlines()


@pytest.mark.timeout(240)
def test_two_pods_and_the_three_scripts(webapp: Cluster, node_port: int, tmp_path: Path) -> None:
    """Readiness spares the users, liveness brings back what crashed and what froze."""
    both = [f"simple-webapp-{n}" for n in (1, 2)]
    with webapp.watch("pods") as pods, webapp.watch("endpointslices") as slices:
        slices.wait(lambda one: all(in_service(pod)(one) for pod in both), 40, what="both in the Service")
        curl_until_each(f"http://{webapp.node_ip}:{node_port}/ready", both, 10)
        lines = printed("curl-test", tmp_path)
        assert lines[1::2] == [""] * 20
        assert set(lines[::2]) == {f"Message from {pod} : I am ready! OK" for pod in both}

        (mayday,) = printed("crash-app", tmp_path)
        crashed = mayday.split()[2]
        assert mayday == f"Message from {crashed} : Mayday! Mayday! Going to crash!"
        pods.wait(named(crashed, lambda one: restarts(one) == 1 and ready(one)), 40, what="restarted")
        slices.wait(lambda one: all(in_service(pod)(one) for pod in both), 10, after=len(slices) - 1)

        seen = len(slices)
        with kodekloud("freeze-app", tmp_path):
            left = slices.wait(lambda one: not all(in_service(pod)(one) for pod in both), 15, after=seen, what="out")
            (frozen,) = [pod for pod in both if not in_service(pod)(left)]
            (other,) = set(both) - {frozen}
            lines = printed("curl-test", tmp_path)
            assert lines[::2].count("Failed") <= 1  # the kube-proxy needs a moment to hear of it
            assert f"Message from {other} : I am ready! OK" in lines
            back = 1 + (frozen == crashed)
            pods.wait(named(frozen, lambda one: restarts(one) == back and ready(one)), 60, what="thawed by a restart")


def test_the_pod_of_the_course(cluster: Cluster) -> None:
    """Ready only after the delay of its readiness probe."""
    with cluster.watch("pods") as pods:
        cluster.apply(OTHERS / "pod-definition.yaml")
        running = pods.wait(lambda one: one["status"]["phase"] == "Running", 20, what="Running")
        assert not ready(running)
        since = {
            one["type"]: seconds(one["lastTransitionTime"])
            for one in pods.wait(ready, 30, what="Ready")["status"]["conditions"]
        }
        assert since["Ready"] - since["PodScheduled"] >= 10


def test_the_event_simulator(cluster: Cluster, needs: Callable[..., None]) -> None:
    needs("event-simulator:1.0.0")
    cluster.apply(SEEDS / "event-simulator.yaml")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/event-simulator-pod", "--timeout=80s")
    cluster.log_until("event-simulator-pod", r"^\[.*\] WARNING in event-simulator: USER5 Failed to Login", 15)
