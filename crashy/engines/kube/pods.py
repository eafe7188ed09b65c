"""The pods of a namespace from a watch, and every change of a status on the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crashy.controllers.base import PodView
from crashy.engines.kube.api import Object
from crashy.engines.kube.objects import At, pod_of, status_of
from crashy.errors import BadInput
from crashy.kubelet.recorder import deleted_data, pod_data
from crashy.objects.images import is_patient
from crashy.objects.status import ContainerStatus
from crashy.timeline import Timeline, kinds

_NO_IMAGE = frozenset({"ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"})


class Pods:
    """Keeps the existing pods, and lets `look` see each that changes; `names` are those of all pods so far.

    `images` gives the names by which the experiment knows images that are called otherwise on this cluster.
    """

    def __init__(
        self, timeline: Timeline, at: At, images: Mapping[str, str], look: Callable[[PodView], None] = lambda _: None
    ) -> None:
        self._timeline = timeline
        self._at = at
        self._images = images
        self._there: dict[str, PodView] = {}  # by uid, in the order of creation
        self._published: dict[str, kinds.PodStatus] = {}
        self._patient_has_run = False
        self._look = look
        self.names: set[str] = set()

    def views(self) -> list[PodView]:
        """Return the existing pods, in the order of their creation."""
        return list(self._there.values())

    def listed(self, items: list[Object]) -> None:
        """Take all pods of a list."""
        there = {item["metadata"]["uid"] for item in items}
        for uid in [uid for uid in self._there if uid not in there]:
            self._deleted(uid)
        for item in sorted(items, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"])):
            self.changed("ADDED", item)

    def changed(self, change: str, obj: Object) -> None:
        """Take a change of one; raises BadInput where the patient's image can't be had, and none ever ran."""
        view = PodView(pod_of(obj, self._at, self._images), status_of(obj, self._at))
        uid = view.pod.uid
        self.names.add(view.pod.name)
        self._there[uid] = view
        data = pod_data(view.pod, view.status)
        if data != self._published.get(uid) and change != "DELETED":
            self._published[uid] = data
            kinds.POD.add(self._timeline.add, "kubelet", view.pod.object, view.status.phase, data=data)
        if change == "DELETED":
            self._deleted(uid)
        self._look(view)
        self._look_for_images(view)

    def _deleted(self, uid: str) -> None:
        view = self._there.pop(uid)
        self._published.pop(uid, None)
        gone = deleted_data(view.pod, view.status)
        kinds.POD.add(self._timeline.add, "apiserver", view.pod.object, "Deleted", data=gone)

    def _look_for_images(self, view: PodView) -> None:
        for container in view.pod.template.containers:
            status = view.status.container(container.name)
            if status is None or not is_patient(container.image):
                continue
            self._patient_has_run = self._patient_has_run or status.state != "waiting" or status.restart_count > 0
            if status.reason in _NO_IMAGE and not self._patient_has_run:
                raise _no_image(view, status)


def _no_image(view: PodView, status: ContainerStatus) -> BadInput:
    image = next(c.image for c in view.pod.template.containers if c.name == status.name)
    what_to_do = f"load the image into the cluster (kind load docker-image {image}), or name one it can pull: --image"
    return BadInput(
        f"kube: {view.pod.object}: container {status.name}: {status.reason}: {status.message}", f"kube: {what_to_do}"
    )
