"""The cluster that KUBECONFIG names, as the tests use it: through kubectl, and by watching."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from crashy.kubelet.versions import EventTexts, of_cluster

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = ROOT / "manifests"
SERVERS_KNOW_PROBE_GRACE = 25  # Kubernetes 1.25: a probe's own terminationGracePeriodSeconds, for everybody

PATIENCE = 3.0  # how many times as long as on an idle machine things may take
WARM = 120.0  # seconds within which a cluster that has just come up has its first pod ready

Object = dict[str, Any]


def unreachable() -> str | None:
    """Return why there is no cluster to test on, or nothing."""
    if not os.environ.get("KUBECONFIG"):
        return "need a cluster: KUBECONFIG=… make kube-test"
    if not shutil.which("kubectl"):
        return "kubectl is not on this machine: kubernetes.io/docs/tasks/tools"
    requested = subprocess.run(
        ["kubectl", "--request-timeout=10s", "get", "--raw", "/version"], capture_output=True, text=True, check=False
    )
    return f"kubectl reaches no cluster: {requested.stderr.strip().splitlines()[-1]}" if requested.returncode else None


class Cluster:
    """What the tests ask of kubectl, in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def kubectl(
        self, *args: str | Path, text: str = "", check: bool = True, timeout: float = 90
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl in the namespace; `text` is its standard input. Fails with what kubectl said."""
        command = ["kubectl", "--namespace", self.namespace, *map(str, args)]
        ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or ended.returncode == 0, f"{' '.join(command)}: {ended.stderr}"
        return ended

    def get(self, *args: str) -> Object:
        """Return objects as JSON."""
        found: Object = json.loads(self.kubectl("get", *args, "-o", "json").stdout)
        return found

    def raw(self, path: str) -> str:
        """Return what the API server answers to a GET."""
        return self.kubectl("get", "--raw", path).stdout

    def apply(self, *given: Path | Object) -> str:
        """Apply files, folders, kustomizations and objects, each as a reader would; return what kubectl printed."""
        flags = ["--validate=false"] if self.minor < SERVERS_KNOW_PROBE_GRACE else []
        printed = ""
        for one in given:
            if isinstance(one, Path):
                kustomized = one.is_dir() and (one / "kustomization.yaml").exists()
                printed += self.kubectl("apply", "-k" if kustomized else "-f", one, *flags).stdout
            else:
                printed += self.kubectl("apply", "-f", "-", *flags, text=json.dumps(one)).stdout
        return printed

    @cached_property
    def minor(self) -> int:
        """Return the minor version of its API server."""
        return int(json.loads(self.raw("/version"))["minor"].rstrip("+"))

    @cached_property
    def texts(self) -> EventTexts:
        """Return the words of its version's events."""
        return of_cluster(f"1.{self.minor}").texts

    @cached_property
    def node_ip(self) -> str:
        """Return the address at which NodePorts answer."""
        (node, *_) = self.get("nodes")["items"]
        return next(str(one["address"]) for one in node["status"]["addresses"] if one["type"] == "InternalIP")

    def images(self) -> set[str]:
        """Return the names of the images that its nodes have."""
        nodes = self.get("nodes")["items"]
        return {name for node in nodes for image in node["status"].get("images", ()) for name in image["names"] or ()}

    def proxy(self, pod: str, port: int, path: str) -> str:
        """Return the path of the API server's proxy to one pod."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}"

    def inject(self, pod: str, spec: str) -> None:
        """Inject a fault into one pod from within, which works whatever its data plane does."""
        self.kubectl("exec", pod, "--", "crashy", "inject", spec)

    def log_until(self, pod: str, pattern: str, within: float, *more: str) -> None:
        """Follow a pod's log until it has such a line; fails if it takes much longer than `within` seconds."""
        command = ["kubectl", "logs", "-f", "-n", self.namespace, pod, *more]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout
            too_late = threading.Timer(PATIENCE * within, following.kill)
            too_late.start()
            try:
                found = any(re.search(pattern, line) for line in following.stdout)
            finally:
                too_late.cancel()
                following.kill()
        assert found, f"not within {within} s in the log of {pod}: {pattern}"

    def watch(self, what: str) -> Watch:
        """Watch the namespace's pods, events or endpointslices."""
        if what != "endpointslices":
            return Watch(f"/api/v1/namespaces/{self.namespace}/{what}")
        groups = json.loads(self.raw("/apis"))["groups"]
        versions = next(one["versions"] for one in groups if one["name"] == "discovery.k8s.io")
        version = "v1" if any(one["version"] == "v1" for one in versions) else "v1beta1"
        return Watch(f"/apis/discovery.k8s.io/{version}/namespaces/{self.namespace}/endpointslices")


def warm() -> None:
    """Let a pod come and go, so that the first test's finds a node that has made one.

    A node's first pods take four to six seconds, others one or two.
    """
    default, name = Cluster("default"), f"warm-{secrets.token_hex(3)}"
    container = {"name": "app", "image": "crashy-app:1.0.0", "imagePullPolicy": "IfNotPresent"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
    default.apply(pod)
    try:
        default.kubectl("wait", "--for=condition=Ready", f"pod/{name}", f"--timeout={WARM:g}s", timeout=WARM + 10)
    finally:
        default.kubectl("delete", "pod", name, "--grace-period=1", "--wait=false")


class Watch:
    """Every state of some objects, in the order in which the API server told it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._told: list[Object] = []
        self._more = threading.Condition()

    def __enter__(self) -> Watch:
        command = ["kubectl", "get", "--raw", f"{self._path}?watch=true"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._more:
                self._told.append(json.loads(line)["object"])
                self._more.notify_all()

    def __len__(self) -> int:
        return len(self._told)

    def told(self) -> list[Object]:
        """Return every state so far."""
        with self._more:
            return [*self._told]

    def wait(self, is_it: Callable[[Object], bool], within: float, *, after: int = 0, what: str = "") -> Object:
        """Return the first state that is it, from the `after`th on; fails if it takes much longer than `within` s."""
        until = time.monotonic() + PATIENCE * within
        at = after
        with self._more:
            while True:
                while at < len(self._told):
                    if is_it(self._told[at]):
                        return self._told[at]
                    at += 1
                if not self._more.wait(until - time.monotonic()):
                    last = json.dumps([one.get("status") or one.get("message") for one in self._told[-3:]])[:1500]
                    raise AssertionError(f"not within {within} s: {what or is_it}; the last states: {last}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP server answered; status 0 where it did not."""

    status: int
    body: str


def curl(url: str) -> Answer:
    """Ask a URL, as `curl -m 2` does."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return Answer(reply.status, reply.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode())
    except OSError as error:
        return Answer(0, str(error))


def curl_until(url: str, status: int, within: float) -> Answer:
    """Ask a URL until it answers so; fails if it takes much longer than `within` seconds."""
    until = time.monotonic() + PATIENCE * within
    while (answer := curl(url)).status != status:
        assert time.monotonic() < until, f"{url}: not {status} within {within} s, but {answer}"
        time.sleep(0.2)
    return answer


def curl_until_each(url: str, texts: Collection[str], within: float) -> None:
    """Ask a URL until each of the texts has been answered; fails if it takes much longer than `within` seconds.

    A kube-proxy knows an EndpointSlice up to its minimum sync period, a second, after the API server.
    """
    until = time.monotonic() + PATIENCE * within
    missing = set(texts)
    while missing:
        answer = curl(url)
        missing = {text for text in missing if text not in answer.body}
        assert time.monotonic() < until, f"{url}: not within {within} s: {missing}; the last: {answer}"


def ready(pod: Object) -> bool:
    """Return whether a pod is Ready, and not about to go."""
    conditions = pod["status"].get("conditions", ())
    return "deletionTimestamp" not in pod["metadata"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )


def restarts(pod: Object) -> int:
    """Return the number that kubectl shows under RESTARTS."""
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))


def named(name: str, is_it: Callable[[Object], bool]) -> Callable[[Object], bool]:
    """Allow it for objects whose name begins with it, and for no others."""
    return lambda one: one["metadata"]["name"].startswith(name) and is_it(one)


def says(reason: str, message: str = "") -> Callable[[Object], bool]:
    """Return whether an event has this reason, and this in its message."""
    return lambda event: event["reason"] == reason and message in event["message"]


def in_service(pod: str) -> Callable[[Object], bool]:
    """Return whether an EndpointSlice sends users to a pod."""
    return lambda given: any(
        one["conditions"].get("ready") and one.get("targetRef", {}).get("name") == pod
        for one in given.get("endpoints") or ()
    )
