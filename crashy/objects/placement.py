"""Where a field belongs that was written into another object: read off the kinds' own fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any

from crashy.objects.fields import FieldError
from crashy.objects.kinds import READ, Kind
from crashy.objects.reading import reader_of
from crashy.objects.schema import MOST_HINTS, POD, TEMPLATE, Type

_MOST_PLACES = 3
_VERY_LIKE = 0.85
"""A spelling that differs by a letter or two is meant as likely as the other place."""
_ONE_OF_MANY = {"containers[]": "in a container", "initContainers[]": "in a container"}
_OWNERS = {"jobTemplate": "the Job's "}

_Path = tuple[str, ...]
"""The fields that lead to an object, as `spec`, `containers[]`: a list and its items are one step."""
_Objects = Mapping[_Path, Mapping[str, Type]]


def placed(errors: Iterable[FieldError], kind: Kind) -> list[FieldError]:
    """Return the errors of an object of this kind, those of unknown fields with where such a field belongs.

    The nearest places in the kind are named; where there is none and no like spelling either, those in other kinds.
    """
    found = list(errors)
    unknown = [i for i, error in enumerate(found) if error.kind == "unknown field"]
    objects = _objects(kind) if unknown else {}
    for i in unknown[:MOST_HINTS]:
        path, name = _split(found[i].path, objects)
        places = _nearest(path, name, objects, kind)
        if not places and not found[i].detail:
            places = _elsewhere(name, kind)
        if 0 < len(places) <= _MOST_PLACES:
            *more, last = places
            belongs = f"{name} belongs {', '.join(more)}{' or ' if more else ''}{last}"
            like = re.fullmatch(r'did you mean "(.*)"\?', found[i].detail)
            also = like and SequenceMatcher(a=name, b=like[1]).ratio() >= _VERY_LIKE
            found[i] = replace(found[i], detail=f"{found[i].detail} {belongs}" if also else belongs)
    return found


def _objects(kind: Kind) -> dict[_Path, Mapping[str, Type]]:
    """Return the fields of every object in one of this kind, its pods' too."""
    if not kind.template:
        return dict(_inner(POD if kind.template == "" else reader_of(kind).schema, ()))
    found = dict(_inner(reader_of(kind).schema, ()))
    return found | dict(_inner(TEMPLATE, tuple(kind.template.split("."))))


def _inner(of: Any, path: _Path) -> Iterator[tuple[_Path, Mapping[str, Type]]]:
    match of:
        case dict():
            yield path, of
            for name, inner in of.items():
                yield from _inner(inner, (*path, name))
        case list():
            yield from _inner(of[0], (*path[:-1], f"{path[-1]}[]"))


def _split(text: str, objects: _Objects) -> tuple[_Path, str]:
    """Return the object that an unknown field is written into, and the field's name, which may be anything."""
    path: _Path = ()
    while True:
        for name in objects[path]:
            inside = re.match(rf"{re.escape(name)}(\[\d+\])?\.", text)
            deeper = (*path, f"{name}[]" if inside and inside[1] else name)
            if inside and deeper in objects:
                path, text = deeper, text[inside.end() :]
                break
        else:
            return path, text


def _nearest(path: _Path, name: str, objects: _Objects, kind: Kind) -> list[str]:
    """Return the places that know a field, of those the ones that are the fewest steps away."""
    places: dict[int, dict[str, None]] = {}
    for one, fields in objects.items():
        if name in fields:
            common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(path, one, strict=False)))
            places.setdefault(len(path) + len(one) - 2 * common, {})[_place(one, kind)] = None
    return list(places[min(places)]) if places else []


def _place(path: _Path, kind: Kind, *, other: bool = False) -> str:
    """Return a place in words: in the Deployment's spec, in a container, in an item of ports."""
    *before, last = path or ("",)
    within = ".".join(before)
    if last in _ONE_OF_MANY or last.endswith("Probe"):
        return _ONE_OF_MANY.get(last, "in a probe")
    if last in {"spec", "metadata"} and within == kind.template:
        owner = "a pod's " if other else "the pod's "
    elif other:
        name = "Job" if "jobTemplate" in before else kind.name
        return f"in {'the ' if last == 'spec' else ''}{last.removesuffix('[]')} of a {name}"
    elif not path:
        return "at the top"
    elif last.endswith("[]"):
        return f"in an item of {last.removesuffix('[]')}"
    else:
        owner = _OWNERS.get(before[-1] if before else "", f"the {kind.name}'s " if path == ("spec",) else "")
    return f"in {owner}{last}"


def _elsewhere(name: str, kind: Kind) -> list[str]:
    """Return the places in other kinds that know a field."""
    places: dict[str, None] = {}
    for other in READ.values():
        for path, fields in _objects(other).items() if other is not kind else ():
            if path and name in fields:
                places[_place(path, other, other=True)] = None
    return list(places)
