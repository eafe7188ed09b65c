"""Reading experiments: a good one wholly, and a table of bad ones with the line and column of each mistake."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.errors import BadInput
from crashy.experiment.model import Comparison, Delete, Drain, Evict, Exec, Inject, Load, Recover, Scale, Uncordon
from crashy.experiment.read import read_experiment
from crashy.experiment.schema import SCHEMA
from crashy.manifest.parse import parse_values
from crashy.targets import Target

ROOT = Path(__file__).parent.parent.parent

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      containers:
        - {name: web, image: crashy-app, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
"""

GOOD = """\
name: all-of-it
lesson: |
  What each key is for.
manifests: [web.yaml]
traffic: {service: web, port: http, path: /ready, rate: 20, timeout: 500ms}
duration: 1m
steps:
  - {at: 20s, recover: freeze, target: all}
  - {at: 5s, inject: freeze mode=loop for=10s, target: 2 of app=web, keep_ready: 1}
  - {at: 25s, delete: pod, target: any, grace: 5s}
  - {at: 26s, evict: pod, target: web-}
  - {at: 27s, drain: node, timeout: 25s}
  - {at: 29s, uncordon: node}
  - {at: 30s, scale: deployment/web, replicas: 5}
  - {at: 31s, load: {service: web, path: /1, concurrency: 5, requests: 50}}
  - {at: 32s, exec: [cat, /app/is_ready], target: web-, container: web, timeout: 2s}
  - at: 40s
    apply:
      - apiVersion: v1
        kind: Pod
        metadata: {name: more, labels: {app: web}}
        spec: {containers: [{name: c, image: crashy-app}]}
expect:
  availability: ">= 0.9"
  max_outage: "<= 2s"
  errors: "< 20"
  requests_after_leaving: "== 0"
  back_off: "<= 10s"
  zombies: "== 0"
  logs: {web: "listening on .*:8080"}
  restarts: {web-: "<= 2", total: ">= 0"}
  detected_within: 3s
  recovered_within: 20
  outcome: recovers
  events: [Unhealthy, "web: Killing", {reason: Started, object: pod/web, message: started}]
engines: [lab, sim]
why_not: {kube: "no cluster here"}
differs: {sim: {restarts: "it models no load"}}
"""


def read(folder: Path, text: str) -> object:
    (folder / "web.yaml").write_text(MANIFEST)
    file = folder / "e.yaml"
    file.write_text(text)
    return read_experiment(file)


def test_a_good_one_is_read_wholly_and_its_steps_in_the_order_of_their_times(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(MANIFEST)
    (tmp_path / "e.yaml").write_text(GOOD)
    seen = read_experiment(tmp_path / "e.yaml")

    assert (seen.name, seen.lesson, seen.duration) == ("all-of-it", "What each key is for.", 60.0)
    assert seen.traffic is not None
    assert (seen.traffic.port, seen.traffic.rate, seen.traffic.timeout) == ("http", 20.0, 0.5)
    assert [step.at for step in seen.steps] == [5, 20, 25, 26, 27, 29, 30, 31, 32, 40]
    inject, recover, delete, *node, scale, load, run, _ = (step.action for step in seen.steps)
    assert inject == Inject("freeze for=10s")
    assert seen.steps[0].target == Target("2 of app=web", 2, {"app": "web"})
    assert (recover, delete, scale) == (Recover("freeze"), Delete(5), Scale("deployment/web", 5))
    assert node == [Evict(), Drain(25.0), Uncordon()]
    assert load == Load(service="web", path="/1", concurrency=5, requests=50, timeout=30.0)
    assert run == Exec(("cat", "/app/is_ready"), "web", 2.0)
    assert seen.expect["restarts"]["web-"] == Comparison("<= 2", "<=", 2.0)
    assert seen.expect["recovered_within"] == 20.0
    assert seen.expect["logs"] == {"web": "listening on .*:8080"}
    assert [str(pattern) for pattern in seen.expect["events"]] == [
        "Unhealthy",
        "web: Killing",
        "pod/web: Started: started",
    ]
    assert seen.engines == ("lab", "sim")
    assert seen.differs == {"sim": {"restarts": "it models no load"}}


def test_what_is_left_out_has_defaults(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(MANIFEST)
    (tmp_path / "e.yaml").write_text("name: x\nlesson: why\nmanifests: [web.yaml]\nduration: 10\n")
    seen = read_experiment(tmp_path / "e.yaml")

    assert (seen.traffic, seen.steps, seen.engines) == (None, (), ("lab", "sim", "kube"))


HEAD = "name: x\nlesson: why\nmanifests: [web.yaml]\nduration: 10s\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("name: x\n", ["1:1: lesson: is missing", "1:1: manifests: is missing", "1:1: duration: is missing"]),
        (HEAD + "durration: 5s\n", ["5:1: durration: no such key; did you mean duration?"]),
        (HEAD + "foo: 1\n", ["5:1: foo: no such key; there are: name, lesson"]),
        (HEAD.replace("name: x", "name: X y"), ["1:1: name: 'X y': must be lower-case letters"]),
        (HEAD.replace("name: x", "name: 3"), ["1:1: name: must be a text, not a number"]),
        (HEAD.replace("lesson: why", "lesson: ''"), ["2:1: lesson: must be a text, not an empty one"]),
        (HEAD.replace("10s", "10 parsecs"), ["4:1: duration: '10 parsecs': must be a duration such as 10s"]),
        (HEAD.replace("10s", "0"), ["4:1: duration: 0: must be at least 1 seconds"]),
        (HEAD.replace("10s", "9000h"), ["4:1: duration: '9000h': must be at most 30 days"]),
        (
            HEAD.replace("10s", "soon") + "steps:\n  - {at: 5s, inject: crash, target: any}\n",
            ["4:1: duration: 'soon': must be a duration"],  # and nothing of the step, whose end isn't known
        ),
        (HEAD.replace("[web.yaml]", "[]"), ["3:1: manifests: must name at least one manifest"]),
        (HEAD.replace("[web.yaml]", "web.yaml"), ["3:1: manifests: must be a list, not a text"]),
        (HEAD.replace("[web.yaml]", "[nope.yaml]"), ["3:13: manifests[0]: "]),
        (HEAD.replace("[web.yaml]", "[7]"), ["3:13: manifests[0]: must be a path or a manifest"]),
        (
            HEAD + "traffic: {service: api}\n",
            ["5:11: traffic.service: 'api': no such Service in the manifests; there are: web"],
        ),
        (HEAD + "traffic: {}\n", ["5:1: traffic.service: must be a text, not nothing"]),
        (
            HEAD + "traffic: {service: web, rate: 0}\n",
            ["5:25: traffic.rate: 0: must be a number above 0, at most 1000"],
        ),
        (HEAD + "traffic: {service: web, rate: fast}\n", ["5:25: traffic.rate: 'fast': must be a number above 0"]),
        (
            HEAD + "traffic: {service: web, port: 81}\n",
            ["5:25: traffic.port: '81': Service web has no port '81'; there are: 80"],
        ),
        (HEAD + "traffic: {service: web, path: ready}\n", ["5:25: traffic.path: 'ready': must begin with /"]),
        (
            HEAD + "traffic: {service: web, timeout: 0s}\n",
            ["5:25: traffic.timeout: '0s': must be at least 0.001 seconds"],
        ),
        (
            HEAD + "traffic: 7\n",
            ["5:1: traffic: must be a mapping, not a number", "5:1: traffic.service: must be a text"],
        ),
        (HEAD + "steps: {}\n", ["5:1: steps: must be a list, not a mapping"]),
        (HEAD + "steps: [inject]\n", ["5:9: steps[0]: must be a mapping, not a text"]),
        (HEAD + "steps:\n  - {at: 1s}\n", ["6:5: steps[0]: must do one of inject, recover,"]),
        (HEAD + "steps:\n  - {inject: crash, target: any}\n", ["6:5: steps[0]: at: is missing"]),
        (
            HEAD + "steps:\n  - {at: 1s, inject: crash, recover: all, target: any}\n",
            [
                "6:5: steps[0]: must do one of inject, recover, delete, evict, drain, uncordon, restart, stop, scale, "
                "apply, load, exec; it has: inject, "
            ],
        ),
        (HEAD + "steps:\n  - {at: 1s, inject: crash}\n", ["6:5: steps[0]: target: is missing"]),
        (
            HEAD + "steps:\n  - {at: 10s, inject: crash, target: any}\n",
            ["6:6: steps[0].at: '10s': must be before the experiment's"],
        ),
        (HEAD + "steps:\n  - {at: -1, inject: crash, target: any}\n", ["6:6: steps[0].at: -1: must be a duration"]),
        (HEAD + "steps:\n  - {at: 1s, inject: explode, target: any}\n", ["6:14: steps[0].inject: 'explode': "]),
        (
            HEAD + "steps:\n  - {at: 1s, inject: freeze for=soon, target: any}\n",
            ["6:14: steps[0].inject: 'freeze for=soon': for: "],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, inject: crash, target: api}\n",
            ["6:29: steps[0].target: 'api': no pod's name begins with it"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, inject: crash, target: 4 of app=web}\n",
            ["6:29: steps[0].target: '4 of app=web': only 3 pods"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, inject: crash, target: 0 of app=web}\n",
            ["6:29: steps[0].target: '0 of app=web': must be a pod's"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, inject: crash, target: any, keep_ready: 3}\n",
            ["6:42: steps[0].keep_ready: 3: must be fewer than the pods there are, 3"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, recover: everything, target: all}\n",
            ["6:14: steps[0].recover: 'everything': must be one of all,"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, delete: node, target: any}\n",
            ["6:14: steps[0].delete: 'node': must be pod"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, scale: web, replicas: 2}\n",
            ["6:14: steps[0].scale: 'web': must be deployment/NAME"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, scale: deployment/api, replicas: 2}\n",
            ["6:14: steps[0].scale: 'api': no such Deployment"],
        ),
        (HEAD + "steps:\n  - {at: 1s, scale: deployment/web}\n", ["6:5: steps[0]: replicas: is missing"]),
        (
            HEAD + "steps:\n  - {at: 1s, scale: deployment/web, replicas: 101}\n",
            ["6:37: steps[0].replicas: 101: must be a whole number"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, delete: pod, target: any, replicas: 1}\n",
            ["6:40: steps[0].replicas: does not go with delete"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, load: {service: api}}\n",
            ["6:21: steps[0].load.service: 'api': no such Service"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, load: {service: web, requests: 0}}\n",
            ["6:35: steps[0].load.requests: 0: must be a whole number"],
        ),
        (
            HEAD + "steps:\n  - {at: 1s, drain: node, target: any}\n",
            ["6:27: steps[0].target: does not go with drain"],
        ),
        (HEAD + "steps:\n  - {at: 1s, evict: pod}\n", ["6:5: steps[0]: target: is missing"]),
        (HEAD + "steps:\n  - {at: 1s, uncordon: web}\n", ["6:14: steps[0].uncordon: 'web': must be node"]),
        (HEAD + "steps:\n  - {at: 1s, exec: [], target: any}\n", ["6:14: steps[0].exec: must name a command"]),
        (
            HEAD + "steps:\n  - {at: 1s, exec: ls -l, target: any}\n",
            ["6:14: steps[0].exec: must be a list, not a text"],
        ),
        (
            HEAD + "expect: {availability: 0.9}\n",
            ["5:10: expect.availability: '0.9': must be a comparison such as '>= 0.99'"],
        ),
        (
            HEAD + "expect: {max_outage: '<= soon'}\n",
            ["5:10: expect.max_outage: '<= soon': 'soon': must be a number or a duration"],
        ),
        (
            HEAD + "expect: {restarts: {api: '== 1'}}\n",
            ["5:21: expect.restarts.api: 'api': no pod's name begins with it"],
        ),
        (HEAD + "expect: {outcome: fine}\n", ["5:10: expect.outcome: 'fine': must be one of recovers, never-recovers"]),
        (HEAD + "expect: {events: [{object: x}]}\n", ["5:19: expect.events[0]: reason: is missing"]),
        (
            HEAD + "expect: {events: [{reason: X, message: '('}]}\n",
            ["5:31: expect.events[0].message: is not a regular expression"],
        ),
        (HEAD + "differs: {lab: {times: x}}\n", ["5:11: differs.lab: no such key; there are: sim, kube"]),
        (HEAD + "differs: {sim: {time: x}}\n", ["5:17: differs.sim.time: no such key; did you mean times?"]),
        (HEAD + "differs: {kube: {times: 3}}\n", ["5:18: differs.kube.times: must be a text, not a number"]),
        (HEAD + "expect: {logs: {wep: x}}\n", ["5:17: expect.logs.wep: no such key; did you mean web?"]),
        (HEAD + "expect: {logs: {web: '('}}\n", ["5:17: expect.logs.web: is not a regular expression"]),
        (HEAD + "expect: {zombies: many}\n", ["5:10: expect.zombies: 'many': must be a comparison"]),
        (HEAD + "models: {nginx: start=soon}\n", ["5:10: models.nginx: 'start=soon': start must be a duration"]),
        (HEAD + "engines: [docker]\n", ["5:11: engines[0]: 'docker': must be one of lab, sim, kube"]),
        (
            HEAD + "expect: {speed: 1}\nstepz: []\n",
            ["5:10: expect.speed: no such key", "6:1: stepz: no such key; did you mean steps?"],
        ),
    ],
)
def test_every_mistake_is_reported_with_its_line_and_column(tmp_path: Path, text: str, lines: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    places = [line.removeprefix(f"{tmp_path / 'e.yaml'}:") for line in caught.value.lines]

    assert len(places) == len(lines), places
    for place, line in zip(places, lines, strict=True):
        assert place.startswith(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [", "not YAML"), ("", "holds no object"), ("a: 1\n---\nb: 2\n", "holds 2 documents"), ("- a\n", "is a list")],
)
def test_what_is_no_experiment_at_all_is_said(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(BadInput, match=line):
        read(tmp_path, text)


def test_mistakes_in_the_manifests_are_reported_too(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(MANIFEST.replace("replicas: 3", "replicas: -3"))
    with pytest.raises(BadInput, match=r"e.yaml:3:1: manifests: .*bad.yaml:5: .*spec.replicas: Invalid value: -3"):
        read(tmp_path, HEAD.replace("web.yaml", "bad.yaml"))


def test_the_published_schema_is_the_codes() -> None:
    """If this fails: `.venv/bin/python -m tests.docs_tables`."""
    assert json.loads((ROOT / "docs/experiment.schema.json").read_text()) == SCHEMA


def test_the_schema_takes_what_the_reader_takes() -> None:
    (good,), _ = parse_values(GOOD.encode(), "good")

    jsonschema_rs.validator_for(SCHEMA).validate(good)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*SCHEMA["properties"], "at", "inject", "target", "service", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_given_is_either_read_or_refused_with_lines(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        read(folder, json.dumps(value))
    except BadInput as error:
        lines = error.lines
    else:
        lines = ()

    assert all(line.startswith(str(folder)) for line in lines)
