"""`crashy lab --watch`: manifests that are edited while they run."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import yaml

from crashy.commands.lab_watch import Watch
from crashy.errors import BadInput
from crashy.manifest.load import gather
from tests.commands.labs import crashy, event, lab

SLEEP = {"name": "app", "image": "busybox:1", "command": ["sh", "-c", "trap exit TERM; sleep 600 & wait"]}


def deployment(image: str = "busybox:1", name: str = "web", **spec: object) -> dict[str, object]:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 1, "containers": [{**SLEEP, "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


def test_an_edit_is_rolled_out_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"

    def write(*objects: object, more: str = "") -> None:
        path.write_text(yaml.safe_dump_all(objects) + more)

    write(deployment(), deployment(name="other"))
    with lab("--watch", str(path)) as running:
        at = running.ready(2)
        write(deployment("busybox:2", replicas=-1, minReadySeconds=-1), more="---\nkind: Nothing\n")
        errors = running.process.stderr
        assert errors
        lines = list(islice((line for line in errors if ": note: " not in line), 3))
        assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in lines[0]
        assert "spec.minReadySeconds: Invalid value: -1" in lines[1]
        assert "apiVersion: Required value" in lines[2]

        write(deployment("busybox:2"))
        at = running.wait(event("ScalingReplicaSet", "Scaled down replica set"), after=at)
        assert {e["message"] for e in running.events[:at] if e["kind"] == "apply"} == {"deployment.apps/web configured"}
        assert errors.readline() == (
            "crashy lab: note: Deployment/other is no longer in the files: it stays, as with kubectl apply\n"
        )
        path.unlink()
        assert errors.readline() == f"crashy lab: {path}: no such file or directory\n"
        write(deployment("busybox:3"))
        running.wait(event("ScalingReplicaSet", "Scaled down replica set"), after=at)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["-"], "--watch: standard input can't be watched: name files or folders"),
        (["x.yaml", "--on", "sim", "--for", "1s"], "--watch: only with --on lab: on a virtual clock nobody could "),
    ],
)
def test_what_can_not_be_watched(args: list[str], line: str) -> None:
    done = crashy("lab", "--watch", *args)

    assert done.returncode == 2
    assert done.stderr.startswith(f"crashy lab: {line}")


def test_all_that_a_kustomization_reads_is_watched(tmp_path: Path) -> None:
    base, top = tmp_path / "base", tmp_path / "top"
    (top / "patches").mkdir(parents=True)
    base.mkdir()
    (base / "app.yaml").write_text(yaml.safe_dump(deployment()))
    (top / "kustomization.yaml").write_text("resources: [../base/app.yaml]\npatches: [{path: patches/one.yaml}]\n")
    patch = top / "patches" / "one.yaml"
    patch.write_text(yaml.safe_dump({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}}))
    watch = Watch([str(top)])
    documents, errors = gather([str(top)])
    watch._known = documents

    assert not errors
    assert {Path(name).name for name in watch._stamps()} >= {"kustomization.yaml", "one.yaml", "app.yaml"}


def test_a_folder_stands_for_its_manifests(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("")
    (tmp_path / "notes.txt").write_text("")

    assert [Path(name).name for name in Watch([str(tmp_path), "/no/such"])._stamps()] == ["one.yaml"]
    with pytest.raises(BadInput):
        Watch(["-"])
