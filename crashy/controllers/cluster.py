"""Deployments, pods and Services, run together over a runtime and a network: what the lab and the sim share."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, replace

from crashy.controllers.apply import Verb, completed, deployment_refusals, pod_refusals, same
from crashy.controllers.base import NODE, Network, PodView
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.endpointslice import ServiceController, ServiceControllers
from crashy.controllers.replicaset import ReplicaSetController
from crashy.errors import BadInput
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.recorder import pod_data
from crashy.kubelet.runtime import Pod, Runtime
from crashy.kubelet.versions import Profile
from crashy.objects.bare_pod import BarePod
from crashy.objects.deployment import Deployment
from crashy.objects.manifests import Key, Manifests
from crashy.objects.pod import PodTemplate
from crashy.objects.references import MAX_PODS
from crashy.objects.service import Service
from crashy.timeline import Timeline


@dataclass(frozen=True, slots=True)
class _Member:
    """A pod that is there: its driver, and who owns it (nobody, for a bare pod)."""

    pod: Pod
    driver: PodDriver
    owner: ReplicaSetController | None

    @property
    def view(self) -> PodView:
        """Return it as it is now."""
        return PodView(self.pod, self.driver.status)


class Cluster:
    """One node and the controllers above it. All that happens is on the timeline.

    `tasks` owns the pods' tasks: an error in one of them ends the group, and so whoever runs the cluster.
    """

    def __init__(
        self,
        runtime: Runtime,
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
        self._tasks = tasks
        self._profile = profile
        self._rng = rng
        self._max_pods = max_pods
        self._members: dict[str, _Member] = {}  # by uid, in the order of creation
        self._bare: dict[tuple[str, str], str] = {}  # the uids of those that nobody owns
        self._running: set[asyncio.Task[None]] = set()
        self._deployments: dict[tuple[str, str], DeploymentController] = {}
        self._services = ServiceControllers()

    def check(self, manifests: Manifests) -> None:
        """Raise BadInput with a line for everything in the manifests that can't be changed in what is there."""
        lines: list[str] = []
        for deployment in manifests.deployments:
            if known := self._deployments.get((deployment.namespace, deployment.name)):
                lines += deployment_refusals(known.deployment, deployment)
        for pod in manifests.pods:
            if uid := self._bare.get((pod.namespace, pod.name)):
                lines += pod_refusals(self._members[uid].pod.template, pod)
        replicas = {key: controller.deployment.replicas for key, controller in self._deployments.items()}
        replicas |= {(d.namespace, d.name): d.replicas for d in manifests.deployments}
        bare = {*self._bare, *((pod.namespace, pod.name) for pod in manifests.pods)}
        count = sum(replicas.values()) + len(bare)
        if count > self._max_pods:
            lines.append(
                f"a lab runs at most {self._max_pods} pods; with those that are there already it would be {count}"
            )
        if lines:
            raise BadInput(*lines)

    def apply(self, manifests: Manifests) -> dict[Key, Verb]:
        """Make what is there as the manifests have it, as `kubectl apply` does; what they don't name stays as it is.

        Gives what became of each object. Raises BadInput, with nothing changed.
        """
        self.check(manifests)
        done: dict[Key, Verb] = {}
        for service in manifests.services:
            done["Service", service.namespace, service.name] = self._apply_service(service)
        for deployment in manifests.deployments:
            done["Deployment", deployment.namespace, deployment.name] = self._apply_deployment(deployment)
        for bare in manifests.pods:
            done["Pod", bare.namespace, bare.name] = self._apply_bare(bare)
        return done

    def _apply_service(self, service: Service) -> Verb:
        known = self._services.get(service.namespace, service.name)
        if known is None:
            self._services.add(ServiceController(service, self._network, self._timeline.add), self.pods())
            return "created"
        if same(known.service, service):
            return "unchanged"
        self._services.change(known, service, self.pods())
        return "configured"

    def _apply_deployment(self, deployment: Deployment) -> Verb:
        key = (deployment.namespace, deployment.name)
        known = self._deployments.get(key)
        if known is None:
            self._deployments[key] = DeploymentController(
                deployment,
                create=self._create,
                delete=self.delete,
                emit=self._timeline.add,
                rng=self._rng,
            )
            self._deployments[key].sync()
            return "created"
        before = known.deployment
        if not deployment.replicas_given and not before.replicas_given:
            deployment = replace(deployment, replicas=before.replicas)
        if same(before, deployment):
            return "unchanged"
        known.apply(deployment)
        return "configured"

    def _apply_bare(self, bare: BarePod) -> Verb:
        uid = self._bare.get((bare.namespace, bare.name))
        if uid is None:
            self._create(bare.name, bare.namespace, bare.template, None)
            return "created"
        member = self._members[uid]
        if completed(member.pod.template) == completed(bare.template):
            return "unchanged"
        changed = self._members[uid] = replace(member, pod=replace(member.pod, template=bare.template))
        member.driver.update(bare.template)
        if changed.pod.template.labels != member.pod.template.labels:
            self._services.select(self.pods())
        self._changed(uid)
        return "configured"

    def _create(self, name: str, namespace: str, template: PodTemplate, owner: ReplicaSetController | None) -> None:
        uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        now = asyncio.get_running_loop().time()
        pod = Pod(name, namespace, uid, self._network.pod_ip(), template, now)
        chance = random.Random(self._rng.getrandbits(64))  # its own: draws at odd times must not change later names
        driver = PodDriver(
            pod,
            self._runtime,
            self._timeline.add,
            lambda _: self._changed(uid),
            profile=self._profile,
            rng=chance,
        )
        self._members[uid] = _Member(pod, driver, owner)
        self._put(self._members[uid])
        if owner is None:
            self._bare[namespace, name] = uid
        assigned = f"Successfully assigned {namespace}/{name} to {NODE}"
        self._timeline.add(
            "default-scheduler", "event", pod.object, "Scheduled", assigned, type="Normal", namespace=namespace
        )
        task = self._tasks.create_task(self._run(pod, driver), name=pod.object)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, pod: Pod, driver: PodDriver) -> None:
        await driver.run()
        member = self._members.pop(pod.uid)
        self._drop(member)
        gone = pod_data(pod, driver.status) | {"ready": False}
        self._timeline.add("apiserver", "pod", pod.object, "Deleted", **gone)
        self._sync(member.owner)

    def _changed(self, uid: str) -> None:
        """Let the controllers see how a pod is now."""
        self._put(self._members[uid])
        self._sync(self._members[uid].owner)

    def _put(self, member: _Member) -> None:
        if member.owner:
            member.owner.pods.put(member.view)
        self._services.put(member.view)

    def _drop(self, member: _Member) -> None:
        if member.owner:
            member.owner.pods.drop(member.pod.uid)
        else:
            del self._bare[member.pod.namespace, member.pod.name]
        self._services.drop(member.pod)

    def _sync(self, owner: ReplicaSetController | None) -> None:
        """Let the controllers act on what they have seen: those of Services first, then the owner's."""
        self._services.sync()
        if owner:
            owner.changed()

    def pods(self) -> list[PodView]:
        """Return the pods that are there, in the order of their creation."""
        return [member.view for member in self._members.values()]

    def delete(self, pod: Pod, grace: int | None = None) -> None:
        """Delete a pod gracefully; `grace` seconds replace its own. One that is gone is no error."""
        if pod.uid in self._members:
            self._members[pod.uid].driver.delete(grace)

    def scale(self, deployment: Deployment, replicas: int) -> None:
        """Set a Deployment's number of replicas; raises BadInput if there would be too many pods."""
        controller = self._deployments[deployment.namespace, deployment.name]
        self.check(Manifests(deployments=(replace(controller.deployment, replicas=replicas),)))
        controller.scale(replicas)

    def deployments(self) -> list[DeploymentController]:
        """Return the Deployments' controllers."""
        return list(self._deployments.values())

    def services(self) -> list[ServiceController]:
        """Return the Services' controllers."""
        return list(self._services)

    def owner(self, pod: Pod) -> Deployment | None:
        """Return the Deployment that a pod belongs to; None for one that is its own."""
        member = self._members.get(pod.uid)
        return next((c.deployment for c in self._deployments.values() if member and member.owner in c.sets), None)

    def stop(self) -> None:
        """End every pod's tasks; its containers are the runtime's to end."""
        for controller in self._deployments.values():
            controller.stop()
        for task in list(self._running):
            task.cancel()
