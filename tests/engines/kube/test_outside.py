"""By what means any app takes a fault on a cluster, and why it doesn't take others."""

from __future__ import annotations

import pytest

from crashy.engines.images import SIDECAR
from crashy.engines.kube.outside import NoMeansError, chosen, means
from crashy.faults.base import FAULTS, FaultError, parse_spec
from crashy.objects.pod import Container, PodTemplate

APP = Container("web", "node:22")
PROXY = Container(SIDECAR, "crashy-app:1.0.0", args=("proxy", "--http", "23000", "$(POD_IP):3000"))
PATIENT = Container("sick", "crashy-app:1.0.0")
PODS = {
    "app": PodTemplate((APP,)),
    "wrapped": PodTemplate((APP, PROXY)),
    "patient": PodTemplate((Container("side", "redis"), PATIENT)),
    "wrapped patient": PodTemplate((PATIENT, PROXY)),
}


def outcome(pod: str, spec: str) -> str:
    template = PODS[pod]
    container = chosen(template)
    assert container is not None
    try:
        return means(template, parse_spec(spec), container)
    except (NoMeansError, FaultError) as error:
        return str(error)


SIDECAR_NEEDED = "needs the sidecar crashy-proxy in its pod: crashy kube wrap MANIFEST adds it"
PAST = "is about probes too, and the kubelet's go to the app itself, past any sidecar"
BESIDE = "must be done to its processes from beside them, and nothing in its pod may"


@pytest.mark.parametrize(
    ("pod", "spec", "wanted"),
    [
        ("app", "crash", "end"),
        ("wrapped", "crash mode=signal signal=HUP after=2s jitter=1s", "end"),
        ("app", "crash routes=/checkout", "can't wait for a request here: only after= and jitter= say when"),
        ("wrapped", "crash mode=errors", f"{PAST}; clients=users would do"),
        ("wrapped", "crash mode=errors clients=users for=5s", "sidecar"),
        ("app", "latency delay=1s", SIDECAR_NEEDED),
        ("wrapped", "latency delay=1s p=0.3 seed=7", "sidecar"),
        ("wrapped", "bandwidth rate=1Mi for=1m", "sidecar"),
        ("wrapped", "error code=503 routes=/api/* times=3", "sidecar"),
        ("wrapped", "freeze mode=hang", "sidecar"),
        ("wrapped", "freeze mode=deaf for=5s", "sidecar"),
        ("wrapped", "freeze mode=deaf clients=all", PAST),
        ("wrapped", "error clients=kubelet", PAST),
        ("wrapped", "unready", PAST),
        ("wrapped", "unready routes=/ready", "sidecar"),
        ("wrapped", "flap probe=liveness", PAST),
        ("wrapped", "freeze", f"{BESIDE}; freeze mode=hang or mode=deaf would do, by the sidecar"),
        ("wrapped", "freeze mode=stop for=5s", f"{BESIDE}; freeze mode=hang or mode=deaf would do, by the sidecar"),
        ("wrapped", "cpu", BESIDE),
        ("wrapped", "memory", BESIDE),
        ("wrapped", "exception", "fault: exception acts inside a patient only"),
        ("patient", "freeze", "patient"),
        ("patient", "unready", "patient"),
        ("patient", "crash mode=overflow", "patient"),
        ("patient", "crash via=outside", "end"),
        ("patient", "bandwidth rate=1Mi", SIDECAR_NEEDED),
        ("wrapped patient", "latency delay=1s", "patient"),
        ("wrapped patient", "latency delay=1s via=outside", "sidecar"),
    ],
)
def test_the_means(pod: str, spec: str, wanted: str) -> None:
    said = outcome(pod, spec)

    assert said.startswith(wanted)
    assert "\n" not in said


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_means_or_a_reason(name: str) -> None:
    for example in FAULTS[name].examples:
        for pod in PODS:
            assert outcome(pod, example), example


@pytest.mark.parametrize(
    ("pod", "name", "wanted"),
    [
        ("wrapped", "", "web"),
        ("patient", "", "sick"),
        ("patient", "side", "side"),
        ("wrapped patient", "", "sick"),
        ("app", "db", None),
    ],
)
def test_the_container_is_the_named_one_else_the_patient_else_the_first(
    pod: str, name: str, wanted: str | None
) -> None:
    found = chosen(PODS[pod], name)

    assert (found and found.name) == wanted
