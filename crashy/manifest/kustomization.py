"""The fields of a kustomization, and those of them that have to be rendered by kustomize itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crashy.objects.fields import FieldError
from crashy.objects.schema import Map, Type, each, unread

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_SELECTOR: Type = each("string", "group version kind name namespace labelSelector annotationSelector")
_OPTIONS: Type = {
    "labels": Map("string"),
    "annotations": Map("string"),
    **each("bool", "disableNameSuffixHash immutable"),
}
_GENERATOR: Type = {
    **each("string", "name namespace type behavior env"),
    **each(["string"], "literals files envs"),
    "options": _OPTIONS,
}
_PATCH: Type = {
    **each("string", "path patch"),
    "target": _SELECTOR,
    "options": Map("bool"),
}
_FIELD: Type = {**each("string", "path kind group version"), "create": "bool"}
_COPIED: Type = {"delimiter": "string", "index": "int32", "create": "bool"}
_VALUE: Type = {**each("string", "group version kind name namespace fieldPath"), "options": _COPIED}
_TARGET: Type = {"select": _SELECTOR, "reject": [_SELECTOR], "fieldPaths": ["string"], "options": _COPIED}
REPLACEMENT: Type = {"path": "string", "source": _VALUE, "sourceValue": "string", "targets": [_TARGET]}

# kustomize: api/types/kustomization.go, in the notation of `crashy.objects.schema`
KUSTOMIZATION: Type = {
    **each("string", "apiVersion kind namespace namePrefix nameSuffix"),
    **each(["string"], "resources bases components patchesStrategicMerge"),
    "labels": [
        {"pairs": Map("string"), **each("bool", "includeSelectors includeTemplates"), "fields": [_FIELD]},
    ],
    **each(Map("string"), "commonLabels commonAnnotations"),
    **each([each("string", "name newName newTag tagSuffix digest")], "images imageTags"),
    "replicas": [{"name": "string", "count": "int32"}],
    **each([_PATCH], "patches patchesJson6902"),
    **each([_GENERATOR], "configMapGenerator secretGenerator"),
    "generatorOptions": _OPTIONS,
    "replacements": [REPLACEMENT],
    "vars": [
        {
            "name": "string",
            "objref": each("string", "apiVersion group version kind name namespace"),
            "fieldref": each("string", "fieldPath fieldpath"),
        }
    ],
    **unread("metadata openapi crds buildMetadata sortOptions inventory"),
    **unread("configurations generators helmChartInflationGenerator helmCharts helmGlobals transformers validators"),
}

RENDER_FIRST = "render it first: kustomize build DIR | crashy check -"
_RENDERED = {
    "configurations": "changes what kustomize's transformers do",
    "generators": "needs plugins of kustomize",
    "helmChartInflationGenerator": "needs helm",
    "helmCharts": "needs helm",
    "transformers": "needs plugins of kustomize",
}
_REMOTE = ("git@", "github.com/", "bitbucket.org/", "gitlab.com/", "git::")


def needs_kustomize(fields: dict[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each field that only kustomize itself can build."""
    for key, why in _RENDERED.items():
        if fields.get(key):
            yield FieldError(key, f"{why}; {RENDER_FIRST}")


def is_remote(name: str) -> bool:
    """Return whether a resource is one that kustomize fetches from elsewhere."""
    return "://" in name or "?ref=" in name or "//" in name or ".git" in name or name.startswith(_REMOTE)


def remote(path: str, name: str) -> FieldError:
    """Return the error for a resource that kustomize fetches from elsewhere."""
    return FieldError(path, name, f"is not on this machine; {RENDER_FIRST}")
