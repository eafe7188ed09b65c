"""Records of what users may set: each field declared once, with its kind, its help and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, dataclass_transform

if TYPE_CHECKING:
    from crashy.fields.values import Kind


class Key(NamedTuple):
    """A field as users name it, and as the record does (`for` is a word of Python's: its field is `for_`)."""

    name: str
    field: str
    default: Any
    kind: Kind[Any]
    help: str
    mode: str | None
    """The mode that it belongs to, if it makes no sense in another."""
    required: bool
    """Whether it must be set; its default is then only used where it is missing or wrong."""

    @property
    def default_text(self) -> str:
        """The default as users would write it; an empty text if it is nothing."""
        return "" if self.default in (None, "", ()) else self.kind.to_text(self.default)

    def describe(self) -> dict[str, Any]:
        """Return its entry in the catalogue of faults."""
        given = self.default not in (None, ())
        return {
            "name": self.name,
            "type": self.kind.type,
            "default": self.kind.to_json(self.default) if given else None,
            "allowed": self.kind.allowed,
            "help": self.help,
            "mode": self.mode,
            "schema": dict(self.kind.schema),
        }


def param(
    kind: Kind[Any],
    help: str = "",  # noqa: A002 - its name
    *,
    default: Any = None,
    mode: str | None = None,
    required: bool = False,
) -> Any:
    """Declare a field that a user may set; with `mode` it only makes sense in that mode."""
    return Key("", "", default, kind, help, mode, required)


class Value:
    """A value, equal to another of its class if all their attributes are."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Declared(Value):
    """A frozen record of the fields that were declared with `param`, and of other such records, by their defaults.

    It replaces a frozen dataclass, which would cost half a millisecond for each such class at every start.
    """

    keys: ClassVar[dict[str, Key]] = {}
    """The fields that were declared with `param`, by the name that users know, in their order."""
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls.keys, cls._defaults = cls.keys.copy(), cls._defaults.copy()
        for field, declared in vars(cls).items():
            if isinstance(declared, Key):
                key = declared._replace(name=field.rstrip("_"), field=field)
                cls.keys[key.name], cls._defaults[field] = key, key.default
            elif isinstance(declared, Declared):
                cls._defaults[field] = declared

    def __init__(self, **values: Any) -> None:
        if unknown := values.keys() - self._defaults.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        vars(self).update(self._defaults)
        vars(self).update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Refuse values that can't be together; raises BadInput."""

    def but(self, **values: Any) -> Self:
        """Return a copy with other values for some fields; raises BadInput."""
        return type(self)(**{field: vars(self)[field] for field in self._defaults} | values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name}")
