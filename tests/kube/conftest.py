"""A real cluster for these tests: whichever KUBECONFIG names, else they are skipped, and say so."""

from __future__ import annotations

import fcntl
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kube.cluster import Cluster, unreachable, warm

LIBRARY = "docker.io/library"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; a NodePort is one for all, so what needs one runs in one process."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kube)
            if "node_port" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("node_port"))
    longest = ("test_seeds.py", "test_workloads.py")
    items.sort(key=lambda item: item.path.name not in longest)  # the longest first


@pytest.fixture(scope="session")
def _reachable() -> None:
    if why := unreachable():
        pytest.skip(why)


@pytest.fixture(scope="session")
def needs(_reachable: None) -> Callable[..., None]:
    """Return what skips a test whose images are on no node; a node tells of new ones within half a minute."""
    warmed = False
    until = time.monotonic() + 40

    def check(*images: str) -> None:
        nonlocal warmed
        while missing := {f"{LIBRARY}/{image}" for image in images} - Cluster("default").images():
            if time.monotonic() > until:
                pytest.skip(f"on no node of the cluster: {', '.join(sorted(missing))}; see tests/kube/images/load.sh")
            time.sleep(1)
        if not warmed:
            warm()
            warmed = True

    return check


@pytest.fixture
def cluster(needs: Callable[..., None]) -> Iterator[Cluster]:
    """Return a namespace of the test's own, deleted at its end."""
    needs("crashy-app:1.0.0")
    name = f"crashy-test-{secrets.token_hex(3)}"
    one = Cluster(name)
    one.kubectl("create", "namespace", name)
    try:
        until = time.monotonic() + 20  # no pod can be created before the namespace has its service account
        while one.kubectl("get", "serviceaccount", "default", check=False).returncode:
            assert time.monotonic() < until
        yield one
    finally:
        one.kubectl("delete", "services", "--all")  # waits: their NodePorts are free when it returns
        one.kubectl("delete", "namespace", name, "--wait=false")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def node_port() -> Iterator[int]:
    """Return the NodePort of crashy-app and webapp, which nobody else has meanwhile."""
    with _alone("nodeport30080.lock"):
        yield 30080
