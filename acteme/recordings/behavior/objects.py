"""Files with an object on each line, of JSON or as Python writes it, as streams of columns."""

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from acteme.errors import InputError
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import AGAIN, BLOCK, Chunk, opened, said, unreadable

Types: TypeAlias = Mapping[str, pa.DataType]
"""Names of the values that are read, and their types."""


def first_object(path: Path) -> dict[str, Any]:
    """The first object of a file: what its values are called. Raises InputError where the file holds none."""
    try:
        with opened(path) as file:
            start = file.stream.read(BLOCK)
    except (OSError, EOFError) as error:
        raise unreadable(path, error) from error
    for line in start.split(b"\n")[:100]:
        try:
            return _object(line)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise InputError("has no JSON objects in its first 100 lines", path, "give a file with a JSON object on each line")


def object_lines(path: Path, types: Types | Sequence[Types], problems: Problems) -> Iterator[Chunk]:
    """Streams a file with an object on each line; what `types` does not name is passed over.

    A line that is no object, or holds a value of another type, is noted. A missing value is null. Objects as Python
    writes them, with single quotes, are read as literals: nothing of the file is ever run.

    Args:
        path: the file; one that ends in .gz is unpacked as it is read.
        types: what to read. Of several, a piece of the file takes the first that fits; the last one takes numbers as
            text where it wants text.
        problems: takes bad lines.

    Raises:
        InputError: the file cannot be read.
    """
    ways = [types] if isinstance(types, Mapping) else list(types)
    line, rest = 1, b""
    try:
        with opened(path) as file:
            while block := file.stream.read(BLOCK):
                file.tell()
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    yield _objects(path, whole, line, ways, problems)
                    line += whole.count(b"\n") + 1
        if rest.strip():
            yield _objects(path, rest, line, ways, problems)
    except (OSError, EOFError) as error:
        raise unreadable(path, error) from error


def _objects(path: Path, piece: bytes, line: int, ways: list[Types], problems: Problems) -> Chunk:
    """Some lines: all at once where they are well, else one by one."""
    count = piece.count(b"\n") + 1
    for types in ways:
        try:
            table = pajson.read_json(
                pa.BufferReader(piece),
                pajson.ReadOptions(use_threads=False, block_size=len(piece) + 1),
                pajson.ParseOptions(explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"),
            ).combine_chunks()
        except pa.ArrowException:
            continue
        if table.num_rows == count:
            return Chunk(path, {n: table[n].chunk(0) for n in types}, np.arange(line, line + count))
        break
    types = ways[-1]
    found: list[dict[str, Any]] = []
    rows: list[int] = []
    for k, one in enumerate(piece.split(b"\n")):
        if not one.strip():
            continue
        try:
            value = _object(one)
            found.append({n: _fitted(value.get(n), kind, n) for n, kind in types.items()})
            rows.append(line + k)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, pa.ArrowException) as error:
            problems.note(f"is no JSON object of the format ({said(error)})", path, [line + k], AGAIN)
    columns = {n: pa.array([row[n] for row in found], kind) for n, kind in types.items()}
    return Chunk(path, columns, np.array(rows, np.int64))


def _object(line: bytes) -> dict[str, Any]:
    """An object of JSON, or as Python writes one."""
    try:
        value = json.loads(line)
    except ValueError as error:
        if not line.lstrip().startswith((b"{'", b"{u'")):
            place = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError((error.msg if isinstance(error, json.JSONDecodeError) else said(error)) + place) from error
        try:
            value = ast.literal_eval(line.decode().strip())
        except SyntaxError as error:
            raise ValueError(f"{error.msg} at character {error.offset}") from error
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _fitted(value: Any, kind: pa.DataType, name: str) -> Any:
    """A value that is of a type, numbers as text where that is wanted."""
    if isinstance(value, int | float) and not isinstance(value, bool) and pa.types.is_string(kind):
        return str(value)
    try:
        return pa.scalar(value, kind).as_py()
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise ValueError(f"{name} is {str(value)[:40]!r}, not {_wanted(kind)}") from error


def _wanted(kind: pa.DataType) -> str:
    """A type in words."""
    if pa.types.is_list(kind):
        return "a list"
    return "text" if pa.types.is_string(kind) else "a whole number" if pa.types.is_integer(kind) else "a number"
