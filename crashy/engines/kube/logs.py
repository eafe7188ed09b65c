"""What containers write, on the timeline: each container's log is followed from its start to its end."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from crashy.controllers.base import PodView
from crashy.engines.kube.api import Api, ApiError
from crashy.engines.lab.logs import LogLines
from crashy.timeline import Timeline, kinds


class Logs:
    """Follows the log of each container instance once; a broken stream is not resumed."""

    def __init__(self, api: Api, timeline: Timeline, tasks: asyncio.TaskGroup) -> None:
        self._api = api
        self._timeline = timeline
        self._tasks = tasks
        self._known: set[str] = set()  # ids of containers
        self._following: set[asyncio.Task[None]] = set()
        self.old_news = False
        """While this is set, what the containers have written before is left out."""

    def look(self, view: PodView) -> None:
        """Follow those of a pod's containers that have started since they were looked at last."""
        for status in (*view.status.init_containers, *view.status.containers):
            if status.id and status.id not in self._known:
                self._known.add(status.id)
                since = {"tailLines": 0} if self.old_news else {}
                task = self._tasks.create_task(self._follow(view, status.name, since))
                self._following.add(task)
                task.add_done_callback(self._following.discard)

    def close(self) -> None:
        """End it."""
        for task in self._following:
            task.cancel()

    async def _follow(self, view: PodView, container: str, chosen: dict[str, int]) -> None:
        pod = view.pod

        def emit(line: str) -> None:
            kinds.LOG.add(self._timeline.add, "kube", pod.object, message=line, data={"container": container})

        lines = LogLines(emit, self._timeline.now)
        query = urlencode({"container": container, "follow": "true"} | chosen)
        try:
            async for data in self._api.stream(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log?{query}"):
                lines.feed(data)
        except ApiError as error:
            if error.status not in (400, 404):  # it has gone, or it has no log
                kinds.NOTE.add(
                    self._timeline.add, "kube", pod.object, "LogLost", error.message, data={"container": container}
                )
        lines.end()
