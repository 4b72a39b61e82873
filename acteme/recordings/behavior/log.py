"""A log of users becomes a corpus: each user's events in order, and what was known before the last ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.behavior.codes import Codes, dates, microseconds, number, text
from acteme.recordings.behavior.order import chosen, core, counts, sorted_by, taken
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.remarks import remarks, untold
from acteme.recordings.behavior.spool import Spool, room, steps
from acteme.recordings.behavior.streams import AGAIN, Chunk
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec
from acteme.recordings.unnumbered import Gathering

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {"train": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2}
FEWEST = 3
"""Events of a user from which the last is the test and the one before it the validation."""


@dataclass(frozen=True)
class Columns:
    """Which column of a table says what; empty where none does."""

    user: str = ""
    """Who."""
    item: str = ""
    """What, of a catalog."""
    time: str = ""
    """When: numbers, or dates in ISO 8601. Without it the order of the file is the order of time."""
    outcome: str = ""
    """What came of it: a number."""
    split: str = ""
    """`train`, `val` or `test` of each event; without it the last two events of each user are held out."""
    fields: tuple[str, ...] = ()
    """Further categories."""
    ticks: int = 1
    """Units of `time` in a second, where it holds numbers."""
    threshold: float | None = None
    """With one, the outcome is 1 where the number is at least that, else 0."""
    normal: float | None = None
    """What `outcome` says of a normal event: it is then 0 for these, and 1 for all others."""


class Cells:
    """Checks cells and takes what they say from text; bad rows are noted, and dropped from all columns."""

    def __init__(self, columns: Columns, problems: Problems):
        self.columns, self.problems = columns, problems
        self.dated: bool | None = None

    def time(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """Ticks of each row, and which rows have none."""
        column = chunk.columns[self.columns.time]
        if self.dated is None and len(chunk):
            self.dated = dates(column)
        value, bad = microseconds(column) if self.dated else number(column)
        want = "give dates as 2024-05-31 18:30:00" if self.dated else "give a number, or dates throughout"
        self.note(chunk, self.columns.time, bad, "is no time", want)
        return value, bad

    def outcome(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """What came of each row, and which rows do not say."""
        value, bad = number(chunk.columns[self.columns.outcome])
        bad = bad | (np.abs(value) > np.finfo(np.float32).max)
        self.note(chunk, self.columns.outcome, bad, "is no number", "give a number")
        least, normal = self.columns.threshold, self.columns.normal
        if normal is not None:
            return (value != normal).astype(np.float32), bad
        return (value if least is None else (value >= least).astype(np.float32)), bad

    def split(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """Number of the split of each row, and which rows name another."""
        said = pc.utf8_lower(text(chunk.columns[self.columns.split]))
        at = pc.index_in(said, value_set=pa.array(list(SPLIT_NAMES))).fill_null(-1).to_numpy(zero_copy_only=False)
        self.note(chunk, self.columns.split, at < 0, "is no split", "use train, val or test")
        return np.array([*SPLIT_NAMES.values(), 0], np.int8)[at], at < 0

    def named(self, chunk: Chunk, name: str) -> tuple[pa.Array, np.ndarray]:
        """A column of names, and which rows have none."""
        column = text(chunk.columns[name])
        bad = pc.equal(column, "").to_numpy(zero_copy_only=False)
        self.note(chunk, name, bad, "is empty", AGAIN)
        return column, bad

    def note(self, chunk: Chunk, name: str, bad: np.ndarray, what: str, mend: str) -> None:
        """Notes bad cells of a column."""
        self.problems.cells(chunk.path, chunk.rows, bad, name, chunk.columns[name], what, mend)

    @property
    def ticks(self) -> int:
        return 1_000_000 if self.dated else self.columns.ticks


class Log:
    """A log in the making: rows come in as they stand in the files, a corpus goes out."""

    def __init__(self, columns: Columns, problems: Problems):
        self.columns, self.problems = columns, problems
        self.cells = Cells(columns, problems)
        self.users, self.items = Codes(), Codes()
        self.values = [Codes() for _ in columns.fields]
        self.spools = {"user": Spool(np.int32)}
        if columns.item:
            self.spools["item"] = Spool(np.int32)
        if columns.time:
            self.spools["key"] = Spool(np.int64)
        if columns.outcome:
            self.spools["outcome"] = Spool(np.float32)
        if columns.split:
            self.spools["split"] = Spool(np.int8)
        if columns.fields:
            self.spools["field"] = Spool(np.int32, len(columns.fields))

    def add(self, chunk: Chunk) -> None:
        """Takes some rows; those that are bad are noted and left out."""
        if not len(chunk):
            return
        c, bad = self.columns, np.zeros(len(chunk), bool)
        names: dict[str, pa.Array] = {}
        numbers: dict[str, np.ndarray] = {}
        for what, column in (("user", c.user), ("item", c.item)):
            if column:
                names[what], wrong = self.cells.named(chunk, column)
                bad = bad | wrong
        ways = (("key", c.time, self.cells.time), ("outcome", c.outcome, self.cells.outcome),
                ("split", c.split, self.cells.split))  # fmt: skip
        for what, column, read in ways:
            if column:
                numbers[what], wrong = read(chunk)
                bad = bad | wrong
        good = ~bad
        mask = pa.array(good)
        for what, codes in (("user", self.users), ("item", self.items)):
            if what in names:
                self.spools[what].append(codes.of(names[what].filter(mask)))
        for what, values in numbers.items():
            kept = values[good]
            self.spools[what].append(kept.astype(np.float32) if what == "outcome" else kept)
        if c.fields:
            coded = [k.of(text(chunk.columns[f]).filter(mask)) for k, f in zip(self.values, c.fields, strict=True)]
            self.spools["field"].append(np.stack(coded, 1))

    def corpus(
        self,
        files: Sequence[Path],
        least: int = 0,
        rare: int = 1,
        catalog: Callable[[pa.Array], pa.Table] | None = None,
        *,
        shortest: int = 0,
        numeric: bool = False,
        notes: Sequence[str] = (),
    ) -> Corpus:
        """The corpus of all rows that came in.

        Args:
            files: what was read.
            least: drop users and items with fewer events, again and again until none has.
            rare: values of fields with fewer events in the training split become 0, as unknown ones.
            catalog: what is known of items, by their names in order; their names alone unless given.
            shortest: drop users with fewer events, once.
            numeric: give items whose names are all whole numbers their numbers in that order, so that those of a data
                set that counts from 1 stay as they are; otherwise in the order in which they occur.
            notes: what to say of the data first.

        Raises:
            InputError: no event is left.
        """
        arrays = {name: spool.array() for name, spool in self.spools.items()}
        users, items = self.users.names, self.items.names
        if not len(arrays["user"]):
            first = f": all rows are bad, the first: {self.problems.lines[0]}" if self.problems.lines else ""
            raise InputError(f"has no events{first}", files[0], "give a table with a row per event")
        told = list(notes)
        if least > 1:
            kept = core(arrays["user"], arrays.get("item", arrays["user"]), len(users), max(len(items), len(users)),
                        least)  # fmt: skip
            what = (f"no user and item have {least} events or more", "give a lower core")
            told.append(_left_out(kept, f"are not in the {least}-core", what, files[0]))
            arrays = {name: chosen(value, kept) for name, value in arrays.items()}
        if shortest > 1:
            few = counts(arrays["user"], len(users)) < shortest
            kept = np.ones(len(arrays["user"]), bool)
            for a, b in steps(len(kept)):
                kept[a:b] = ~few[arrays["user"][a:b]]
            what = (f"no user has {shortest} events or more", "give a lower shortest")
            told.append(_left_out(kept, f"are of users with fewer than {shortest}", what, files[0]))
            arrays = {name: chosen(value, kept) for name, value in arrays.items()}
        if max(least, shortest) > 1:
            users = _renumber(arrays["user"], users)
            items = _renumber(arrays["item"], items) if "item" in arrays else items
        if numeric and "item" in arrays:
            items = _in_order(arrays["item"], items)
        order = self._order(arrays, len(users))
        arrays = {name: taken(value, order) for name, value in arrays.items()}
        size = counts(arrays["user"], len(users))
        held = _held_out(arrays, size)
        told += remarks(arrays, order, size, held, len(items))
        spec, out, values, cells = self._arrays(arrays, size, held, len(items), rare)
        table = _table(users, size, held)
        tokens = catalog(items) if catalog else pa.table({"item": items})
        told += untold(tokens)
        nothing = Segments(*(np.zeros(0, t) for t in (np.int64, float, float, np.int64, float)))
        return Corpus(spec, out, table, nothing, left_out=self.problems.told(), values=values, unnumbered=cells,
                      files=tuple(files), catalog=tokens if "item" in out else None, notes=tuple(told))  # fmt: skip

    def _order(self, arrays: dict[str, np.ndarray], users: int) -> np.ndarray:
        """The stable order by user, split where it is given, and time."""
        group, key = arrays["user"], arrays.get("key", np.zeros(1, np.int8))
        if "key" not in arrays:
            key = np.broadcast_to(key, group.shape)
        if "split" in arrays:
            both = room(group.shape, np.int64)
            for a, b in steps(len(group)):
                both[a:b] = group[a:b].astype(np.int64) * len(SPLITS) + arrays["split"][a:b]
            return sorted_by(both, key, users * len(SPLITS))
        return sorted_by(group, key, users)

    def _arrays(
        self, arrays: dict[str, np.ndarray], size: np.ndarray, held: list[np.ndarray], items: int, rare: int
    ) -> tuple[Spec, dict[str, np.ndarray], pa.Table | None, pa.Table | None]:
        """The sorted columns as arrays of a corpus: numbers from 1, seconds, rare values 0; and what fields say, by
        number and where it is 0."""
        c, out = self.columns, {}
        start = np.cumsum(size) - size
        total, ticks = int(size.sum()), self.cells.ticks
        train = _train_frames(size, held, "split" in arrays)
        if "item" in arrays:
            out["item"] = arrays["item"]
        out["when"] = room((total,), np.int64)
        seen = [np.zeros(len(codes), np.int64) for codes in self.values]
        for a, b in steps(total):
            user = np.asarray(arrays["user"][a:b])
            step = np.arange(a, b) - start[user]
            out["when"][a:b] = np.floor_divide(arrays["key"][a:b], ticks) if "key" in arrays else step
            if "item" in out:
                out["item"][a:b] += 1
            for f, some in enumerate(seen):
                some += np.bincount(arrays["field"][a:b, f][step < train[user]], minlength=len(some))
        values = unnumbered = None
        sizes: list[int] = []
        if c.fields:
            names, cells = [codes.names for codes in self.values], Gathering()
            new, sizes, values = frequent(c.fields, names, seen, rare)
            out["field"] = arrays["field"]
            for a, b in steps(total):
                for f, to in enumerate(new):
                    code = np.asarray(out["field"][a:b, f])
                    lost = np.flatnonzero(to[code] == 0)
                    cells.add(c.fields[f], a + lost, names[f], code[lost])
                    out["field"][a:b, f] = to[code]
            unnumbered = cells.table()
        if "outcome" in arrays:
            out["outcome"] = arrays["outcome"]
        count = items if "item" in out else 0
        return Spec(fps=1.0, items=count, fields=c.fields, sizes=tuple(sizes)), out, values, unnumbered


def frequent(
    fields: Sequence[str], names: Sequence[pa.Array], seen: Sequence[np.ndarray], rare: int
) -> tuple[list[np.ndarray], list[int], pa.Table]:
    """New numbers for the values of fields: from 1 by how often each is seen; 0: less than `rare` times.

    Empty text is 0, too: nothing is known.

    Returns:
        for each field the new number of each value; how many there are, with 0; and the table of `Corpus.values`.
    """
    new, sizes, tables = [], [], []
    for field, name, often in zip(fields, names, seen, strict=True):
        often = np.where(pc.equal(name, "").to_numpy(zero_copy_only=False), 0, often)
        by = np.argsort(-often, kind="stable")
        by = by[often[by] >= max(rare, 1)]
        to = np.zeros(len(often), np.int32)
        to[by] = np.arange(1, len(by) + 1)
        new.append(to)
        sizes.append(len(by) + 1)
        columns = {"field": pa.array([field] * len(by), pa.string()), "number": np.arange(1, len(by) + 1)}
        tables.append(pa.table({**columns, "value": name.take(pa.array(by))}))
    return new, sizes, pa.concat_tables(tables)


def _left_out(kept: np.ndarray, which: str, otherwise: tuple[str, str], path: Path) -> str:
    """A line on what is not kept."""
    if not kept.any():
        raise InputError(otherwise[0], path, otherwise[1])
    return f"{len(kept) - int(kept.sum())} of {len(kept)} events {which}: they are left out"


def _in_order(number: np.ndarray, names: pa.Array) -> pa.Array:
    """Numbers what is named by whole numbers in their order, in place; returns the names in it."""
    if not pc.all(pc.match_substring_regex(names, r"^\d{1,18}$")).as_py():
        return names
    by = np.argsort(names.cast(pa.int64()).to_numpy(zero_copy_only=False), kind="stable")
    new = np.empty(len(by), number.dtype)
    new[by] = np.arange(len(by))
    for a, b in steps(len(number)):
        number[a:b] = new[number[a:b]]
    return names.take(pa.array(by))


def _renumber(number: np.ndarray, names: pa.Array) -> pa.Array:
    """Numbers what still occurs anew, in the old order, in place; returns the names that are left."""
    used = counts(number, len(names)) > 0
    new = (np.cumsum(used) - 1).astype(number.dtype)
    for a, b in steps(len(number)):
        number[a:b] = new[number[a:b]]
    return names.filter(pa.array(used))


def _held_out(arrays: dict[str, np.ndarray], size: np.ndarray) -> list[np.ndarray]:
    """Where the events stand that are to be predicted: of `val`, and of `test`."""
    if "split" in arrays:
        return [np.flatnonzero(np.asarray(arrays["split"]) == k) for k in (1, 2)]
    last = (np.cumsum(size) - 1)[size >= FEWEST]
    return [last - 1, last]


def _train_frames(size: np.ndarray, held: list[np.ndarray], given: bool) -> np.ndarray:
    """How many events of each user are for training: they come first."""
    if not given:
        return np.where(size >= FEWEST, size - 2, size)
    user = np.searchsorted(np.cumsum(size), np.concatenate(held), "right")
    return size - np.bincount(user, minlength=len(size))


def _table(users: pa.Array, size: np.ndarray, held: list[np.ndarray]) -> dict[str, np.ndarray]:
    """A row per user of what is for training, and one per event that is held out, with all that came before it."""
    end = np.cumsum(size)
    owner = [np.searchsorted(end, at, "right") for at in held]
    train = size - np.bincount(np.concatenate(owner), minlength=len(size))
    some = np.flatnonzero(train)
    who = np.concatenate([some, *owner])
    start = (end - size)[who]
    frames = np.concatenate([train[some], *(at + 1 for at in held)])
    frames[len(some) :] -= start[len(some) :]
    split = np.repeat(np.array(SPLITS), [len(some), *map(len, held)])
    subject = users.to_numpy(zero_copy_only=False).astype(str)[who]
    turn = np.concatenate([np.zeros(len(some), np.int64), *map(_turns, owner)])
    name = np.char.add(np.char.add(subject, "/"), split)
    more = turn > 0
    if more.any():
        name = np.where(more, np.char.add(np.char.add(name, "/"), (turn + 1).astype(str)), name)
    none = np.zeros(len(who), "<U1")
    return {
        "name": name, "split": split, "subject": subject, "camera": none, "text": none, "offset": start,
        "frames": frames, "fps": np.ones(len(who)), "label": np.full(len(who), -1),
    }  # fmt: skip


def _turns(owner: np.ndarray) -> np.ndarray:
    """Of sorted owners: how many of the same came before each."""
    return np.arange(len(owner)) - np.searchsorted(owner, owner)
