"""What older API servers refuse: kubernetes: pkg/api/pod/util.go, pkg/apis/core/validation/validation.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.admission import refusals
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Container, Exec, Lifecycle, PodTemplate, Sleep

MISSING = "Required value: must specify a handler type (Kubernetes 1.20 has no sleep, 1.30 has)"
POD = PodTemplate(
    containers=(
        Container("plain", lifecycle=Lifecycle(pre_stop=Exec(("sleep", "4")))),
        Container("app", lifecycle=Lifecycle(Sleep(1), Sleep(4))),
    )
)


@pytest.mark.parametrize(
    ("version", "at", "errors"),
    [
        ("1.36", "", []),
        ("1.32", "", []),
        *(
            (
                "1.20",
                at,
                [
                    f"{path}spec.containers[1].lifecycle.postStart: {MISSING}",
                    f"{path}spec.containers[1].lifecycle.preStop: {MISSING}",
                ],
            )
            for at, path in (("", ""), ("spec.template", "spec.template."))
        ),
    ],
)
def test_sleep_hooks(version: str, at: str, errors: list[str]) -> None:
    assert [str(error) for error in refusals(POD, at, PROFILES[version])] == errors
