"""Files with a JSON object on each line, read one line at a time."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from acteme.errors import InputError

AGAIN = "correct the line, leave it out, or download the file again"
KINDS = {list: "a list", dict: "an object", str: "a text", int: "a whole number"}


T = TypeVar("T")


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object with the file and line that it stands on, for messages; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, or a line is no JSON object.
    """
    return ((where, _parse(line, where)) for where, line in _lines(path))


def read_each(
    path: Path, make: Callable[[dict[str, Any], str], T], problems: list[InputError] | None = None
) -> Iterator[T]:
    """What is made of each object.

    Args:
        path: the file.
        make: takes an object, and the file and line that it stands on, for messages.
        problems: with a list, bad lines are left out and what is wrong with them is appended to it.

    Raises:
        InputError: the file cannot be read; a line is no JSON object, or `make` refuses it, and `problems` is None.
    """
    for where, line in _lines(path):
        try:
            made = make(_parse(line, where), where)
        except InputError as error:
            if problems is None:
                raise
            problems.append(error)
        else:
            yield made


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Lines that are not blank, with their places."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}, line {number}", line
    except OSError as error:
        mend = "correct its name or its access rights"
        raise InputError(f"cannot be read ({error.strerror})", path, mend) from error


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start})", where, "save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON ({error.msg}, column {error.colno})", where, AGAIN) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists a thousand deep
        raise InputError("is not sensible JSON", where, AGAIN) from error
    if not isinstance(value, dict):
        raise InputError("is not a JSON object", where, AGAIN)
    return value


def get(value: Any, key: str | int, kind: type, where: str, default: Any = None) -> Any:
    """An entry of an object or list; of a missing one the default, if that is not None.

    Raises:
        InputError: it is missing or of another kind.
    """
    try:
        found = value[key]
    except (KeyError, IndexError, TypeError):
        if default is not None:
            return default
        name = f"'{key}'" if isinstance(key, str) else f"entry {key} of a list"
        raise InputError(f"has no {name}", where, AGAIN) from None
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise InputError(f"'{key}' is not {KINDS[kind]}", where, AGAIN)
    return found


def words_of(value: Any, where: str) -> tuple[tuple[str, ...], ...]:
    """Sentences as lists of words. Raises InputError where they are none, or hold no word."""
    good = isinstance(value, list) and all(
        isinstance(some, list) and all(isinstance(word, str) for word in some) for some in value
    )
    if not good:
        raise InputError("its sentences are not lists of words", where, AGAIN)
    if not any(value):
        raise InputError("has no words", where, "leave the document out")
    return tuple(map(tuple, value))
