"""Which images are the patient's, and which are commands of this machine."""

from __future__ import annotations

import pytest

from crashy.objects.images import ImageCommand, command_of, is_patient, parse_image_command


@pytest.mark.parametrize(
    ("text", "image", "words"),
    [
        ("nginx=python3 -m http.server 80", "nginx", ("python3", "-m", "http.server", "80")),
        ("ghcr.io/me/app:1.2 = sh -c 'exec ./app --a=b'", "ghcr.io/me/app:1.2", ("sh", "-c", "exec ./app --a=b")),
    ],
)
def test_an_image_can_be_a_command(text: str, image: str, words: tuple[str, ...]) -> None:
    assert parse_image_command(text, "/here") == (image, ImageCommand(words, "/here"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nginx", "'nginx': must be IMAGE=COMMAND, such as 'nginx=python3 -m http.server 80'"),
        ("=serve", "'=serve': must be IMAGE=COMMAND, such as 'nginx=python3 -m http.server 80'"),
        ("nginx=", "'nginx=': nginx must be a command, such as 'python3 -m http.server 80'"),
        ("nginx='a", '"nginx=\'a": nginx must be a command with its quotes closed (no closing quotation)'),
    ],
)
def test_what_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="must be") as refused:
        parse_image_command(text, "/here")

    assert str(refused.value) == message


@pytest.mark.parametrize("image", ["nginx", "nginx:1.27", "docker.io/nginx:1", "nginx@sha256:00"])
def test_an_image_is_found_without_its_tag(image: str) -> None:
    command = ImageCommand(("serve",), "/")

    assert command_of(image, {"nginx": command}) == command
    assert command_of("other", {"nginx": command}) is None


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
