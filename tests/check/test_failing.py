"""What a probe of a well patient comes to is what the lab's sockets and sim's models show of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.check.outcomes import Verdict, outcome
from crashy.check.targets import CheckTarget
from crashy.kubelet.outcome import Result
from crashy.objects.pod import Exec, HTTPGet, Probe
from tests.check.targets import deployment, targets
from tests.engines import probe_answers
from tests.engines.probe_answers import Row

VERDICTS = {Result.SUCCESS: Verdict.PASSES, Result.FAILURE: Verdict.FAILS, Result.UNKNOWN: Verdict.ERRS}


def of_the_patient(row: Row) -> bool:
    """Return whether a handler asks the patient, in a way that a manifest shows to be right or wrong."""
    handler = row.handler
    if isinstance(handler, Exec) or handler.port in {8443, 8000}:
        return False
    return not getattr(handler, "host", "").endswith("invalid") and not (
        isinstance(handler, HTTPGet) and handler.headers
    )


def patient() -> CheckTarget:
    """Return the patient of the table."""
    env = [{"name": one.name, "value": one.value} for one in probe_answers.template().containers[0].env]
    (one,) = targets(deployment({"env": env, "ports": [{"name": "web", "containerPort": 8080}]}))
    return one


@pytest.mark.parametrize("row", [*filter(of_the_patient, probe_answers.AWAKE)], ids=lambda row: str(row.handler)[:70])
def test_a_probe_comes_to_what_the_engines_show(row: Row) -> None:
    assert outcome(patient(), Probe(row.handler)).verdict is VERDICTS[row.result]


def test_a_pod_on_the_nodes_network_is_asked_on_localhost() -> None:
    one = patient()
    spec = {**one.template.raw, "spec": {**one.template.raw["spec"], "hostNetwork": True}}
    shared = replace(one, workload=replace(one.workload, template=replace(one.template, raw=spec)))
    probe = Probe(HTTPGet(8080, "/readyz", "localhost"))

    assert [outcome(each, probe).verdict for each in (one, shared)] == [Verdict.FAILS, Verdict.PASSES]
