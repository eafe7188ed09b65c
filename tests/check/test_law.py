"""The law of the numbers: each span that `check` gives contains what sim does, and is at most a period wider."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.check.outcomes import FailureMode
from crashy.errors import BadInput
from crashy.kubelet.versions import PROFILES
from crashy.manifest.load import SUFFIXES, read_file
from crashy.manifest.parse import parse
from crashy.objects.manifests import read
from tests.check import law
from tests.check.targets import MANIFESTS, command, http, read_targets, tcp

WILD = Path(os.environ.get("WILD", MANIFESTS.parent.parent / "shared" / "wild"))
SHIPPED = sorted(MANIFESTS.rglob("*.yaml"))
FILES = [path for path in sorted(WILD.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
EVERY = 1 if "WHOLE" in os.environ else 8  # `make law` takes them all


def cases(path: Path) -> list[law.Case]:
    """Return the containers of a file that check and sim can read."""
    documents, errors = read_file(path)
    try:
        targets, manifests = read_targets(documents, errors), read(documents, errors)
    except BadInput:
        return []
    return [one for target in targets if not (one := law.case(target, manifests)).aside]


def broken(case: law.Case) -> list[str]:
    """Return where the law does not hold for a container."""
    lines = [f"{case.target.title}: {line}" for line in law.wrong_start(case)]
    for mode in FailureMode:
        shown = []
        for failure in law.failures(case, mode):
            shown.append(seen := law.seen(case, failure))
            lines += [f"{case.target.title}: {mode}: {failure}: {line}" for line in law.wrong(case, mode, seen)]
        lines += [f"{case.target.title}: {mode}: too wide: {line}" for line in law.too_wide(case, mode, shown)]
    return lines


@pytest.mark.skipif(not FILES, reason="needs other people's manifests in ../shared/wild (WILD=FOLDER)")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(8))
def test_other_peoples_manifests(part: int) -> None:
    lines = [
        f"{path.relative_to(WILD)}: {line}"
        for path in FILES[part * EVERY :: 8 * EVERY]
        for one in cases(path)
        for line in broken(one)
    ]

    assert lines == []


@pytest.mark.parametrize("path", SHIPPED[:: 1 if EVERY == 1 else 3], ids=lambda path: str(path.relative_to(MANIFESTS)))
def test_our_own_manifests(path: Path) -> None:
    assert [line for one in cases(path) for line in broken(one)] == []


def pod(container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    containers = [{"name": "app", "image": "example/app", "ports": [{"containerPort": 80, "name": "web"}], **container}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


def job(container: dict[str, Any], policy: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": {**pod(container)["spec"], "restartPolicy": policy}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": template, **spec},
    }


def only(manifest: dict[str, Any]) -> law.Case:
    documents, errors = parse(yaml.safe_dump(manifest).encode(), "m.yaml")
    (target,) = read_targets(documents, errors)
    return law.case(target, read(documents, errors))


LIVENESS = {"livenessProbe": http(periodSeconds=2, failureThreshold=2)}
READINESS = {"readinessProbe": http(periodSeconds=2, failureThreshold=2)}
SHELL = "curl -f localhost/healthz || exit 1"


@pytest.mark.parametrize(
    ("manifest", "never"),
    [
        (pod({"livenessProbe": http(port="wbe"), **READINESS}), "hang: detected, back"),
        (pod({"readinessProbe": http(port="wbe"), **LIVENESS}), "ready"),
        (pod({"startupProbe": http(port="wbe"), **LIVENESS}), "ready"),
        (pod({"livenessProbe": command(SHELL)}), "hang: detected, out, back"),
        (pod({"readinessProbe": command(SHELL)}), "ready"),
        (pod({"readinessProbe": command(*SHELL.split())}), "ready"),
        (pod({"livenessProbe": command("sh", "-c", SHELL)}), ""),
        (pod({"livenessProbe": command("curl", "localhost")}), "errors: detected, out, back"),
        (pod({"livenessProbe": command("curl", "-sf", "localhost")}), "errors: out"),
        (pod({"livenessProbe": command("sh", "-c", "curl -f localhost || true")}), "errors: detected, out, back"),
        (pod({"readinessProbe": command("pgrep", "app"), **LIVENESS}), ""),
        (pod({"readinessProbe": command("sleep", "3", timeoutSeconds=2)}), "ready"),
        (pod({"readinessProbe": command("sleep", "1", timeoutSeconds=2)}), ""),
        (pod(LIVENESS, readinessGates=[{"conditionType": "example.com/lb"}]), "ready"),
        (pod(LIVENESS | READINESS, restartPolicy="OnFailure"), ""),
        (pod(LIVENESS, restartPolicy="Never"), "exit: back"),
        (pod(LIVENESS | READINESS, restartPolicy="Never"), "hang: back"),
        (pod({"livenessProbe": tcp(), **READINESS}), "errors: detected, back"),
        (pod(READINESS | {"lifecycle": {"preStop": {"sleep": {"seconds": 4}}}} | LIVENESS), ""),
        (pod(LIVENESS | {"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "sleep 3; true"]}}}}), ""),
        (pod({"readinessProbe": http(periodSeconds=3, successThreshold=3), **LIVENESS}), ""),
        (pod({"startupProbe": http(periodSeconds=3), **READINESS, **LIVENESS}), ""),
        (pod({"startupProbe": http(periodSeconds=7), **LIVENESS}), ""),
        (pod({"startupProbe": http(periodSeconds=7), "livenessProbe": http(periodSeconds=1, failureThreshold=1)}), ""),
        (pod({"startupProbe": http(periodSeconds=5, initialDelaySeconds=8), **READINESS, **LIVENESS}), ""),
        (job(LIVENESS, "Never"), ""),
        (job(LIVENESS, "Never", backoffLimit=0), "exit: back"),
        (job(LIVENESS, "OnFailure"), ""),
        (job(LIVENESS, "OnFailure", backoffLimit=1), "hang: back"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value),
)
def test_what_a_finding_names_is_in_the_numbers_too(manifest: dict[str, Any], never: str) -> None:
    case = only(manifest)
    mode, _, columns = never.rpartition(": ")

    assert broken(case) == []
    if never == "ready":
        assert case.numbers.start.ready is None
    elif never:
        impact = case.numbers.impacts[FailureMode(mode)]
        assert {column for column in ("detected", "out", "back") if getattr(impact, column) is None} >= set(
            columns.split(", ")
        )


def slow(container: dict[str, Any], start: str, **spec: Any) -> dict[str, Any]:
    """Return a pod whose app is known to take so long to start; it drains as long as the law wants."""
    return pod({"image": "crashy-app", "env": [{"name": "READY_AFTER", "value": start}], **container}, **spec)


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
@pytest.mark.parametrize(
    "container",
    [
        {"readinessProbe": command("true", periodSeconds=5)},
        {"readinessProbe": tcp(periodSeconds=5)},
        {"readinessProbe": {"grpc": {"port": 9, "service": "liveness"}, "periodSeconds": 3}},
        {"readinessProbe": {"grpc": {"port": 9}, "periodSeconds": 3}},
        {"readinessProbe": http("/", periodSeconds=5)},
        {"readinessProbe": http("/readyz?full", periodSeconds=5)},
        {"readinessProbe": command("cat", "/app/is_ready")},
        {"readinessProbe": command("sh", "-c", "test -f /app/is_ready")},
        {"startupProbe": command("cat", "/app/is_ready")},
    ],
)
def test_the_patient_is_waited_for_by_what_asks_whether_it_is_ready_and_by_nothing_else(
    container: dict[str, Any], version: str
) -> None:
    manifest = slow(container, "4")
    manifest["spec"]["containers"][0]["env"].append({"name": "GRPC_PORT", "value": "9"})
    case = only(manifest)

    assert broken(replace(case, target=replace(case.target, profile=PROFILES[version]))) == []


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
@pytest.mark.parametrize(
    "container",
    [
        {"readinessProbe": tcp(periodSeconds=10)},
        {"readinessProbe": tcp(periodSeconds=3)},
        {"readinessProbe": http(periodSeconds=4), "livenessProbe": tcp(periodSeconds=4, initialDelaySeconds=3)},
        {"startupProbe": tcp(periodSeconds=3)},
        {"livenessProbe": tcp(periodSeconds=3, failureThreshold=6)},
    ],
)
def test_what_a_command_does_before_the_app_counts_as_its_start(container: dict[str, Any], version: str) -> None:
    case = only(pod({"command": ["sh", "-c", "sleep 2; touch /begun && sleep 3; exec server"], **container}))
    case = replace(case, target=replace(case.target, profile=PROFILES[version]))

    assert case.target.env.starts == 5
    assert not case.aside
    assert broken(case) == []


HANDLERS = st.sampled_from(
    [
        *({"httpGet": {"path": "/", "port": port}} for port in (80, "web", "wbe")),
        {"tcpSocket": {"port": 80}},
        {"grpc": {"port": 80}},
        *(
            {"exec": {"command": words}}
            for words in (["cat", "/a"], ["curl", "localhost"], ["curl", "-f", "x"], [SHELL])
        ),
        *({"exec": {"command": ["sh", "-c", text]}} for text in (SHELL, "sleep 1; app ping", "test -f /a && app ping")),
    ]
)
PROBE = st.builds(
    lambda handler, settings: {**handler, **settings},
    HANDLERS,
    st.fixed_dictionaries(
        {
            "periodSeconds": st.integers(1, 8),
            "timeoutSeconds": st.integers(1, 4),
            "failureThreshold": st.integers(1, 4),
            "initialDelaySeconds": st.integers(0, 6),
        }
    ),
)
HOOK = st.sampled_from(
    [{"sleep": {"seconds": 3}}, {"exec": {"command": ["sleep", "2"]}}, {"httpGet": {"path": "/", "port": 80}}]
)
MANIFEST = st.builds(
    lambda container, policy, grace: pod(
        container, restartPolicy=policy, terminationGracePeriodSeconds=max(grace, 4 if "lifecycle" in container else 0)
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "livenessProbe": PROBE,
            "readinessProbe": PROBE,
            "startupProbe": PROBE,
            "lifecycle": st.fixed_dictionaries({"preStop": HOOK}),
        },
    ),
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.integers(0, 8),
)


@settings(max_examples=60, deadline=None)
@given(
    manifest=MANIFEST,
    mode=st.sampled_from(FailureMode),
    after=st.floats(60, 80).map(lambda s: round(s, 2)),
    drain=st.sampled_from([0.0, 1.5, law.EVER]),
    seed=st.integers(0, 9),
    fault=st.integers(0, 1),
    version=st.sampled_from(["1.32", "1.34", "1.36", "fixed"]),
)
def test_any_manifest(
    manifest: dict[str, Any], mode: FailureMode, after: float, drain: float, seed: int, fault: int, version: str
) -> None:
    case = only(manifest)
    case = replace(case, target=replace(case.target, profile=PROFILES[version]))
    if case.aside:
        return
    failure = law.Failure(law.FAULTS[mode][fault % len(law.FAULTS[mode])], after, drain, seed)
    seen = law.seen(case, failure)

    if seen.ready is None or case.numbers.start.ready is None:
        assert (seen.ready is None) == (case.numbers.start.ready is None)
    else:
        assert [*law.wrong(case, mode, seen)] == []
