"""Options given as text, `key=value`, turned into the types that a function's annotations name."""

import inspect
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote

from acteme.errors import InputError

NO = inspect.Parameter.empty
LISTED = 250
"""Characters that a list of options may take in a message."""


def parse_options(query: str, where: str) -> dict[str, str]:
    """Splits `key=value&key2=value2`; %-escapes stand for characters such as & and =."""
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not (equals and key):
            raise InputError(f"option '{part}' has no value", where, "write it as key=value")
        if key in options:
            raise InputError(f"option '{key}' is given twice", where, "keep one")
        options[key] = unquote(value)
    return options


def options_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The options of a source function: its parameters but `path`, with resolved annotations."""
    hints = get_type_hints(function)
    parameters = inspect.signature(function).parameters
    return {n: p.replace(annotation=hints.get(n, str)) for n, p in parameters.items() if n != "path"}


def described(function: Callable[..., Any]) -> tuple[str, list[tuple[str, str, str]]]:
    """What the docstring of a source function says: what it gives, and (option, default, meaning) of its options.

    A default that means nothing by itself (none, an empty text) and the lack of one are empty.
    """
    head, _, _ = (inspect.getdoc(function) or "").partition("Raises:")
    about, _, listed = head.partition("Args:")
    found = re.findall(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
    meanings = {name: meaning for names, meaning in found for name in names.split(", ")}
    rows = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in meanings and name != "path":
            default = "" if parameter.default in ("", None, NO) else _written(parameter.default)
            rows.append((name, default, " ".join(meanings[name].split())))
    return about.strip(), rows


def _written(value: Any) -> str:
    """A value as an option's text."""
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def coerce_options(
    given: Mapping[str, str], function: Callable[..., Any], where: str, also: Sequence[str] = ()
) -> dict[str, Any]:
    """Turns option texts into the types of the function's parameters; `also` are further options to suggest.

    Raises:
        InputError: an option that the function does not have, a text that does not fit, or a missing option.
    """
    known = options_of(function)
    for name in given:
        if name not in known:
            near = get_close_matches(name, [*known, *also], 1)
            listed = f"its options: {', '.join(known)}" if known else "it has no options"
            if len(listed) > LISTED:
                listed = f"its {len(known)} options: acteme data list {re.split('[?:]', where)[0]}"
            raise InputError(
                f"unknown option '{name}'", where, f"did you mean '{near[0]}'? {listed}" if near else listed
            )
    for name, parameter in known.items():
        if parameter.default is NO and name not in given:
            raise InputError(f"needs the option '{name}'", where, f"add ?{name}={wanted(parameter.annotation)}")
    return {name: coerce(text, known[name].annotation, name, where) for name, text in given.items()}


def coerce(text: str, kind: Any, name: str, where: str) -> Any:
    """Turns one option's text into a value of the annotated type.

    Types: str, int, float, bool (true/false, yes/no, on/off, 1/0), Path, Literal, tuples (comma-separated), and unions
    of these with None (`none`).
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if type(None) in inner and text.lower() in ("none", ""):
            return None
        for choice in (k for k in inner if k is not type(None)):
            try:
                return coerce(text, choice, name, where)
            except InputError:
                continue
    elif origin is Literal:
        for choice in inner:
            if str(choice) == text:
                return choice
    elif origin is tuple:
        parts = [part.strip() for part in text.split(",")] if text else []
        kinds = [inner[0]] * len(parts) if inner[-1] is Ellipsis else list(inner)
        if len(kinds) == len(parts):
            return tuple(coerce(part, k, name, where) for part, k in zip(parts, kinds, strict=True))
    elif kind is bool:
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
    elif kind in (int, float, str, Path):
        with suppress(ValueError):
            value = kind(text)
            if kind is not float or math.isfinite(value):
                return value
    raise InputError(f"option '{name}' cannot be '{text}'", where, f"give {wanted(kind)}")


def wanted(kind: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(str(choice) for choice in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(wanted(k) for k in inner)
    if origin is tuple:
        kinds = " and ".join(wanted(k) for k in inner if k is not Ellipsis)
        return (
            f"{kinds}, any number of times, with commas between"
            if inner[-1] is Ellipsis
            else f"{kinds}, with a comma between"
        )
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word", Path: "a path"}
    return "none" if kind is type(None) else words.get(kind, getattr(kind, "__name__", str(kind)))
