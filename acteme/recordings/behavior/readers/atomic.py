"""RecBole atomic files: tables with typed headers, NAME.inter with what happened, NAME.item and NAME.user beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.behavior.about import About
from acteme.recordings.behavior.codes import number, text
from acteme.recordings.behavior.items import joined, split_text
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited, header
from acteme.recordings.corpus import Corpus

TYPES = ("token", "token_seq", "float", "float_seq")
HOW = Delimited("\t", quoted=False)
KNOWN = {
    "user": ("user_id", "user"),
    "item": ("item_id", "item"),
    "time": ("timestamp", "time"),
    "outcome": ("rating", "label", "click"),
}
"""Names that columns of NAME.inter have where options do not say otherwise."""
TITLES = ("title", "name", "movie_title", "item_name", "item_title")
LISTS = ("categories", "category", "class", "genre", "genres")
PARTS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
"""Middle names of files with a part of the events, and their splits."""


@dataclass(frozen=True)
class Table:
    """A file and its columns."""

    path: Path
    types: dict[str, str]
    """Name of each column to its type."""

    def chunks(self, wanted: list[str], problems: Problems) -> Iterator[Chunk]:
        """Streams some columns, by their names without types."""
        cells = [f"{name}:{self.types[name]}" for name in wanted]
        for chunk in delimited(self.path, HOW, problems, cells):
            yield replace(chunk, columns={n: chunk.columns[c] for n, c in zip(wanted, cells, strict=True)})


def recbole(
    path: Path,
    user: str = "",
    item: str = "",
    time: str = "",
    outcome: str = "",
    fields: tuple[str, ...] = (),
    threshold: float | None = None,
    core: int = 0,
    rare: int = 1,
) -> Corpus:
    """RecBole atomic files: NAME.inter, and NAME.item and NAME.user where they are.

    Recordings are as in `events`. Fields are the tokens of events, items and users; what the file of items says makes
    the catalog, with a title and categories where columns are called so (or movie_title, class, genre). The parts
    NAME.train.inter, NAME.valid.inter and NAME.test.inter, where there are such, are the splits.

    Args:
        path: NAME.inter, or the folder that holds it.
        user: column of users; else `user_id`.
        item: column of items; else `item_id`.
        time: column of times; else `timestamp`, or the order of the file.
        outcome: column of numbers that are to be known; else `rating` or `label`, or there is none.
        fields: columns of tokens to take, of all files; else all; `none` takes none.
        threshold: numbers from this on are the outcome 1, lower ones 0.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.

    Raises:
        InputError: there is no such file or column, a header has no types, or a row is broken.
    """
    parts, name = _parts(path)
    tables = [_table(file) for file in parts]
    problems = Problems()
    first = tables[0]
    given = {"user": user, "item": item, "time": time, "outcome": outcome}
    found = {what: _column(first, given[what], usual) for what, usual in KNOWN.items()}
    for what in ("user", "item"):
        if not found[what]:
            mend = f"say which one it is with ?{what}=NAME; its columns: {', '.join(first.types)}"
            raise InputError(f"has no column of {what}s", f"{first.path} line 1", mend)
    beside = {
        kind: _table(file) for kind in ("item", "user") if (file := name.with_name(name.name + f".{kind}")).is_file()
    }
    own = [n for n, kind in first.types.items() if kind == "token" and n not in found.values()]
    told, known = [], list(own)
    for kind, table in beside.items():
        told.append(_about(table, found[kind], known, problems))
        known += told[-1].fields
    chosen = _chosen(fields, known, first.path)
    wanted = [n for n in found.values() if n] + [n for n in own if n in chosen]

    def read() -> Iterator[Chunk]:
        for table in tables:
            for chunk in table.chunks(wanted, problems):
                for one in told:
                    chunk = one.added(chunk)
                if len(tables) > 1:
                    part = PARTS[table.path.name.split(".")[-2]]
                    chunk = replace(chunk, columns={**chunk.columns, "part:split": pa.array([part] * len(chunk))})
                yield chunk

    split = "part:split" if len(tables) > 1 else ""
    log = Log(Columns(found["user"], found["item"], found["time"], found["outcome"], split, chosen,
                      threshold=threshold), problems)  # fmt: skip
    for chunk in read():
        log.add(chunk)
    files = [*parts, *(table.path for table in beside.values()), *([path] if path.is_dir() else [])]
    return log.corpus(
        files, core, rare, _catalog(beside["item"], found["item"], problems) if "item" in beside else None
    )


def _parts(path: Path) -> tuple[list[Path], Path]:
    """The files of events, the splits in order where they are in parts, and their common name."""
    if path.is_file():
        return [path], path.with_suffix("")
    files = sorted(path.glob("*.inter"))
    whole = [p for p in files if p.name.split(".")[-2] not in PARTS]
    if len(whole) > 1:
        names = ", ".join(p.name for p in whole)
        raise InputError(f"has several files of events: {names}", path, "name one of them")
    if whole:
        return whole, whole[0].with_suffix("")
    if not files:
        raise InputError("has no .inter file", path, "give the folder of NAME.inter, or that file")
    parts = sorted(files, key=lambda p: list(PARTS).index(p.name.split(".")[-2]))
    return parts, path / parts[0].name.rsplit(".", 2)[0]


def _table(path: Path) -> Table:
    types = {}
    for cell in header(path, HOW):
        name, _, kind = cell.partition(":")
        if kind not in TYPES:
            what = f"column '{cell}' has no type" if not kind else f"column '{name}' has the type '{kind}'"
            raise InputError(what, f"{path} line 1", f"write NAME:TYPE with TYPE one of {', '.join(TYPES)}")
        types[name] = kind
    return Table(path, types)


def _column(table: Table, given: str, usual: tuple[str, ...]) -> str:
    if given and given not in table.types:
        raise InputError(f"has no column '{given}'", table.path, f"its columns: {', '.join(table.types)}")
    return given or next((name for name in usual if name in table.types), "")


def _about(table: Table, key: str, known: list[str], problems: Problems) -> About:
    """The tokens of users or items, but for those that are known otherwise."""
    if key not in table.types:
        raise InputError(f"has no column '{key}'", f"{table.path} line 1", "name it as in the file of events")
    names = [key, *(n for n, kind in table.types.items() if kind == "token" and n not in (key, *known))]
    chunks = list(table.chunks(names, problems))
    columns = {n: _whole(chunks, n) for n in names}
    return About(key, columns.pop(key), columns)


def _chosen(fields: tuple[str, ...], known: list[str], path: Path) -> tuple[str, ...]:
    if not fields:
        return tuple(known)
    if fields == ("none",):
        return ()
    if missing := [name for name in fields if name not in known]:
        raise InputError(f"has no tokens '{missing[0]}'", path, f"use {', '.join([*known, 'none'])}")
    return tuple(dict.fromkeys(fields))


def _catalog(table: Table, key: str, problems: Problems) -> Callable[[pa.Array], pa.Table]:
    """All that the file of items says: text, lists and numbers."""
    chunks = list(table.chunks(list(table.types), problems))
    columns = {"item": _whole(chunks, key)}
    for name, kind in table.types.items():
        if name == key:
            continue
        called = "title" if name in TITLES else "categories" if name in LISTS else name
        called = name if called in columns or (called != name and called in table.types) else called
        columns[called] = _told(_whole(chunks, name), kind, called)
    return joined(pa.table(columns))


def _told(column: pa.Array, kind: str, name: str) -> pa.Array:
    if name == "categories":
        return split_text(column, " ")
    if kind == "float":
        value, bad = number(column)
        return pa.array(value.astype(np.float64), mask=bad)
    if kind in ("token_seq", "float_seq") and name not in ("title", "text"):
        parts = split_text(column, " ")
        return parts.cast(pa.list_(pa.float64())) if kind == "float_seq" else parts
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _whole(chunks: list[Chunk], name: str) -> pa.Array:
    return pa.concat_arrays([text(c.columns[name]) for c in chunks]) if chunks else pa.array([], pa.string())
