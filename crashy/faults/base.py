"""The base class of faults, and the registry of all faults: reading, writing and describing them."""

from __future__ import annotations

import pkgutil
import random
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Self

from crashy.errors import BadInput
from crashy.faults import kinds
from crashy.faults.effects import ConnectionShape, LookEffect, ProcessEffect, RequestPart, ResponseChange
from crashy.faults.probed import Probed
from crashy.faults.scope import CONNECTION, WAYS, DefaultTarget, Look, ProbeName, Protocol, Request, Scope, Way
from crashy.fields import Declared, Key
from crashy.fields.values import OneOf, show

MAX_SPEC_LENGTH = 16_384
MAX_SPECS = 100

_ONLY: dict[Way, str] = {"inside": "acts from outside only", "outside": "acts inside a patient only"}
"""What is said of a fault that lacks a way."""
_ELSEWHERE = "a container that runs the patient"
_TAKEN: dict[Way, str] = {"inside": "a patient takes faults inside", "outside": "here faults act from outside"}
"""What is said where the other way was asked for."""


class FaultError(BadInput):
    """A fault is invalid: `field` names the key, `message` the value and what is allowed.

    `allowed` is the possible values, or a description of them, where they are known.
    """

    def __init__(self, field: str, message: str, allowed: Sequence[str] | str | None = None) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.allowed = allowed


class _Faults(Mapping[str, "type[Fault]"]):
    """Every fault by its name, which is that of its file in `kinds`, `-` for `_`; imported when its fault is used."""

    def __init__(self) -> None:
        self._names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(kinds.__path__))
        self.read: dict[str, type[Fault]] = {}

    def __getitem__(self, name: str) -> type[Fault]:
        if name not in self._names:
            raise KeyError(name)
        import_module(f"{kinds.__name__}.{name.replace('-', '_')}")
        return self.read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


FAULTS = _Faults()


class Fault(Declared):
    """One kind of failure, with the scope that says when it is active and which requests it matches.

    A fault acts on the whole process (`process_effect` isn't None), or on each request that it hits (`on_request`), or
    on both (`acts_on_requests`), and it may make probes fail (`failing`).
    """

    name: ClassVar[str]
    target: ClassVar[DefaultTarget] = "users"
    """The requests that it matches without a scope."""
    rank: ClassVar[int]
    """The order of faults that match the same request: the lowest first, then the oldest."""
    examples: ClassVar[tuple[str, ...]]
    """Examples of specs; the first is the most common."""
    change: ClassVar[type[ResponseChange | ConnectionShape] | None] = None
    """The change of responses or connections that it makes, if it makes one."""
    instead: ClassVar[str] = ""
    """What would do where it can't act: the specs of others, if there are any."""
    probed: ClassVar[Mapping[str, Probed]] = {}
    """What probes make of it, by spec: of each of its modes, with the scope that lets it reach the probes."""
    probed_outside: ClassVar[Mapping[str, Probed]] = {}
    """What they make of it from outside, by spec, where that isn't what `probed` says."""

    scope: Scope = Scope()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.name = cls.__module__.rpartition(".")[2].replace("_", "-")
        FAULTS.read[cls.name] = cls

    def __post_init__(self) -> None:
        """Reject keys that can't be combined; raises FaultError."""
        for key in self.keys.values():
            if key.mode not in (None, getattr(self, "mode", None)) and getattr(self, key.field) != key.default:
                raise FaultError(key.name, f"is for mode={key.mode} only")
        if self.scope.via is not None:
            self._need(self.scope.via)

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that it has, as its effect says; to delay, hold or answer a request there are both."""
        effect = self.process_effect() or self.change
        return WAYS if effect is None else tuple(way for way in WAYS if getattr(effect, way))

    @property
    def ends_with_process(self) -> bool:
        """Whether it is over once the process has ended from outside: a new one is well again."""
        return self.process_effect() is not None

    @property
    def on_connections(self) -> bool:
        """Whether it can act on a connection that speaks no HTTP/1.1."""
        return self.change is not None and self.change.on_connections

    def way(self, *, patient: bool) -> Way:
        """Return the way in which a container takes it that is observed from outside, and may be a patient."""
        if not patient:
            return "outside"
        return self.scope.via or ("inside" if "inside" in self.ways else "outside")

    def taken(self, way: Way) -> Self:
        """Return it as it acts in this way, which its scope says if it is from outside; raises FaultError."""
        if self.scope.via not in (None, way):
            raise FaultError("via", f"'{self.scope.via}': {_TAKEN[way]}: leave via out")
        self._need(way)
        return self if way == "inside" else self.but(scope=self.scope.but(via=way))

    def _need(self, way: Way) -> None:
        if way not in self.ways:
            mode = f" mode={mode}" if (mode := getattr(self, "mode", "")) else ""
            would_do = f"{self.instead or _ELSEWHERE} would do"
            raise FaultError("via" if self.scope.via else "fault", f"{self.name}{mode} {_ONLY[way]}; {would_do}")

    def process_effect(self) -> ProcessEffect | None:
        """Return what it does to the whole process, or None."""
        return None

    def acts_on_requests(self) -> bool:
        """Return whether `on_request` is called: it isn't for what acts on the whole process alone."""
        return self.process_effect() is None

    def waits_for_request(self) -> bool:
        """Return whether it acts on the whole process, but only once a matching request comes."""
        return self.scope.names_requests and not self.acts_on_requests()

    def matches(self, request: Request) -> bool:
        """Return whether its scope matches a request; counts nothing."""
        if request.method == CONNECTION and not self.on_connections:
            return False
        return self.scope.matches(request, self.target)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Return what it does to a request that it hits."""
        return None

    def responder(self, rng: random.Random) -> Callable[[Request, float], RequestPart | None]:
        """Return what one injection does to a request that it hits, at a time: `on_request`, unless it has a memory."""
        return lambda request, _now: self.on_request(request, rng)

    def matches_look(self, look: Look) -> bool:
        """Return whether it is about a look at a dependency."""
        return False

    def on_look(self, look: Look, rng: random.Random) -> LookEffect:
        """Return what it does to a look at a dependency that it hits."""
        return LookEffect()

    def failing(self) -> frozenset[ProbeName]:
        """Return the probes that it makes fail."""
        return frozenset()

    def speaks(self) -> tuple[Protocol, ...]:
        """Return the protocols by which these probes fail."""
        return ("http", "grpc", "exec")

    def turns(self, start: float, now: float) -> tuple[bool, float | None]:
        """Return whether it acts now, if it has started at `start`, and when that changes next, if ever."""
        return True, None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON that `from_json` reads, without defaults."""
        return {"fault": self.name} | {key.name: key.kind.to_json(value) for key, value in self._given()}

    def to_spec(self) -> str:
        """Return it as the text that `parse_spec` reads, without defaults."""
        return " ".join(
            [self.name, *(f"{key.name}={shlex.quote(key.kind.to_text(value))}" for key, value in self._given())]
        )

    def _given(self) -> Iterator[tuple[Key, Any]]:
        for owner in (self, self.scope):
            for key in owner.keys.values():
                if (value := getattr(owner, key.field)) != key.default:
                    yield key, value


def from_json(value: Any) -> Fault:
    """Read a fault such as `{"fault": "freeze", "mode": "loop", "after": "30s"}`; raises FaultError."""
    if not isinstance(value, Mapping):
        raise FaultError("fault", f'{show(value)}: an object such as {{"fault": "freeze", "mode": "loop"}}')
    if "fault" not in value:
        raise FaultError("fault", f"missing; one of {', '.join(sorted(FAULTS))}", tuple(sorted(FAULTS)))
    fault = find(value["fault"])
    return _make(fault, {key: given for key, given in value.items() if key != "fault"}, text=False)


def parse_spec(text: str) -> Fault:
    """Read a fault such as `freeze mode=loop after=30s for=10s`, quoted as for a shell; raises FaultError."""
    specs = _split(text)
    if len(specs) != 1:
        raise FaultError("fault", f"{show(text)}: one fault, such as 'freeze mode=loop for=10s'")
    return _parse(specs[0])


def parse_specs(text: str) -> list[Fault]:
    """Read several specs with `;` between them; empty ones are skipped; raises FaultError."""
    specs = _split(text)
    if len(specs) > MAX_SPECS:
        raise FaultError("fault", f"{len(specs)} specs: at most {MAX_SPECS}")
    return [_parse(words) for words in specs]


def _split(text: str) -> list[list[str]]:
    """Return the words of each spec."""
    if len(text) > MAX_SPEC_LENGTH:
        raise FaultError("fault", f"a text of {len(text)} characters: at most {MAX_SPEC_LENGTH}")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    lexer.commenters = ""
    specs: list[list[str]] = [[]]
    try:
        for word in lexer:
            if word.strip(";"):
                specs[-1].append(word)
            else:
                specs.append([])
    except ValueError as error:
        raise FaultError("fault", f"{show(text)}: {str(error).lower()}") from None
    return [words for words in specs if words]


def _parse(words: list[str]) -> Fault:
    fault = find(words[0])
    given: dict[str, str] = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise FaultError(fault.name, f"{show(word)}: parameters are given as key=value, such as mode=loop")
        if key in given:
            raise FaultError(key, "given twice")
        given[key] = value
    return _make(fault, given, text=True)


def find(name: Any) -> type[Fault]:
    """Return the kind of fault with this name; raises FaultError."""
    if isinstance(name, str) and name in FAULTS:
        return FAULTS[name]
    raise FaultError("fault", f"{show(name)}: unknown; {_known(name, FAULTS)}", tuple(sorted(FAULTS)))


def _known(name: Any, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for mistakes alone

    close = difflib.get_close_matches(str(name)[:40].lower(), known, 1)
    return f"{f'did you mean {close[0]}? ' if close else ''}one of {', '.join(known)}"


def _make(fault: type[Fault], given: Mapping[str, Any], *, text: bool) -> Fault:
    own, shared = fault.keys, Scope.keys
    for name in given:
        if name not in own and name not in shared:
            names = (*own, *shared)
            raise FaultError(str(name)[:40], f"no parameter of {fault.name}; {_known(name, names)}", names)
    scope = {key.field: _read(key, given[key.name], text=text) for key in shared.values() if key.name in given}
    params = {key.field: _read(key, given[key.name], text=text) for key in own.values() if key.name in given}
    return fault(scope=Scope(**scope), **params)


def _read(key: Key, value: Any, *, text: bool) -> Any:
    try:
        return key.kind.from_text(value) if text else key.kind.from_json(value)
    except ValueError as error:
        allowed = key.kind.options if isinstance(key.kind, OneOf) else key.kind.allowed
        raise FaultError(key.name, f"{show(value)}: {error}", allowed) from None
