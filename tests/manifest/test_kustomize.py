"""Kustomizations are built as `kubectl apply -k` would build them; what is not understood is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crashy.manifest.load import gather
from tests.manifest.conftest import CONFIG_MAP, DEPLOYMENT, POD, SERVICE
from tests.manifest.reading import read_files

Write = Callable[[dict[str, str | bytes]], None]
RENDER = "render it first: kustomize build DIR | crashy check -"
BASE = {"base/all.yaml": f"{DEPLOYMENT}---\n{SERVICE}", "base/kustomization.yaml": "resources: [all.yaml]\n"}


def built(write: Write, kustomization: str, files: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    write({**BASE, **(files or {}), "over/kustomization.yaml": f"resources: [../base]\n{kustomization}"})
    documents, errors = gather(["over"])
    assert errors == []
    return [document.object for document in documents]


def refused(write: Write, kustomization: str, files: dict[str, Any] | None = None) -> list[str]:
    write({**BASE, **(files or {}), "over/kustomization.yaml": f"resources: [../base]\n{kustomization}"})
    return gather(["over"])[1]


def test_resources_are_files_and_other_kustomizations(write: Write) -> None:
    write(
        {
            **BASE,
            "over/kustomization.yaml": "resources:\n  - ../base\n  - pod.yaml\n",
            "over/pod.yaml": POD,
            "over/x.yaml": "[",
        }
    )
    documents, errors = gather(["over/kustomization.yaml"])

    assert errors == []
    assert [(d.file, d.object["kind"]) for d in documents] == [
        ("over/../base/all.yaml", "Deployment"),
        ("over/../base/all.yaml", "Service"),
        ("over/pod.yaml", "Pod"),
    ]


def test_a_namespace_is_for_all(write: Write) -> None:
    assert {one["metadata"]["namespace"] for one in built(write, "namespace: shop")} == {"shop"}


def test_names_get_a_prefix_and_a_suffix_and_so_do_references(write: Write) -> None:
    pod = f"{POD}      envFrom: [{{configMapRef: {{name: settings}}}}, {{secretRef: {{name: elsewhere}}}}]\n"
    objects = built(
        write,
        "namePrefix: a-\nnameSuffix: -z\nresources: [m.yaml]\n".replace("resources", "bases"),
        {"over/m.yaml": f"{pod}---\n{CONFIG_MAP}"},
    )

    assert [one["metadata"]["name"] for one in objects] == ["a-web-z", "a-web-z", "a-alone-z", "a-settings-z"]
    assert [next(iter(ref.values()))["name"] for ref in objects[2]["spec"]["containers"][0]["envFrom"]] == [
        "a-settings-z",
        "elsewhere",
    ]


@pytest.mark.parametrize(
    ("kustomization", "selector", "template"),
    [
        ("commonLabels: {team: a}", True, True),
        ("labels: [{pairs: {team: a}}]", False, False),
        ("labels: [{pairs: {team: a}, includeSelectors: true}]", True, True),
        ("labels: [{pairs: {team: a}, includeTemplates: true}]", False, True),
    ],
)
def test_labels_go_where_they_are_asked(write: Write, kustomization: str, selector: bool, template: bool) -> None:
    deployment, service = built(write, kustomization)

    assert deployment["metadata"]["labels"] == service["metadata"]["labels"] == {"team": "a"}
    assert ("team" in deployment["spec"]["selector"]["matchLabels"]) is selector
    assert ("team" in service["spec"]["selector"]) is selector
    assert ("team" in deployment["spec"]["template"]["metadata"]["labels"]) is template


def test_annotations_images_and_replicas(write: Write) -> None:
    deployment, _ = built(
        write,
        "commonAnnotations: {note: hi}\nimages: [{name: crashy-app, newName: r.example/crashy-app, newTag: dev}]\n"
        "replicas: [{name: web, count: 7}]",
    )

    assert deployment["metadata"]["annotations"] == {"note": "hi"}
    assert deployment["spec"]["template"]["metadata"]["annotations"] == {"note": "hi"}
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "r.example/crashy-app:dev"
    assert deployment["spec"]["replicas"] == 7


@pytest.mark.parametrize(
    ("entry", "image"),
    [("newTag: '2'", "crashy-app:2"), ("digest: sha256:0", "crashy-app@sha256:0"), ("newName: other", "other:1.0.0")],
)
def test_an_image_is_changed_in_part(write: Write, entry: str, image: str) -> None:
    deployment, _ = built(write, f"images: [{{name: crashy-app, {entry}}}, {{name: crashy, newTag: x}}]")

    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_config_maps_and_secrets_are_generated(write: Write) -> None:
    write(
        {
            "kustomization.yaml": """\
resources: [pod.yaml]
configMapGenerator:
  - name: settings
    literals: [color=green, 'quoted="a=b"']
    files: [page.html, other=page.html]
    envs: [.env]
secretGenerator:
  - name: keys
    literals: [token=hush]
""",
            "pod.yaml": POD,
            "page.html": "<p>",
            ".env": "# hi\nA=1\n\nB=\n",
        }
    )
    got = read_files(["."])

    assert got.config_maps[0].data == {
        "color": "green",
        "quoted": "a=b",
        "page.html": "<p>",
        "other": "<p>",
        "A": "1",
        "B": "",
    }
    assert str(got.config_maps[0].source) == "kustomization.yaml:3"
    assert got.secrets[0].data == {"token": b"hush"}


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches: [{path: p.yaml}]",
        "patchesStrategicMerge: [p.yaml]",
        "patches:\n  - target: {kind: Deployment}\n    patch: |-\n      - {op: replace, path: /spec/replicas, value: "
        "5}\n"
        "      - {op: add, path: /spec/template/spec/containers/0/env, value: [{name: A, value: b}]}",
        "patches:\n  - patch: |-\n      kind: Deployment\n      metadata: {name: web}\n      spec:\n        replicas: "
        "5\n"
        "        template: {spec: {containers: [{name: web, env: [{name: A, value: b}]}]}}",
    ],
)
def test_patches_change_what_they_are_for(write: Write, kustomization: str) -> None:
    patch = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec: {replicas: 5, template: {spec: {containers: [{name: web, env: [{name: A, value: b}]}]}}}\n"
    )
    deployment, service = built(write, kustomization, {"over/p.yaml": patch})
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert deployment["spec"]["replicas"] == 5
    assert (container["image"], container["env"]) == ("crashy-app:1.0.0", [{"name": "A", "value": "b"}])
    assert "replicas" not in service["spec"]


def test_a_patch_can_remove_an_object(write: Write) -> None:
    objects = built(write, "patches: [{patch: '{kind: Service, metadata: {name: web}, $patch: delete}'}]")

    assert [one["kind"] for one in objects] == ["Deployment"]


def test_what_an_alias_stood_for_is_changed_alone(write: Write) -> None:
    second = "    - name: b\n      image: crashy-app\n      envFrom: *env\n"
    pod = f"{POD}      envFrom: &env [{{configMapRef: {{name: settings}}}}]\n{second}"
    objects = built(write, "namePrefix: a-\nbases: [m.yaml]", {"over/m.yaml": f"{pod}---\n{CONFIG_MAP}"})

    assert [c["envFrom"][0]["configMapRef"]["name"] for c in objects[2]["spec"]["containers"]] == ["a-settings"] * 2


@pytest.mark.parametrize(
    ("kustomization", "line"),
    [
        ("vars: [x]", 'vars[0]: Invalid value: "x": must be an object'),
        ("namePrefx: a", 'unknown field "namePrefx" (did you mean "namePrefix"?)'),
        ("replicas: [{name: web, count: x}]", 'replicas[0].count: Invalid value: "x": must be an integer'),
        ("bases: [nowhere]", "bases[0]: nowhere: no such file or folder"),
        (f"bases: [{'x' * 300}]", f"bases[0]: {'x' * 300}: no such file or folder"),
        ("bases: ['https://example.com/x']", f"bases[0]: https://example.com/x: is not on this machine; {RENDER}"),
        ("bases: ['github.com/a/b?ref=v1']", f"bases[0]: github.com/a/b?ref=v1: is not on this machine; {RENDER}"),
        ("components: ['git@github.com:a/b']", f"components[0]: git@github.com:a/b: is not on this machine; {RENDER}"),
        ("helmCharts: [{name: c}]", f"helmCharts: needs helm; {RENDER}"),
        ("transformers: [t.yaml]", f"transformers: needs plugins of kustomize; {RENDER}"),
        ("generators: [t.yaml]", f"generators: needs plugins of kustomize; {RENDER}"),
        ("configurations: [t.yaml]", f"configurations: changes what kustomize's transformers do; {RENDER}"),
        ("configMapGenerator: [{literals: [a=b]}]", "configMapGenerator[0].name: Required value"),
        (
            "configMapGenerator: [{name: c, literals: [a]}]",
            'configMapGenerator[0].literals[0]: Invalid value: "a": must be KEY=VALUE',
        ),
        (
            "configMapGenerator: [{name: c, files: [gone]}]",
            "configMapGenerator[0].files[0]: gone: no such file or directory",
        ),
        ("patches: [{path: gone.yaml}]", "patches[0].path: gone.yaml: no such file or directory"),
        ("patches: [{target: {kind: Pod}}]", "patches[0]: Required value: give either path or patch"),
        (
            "patches: [{patch: '{kind: Pod, metadata: {name: a}}'}]",
            "patches[0].patch: Not found: this patch is for no resource here (Pod/a)",
        ),
        ("patches: [{patch: 'words'}]", "patches[0].patch: is neither a mapping nor a list of operations"),
        ("patches: [{patch: '[]'}]", "patches[0].patch: Required value: a list of operations needs a target"),
        (
            "patches: [{patch: '[]', target: {kind: '('}}]",
            "patches[0].patch: target: (: is no regular expression: missing ), unterminated subpattern",
        ),
        (
            "patches: [{patch: '[]', target: {labelSelector: 'a b'}}]",
            "patches[0].patch: target: a b: is no label selector, such as app=web,tier!=db",
        ),
        (
            "configMapGenerator: [{name: c, behavior: burn}]",
            'configMapGenerator[0].behavior: Unsupported value: "burn": supported values: "create", "merge", "replace"',
        ),
        ("replicas: [{name: api, count: 2}]", "replicas[0].name: api: no workload here has this name"),
        (
            "replacements: [{source: {kind: Pod}, targets: [{select: {kind: Service}}]}]",
            "replacements[0]: source kind Pod: is no resource here",
        ),
        (
            "patches: [{patch: '[{op: move}]', target: {kind: Service}}]",
            "patches[0].patch: operation 0: must be a mapping with op and path",
        ),
    ],
)
def test_what_is_not_understood_is_one_line(write: Write, kustomization: str, line: str) -> None:
    assert refused(write, kustomization) == [f"over/kustomization.yaml:2: document 1: {line}"]


def test_a_patch_that_is_no_yaml_is_placed(write: Write) -> None:
    assert refused(write, "patches: [{patch: 'a: b: c'}]") == [
        "over/kustomization.yaml:2 (patch):1:5: not YAML: mapping values are not allowed in this context"
    ]


def test_a_kustomization_cannot_rest_on_itself(write: Write) -> None:
    write({"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"})

    assert gather(["a"])[1] == ["a/../b/../a/kustomization.yaml: refers to itself"]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"f/kustomization.yaml": "a: 1\n---\nb: 2\n"},
            "f/kustomization.yaml: holds 2 documents; a kustomization is one",
        ),
        (
            {"f/kustomization.yaml": "", "f/kustomization.yml": ""},
            "f: this folder holds more than one kustomization: kustomization.yaml, kustomization.yml",
        ),
        ({"f/kustomization.yaml": ""}, "f/kustomization.yaml: holds no object"),
        ({"f/kustomization.yaml": "resources: [g]", "f/g/x": ""}, "f/g: this folder holds no kustomization"),
    ],
)
def test_a_folder_has_one_kustomization_of_one_document(write: Write, files: dict[str, Any], line: str) -> None:
    write(files)

    assert gather(["f"])[1] == [line]


def test_a_var_that_cannot_be_found_stays_as_it_is(write: Write) -> None:
    patch = "[{op: add, path: /spec/template/spec/containers/0/args, value: ['$(A)', '$(B)', '$$(C)']}]"
    deployment, _ = built(
        write,
        f'patches: [{{target: {{kind: Deployment}}, patch: "{patch}"}}]\n'
        "vars: [{name: A, objref: {kind: Service, name: web}}, {name: B, objref: {kind: Service, name: gone}}]",
    )

    assert deployment["spec"]["template"]["spec"]["containers"][0]["args"] == ["web", "$(B)", "$$(C)"]


def test_a_patch_without_a_version_is_for_the_object_of_its_kind_and_name(write: Write) -> None:
    deployment, _ = built(write, "patches: [{patch: '{kind: Deployment, metadata: {name: web}, spec: {replicas: 5}}'}]")

    assert deployment["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("kustomization", "line"),
    [
        (
            "patches: [{patch: \"- {op: remove, path: ''}\", target: {kind: Service}}]",
            "patches[0].patch: leaves no object",
        ),
        (
            'patches: [{patch: "- {op: remove, path: /spec}", target: {name: (x+x+)+y}}]',
            f"patches[0].patch: target: (x+x+)+y: repeats a group, or more than 3 times; {RENDER}",
        ),
        (
            "images: [{name: (x+x+)+y, newTag: v2}]",
            f"images[0].name: (x+x+)+y: repeats a group, or more than 3 times; {RENDER}",
        ),
    ],
)
def test_what_would_break_or_last_is_refused(write: Write, kustomization: str, line: str) -> None:
    assert refused(write, kustomization) == [f"over/kustomization.yaml:2: document 1: {line}"]
