"""Whoever needs a cluster gets the one that KUBECONFIG names, or is skipped, and says so."""

from __future__ import annotations

import pytest

from tests.kube.cluster import Cluster, unreachable, warm

IMAGE = "docker.io/library/crashy-app:1.0.0"


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return the cluster, which has the patient's image; objects are made in namespaces of the tests' own."""
    if why := unreachable():
        pytest.skip(why)
    found = Cluster("default")
    if IMAGE not in found.images():
        pytest.skip(f"on no node of the cluster: {IMAGE}")
    warm()
    return found
