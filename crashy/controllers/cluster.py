"""Workloads, pods and Services, run over a runtime and a network; shared by the lab and the sim."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from crashy.controllers.apply import Verb, admission_refusals, completed, pod_refusals, refusals, same
from crashy.controllers.base import Network, PodView
from crashy.controllers.cronjob import CronJobController
from crashy.controllers.daemonset import DaemonSetController
from crashy.controllers.endpointslice import ServiceController, ServiceControllers
from crashy.controllers.environment import References
from crashy.controllers.member import Member
from crashy.controllers.node import Node, NodeRuntime
from crashy.controllers.nodelifecycle import NodeLifecycle
from crashy.controllers.poddisruptionbudget import BudgetController, BudgetControllers
from crashy.controllers.scheduler import Scheduler
from crashy.controllers.workloads import CONTROLLERS, OF_WORKLOADS, Controller, Owner, claimant
from crashy.errors import BadInput
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.generate import FINAL
from crashy.kubelet.recorder import deleted_data
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import Profile
from crashy.objects.manifests import Manifests
from crashy.objects.pod import PodTemplate
from crashy.objects.references import MAX_PODS
from crashy.objects.service import Service
from crashy.objects.workload import BarePod, Key, Workload
from crashy.timeline import Timeline, kinds

_C = TypeVar("_C")


class Cluster:
    """One node and the controllers above it. Everything that happens is on the timeline.

    `tasks` owns the pods' tasks: an error in one of them ends the group, and with it the cluster's caller.
    """

    def __init__(
        self,
        runtime: NodeRuntime,
        network: Network,
        timeline: Timeline,
        tasks: asyncio.TaskGroup,
        *,
        profile: Profile,
        rng: random.Random,
        max_pods: int = MAX_PODS,
    ) -> None:
        self._runtime = runtime
        self._network = network
        self._timeline = timeline
        self._profile = profile
        self._rng = rng
        self._max_pods = max_pods
        self._members: dict[str, Member] = {}  # by uid, in the order of creation
        self._bare: dict[Key, str] = {}  # the uids of pods without an owner
        self._controllers: dict[Key, Controller[Any]] = {}
        self._services = ServiceControllers()
        self._references = References()
        self._budgets = BudgetControllers(timeline.add, self.owner)
        self.scheduler = Scheduler(timeline.add, profile.texts)
        lifecycle = NodeLifecycle(self, self.scheduler, timeline.add, profile, rng)
        self.node = Node(runtime, lifecycle, tasks, timeline.add, self._gone)

    def check(self, manifests: Manifests) -> None:
        """Raise BadInput with a line for each change of an existing object, and for each pod, that is not allowed."""
        lines: list[str] = []
        for workload in manifests.workloads:
            lines += admission_refusals(workload, self._profile)
            if uid := self._bare.get(workload.key):
                lines += pod_refusals(self._members[uid].pod.template, workload, self._profile)
            elif known := self._controllers.get(workload.key):
                lines += refusals(known.workload, workload)
        replicas = {key: controller.workload.replicas for key, controller in self._controllers.items()}
        replicas |= dict.fromkeys(self._bare, 1) | {one.key: one.replicas for one in manifests.workloads}
        count = sum(replicas.values())
        if count > self._max_pods:
            lines.append(f"a lab runs at most {self._max_pods} pods; with the existing ones it would be {count}")
        if lines:
            raise BadInput(*lines)

    def apply(self, manifests: Manifests) -> dict[Key, Verb]:
        """Apply the manifests, as `kubectl apply` does; objects that they don't name are left unchanged.

        Return what happened to each object. Raises BadInput, with nothing changed.
        """
        self.check(manifests)
        self._references.add(manifests.config_maps, manifests.secrets)
        done: dict[Key, Verb] = {}
        for service in manifests.services:
            done["Service", service.namespace, service.name] = self._apply_service(service)
        for one in manifests.workloads:
            done[one.key] = self._apply_bare(one) if isinstance(one, BarePod) else self._apply_workload(one)
        for budget in manifests.budgets:
            verb = self._budgets.apply(budget, self.pods())
            done["PodDisruptionBudget", budget.namespace, budget.name] = verb
        return done

    def _apply_service(self, service: Service) -> Verb:
        known = self._services.get(service.namespace, service.name)
        if known is None:
            controller = ServiceController(service, self._network, self._timeline.add, self._profile)
            self._services.add(controller, self.pods())
            return "created"
        if same(known.service, service):
            return "unchanged"
        self._services.change(known, service, self.pods())
        return "configured"

    def _apply_workload(self, workload: Workload) -> Verb:
        known = self._controllers.get(workload.key)
        if known is None:
            self.start(workload)
            return "created"
        before: Workload = known.workload
        if not workload.replicas_given and not before.replicas_given:
            workload = replace(workload, replicas=before.replicas)
        if same(before, workload):
            return "unchanged"
        known.apply(workload)
        return "configured"

    def start(self, workload: Workload) -> Controller[Any]:
        """Create a workload, and return its controller."""
        more = {"workloads": self} if workload.kind in OF_WORKLOADS else {}
        made = self._controllers[workload.key] = CONTROLLERS[workload.kind](
            workload, create=self._create, delete=self.delete, emit=self._timeline.add, rng=self._rng, **more
        )
        made.sync()
        return made

    def remove(self, key: Key) -> None:
        """Delete a workload, its pods and its Jobs; one that does not exist is no error."""
        if gone := self._controllers.pop(key, None):
            gone.stop()
            for job in gone.jobs if isinstance(gone, CronJobController) else ():
                self.remove(job.workload.key)
            for member in list(self._members.values()):
                if member.owner and gone.owns(member.owner):
                    self.delete(member.pod)

    def _apply_bare(self, bare: BarePod) -> Verb:
        uid = self._bare.get(bare.key)
        if uid is None:
            self._create(bare.name, bare.namespace, bare.template, None)
            return "created"
        member = self._members[uid]
        if completed(member.pod.template) == completed(bare.template):
            return "unchanged"
        self._change(member, bare.template)
        return "configured"

    def relabel(self, pod: Pod, labels: Mapping[str, str]) -> None:
        """Change a pod's labels, as `kubectl label` does."""
        member = self._members[pod.uid]
        self._change(member, replace(member.pod.template, labels=labels))

    def _change(self, member: Member, template: PodTemplate) -> None:
        """Replace the template of a pod; whoever selects it no longer releases it, whoever does now adopts it."""
        pod = replace(member.pod, template=template)
        owner = claimant(self._controllers.values(), pod, member.owner)
        self._members[pod.uid] = replace(member, pod=pod, owner=owner)
        member.driver.update(template)
        if pod.template.labels != member.pod.template.labels:
            self._services.select(self.pods())
        if member.owner and member.owner is not owner:
            member.owner.pods.drop(pod.uid)
            member.owner.changed()
        if owner is None:
            self._bare["Pod", pod.namespace, pod.name] = pod.uid
        self._changed(pod.uid)

    def _create(self, name: str, namespace: str, template: PodTemplate, owner: Owner | None) -> None:
        uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        now = asyncio.get_running_loop().time()
        pod = Pod(name, namespace, uid, self._network.pod_ip(), template, now)
        pod_rng = random.Random(self._rng.getrandbits(64))  # its own: the pod's draws must not change later names
        driver = PodDriver(
            pod,
            self._runtime,
            self._timeline.add,
            lambda _: self._changed(uid),
            profile=self._profile,
            rng=pod_rng,
            config=self._references,
        )
        self._members[uid] = Member(pod, driver, owner)
        self._put(self._members[uid])
        if owner is None:
            self._bare["Pod", namespace, name] = uid
        daemon = isinstance(owner, DaemonSetController)
        self.scheduler.schedule(pod, lambda: self.node.run(driver), daemon=daemon)

    def _gone(self, pod: Pod) -> None:
        member = self._members.pop(pod.uid)
        self._drop(member)
        gone = deleted_data(pod, member.driver.status)
        kinds.POD.add(self._timeline.add, "apiserver", pod.object, "Deleted", data=gone)
        self._sync(member.owner)

    def _changed(self, uid: str) -> None:
        """Pass a pod's new status to the controllers."""
        self._put(self._members[uid])
        self._sync(self._members[uid].owner)

    def _put(self, member: Member) -> None:
        if member.owner:
            member.owner.pods.put(member.view)
        if not self.scheduler.waits(member.pod):
            self._services.put(member.view)
        self._budgets.put(member.view)

    def _drop(self, member: Member) -> None:
        if member.owner:
            member.owner.pods.drop(member.pod.uid)
        key = ("Pod", member.pod.namespace, member.pod.name)
        if self._bare.get(key) == member.pod.uid:
            del self._bare[key]
        self._services.drop(member.pod)
        self._budgets.drop(member.pod.uid)

    def _sync(self, owner: Owner | None) -> None:
        """Sync the controllers: those of Services first, then the owner's."""
        self._services.sync()
        self._budgets.sync()
        if owner:
            owner.changed()

    def pods(self) -> list[PodView]:
        """Return the existing pods, in the order of their creation."""
        return [member.view for member in self._members.values()]

    def delete(self, pod: Pod, grace: int | None = None) -> None:
        """Delete a pod gracefully; `grace` seconds replace its own. A pod that does not exist is no error."""
        if pod.uid not in self._members:
            return
        driver = self._members[pod.uid].driver
        driver.delete(grace)
        ended = driver.status.phase in FINAL and self.node.stopped
        if self.scheduler.waits(pod) or ended:  # no kubelet has to end it
            self.scheduler.forget(pod)
            self.node.forget(pod)
            asyncio.get_running_loop().call_soon(self._gone, self._members[pod.uid].pod)

    def evict(self, pod: Pod) -> None:
        """Delete a pod as the Eviction API does; raises EvictionRefusedError where a budget does not allow it."""
        if pod.uid not in self._members:
            return
        self._budgets.check_eviction(self._members[pod.uid].view)
        self.disrupt(pod, "EvictionByEvictionAPI", "Eviction API: evicting")

    def disrupt(self, pod: Pod, reason: str, message: str) -> None:
        """Delete a pod, whose condition DisruptionTarget says why. One that does not exist is no error."""
        if pod.uid not in self._members:
            return
        self._members[pod.uid] = replace(self._members[pod.uid], evicted=True)
        kinds.CONDITION.add(
            self._timeline.add,
            "apiserver",
            pod.object,
            reason,
            message,
            data={"type": "Normal", "condition": "DisruptionTarget", "status": "True", "namespace": pod.namespace},
        )
        self.delete(pod)

    def scale(self, workload: Workload, replicas: int) -> None:
        """Set a workload's number of replicas; raises BadInput above the limit of pods."""
        controller = self._controllers[workload.key]
        scaled: Workload = replace(controller.workload, replicas=replicas)
        self.check(Manifests(workloads=(scaled,)))
        controller.apply(scaled)

    def workloads(self) -> list[Workload]:
        """Return the current workloads, except bare Pods."""
        return [one.workload for one in self._controllers.values()]

    def controllers(self, kind: type[_C]) -> list[_C]:
        """Return the controllers of one kind of workload."""
        return [one for one in self._controllers.values() if isinstance(one, kind)]

    def budgets(self) -> list[BudgetController]:
        """Return the PodDisruptionBudgets' controllers."""
        return list(self._budgets)

    def services(self) -> list[ServiceController]:
        """Return the Services' controllers."""
        return list(self._services)

    def owner(self, pod: Pod) -> Workload | None:
        """Return the workload that owns a pod; None for a bare Pod."""
        owner = self._members[pod.uid].owner if pod.uid in self._members else None
        return next((c.workload for c in self._controllers.values() if owner and c.owns(owner)), None)

    def stop(self) -> None:
        """End every pod's tasks; the runtime must stop the containers."""
        for controller in self._controllers.values():
            controller.stop()
        self.node.close()
