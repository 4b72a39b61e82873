"""Your own log: CSV or Parquet with users, items and times, or any events with categories."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acteme.errors import InputError
from acteme.recordings.behavior.codes import number, text
from acteme.recordings.behavior.items import joined, split_text
from acteme.recordings.behavior.log import SPLIT_NAMES, Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.single import Bins, Shares, single
from acteme.recordings.behavior.streams import Chunk, Delimited, delimited, header, parquet
from acteme.recordings.corpus import Corpus

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
KNOWN = {
    "user": ("user", "user_id", "userid"),
    "item": ("item", "item_id", "itemid"),
    "time": ("timestamp", "time", "when"),
    "outcome": ("outcome", "rating", "label", "click"),
    "split": ("split",),
}
"""Names that columns have where options do not say otherwise, whatever their case."""
SPLIT = "\nsplit"
"""Column of the split that a file is named after: no column of a table has such a name."""
TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def events(
    path: Path,
    user: str = "",
    item: str = "",
    time: str = "",
    outcome: str = "",
    fields: tuple[str, ...] = (),
    unit: str = "s",
    core: int = 0,
    rare: int = 1,
    catalog: Path | None = None,
    val: float = 0.1,
    test: float = 0.1,
    shuffle: bool = False,
    seed: int = 0,
    normal: float | None = None,
    count: str = "",
    bins: int = 0,
    cut: tuple[str, ...] = (),
) -> Corpus:
    """Your own log: a CSV or Parquet file of any size, or a folder of such files, with a row per event.

    With a column of users a recording is what is known of a user up to a moment: `train` has all events but the last
    two, `val` all but the last, `test` all; the last one of `val` and `test` is to be predicted. Users with fewer than
    3 events are for training only; events at the same time stay in the order of the file. A column `split` (train,
    val, test) says otherwise, or the names of the files, where they are train, val and test. Without users, the events
    of each split are one recording; every event stands for itself.

    Args:
        path: the file (.csv, .tsv, .txt with tabs, each maybe .gz, or .parquet), or a folder of them, taken by name.
        user: column of users; else `user` or `user_id`, or there are none.
        item: column of items; else `item` or `item_id`, or there are none.
        time: column of times: numbers, or dates as 2024-05-31 18:30:00; else `timestamp`, `time` or `when`, or the
            order of the file.
        outcome: column of numbers that are to be known; else `outcome`, `rating`, `label` or `click`, or there is none.
        fields: columns of categories; else all that are left.
        unit: s, ms, us or ns: what numbers of `time` count.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        rare: a field's values that fewer events of the training split have become the unknown value, 0.
        catalog: a CSV or Parquet file with a column `item` and further ones: `title`, `text`, `categories` (with |
            between) and numbers.
        val: without users: share of the events for validation, after those for training.
        test: without users: share of the events for the test, at the end.
        shuffle: without users: draw the splits rather than cut them in the order of time.
        seed: of the draw.
        normal: what `outcome` says of a normal event, where it tells anomalies from these; the outcome is then 0 for
            normal events and 1 for all others.
        count: without users: column of how many events a row stands for; a file without it has one for each row.
        bins: without users: a column of numbers with more different ones than that becomes so many ranges, in each of
            which about equally many events of the training split are; 0 makes every number a value of its own.
        cut: columns that `bins` is about; else all columns of numbers.

    Raises:
        InputError: there is no table, it has no such column, or a row is broken.
    """
    if unit not in TICKS:
        raise InputError(f"unit is '{unit}'", "option", f"use {' or '.join(TICKS)}")
    files = _files(path)
    names = names_of(files[0])
    given = {"user": user, "item": item, "time": time, "outcome": outcome}
    if count and not any(count in names_of(f) for f in files):
        raise InputError(f"has no column '{count}'", files[0], f"its columns: {', '.join(names)}")
    columns = replace(_columns([n for n in names if n != count], given, fields, files[0]), normal=normal)
    ranges = Bins(bins, cut)
    if missing := [name for name in cut if name not in columns.fields]:
        raise InputError(f"has no field '{missing[0]}'", "option 'cut'", f"its fields: {', '.join(columns.fields)}")
    problems = Problems()
    known = joined(read_catalog(catalog)) if catalog else None
    parted = len(files) > 1 and not columns.split and all(_stem(f) in SPLIT_NAMES for f in files)
    read = _reading(files, problems, columns, parted, count)
    columns = replace(columns, split=SPLIT) if parted else columns
    seen = [*files, *([path] if path.is_dir() else []), *([catalog] if catalog else [])]
    if not columns.user:
        if columns.item:
            columns = replace(columns, item="", fields=(columns.item, *columns.fields))
        shares = Shares(val, test, shuffle, seed)
        return single(read, replace(columns, ticks=TICKS[unit]), problems, seen, shares, rare, bins=ranges)
    if count:
        raise InputError("rows stand for several events, which users' events do not", "option 'count'", "leave it away")
    if bins:
        raise InputError("makes ranges of events without users alone", "option 'bins'", "leave it away")
    log = Log(replace(columns, ticks=TICKS[unit]), problems)
    for chunk in read():
        log.add(chunk)
    untimed = () if columns.time else ("there is no column of times: events are in the order of the file",)
    return log.corpus(seen, core, rare, known, notes=untimed)


def _files(path: Path) -> list[Path]:
    """The tables, in the order of their names."""
    if path.is_file():
        return [path]
    files = sorted(p for p in path.iterdir() if p.is_file() and (_kind(p) in DELIMITERS or _kind(p) == ".parquet"))
    if not files:
        raise InputError("has no .csv, .tsv, .txt or .parquet files", path, "give a table with a row per event")
    return files


def _stem(path: Path) -> str:
    return path.name.partition(".")[0].lower()


def _kind(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix == ".gz" else path.suffix.lower()


def is_table(path: Path) -> bool:
    """Whether a file's suffix is that of a table."""
    return _kind(path) in DELIMITERS or _kind(path) == ".parquet"


def names_of(path: Path) -> list[str]:
    """Names of the columns of a table; InputError where it has none."""
    kind = _kind(path)
    if kind == ".parquet":
        try:
            return list(pq.read_schema(path).names)
        except (pa.ArrowException, OSError) as error:
            raise InputError("is no Parquet file", path, "write it again") from error
    if kind not in DELIMITERS:
        raise InputError(f"cannot tell what a '{path.suffix}' file holds", path, "give .csv, .tsv, .txt or .parquet")
    return header(path, Delimited(DELIMITERS[kind]))


def _columns(names: list[str], given: dict[str, str], fields: Sequence[str], path: Path) -> Columns:
    """Which column says what."""
    for name in filter(None, given.values()):
        if name not in names:
            raise InputError(f"has no column '{name}'", path, f"its columns: {', '.join(names)}")
    found = known_columns(names, given, fields)
    if missing := [name for name in fields if name not in names]:
        raise InputError(f"has no column '{missing[0]}'", path, f"its columns: {', '.join(names)}")
    rest = tuple(fields) or tuple(name for name in names if name not in found.values())
    if not rest and "item" not in found:
        raise InputError("has neither items nor fields", path, "give a column item, or columns of categories")
    user, item, time, outcome, split = (found.get(what, "") for what in KNOWN)
    return Columns(user, item, time, outcome, split, rest)


def known_columns(names: Sequence[str], given: Mapping[str, str] = {}, fields: Sequence[str] = ()) -> dict[str, str]:
    """The columns that are named (`given`), and those with usual names that are no fields, by what they say."""
    lower = {name.lower(): name for name in reversed(names)}
    found = {what: name for what, name in given.items() if name}
    for what, usual in KNOWN.items():
        left = [lower[n] for n in usual if n in lower and lower[n] not in (*found.values(), *fields)]
        if what not in found and left:
            found[what] = left[0]
    return found


def _reading(
    files: list[Path], problems: Problems, columns: Columns, parted: bool, count: str
) -> Callable[[], Iterator[Chunk]]:
    """What streams all files, again and again.

    Args:
        parted: add a column with the split that the file is named after.
        count: column of how often each row comes, where the file has it.
    """
    c = columns
    always = [n for n in (c.user, c.item, c.time, c.outcome, c.split, *c.fields) if n]

    def read() -> Iterator[Chunk]:
        for file in files:
            wanted = [*always, count] if count and count in names_of(file) else always
            if _kind(file) == ".parquet":
                chunks = parquet(file, wanted)
            else:
                chunks = delimited(file, Delimited(DELIMITERS[_kind(file)]), problems, wanted)
            for chunk in chunks:
                if parted:
                    chunk.columns[SPLIT] = pa.array([_stem(file)] * len(chunk), pa.string())
                yield _repeated(chunk, count, problems) if len(wanted) > len(always) else chunk

    return read


def _repeated(chunk: Chunk, count: str, problems: Problems) -> Chunk:
    """Each row as often as its column says; bad rows are noted and left out."""
    often, bad = number(chunk.columns[count])
    bad = bad | (often < 0) | (often % 1 != 0)
    for row in chunk.rows[bad]:
        problems.note(f"{count} is no whole number", chunk.path, [int(row)], "give how many events the row stands for")
    at = np.repeat(np.arange(len(chunk)), np.where(bad, 0, often).astype(np.int64))
    return Chunk(chunk.path, {n: c.take(pa.array(at)) for n, c in chunk.columns.items() if n != count}, chunk.rows[at])


def read_catalog(path: Path) -> pa.Table:
    """A table of items: text and numbers as they are, `categories` as lists; `item` is who they are."""
    if not path.is_file():
        raise InputError("does not exist", path, "correct the path")
    problems = Problems()
    names = names_of(path)
    lower = [name.lower() for name in names]
    key = next((names[lower.index(n)] for n in KNOWN["item"] if n in lower), None)
    if key is None:
        raise InputError("has no column 'item'", path, f"its columns: {', '.join(names)}")
    how = Delimited(DELIMITERS.get(_kind(path), ","))
    chunks = list(parquet(path) if _kind(path) == ".parquet" else delimited(path, how, problems))
    problems.refuse()
    out = {}
    for name in names:
        column = pa.chunked_array([c.columns[name] for c in chunks], None if chunks else pa.string()).combine_chunks()
        out["item" if name == key else name.lower()] = _told(column, name == key, name.lower())
    return pa.table(out)


def _told(column: pa.Array, key: bool, name: str) -> pa.Array:
    """A column of the catalog: names, lists of categories, numbers where all cells are, else text."""
    if pa.types.is_list(column.type):
        return column
    if key or name in ("title", "text", "categories"):
        column = text(column)
        if name == "categories" and not key:
            return split_text(column, "|")
        return column if key else pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    empty = pc.equal(text(column), "").to_numpy(zero_copy_only=False)
    value, bad = number(column)
    if (bad & ~empty).any() or empty.all():
        return text(column)
    return pa.array(value.astype(float), mask=empty)
