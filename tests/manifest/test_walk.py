"""Paths become sources: each file and kustomization by itself, and what is no manifest is known as such."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.manifest.walk import Source, sources
from tests.manifest.conftest import DEPLOYMENT, POD, SERVICE

Write = Callable[[dict[str, str | bytes]], None]
VALUES = "image: {tag: 1}\n"
CHART = "apiVersion: v2\nname: web\n"
TEMPLATE = POD.replace("alone", "{{ .Release.Name }}-web")
LAYER = "resources: [../base]\n"


def at(*paths: str, recursive: bool = False) -> list[Source]:
    return list(sources(paths, io.BytesIO(), recursive=recursive))


def test_a_tree_is_walked_but_for_what_is_hidden_or_vendored(write: Write) -> None:
    kept = ["k/a.yaml", "k/b/c/d.yml", "k/b/e.json"]
    write(dict.fromkeys([*kept, "k/.git/x.yaml", "k/vendor/x.yaml", "k/b/node_modules/m/x.yaml", "k/x.txt"], POD))

    assert [one.path for one in at("k", recursive=True)] == ["k/a.yaml", "k/b/e.json", "k/b/c/d.yml"]
    assert [one.path for one in at("k")] == ["k/a.yaml"]


def test_a_folder_that_is_vendored_is_read_where_it_is_named(write: Write) -> None:
    write({"vendor/a.yaml": POD})

    assert [one.path for one in at("vendor", recursive=True)] == ["vendor/a.yaml"]


def test_links_to_folders_are_not_followed(write: Write) -> None:
    write({"k/a.yaml": POD})
    Path("k/again").symlink_to(".")

    assert [one.path for one in at("k", recursive=True)] == ["k/a.yaml"]


def test_a_kustomization_may_name_links_in_a_circle_and_impossible_names(write: Write) -> None:
    write({"k/kustomization.yaml": f"resources: [loop.yaml, {'a' * 5000}]\n"})
    Path("k/loop.yaml").symlink_to("loop.yaml")
    (source,) = at("k", recursive=True)

    assert [error.rpartition(": ")[2] for error in source.errors] == ["no such file or folder"] * 2


def test_a_kind_of_a_kustomization_may_be_anything(write: Write) -> None:
    write({"k/kustomization.yaml": "kind: [Component]\n"})

    assert at("k", recursive=True)[0].errors == [
        'k/kustomization.yaml:1: document 1: kind: Invalid value: ["Component"]: must be a string'
    ]


@pytest.mark.parametrize("text", ["a: {{ .x ", "{{ a", "\n", "kind\n"])
def test_half_a_template_is_looked_through_once(write: Write, text: str) -> None:
    write({"a.yaml": text * 300_000 + "\n- ]"})

    assert not at("a.yaml")[0].template


def test_a_folder_without_manifests_is_a_mistake_that_names_the_way_down(write: Write) -> None:
    write({"k/b/a.yaml": POD, "none/readme.txt": ""})

    assert at("k")[0].errors == [
        "k: this folder holds no manifest (*.yaml, *.yml, *.json); -R looks into the folders in it"
    ]
    assert at("none", recursive=True)[0].errors == [
        "none: no manifest is in this folder (*.yaml, *.yml, *.json) or below it"
    ]


def test_kustomizations_are_built_and_what_they_are_made_of_is_no_source(write: Write) -> None:
    write(
        {
            "k/base/kustomization.yaml": "resources: [web.yaml, more/b.yaml]\n",
            "k/base/web.yaml": DEPLOYMENT,
            "k/base/more/b.yaml": SERVICE,
            "k/prod/kustomization.yaml": f"{LAYER}patches: [{{path: patches/p.yaml}}]\nconfigMapGenerator:\n"
            "  - {name: c, files: [x=files/c.yaml]}\n",
            "k/prod/patches/p.yaml": "kind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
            "k/prod/files/c.yaml": "a: 1",
            "k/staging/kustomization.yaml": LAYER,
            "k/other/alone.yaml": POD,
            "k/part/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n",
        }
    )
    found = at("k", recursive=True)

    assert [(one.path, one.kustomized) for one in found] == [
        ("k/prod", True),
        ("k/staging", True),
        ("k/other/alone.yaml", False),
    ]
    assert [[document.file for document in one.documents] for one in found[:1]] == [
        ["k/base/web.yaml", "k/base/more/b.yaml", "k/prod/kustomization.yaml"]
    ]


@pytest.mark.parametrize(
    "text", [VALUES, CHART, "", "# nothing\n", "- a\n", "words", "a: !reference [b]\n", "x: &a [*a]"]
)
def test_what_holds_no_object_is_no_manifest(write: Write, text: str) -> None:
    write({"a.yaml": text})

    assert [one.no_manifest for one in at("a.yaml")] == [True]


@pytest.mark.parametrize(
    ("text", "template"),
    [
        (POD, False),
        ("kind: Pod\n", False),
        (f"{VALUES}---\n{POD}", False),
        ("a: [", False),
        (b"\x89PNG", False),
        (POD + "  x: !reference [b]\n", False),
        (TEMPLATE, True),
        ("{{- if .Values.on }}\n" + POD + "{{- end }}\n", True),
        ('{{- define "web.name" -}}\nweb\n{{- end -}}\n', True),
    ],
)
def test_a_manifest_or_what_is_meant_as_one_is_taken_for_it(write: Write, text: str | bytes, template: bool) -> None:
    write({"a.yaml": text})

    assert [(one.no_manifest, one.template) for one in at("a.yaml")] == [(False, template)]


def test_standard_input_is_always_meant_as_a_manifest() -> None:
    (source,) = sources(["-"], io.BytesIO(b""))

    assert (source.no_manifest, source.errors) == (False, ["standard input: holds no object"])


def test_duplicate_keys_and_comments_are_kept_beside_the_documents(write: Write) -> None:
    write({"a.yaml": "# crashy: ignore x because\nkind: Pod\napiVersion: v1\nkind: Pod # crashy: hm\n"})
    (source,) = at("a.yaml")

    assert [str(one) for one in source.duplicates] == ["kind: this key is on line 2 already"]
    assert [(one.line, one.words) for one in source.comments] == [(2, "ignore x because"), (4, "hm")]
    assert (len(source.documents), source.errors) == (1, [])
