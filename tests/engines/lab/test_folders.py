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
                    ],
                }
            ],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "settings", "configMap": {"name": "s"}}],
        }
    },
    path="",
)


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
    ],
)
def test_paths_in_commands(tmp_path: Path, text: str, expected: str) -> None:
    folders = Folders(tmp_path, Pod("p", "default", "u", "127.0.0.1", TEMPLATE), TEMPLATE.containers[0], patient=True)

    assert folders.translate(text) == expected.replace("ROOT", str(tmp_path))
    assert all(folder.is_dir() for folder in folders.mapping.values())
    assert folders.restore(folders.translate(text)) == text


def test_only_the_patients_image_has_its_folder(tmp_path: Path) -> None:
    folders = Folders(tmp_path, Pod("p", "default", "u", "127.0.0.1", TEMPLATE), TEMPLATE.containers[0], patient=False)

    assert folders.translate("/app/is_ready") == "/app/is_ready"
