"""A container's folders on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy.engines.lab.folders import Folders
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import parse_pod_template

TEMPLATE = parse_pod_template(
    {
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": "crashy-app",
                    "volumeMounts": [
                        {"name": "data", "mountPath": "/data/"},
                        {"name": "data", "mountPath": "/data/deep", "subPath": "deeper"},
                        {"name": "settings", "mountPath": "/etc/settings"},
                        {"name": "kept", "mountPath": "/kept", "subPath": "db"},
                    ],
                }
            ],
            "volumes": [
                {"name": "data", "emptyDir": {}},
                {"name": "settings", "configMap": {"name": "s"}},
                {"name": "kept", "persistentVolumeClaim": {"claimName": "kept-web-0"}},
            ],
        }
    },
    path="",
)


def folders_of(root: Path, *, patient: bool, pod: str = "p") -> Folders:
    one = Pod(pod, "default", "u", "127.0.0.1", TEMPLATE)
    return Folders(root, one, TEMPLATE.containers[0], patient=patient, claims=root / "claims")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/app/is_ready", "ROOT/web/is_ready"),
        ("/app", "ROOT/web"),
        ("test -f /app/is_ready && cat '/app/is_healthy'", "test -f ROOT/web/is_ready && cat 'ROOT/web/is_healthy'"),
        ("/data/file", "ROOT/volumes/data/file"),
        ("--file=/data/deep/file", "--file=ROOT/volumes/data/deeper/file"),
        ("/application", "/application"),
        ("/opt/app/x", "/opt/app/x"),
        ("/app.py", "/app.py"),
        ("/etc/settings/key", "/etc/settings/key"),
        ("/kept/file", "ROOT/claims/default/kept-web-0/db/file"),
    ],
)
def test_paths_in_commands(tmp_path: Path, text: str, expected: str) -> None:
    folders = folders_of(tmp_path, patient=True)

    assert folders.translate(text) == expected.replace("ROOT", str(tmp_path))
    assert all(place.is_dir() for place in {*folders.mapping.values()} - {*folders.termination.files.values()})
    assert folders.restore(folders.translate(text)) == text


def test_only_the_patients_image_has_its_folder(tmp_path: Path) -> None:
    folders = folders_of(tmp_path, patient=False)

    assert folders.translate("/app/is_ready") == "/app/is_ready"
