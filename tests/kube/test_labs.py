"""manifests/ on a real cluster: what their comments promise."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest
import yaml

from tests.kube.cluster import (
    MANIFESTS,
    ROOT,
    Cluster,
    Object,
    curl_until,
    curl_until_each,
    in_service,
    named,
    ready,
    restarts,
    says,
)


def script(name: str, *args: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run one of the project's own scripts, which ends with one of these codes; return what it prints."""
    command = [str(ROOT / f"scripts/{name}.sh"), *args]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ})
    assert ended.returncode in codes, ended.stderr
    return ended.stdout


def kustomized(folder: str) -> list[Object]:
    """Return what kubectl makes of a kustomization, but for its NodePorts, which are others' too."""
    version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, check=True).stdout
    if "Kustomize Version" not in version:
        pytest.skip("this kubectl is older than 1.21: it does not read today's kustomizations")
    made = subprocess.run(["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True, check=True)
    objects: list[Object] = list(yaml.safe_load_all(made.stdout))
    for one in objects:
        if one["kind"] == "Service":
            one["spec"]["type"] = "ClusterIP"
            for port in one["spec"]["ports"]:
                port.pop("nodePort", None)
    return objects


@pytest.mark.timeout(240)
def test_crashy_app_answers_as_the_lab_and_is_restarted(node_port: int, cluster: Cluster) -> None:
    url = f"http://{cluster.node_ip}:{node_port}"
    with cluster.watch("pods") as pods, cluster.watch("events") as events:
        cluster.apply(MANIFESTS / "crashy-app")
        cluster.kubectl("set", "env", "deployment/crashy-app", "CRASH_AFTER=8")
        cluster.kubectl("rollout", "status", "deployment/crashy-app", "--timeout=80s")
        assert "But I didn't crash... yet :D" in curl_until(url, 200, 10).body
        assert "seconds ago, sorry about that :(" in curl_until(url, 500, 20).body
        pods.wait(lambda one: restarts(one) == 1 and ready(one), 30, what="RESTARTS grows")
        events.wait(says("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"), 5)
        events.wait(says("Killing", "Container crashy-app failed liveness probe, will be restarted"), 5)
        shown = cluster.kubectl("get", "events").stdout
        assert "Liveness probe failed: HTTP probe failed with statuscode: 500" in shown


@pytest.mark.timeout(240)
def test_a_frozen_webapp_is_out_of_its_service_and_back(node_port: int, cluster: Cluster) -> None:
    both = ["simple-webapp-1", "simple-webapp-2"]
    url = f"http://{cluster.node_ip}:{node_port}"
    with cluster.watch("pods") as pods, cluster.watch("endpointslices") as slices:
        cluster.apply(MANIFESTS / "webapp")
        slices.wait(lambda one: all(in_service(pod)(one) for pod in both), 40, what="both in the Service")
        curl_until_each(f"{url}/ready", both, 10)
        lines = script("curl-test", url).splitlines()
        assert set(lines[::2]) == {f"Message from {pod} : I am ready! OK" for pod in both}

        seen = len(slices)
        script("freeze-app", "--pod", "simple-webapp-2", "--namespace", cluster.namespace)
        slices.wait(lambda one: one["endpoints"] and not in_service(both[1])(one), 10, after=seen, what="out")
        lines = script("curl-test", url, codes=(0, 1)).splitlines()
        assert lines[::2].count("Failed") <= 1  # the kube-proxy needs a moment to hear of it
        out = len(slices)
        pods.wait(named(both[1], lambda one: restarts(one) == 1 and ready(one)), 60, what="restarted")
        slices.wait(lambda one: all(in_service(pod)(one) for pod in both), 10, after=out, what="back")

        script("freeze-app", "--pod", "simple-webapp-1", "--namespace", cluster.namespace)
        assert "freeze" in script("recover-app", "--pod", "simple-webapp-1", "--namespace", cluster.namespace)
        assert "Mayday" in script("crash-app", "--pod", "simple-webapp-1", "--namespace", cluster.namespace)
        pods.wait(named(both[0], lambda one: restarts(one) == 1 and ready(one)), 60, what="restarted")


def test_a_lesson_is_applied_as_a_kustomization_and_users_inside_the_cluster_feel_it(cluster: Cluster) -> None:
    with cluster.watch("pods") as pods:
        for one in kustomized("lessons/07-freeze-with-both"):
            cluster.apply(one)
        cluster.kubectl("rollout", "status", "deployment/web", "--timeout=80s")
        address = cluster.get("service", "web")["spec"]["clusterIP"]
        job: Object = yaml.safe_load((MANIFESTS / "traffic/job.yaml").read_text())
        spec = job["spec"]["template"]["spec"]
        spec["hostAliases"] = [{"ip": address, "hostnames": ["web"]}]  # a cluster without DNS serves too
        args = spec["containers"][0]["args"]
        args[args.index("60s")] = "8s"
        cluster.apply(job)
        pods.wait(named("traffic-", ready), 20, what="the users run")
        done = pods.wait(named("traffic-", lambda one: one["status"]["phase"] == "Succeeded"), 40, what="they end")
        reported = cluster.kubectl("logs", done["metadata"]["name"]).stdout
        assert reported.startswith("80 requests in ")
        assert "100.00 % answered" in reported

        frozen = cluster.get("pods", "-l", "app=web")["items"][0]["metadata"]["name"]
        cluster.inject(frozen, "freeze mode=loop")
        pods.wait(named(frozen, lambda one: not ready(one)), 10, what="not READY")
        pods.wait(named(frozen, lambda one: restarts(one) == 1 and ready(one)), 60, what="restarted")


def test_the_sidecars_probe_ends_the_app_that_it_looks_at(cluster: Cluster) -> None:
    (given,) = yaml.safe_load_all((MANIFESTS / "sidecar/deployment.yaml").read_text())
    probe = given["spec"]["template"]["spec"]["containers"][1]["livenessProbe"]["exec"]["command"]
    assert "--max-load 90 " in probe[-1]
    probe[-1] = probe[-1].replace("--max-load 90 ", "")  # this machine may well be busy

    def restarts_of(container: str) -> Callable[[Object], int]:
        return lambda pod: sum(
            one["restartCount"] for one in pod["status"].get("containerStatuses", ()) if one["name"] == container
        )

    with cluster.watch("pods") as pods:
        cluster.apply(given)
        pod = pods.wait(ready, 30, what="Ready")["metadata"]["name"]
        first = cluster.kubectl("exec", pod, "-c", "liveness", "--", "cat", "/proc/1/cmdline").stdout
        assert "pause" in first  # PID 1 of a shared process namespace
        cluster.kubectl("exec", pod, "-c", "liveness", "--", "crashy", "inject", "freeze mode=loop")
        pods.wait(lambda one: not ready(one), 15, what="not READY")
        healed = pods.wait(
            lambda one: restarts_of("liveness")(one) == 1 and ready(one), 40, what="the app is restarted"
        )
        assert restarts_of("python-probe")(healed) == 0


def test_the_event_simulator_has_a_log_of_its_own_beside_another_container(cluster: Cluster) -> None:
    cluster.apply(MANIFESTS / "event-simulator")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/event-simulator-pod", "--timeout=80s")
    cluster.log_until("event-simulator-pod", r" INFO in event-simulator: USER\d ", 10, "-c", "event-simulator")
    cluster.log_until("event-simulator-pod", r"USER5 Failed to Login as the account", 15, "-c", "event-simulator")
