"""Build a dataclass from parsed plain data, and report in one sentence what does not fit.

In:  a dataclass; mappings, lists, texts, numbers.
Out: a value of that dataclass, with all its parts.

Only keys and types are checked here. Each dataclass checks ranges and the relations of its values in its
`__post_init__`.

Must not know: any record, what is in the files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from smalta.errors import ConfigError, SmaltaError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)

LARGEST_WHOLE = 2**63 - 1  # no setting, size or count is larger
MOST_NAMED = 5  # unknown keys in a sentence
MOST_SHOWN = 40  # characters of a value in a sentence
_PLAIN = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text", NoneType: "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a value stands, and how an error about it is reported."""

    what: str
    fix: str
    error: type[SmaltaError]
    complete: bool
    path: tuple[str, ...] = ()

    def inside(self, key: object) -> _Place:
        return replace(self, path=(*self.path, str(key)))

    @property
    def name(self) -> str:
        if not self.path:
            return self.what
        path = ".".join(key[:MOST_SHOWN] for key in self.path[-MOST_NAMED:])
        return f"the entry {path!r} of {self.what}"

    def misfit(self, value: object, wanted: str) -> SmaltaError:
        return self.error(f"{self.name} is {shown(value)}, not {wanted}{_end(self.fix)}")


def read_record(
    cls: type[Record],
    values: object,
    *,
    what: str,
    fix: str = "",
    error: type[SmaltaError] = ConfigError,
    complete: bool = False,
) -> Record:
    """Build a dataclass from plain data.

    Fields may be bool, int, float, str, None, Literal, Mapping, tuple, unions of these, Any, other dataclasses, and
    classes with a `from_dict`, which reads them. A whole number is accepted for a float and stays whole. A bool is not
    a number. Numbers are finite.

    Args:
        cls: the dataclass.
        values: from a parser, or from `dataclasses.asdict`.
        what: names the record in a sentence, such as "the grouping rule".
        fix: says what to do about it, such as "train the model again"; empty if the caller adds it.
        error: the class to raise.
        complete: whether fields with a default must be present too.

    Raises:
        SmaltaError: of the class `error`, if a key is unknown or missing, or a value has the wrong type; also the
            errors of `cls` itself.
    """
    return _record(cls, values, _Place(what=what, fix=fix, error=error, complete=complete))


def check_keys(
    values: object,
    known: Collection[str] | None,
    *,
    what: str,
    fix: str = "",
    required: Collection[str] = (),
    error: type[SmaltaError] = ConfigError,
) -> Mapping[str, Any]:
    """The values, if they are a mapping with only known keys and with all required ones.

    Args:
        values: from a parser.
        known: keys that are allowed; None for any.
        what, fix, error: as for `read_record`.
        required: keys that must be present.

    Raises:
        SmaltaError: of the class `error`, if they are not.
    """
    if not isinstance(values, Mapping):
        raise error(f"{what} is {shown(values)}, not a mapping{_end(fix)}")
    unknown = [] if known is None else sorted(shown(key) for key in values if key not in known)
    if known is not None and unknown:
        few = ", ".join(unknown[:MOST_NAMED]) + (", ..." if len(unknown) > MOST_NAMED else "")
        raise error(f"unknown keys [{few}] in {what}; known keys are {sorted(known)}{_end(fix)}")
    for key in required:
        if key not in values:
            raise error(f"{what} lacks the entry {key!r}{_end(fix)}")
    return values


def _end(fix: str) -> str:
    return f"; {fix}" if fix else ""


def parse_json(content: str | bytes) -> Any:
    """Parse JSON text.

    Raises:
        ConfigError: if it is not JSON, or is nested too deeply. The caller names the file and the fix.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # ValueError: also text that is not UTF-8, and very long numbers
        raise ConfigError(f"not JSON: {' '.join(str(error).split())}") from error


def shown(value: object) -> str:
    """A value for a sentence: a plain value, cut to `MOST_SHOWN` characters; for others their kind and length."""
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return repr(value[:MOST_SHOWN]) + ("..." if len(value) > MOST_SHOWN else "")
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:  # Python refuses to write the longest ones
        return "a number that is too large"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"a value of the type {type(value).__name__}"


# -- by type ------------------------------------------------------------------------------------------


@cache
def _types(cls: type[DataclassInstance]) -> dict[str, tuple[Any, Field[Any]]]:
    """Type and field of each argument of `cls`, by name."""
    hints = get_type_hints(cls)
    return {entry.name: (hints[entry.name], entry) for entry in fields(cls) if entry.init}


def _record(cls: type[Record], values: object, place: _Place) -> Record:
    types = _types(cls)
    required = [
        name
        for name, (_, entry) in types.items()
        if place.complete or (entry.default is MISSING and entry.default_factory is MISSING)
    ]
    stated = check_keys(values, types.keys(), what=place.name, fix=place.fix, required=required, error=place.error)
    return cls(**{name: _fit(value, types[name][0], place.inside(name)) for name, value in stated.items()})


def _fit(value: Any, kind: Any, place: _Place, wanted: str | None = None) -> Any:
    """The value in the form of its field; `wanted` describes what fits, if that is more than `kind`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(value, kind, place)
    if not _has_shape(value, kind):
        raise place.misfit(value, wanted or _wanted(kind))
    if kind is Any or kind in _PLAIN or origin is Literal:
        return value
    if origin is tuple:
        kinds = (arguments[0],) * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_fit(part, sort, place.inside(n)) for n, (part, sort) in enumerate(zip(value, kinds, strict=True)))
    if origin is not None:
        return {key: _fit(part, arguments[1], place.inside(key)) for key, part in value.items()}
    return kind.from_dict(value) if hasattr(kind, "from_dict") else _record(kind, value, place)


def _one_of(value: Any, kind: Any, place: _Place) -> Any:
    """The value as the first fitting type of a union."""
    choices = [choice for choice in get_args(kind) if choice is not NoneType]
    if value is None and len(choices) < len(get_args(kind)):
        return None
    for choice in choices[:-1]:
        if _has_shape(value, choice):
            return _fit(value, choice, place)
    return _fit(value, choices[-1], place, _wanted(kind))


def _has_shape(value: Any, kind: Any) -> bool:
    """Whether a value has a type, without a check of its parts."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if kind in (int, float):
        if isinstance(value, bool | float):
            return kind is float and isinstance(value, float) and math.isfinite(value)
        return isinstance(value, int) and abs(value) <= LARGEST_WHOLE
    if kind in _PLAIN:
        return isinstance(value, kind)
    if origin is tuple:
        return isinstance(value, list | tuple) and (arguments[-1] is Ellipsis or len(value) == len(arguments))
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _wanted(kind: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (Union, UnionType):
        return " or ".join(map(_wanted, arguments))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple:
        return "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}"
    return "a mapping" if origin is None else "a mapping with text as keys"
