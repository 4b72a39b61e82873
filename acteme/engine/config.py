"""Configurations are nested frozen dataclasses: to and from JSON, listed with their meaning, changed by path=value."""

import ast
import dataclasses
import inspect
import json
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeVar

from acteme import catalog
from acteme.errors import InputError

T = TypeVar("T")


def to_json(config: Any) -> dict[str, Any]:
    """The configuration as JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_json(kind: type[T], values: Mapping[str, Any], where: str = "config.json") -> T:
    """A configuration of dataclass `kind` from JSON values; fields that are absent keep their defaults.

    Raises:
        InputError: an unknown field, or a value of the wrong type.
    """
    hints, known = typing.get_type_hints(kind), {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"unknown setting '{unknown[0]}'", where, "known: " + ", ".join(sorted(known)))
    return kind(**{name: _value(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def override(config: T, changes: Sequence[str]) -> T:
    """The configuration with `path=value` changes applied, for example `generator.recipe.lr=0.01`.

    Values are read as JSON where they are JSON, and as text otherwise; a comma separates the items of a tuple.
    """
    wanted: dict[str, tuple[Any, str]] = {}
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals:
            raise InputError(f"'{change}' is not a change", "--set", "write stage.name=value")
        config, value = _override(config, path.strip().split("."), text.strip(), change)
        wanted[path.strip()] = value, change
    for path, (value, change) in wanted.items():
        if value is not None and attrgetter(path)(config) != value:
            raise InputError(f"'{change}' has no effect", "--set", "it follows from another setting, see its meaning")
    return config


def configured(slug: str, preset: str = "", changes: Sequence[str] = (), base: Any = None) -> Any:
    """The configuration of a system with changes: of `base` if given, else of a preset, or of the published one.

    Raises:
        InputError: an unknown preset or setting, or a value of the wrong type.
    """
    kind = catalog.find(slug).module().Config
    if base is None and preset and preset not in (known := presets(kind)):
        raise InputError(f"'{slug}' has no preset '{preset}'", "--preset", "known: " + ", ".join(known))
    return override(base or (getattr(kind, preset)() if preset else kind()), changes)


def presets(kind: type) -> dict[str, str]:
    """Names of the settings that a system's umbrella configuration comes with, and what they are."""
    found = {
        name: getattr(kind, name) for name, value in vars(kind).items() if isinstance(value, classmethod | staticmethod)
    }
    return {
        name: " ".join((inspect.getdoc(make) or "").partition("\n\n")[0].split())
        for name, make in found.items()
        if not inspect.signature(make).parameters
    }


def rows(config: Any, path: str = "") -> Iterator[tuple[str, Any, str]]:
    """(path, value, meaning) of every setting, nested ones included."""
    docs = _meanings(type(config))  # type: ignore[arg-type]
    for field in dataclasses.fields(config):
        value, here = getattr(config, field.name), path + field.name
        if dataclasses.is_dataclass(value):
            yield from rows(value, here + ".")
        else:
            yield here, value, docs.get(field.name, "")


def _override(config: Any, path: list[str], text: str, change: str) -> tuple[Any, Any]:
    """The configuration with one change, and the value that was set."""
    names = [f.name for f in dataclasses.fields(config)]
    if path[0] not in names:
        raise InputError(f"no setting is called '{path[0]}' in '{change}'", "--set", "known: " + ", ".join(names))
    old = getattr(config, path[0])
    if dataclasses.is_dataclass(old):
        if len(path) == 1:
            inner = ", ".join(f"{path[0]}.{f.name}" for f in dataclasses.fields(old))
            raise InputError(f"'{change}' names a group of settings", "--set", f"set one of {inner}")
        new, value = _override(old, path[1:], text, change)
    elif len(path) > 1:
        raise InputError(f"'{path[0]}' in '{change}' has no settings below it", "--set")
    else:
        hint = typing.get_type_hints(type(config))[path[0]]
        new = value = _value(hint, _read(hint, text), f"--set {change}")
    return dataclasses.replace(config, **{path[0]: new}), value


def _read(hint: Any, text: str) -> Any:
    """The JSON value that a text means, given the type that is wanted."""
    options = _options(hint)
    if any(typing.get_origin(o) is typing.Literal and text in typing.get_args(o) for o in options):
        return text
    if str in options and text not in ("null", "none", "None"):
        return text
    if any(typing.get_origin(o) is tuple for o in options) and not text.startswith("["):
        return [_read(typing.get_args(o)[0], t) for o in options if typing.get_origin(o) is tuple
                for t in text.strip("() ").split(",") if t.strip()]  # fmt: skip
    words = {"none": None, "true": True, "false": False, "yes": True, "no": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _options(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _value(hint: Any, value: Any, where: str) -> Any:
    """`value`, read from JSON, as a value of the annotated type."""
    for option in _options(hint):
        origin, args = typing.get_origin(option), typing.get_args(option)
        if option is type(None):
            if value is None:
                return None
        elif dataclasses.is_dataclass(option) and isinstance(option, type):
            if isinstance(value, Mapping):
                return from_json(option, value, where)
        elif origin is typing.Literal:
            if value in args:
                return value
        elif origin is tuple:
            if isinstance(value, list | tuple):
                kinds = [args[0]] * len(value) if args[-1] is Ellipsis else args
                if len(kinds) == len(value):
                    return tuple(_value(k, v, where) for k, v in zip(kinds, value, strict=True))
        elif option is float:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
        elif isinstance(value, option) and (option is bool or not isinstance(value, bool)):
            return value
    names = (o.__name__ if isinstance(o, type) else str(o).replace("typing.", "") for o in _options(hint))
    raise InputError(f"{value!r} is not a value of type {' | '.join(names)}", where)


@cache
def _meanings(kind: type) -> dict[str, str]:
    """Docstrings that stand below the fields of a dataclass."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    out = {}
    for field, doc in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            out[field.target.id] = " ".join(str(doc.value.value).split())  # type: ignore[union-attr]
    return out
