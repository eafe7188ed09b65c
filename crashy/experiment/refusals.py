"""Faults of an experiment that none of the pods could take that they are for: found before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.engines.base import Engine
from crashy.experiment.model import Apply, Experiment, Inject
from crashy.faults.base import parse_spec
from crashy.objects.pod import PodTemplate
from crashy.objects.workload import Workload
from crashy.targets import Target


def refusals(experiment: Experiment, engine: Engine) -> Iterator[str]:
    """Yield a line for each such step, with the reason of the first pod that it means."""
    applied = [step.action.manifests for step in experiment.steps if isinstance(step.action, Apply)]
    workloads = [one for manifests in (experiment.manifests, *applied) for one in manifests.workloads]
    for step in experiment.steps:
        if not isinstance(step.action, Inject) or step.target is None:
            continue
        fault, container = parse_spec(step.action.spec), step.action.container
        if step.target.service:
            services = (one for one in experiment.manifests.services if one.name == step.target.service)
            why = [engine.service_refusal(service, fault) for service in services]
        else:
            why = [engine.refusal(template, fault, container) for template in _meant(step.target, workloads)]
        if why and all(why):
            yield f"{step.text} at {step.at:g}s, target {step.target.text}: {why[0]}"


def _meant(target: Target, workloads: list[Workload]) -> Iterator[PodTemplate]:
    for one in workloads:
        begins, name = one.pods_begin, target.text
        if target.is_name and not (begins.startswith(name) or name.startswith(begins)):
            continue
        if target.labels.items() <= one.template.labels.items():
            yield one.template
