"""A small kustomization can't ask for more than this machine can do."""

from __future__ import annotations

import pytest

from crashy.manifest.load import gather
from tests.manifest.test_kustomize import Write, refused


def test_a_base_that_is_named_by_many_is_built_so_often_only(write: Write) -> None:
    files: dict[str, str | bytes] = {"9/kustomization.yaml": "namespace: shop\n"}
    for level in range(9):
        files[f"{level}/kustomization.yaml"] = f"resources: [{', '.join([f'../{level + 1}'] * 10)}]\n"
    write(files)
    _, errors = gather(["0"])

    assert any(error.endswith("refers to more than 1000 others") for error in errors)


@pytest.mark.parametrize(
    ("kustomization", "line"),
    [
        (
            "patches:\n- target: {kind: Service}\n  patch: |\n"
            + "".join(f"    - {{op: copy, from: /spec, path: /spec/a{n}}}\n" for n in range(40)),
            "patches[0].patch: operation 13: copy /spec: makes more than 100000 values",
        ),
        (
            "replacements:\n"
            + "".join(
                f"- source: {{kind: Service, fieldPath: spec}}\n  targets:\n"
                f"  - {{select: {{kind: Service}}, fieldPaths: [spec.a{n}], options: {{create: true}}}}\n"
                for n in range(40)
            ),
            "replacements[15]: the kustomization changes more than 500000 values",
        ),
        (
            "configMapGenerator: [{name: c, files: [/dev/zero]}]",
            "configMapGenerator[0].files[0]: /dev/zero: is larger than 16777216 bytes",
        ),
    ],
)
def test_what_grows_beyond_all_bounds_is_refused(write: Write, kustomization: str, line: str) -> None:
    assert line in [error.split("document 1: ")[-1] for error in refused(write, kustomization)]
