"""Which images are the patient's, and which can't be run as processes."""

from __future__ import annotations

import pytest

from crashy.objects.images import is_patient, refusals
from tests.manifest.conftest import DEPLOYMENT, POD, manifests

IMAGE = "spec.template.spec.containers[0].image: Invalid value: "


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (DEPLOYMENT, []),
        (POD.replace("image: crashy-app:1.0.0", 'image: nginx\n      command: ["python3", "-c", ""]'), []),
        (
            DEPLOYMENT.replace("crashy-app:1.0.0", "nginx"),
            [f'{IMAGE}"nginx": the lab pulls no images: use crashy-app:1.0.0 or give a command'],
        ),
        (
            DEPLOYMENT.replace("crashy-app:1.0.0", "kodekloud/webapp-delayed-start"),
            [
                f'{IMAGE}"kodekloud/webapp-delayed-start": the lab pulls no images: use crashy-app:1.0.0 with '
                "PERSONA=webapp-delayed-start, which answers as it does, or give a command"
            ],
        ),
    ],
)
def test_an_image_needs_a_command_to_be_a_process(text: str, refused: list[str]) -> None:
    (workload,) = manifests(text).workloads

    assert [str(error) for error in refusals(workload)] == refused


@pytest.mark.parametrize(
    ("image", "patient"),
    [
        ("crashy-app", True),
        ("crashy-app:1.0.0", True),
        ("localhost:5000/crashy-app", True),
        ("ghcr.io/someone/crashy-app:dev@sha256:00", True),
        ("crashy-app-2", False),
        ("crashy-app/web", False),
        ("nginx:crashy-app", False),
    ],
)
def test_the_patient_is_known_by_its_image(image: str, patient: bool) -> None:
    assert is_patient(image) is patient
