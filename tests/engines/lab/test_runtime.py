"""Containers as processes: what the driver asks of a runtime, and the lab that is built of it."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab import zombies
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.notes import notes
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.program import Programs
from crashy.engines.lab.running import running
from crashy.engines.lab.runtime import ProcessRuntime
from crashy.engines.lab.view import PlainView
from crashy.engines.lab.warden import Warden
from crashy.errors import BadInput
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.runtime import Exited, HookError, Pod, StartError
from crashy.kubelet.versions import NEWEST
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.objects.pod import Exec, HTTPGet, Probe, parse_pod_template
from crashy.timeline import Timeline
from tests.elsewhere import needs_proc
from tests.kubelet.cases import Expect, case
from tests.kubelet.model import restarts_after
from tests.needs import need

DEADLINE = 20.0


@dataclass
class Started:
    """A pod of one container that runs, and the exits that were told."""

    runtime: ProcessRuntime
    pod: Pod
    timeline: Timeline
    id: str = ""
    exits: list[Exited] = field(default_factory=list)

    async def begin(self) -> None:
        self.id = await self.runtime.start(self.pod, self.pod.template.containers[0], 0, self.exits.append)

    def logs(self) -> list[str]:
        return [event.message for event in self.timeline.since() if event.kind == "log"]

    def zombies(self) -> list[int]:
        return [event.data["zombies"] for event in self.timeline.since() if event.reason == "Zombies"]

    async def probe(self, handler: dict[str, Any], **values: int) -> tuple[Result, str]:
        probe = Probe.from_manifest({**handler, **values})
        outcome = await self.runtime.probe(self.pod, self.pod.template.containers[0], self.id, probe)
        return outcome.result, outcome.error or outcome.output


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


@asynccontextmanager
async def container(*command: str, begin: bool = True, **values: Any) -> AsyncIterator[Started]:
    spec = {"containers": [{"name": "app", "image": "busybox", "command": list(command), **values}]}
    root = Path(tempfile.mkdtemp())
    addresses = Addresses(lambda _: None)
    cgroups = Cgroups.find(lambda _: None)
    warden = Warden(root, *cgroups.paths)
    timeline = Timeline(time.monotonic)
    programs = Programs(root, addresses, LoopbackNetwork(addresses, random.Random(1)))
    runtime = ProcessRuntime(
        programs.program,
        addresses=addresses,
        warden=warden,
        cgroups=cgroups,
        outside=OutsideFaults(timeline, random.Random(1)),
        timeline=timeline,
        profile=NEWEST,
    )
    template = parse_pod_template({"metadata": {"name": "web"}, "spec": spec}, path="")
    started = Started(runtime, Pod("web", "default", "uid", addresses.pod_ip(), template), timeline)
    try:
        if begin:
            await started.begin()
        yield started
        await runtime.close(0)
    finally:
        addresses.close()
        warden.close()


async def test_a_start_takes_as_long_as_on_a_node_and_the_first_of_a_pod_its_sandbox_too() -> None:
    async with container("sleep", "600", begin=False) as c:
        moments = [time.monotonic()]
        for attempt in (0, 1):
            await c.runtime.start(c.pod, c.pod.template.containers[0], attempt, c.exits.append)
            moments.append(time.monotonic())

        assert moments[1] - moments[0] >= 0.1
        assert moments[2] - moments[1] >= 0.05


async def test_an_exit_is_reported_once_with_what_was_said() -> None:
    async with container("sh", "-c", "echo last words; exit 3") as c:
        await until(lambda: c.exits)
        await c.runtime.stop(c.id, 30)  # it has ended: no error, no wait

        assert [(e.container_id, e.exit_code) for e in c.exits] == [(c.id, 3)]
        assert c.logs() == ["last words"]


@needs_proc
async def test_the_end_of_its_first_process_is_the_end_of_all() -> None:
    script = "setsid sleep 60 & sleep 60 & echo up; read nothing < /dev/zero"
    async with container("sh", "-c", script) as c:
        await until(c.logs)
        began = time.monotonic()
        await c.runtime.stop(c.id, 0)

        assert c.exits[0].exit_code == 137
        assert time.monotonic() - began < DEADLINE


async def test_a_container_that_outlives_its_grace_is_killed() -> None:
    async with container("sh", "-c", "trap 'echo reported' TERM; echo up; while :; do sleep 0.1; done") as c:
        await until(c.logs)
        await c.runtime.stop(c.id, 0.5)

        assert c.exits[0].exit_code == 137
        assert c.logs() == ["up", "reported"]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("no-such",), 'exec: "no-such": executable file not found in $PATH'),
        (("/no/such",), 'exec: "/no/such": stat /no/such: no such file or directory'),
        (("/etc/passwd",), 'exec: "/etc/passwd": permission denied'),
        (("a\0b",), "embedded null byte"),
    ],
)
async def test_what_cannot_start(command: tuple[str, ...], text: str) -> None:
    async with container(*command, begin=False, image="crashy-app") as c:
        with pytest.raises(StartError) as caught:
            await c.begin()

        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("command", "result", "text"),
    [
        (["sh", "-c", "echo fine"], Result.SUCCESS, "fine\n"),
        (["sh", "-c", "echo bad >&2; echo out; exit 2"], Result.FAILURE, "out\nbad\n"),
        (["sh", "-c", "echo $WORD; pwd >/dev/null"], Result.SUCCESS, "inside\n"),
        (["sleep", "30"], Result.FAILURE, 'command timed out: "sleep 30" timed out after 1s'),
        (["sh", "-c", "sleep 30 & exit 0"], Result.FAILURE, "timed out after 1s"),
        case("e2e.exec-background-child-liveness", ["sh", "-c", "sleep 10 & exit 1"], Result.FAILURE, "out after 1s"),
        (
            ["no-such"],
            Result.UNKNOWN,
            "OCI runtime exec failed: exec failed: unable to start container process: exec: ",
        ),
    ],
)
async def test_exec_probes(command: list[str], result: Result, text: str, expect: Expect) -> None:
    async with container("sleep", "60", env=[{"name": "WORD", "value": "inside"}]) as c:
        got, output = await c.probe({"exec": {"command": command}})

        assert got is result
        assert text in output
        expect(restarts_at_least=restarts_after(Outcome(got, output)))


async def test_an_exec_in_a_container_that_has_ended_is_an_error() -> None:
    async with container("true") as c:
        await until(lambda: c.exits)

        assert await c.probe({"exec": {"command": ["true"]}}) == (Result.UNKNOWN, f'container "{c.id}" is not running')


@needs_proc
async def test_a_command_that_runs_when_its_container_ends_is_killed_with_it() -> None:
    async with container("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done") as c:
        await until(c.logs)
        told = "echo asked > /proc/1/fd/1; sleep 600"
        probing = asyncio.create_task(c.probe({"exec": {"command": ["sh", "-c", told]}}, timeoutSeconds=600))
        await until(lambda: "asked" in c.logs())
        await c.runtime.stop(c.id, 0)

        assert await probing == (Result.FAILURE, "")


async def test_network_probes_go_to_the_pods_own_address() -> None:
    env = [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    script = ["sh", "-c", "echo up; exec python -m http.server 8000 --bind $IP"]
    async with container(*script, env=env, ports=[{"name": "web", "containerPort": 8000}]) as c:
        async with asyncio.timeout(DEADLINE):
            while (await c.probe({"tcpSocket": {"port": "web"}}))[0] is not Result.SUCCESS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        assert (await c.probe({"httpGet": {"port": 8000}}))[0] is Result.SUCCESS
        assert (await c.probe({"httpGet": {"port": 8000, "path": "/none"}}))[0] is Result.FAILURE
        assert await c.probe({"httpGet": {"port": "nope"}}) == (
            Result.UNKNOWN,
            'strconv.Atoi: parsing "nope": invalid syntax',
        )
        assert (await c.probe({"grpc": {"port": 8000}}))[0] is Result.FAILURE
        await c.runtime.hook(c.pod, c.pod.template.containers[0], c.id, HTTPGet(8000, "/none"))  # any answer will do


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (Exec(("sh", "-c", "echo no >&2; exit 4")), "exited with 4: no"),
        (Exec(("no-such",)), "executable file not found"),
        (HTTPGet(8000), "connection refused"),
        (HTTPGet("nope"), "invalid syntax"),
    ],
)
async def test_hooks_that_fail(handler: Exec | HTTPGet, text: str) -> None:
    async with container("sleep", "60") as c:
        await c.runtime.hook(c.pod, c.pod.template.containers[0], c.id, Exec(("true",)))
        with pytest.raises(HookError, match=text):
            await c.runtime.hook(c.pod, c.pod.template.containers[0], c.id, handler)


# --- the lab as an engine


def manifests(*objects: dict[str, Any]) -> Manifests:
    return read([Document("test.yaml", i, 1, thing) for i, thing in enumerate(objects, 1)])


def deployment(replicas: int, **container: Any) -> dict[str, Any]:
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": "busybox", **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
        },
    }


SLEEP = deployment(2, command=["sleep", "60"])


@asynccontextmanager
async def a_lab(tmp_path: Path) -> AsyncIterator[tuple[LabEngine, Timeline, list[str], list[str]]]:
    timeline = Timeline(time.monotonic)
    reported: list[str] = []
    lines: list[str] = []
    async with running(timeline, labs=tmp_path / ("x" * 120), note=reported.append, rng=random.Random(1)) as lab:
        timeline.subscribe(PlainView(lab, lines.append))
        yield lab, timeline, reported, lines


def ready(lab: LabEngine) -> Sequence[str]:
    return [view.pod.name for view in lab.pods() if view.status.ready]


async def test_deleting_and_scaling(tmp_path: Path) -> None:
    made = manifests(SLEEP)
    async with a_lab(tmp_path) as (lab, _, reported, lines):
        await lab.apply(made)
        await until(lambda: len(ready(lab)) == 2)
        first = lab.pods()[0].pod
        lab.delete(first, 0)
        await until(lambda: first.name not in [view.pod.name for view in lab.pods()] and len(ready(lab)) == 2)
        lab.scale(made.workloads[0], 1)
        await until(lambda: len(lab.pods()) == 1)

    assert any(line.endswith(f"gone               pod/{first.name}") for line in lines)
    assert reported[-1].startswith("crashy inject --pod can't find this lab: ")  # its socket's path is too long


async def test_a_node_port_is_found_where_none_was_asked_for(tmp_path: Path) -> None:
    ports = [{"port": 80, "targetPort": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    spec = {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"name": "web", **ports[0]}, ports[1]]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    async with a_lab(tmp_path) as (lab, timeline, _, _):
        await lab.apply(manifests(SLEEP, service))
        urls = [event.message for event in timeline.since() if event.kind == "service"]

        assert len(urls) == 1
        assert 30000 <= int(urls[0].removeprefix("http://127.0.0.1:")) <= 32767


async def test_a_refusal_comes_out_as_it_went_in(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^so it is$"):
        async with a_lab(tmp_path):
            raise BadInput("so it is")


def test_notes_say_what_a_process_does_not_have() -> None:
    thing = deployment(1, command=["true"], securityContext={"runAsUser": 7})
    thing["spec"]["template"]["spec"]["volumes"] = [
        {"name": "v", "hostPath": {"path": "/"}},
        {"name": "e", "emptyDir": {}},
    ]

    assert list(notes(manifests(thing))) == [
        "volumes other than emptyDir and claims are not mounted: deployment/web v",
        "security contexts are not applied: all processes run as you, on this machine's files",
    ]
    assert list(notes(manifests(SLEEP))) == []


LEAVES_A_CHILD = "(sleep 0 &); sleep 0.1"


@needs_proc
@pytest.mark.parametrize(
    ("first", "probe", "kept"),
    [
        (("sleep", "600"), ("sh", "-c", LEAVES_A_CHILD), True),
        (("sleep", "600"), ("tini", "-s", "--", "sh", "-c", LEAVES_A_CHILD), False),
        (("tini", "sleep", "600"), ("sh", "-c", LEAVES_A_CHILD), False),
    ],
)
async def test_what_a_probe_leaves_behind_is_a_zombie_where_nobody_waits_for_it(
    first: tuple[str, ...], probe: tuple[str, ...], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "tini" in first + probe:
        need("tini")
    monkeypatch.setattr(zombies, "LOOK", 0.01)
    async with container(*first) as c:
        for _ in range(3):
            await c.runtime.exec(c.id, probe, DEADLINE)
        if kept:
            await until(lambda: c.zombies()[-1:] == [3])
        else:
            left = await c.runtime.exec(c.id, ("sh", "-c", LEAVES_A_CHILD), DEADLINE)
            assert left.exit_code == 0
            await until(lambda: first[0] == "tini" or c.zombies()[-1:] == [1])
        # Before it is stopped: then tini itself has a child to wait for.
        assert c.zombies() == sorted(c.zombies())
        assert ("tini" in first) is (not c.zombies())


@needs_proc
async def test_a_probes_log_is_the_containers() -> None:
    async with container("sleep", "600") as c:
        done = await c.runtime.exec(c.id, ("sh", "-c", "echo seen > /proc/1/fd/1"), DEADLINE)
        assert done.exit_code == 0
        await until(lambda: c.logs() == ["seen"])
