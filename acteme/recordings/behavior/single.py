"""A log without users becomes a corpus: the events of each split as one long recording."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.behavior.codes import text
from acteme.recordings.behavior.log import SPLITS, Cells, Columns
from acteme.recordings.behavior.order import counts, sorted_by, taken
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.ranges import Ranges, numbers
from acteme.recordings.behavior.spool import Spool, room, steps
from acteme.recordings.behavior.streams import Chunk
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.unnumbered import Gathering, permuted

MANY = 50
"""Different numbers of a field from which on they may be measured rather than names."""


@dataclass(frozen=True)
class Bins:
    """How numbers become categories."""

    count: int = 0
    """Ranges of a column of numbers that has more different ones; 0: each number is a category."""
    columns: tuple[str, ...] = ()
    """Which columns are cut; else all such."""

    def __post_init__(self) -> None:
        if self.count < 0 or self.count == 1:
            raise InputError(f"bins is {self.count}", "option", "give 2 or more, or 0 for none")
        if self.columns and not self.count:
            raise InputError("columns are to be cut, but not into how many ranges", "option 'cut'", "give bins as well")


@dataclass(frozen=True)
class Shares:
    """Which events are for validation and which for the test, where no column says so."""

    val: float = 0.1
    """Share of the events."""
    test: float = 0.1
    """Share of the events."""
    shuffle: bool = False
    """Draw them; else they are the last ones in the order of time, or of the file where there are no times."""
    seed: int = 0
    """Of the draw."""

    def __post_init__(self) -> None:
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise InputError(f"val and test are {self.val:g} and {self.test:g}", "option", "let some be for training")

    def of(self, count: int, key: np.ndarray | None) -> np.ndarray:
        """(n,) int8: the split of each event, with its time."""
        train = round(count * (1 - self.val - self.test))
        val = round(count * (1 - self.test)) - train
        split = np.repeat(np.arange(3, dtype=np.int8), [train, val, count - train - val])
        if self.shuffle:
            return np.random.default_rng(self.seed).permutation(split)
        if key is None:
            return split
        out = np.empty(count, np.int8)
        out[np.argsort(key, kind="stable")] = split
        return out


class Counts:
    """How often each text occurs, of more texts than one would like to look through for each chunk."""

    def __init__(self) -> None:
        self.known = pa.table({"value": pa.array([], pa.string()), "count": pa.array([], pa.int64())})
        self.new: list[pa.Table] = []
        self.waiting = 0

    def add(self, column: pa.Array) -> None:
        """Counts a column; what is new is merged when it is as much as what is known."""
        found = pc.value_counts(column)
        self.new.append(pa.table({"value": found.field("values"), "count": found.field("counts")}))
        self.waiting += len(found)
        if self.waiting > max(len(self.known), 1 << 16):
            self.merge()

    def merge(self) -> None:
        """Brings the counts together."""
        merged = pa.concat_tables([self.known, *self.new]).group_by("value").aggregate([("count", "sum")])
        self.known = merged.rename_columns({"count_sum": "count"}).select(["value", "count"])
        self.new, self.waiting = [], 0

    def rename(self, ranges: Ranges) -> None:
        """Counts the ranges that numbers are in instead."""
        self.merge()
        value = ranges.named(self.known["value"].combine_chunks())
        self.new, self.known = [pa.table({"value": value, "count": self.known["count"]})], self.known.slice(0, 0)

    def frequent(self, least: int) -> pa.Array:
        """The texts that occur as often as that, the most frequent first, then by name; the empty one is none."""
        self.merge()
        kept = self.known.filter((pc.field("count") >= least) & (pc.field("value") != ""))
        by = pc.sort_indices(kept, [("count", "descending"), ("value", "ascending")])
        return kept["value"].take(by).combine_chunks()


def single(
    read: Callable[[], Iterator[Chunk]],
    columns: Columns,
    problems: Problems,
    files: Sequence[Path],
    shares: Shares,
    rare: int,
    notes: Sequence[str] = (),
    bins: Bins | None = None,
) -> Corpus:
    """The corpus of events that have no user; the files are read twice more once it is known which rows are good.

    Args:
        read: streams the rows, the same each time.
        columns: what they say; `user` and `item` are not looked at.
        problems: takes bad rows.
        files: what is read.
        shares: how events are split where no column says so.
        rare: values with fewer events in the training split become 0, as unknown ones.
        notes: what to say of the data.
        bins: how numbers become categories, where that can be said.

    Raises:
        InputError: there are no good rows, or none for training, or a column that is to be cut has no numbers.
    """
    plain = _Plain(columns, problems)
    for chunk in read():
        plain.add(chunk)
    bad, noted = plain.bad.array(), (problems.errors.copy(), problems.count)
    arrays = {name: spool.array() for name, spool in plain.spools.items()}
    count = int(len(bad) - bad.sum())
    if not count:
        first = f": all rows are bad, the first: {problems.lines[0]}" if problems.lines else ""
        raise InputError(f"has no events{first}", files[0], "give a table with a row per event")
    split = arrays.pop("split") if columns.split else shares.of(count, arrays.get("key"))
    if not (np.asarray(split) == 0).any():
        raise InputError("has no events for training", files[0], "leave some to the split train")
    often = [Counts() for _ in columns.fields]
    for chunk, part in _good(read, bad, split):
        train = chunk.select(part == 0)
        for field, some in zip(columns.fields, often, strict=True):
            some.add(text(train.columns[field]))
    ranges, told = _cut(columns.fields, often, bins, files)
    names = [some.frequent(max(rare, 1)) for some in often]
    coded, cells, row = Spool(np.int32, len(columns.fields)), Gathering(), 0
    for chunk, part in _good(read, bad, split):
        said = [text(chunk.columns[f]) for f in columns.fields]
        said = [t if r is None else r.named(t) for t, r in zip(said, ranges, strict=True)]
        found = [pc.index_in(t, value_set=n).fill_null(-1) for t, n in zip(said, names, strict=True)]
        number = np.stack([c.to_numpy(zero_copy_only=False) + 1 for c in found], 1)
        for f, name in enumerate(columns.fields):
            lost = np.flatnonzero(number[:, f] == 0)
            cells.add(name, row + lost, said[f], lost)
        coded.append(number)
        row += len(part)
    problems.errors, problems.count = noted
    sizes = counts(split, len(SPLITS))
    order = sorted_by(split, arrays.get("key", np.broadcast_to(np.int8(0), split.shape)), len(SPLITS))
    out = {"field": taken(coded.array(), order)}
    if "outcome" in arrays:
        out["outcome"] = taken(arrays["outcome"], order)
    if "key" in arrays:
        out["when"] = room((count,), np.int64)
        for a, b in steps(count):
            out["when"][a:b] = np.floor_divide(arrays["key"][order[a:b]], plain.cells.ticks)
    unnumbered = permuted(cells.table(), ((a, np.asarray(order[a:b])) for a, b in steps(count)))
    tables = [pa.table({"field": pa.array([f] * len(n), pa.string()), "number": np.arange(1, len(n) + 1), "value": n})
              for f, n in zip(columns.fields, names, strict=True)]  # fmt: skip
    spec = Spec(fps=1.0, fields=columns.fields, sizes=tuple(len(n) + 1 for n in names))
    nothing = Segments(*(np.zeros(0, t) for t in (np.int64, float, float, np.int64, float)))
    return Corpus(spec, out, _rows(sizes), nothing, left_out=problems.told(), values=pa.concat_tables(tables),
                  unnumbered=unnumbered, files=tuple(files), notes=(*notes, *told))  # fmt: skip


def _cut(
    fields: Sequence[str], often: Sequence[Counts], bins: Bins | None, files: Sequence[Path]
) -> tuple[list[Ranges | None], list[str]]:
    """The ranges of each field, by its values in training, which are counted by them from now on; and what to say of
    numbers that are left as they are."""
    found, told = [], []
    for field, some in zip(fields, often, strict=True):
        some.merge()
        values, count = (some.known[name].combine_chunks() for name in ("value", "count"))
        wanted = bins is not None and bins.count and (not bins.columns or field in bins.columns)
        ranges = Ranges.of(values, count.to_numpy(), bins.count) if bins is not None and wanted else None
        found.append(ranges)
        if ranges is not None:
            some.rename(ranges)
        elif bins is not None:
            value = numbers(values)
            if value is None and field in bins.columns:
                raise InputError(f"'{field}' has other values than numbers", files[0], "name columns of numbers in cut")
            if value is not None and len(value) >= MANY:
                told.append(f"{field} has {len(value):,} different numbers, each a value of its own: if they measure "
                            f"something, make ranges of them with ?bins=10&cut={field}")  # fmt: skip
    return found, told


class _Plain:
    """The numbers of events, and which rows are bad."""

    def __init__(self, columns: Columns, problems: Problems):
        self.columns, self.cells = columns, Cells(columns, problems)
        self.bad = Spool(np.bool_)
        self.spools: dict[str, Spool] = {}
        if columns.time:
            self.spools["key"] = Spool(np.int64)
        if columns.outcome:
            self.spools["outcome"] = Spool(np.float32)
        if columns.split:
            self.spools["split"] = Spool(np.int8)

    def add(self, chunk: Chunk) -> None:
        c, bad = self.columns, np.zeros(len(chunk), bool)
        found: dict[str, np.ndarray] = {}
        ways = (("key", c.time, self.cells.time), ("outcome", c.outcome, self.cells.outcome),
                ("split", c.split, self.cells.split))  # fmt: skip
        for what, column, look in ways:
            if column and len(chunk):
                found[what], wrong = look(chunk)
                bad = bad | wrong
        for what, values in found.items():
            self.spools[what].append(values[~bad].astype(np.float32) if what == "outcome" else values[~bad])
        self.bad.append(bad)


def _good(
    read: Callable[[], Iterator[Chunk]], bad: np.ndarray, split: np.ndarray
) -> Iterator[tuple[Chunk, np.ndarray]]:
    """The good rows once more, with the split of each."""
    row = kept = 0
    for chunk in read():
        good = ~np.asarray(bad[row : row + len(chunk)])
        row += len(chunk)
        some = int(good.sum())
        if some:
            yield chunk.select(good), np.asarray(split[kept : kept + some])
        kept += some


def _rows(sizes: np.ndarray) -> dict[str, np.ndarray]:
    """A row per split that has events."""
    some = np.flatnonzero(sizes)
    none = np.zeros(len(some), "<U1")
    split = np.array(SPLITS)[some]
    return {
        "name": split, "split": split, "subject": none, "camera": none, "text": none,
        "offset": (np.cumsum(sizes) - sizes)[some], "frames": sizes[some], "fps": np.ones(len(some)),
        "label": np.full(len(some), -1),
    }  # fmt: skip
