"""Tables as streams of columns, with the line of each row: CSV and its kin, and Parquet. Any size streams.

Rows that cannot be taken apart are noted and left out; what is in the cells is not judged here.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from acteme.errors import InputError
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.watching import tell

BLOCK = 1 << 24
"""Bytes of text per chunk."""
ROWS = 1 << 18
"""Rows per chunk of a Parquet file."""
UNIT = "\x1f"
"""Stands for a separator of several characters while pyarrow reads."""
MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What stands between cells."""
AGAIN = "mend or delete the row"


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table."""

    path: Path
    columns: dict[str, pa.Array]
    """Name to values: text as it stands in the file, or what a Parquet file holds."""
    rows: np.ndarray
    """Line of each row in its file, from 1 (of Parquet the number of the row)."""

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, kept: np.ndarray) -> "Chunk":
        """The rows under a mask."""
        if kept.all():
            return self
        mask = pa.array(kept)
        return Chunk(self.path, {n: c.filter(mask) for n, c in self.columns.items()}, self.rows[kept])


@dataclass(frozen=True)
class Delimited:
    """How a text table is written."""

    delimiter: str = ","
    names: tuple[str, ...] = ()
    """Names of the columns where the file has no header."""
    encoding: str = "utf8"
    quoted: bool = True
    """Whether cells may stand in quotes."""


def header(path: Path, how: Delimited) -> list[str]:
    """Names of the columns: the file's first line, unless `how` knows them."""
    if how.names:
        return list(how.names)
    try:
        with opened(path) as file:
            line = file.stream.read(1 << 16).split(b"\n")[0].rstrip(b"\r").decode(how.encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, OSError) as error:
        raise unreadable(path, error) from error
    names = line.split(how.delimiter) if not how.quoted else next(csv.reader([line], delimiter=how.delimiter), [])
    names = [name.strip() for name in names]
    if not any(names):
        raise InputError("is empty", path, "give a table whose first line names its columns")
    if len(names) == 1 and (others := [mark for mark in MARKS if mark != how.delimiter and mark in line]):
        what = f"has one column, '{names[0][:60]}', with {MARKS[others[0]]} in its name"
        raise InputError(what, f"{path} line 1", f"put {MARKS.get(how.delimiter, how.delimiter)} between cells")
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"has two columns '{min(twice)}'", f"{path} line 1", "give each column its own name")
    return names


def delimited(path: Path, how: Delimited, problems: Problems, wanted: Sequence[str] = ()) -> Iterator[Chunk]:
    """Streams a text table; cells are text, and empty rows are passed over.

    Args:
        path: the file; one that ends in .gz is unpacked as it is read.
        how: how it is written.
        problems: takes rows with too few or too many cells.
        wanted: names of the columns to read; all unless given.

    Raises:
        InputError: the file is not there, is no text, or has no such column.
    """
    names = header(path, how)
    wanted = list(wanted) or names
    if missing := [name for name in wanted if name not in names]:
        raise InputError(f"has no column '{missing[0]}'", path, f"its columns: {', '.join(names)}")
    skipped: list[int] = []

    def skip(row: pacsv.InvalidRow) -> str:
        skipped.append(row.number)
        if row.text.strip():
            cells = f"{row.actual_columns} cell{'s' * (row.actual_columns != 1)}"
            problems.note(f"{cells} in {row.expected_columns} columns", path, [row.number], AGAIN)
        return "skip"

    first = 1 if how.names else 2
    done = 0
    single = len(how.delimiter) == 1
    try:
        with opened(path) as file, pacsv.open_csv(
            file.stream if single else _Replaced(file.stream, how.delimiter.encode(), UNIT.encode()),
            pacsv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names, skip_rows=first - 1,
                              encoding=how.encoding),
            pacsv.ParseOptions(delimiter=how.delimiter if single else UNIT, ignore_empty_lines=False,
                               quote_char='"' if how.quoted else False, newlines_in_values=False,
                               invalid_row_handler=skip),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted,
                                 strings_can_be_null=False),
        ) as reader:  # fmt: skip
            for batch in reader:
                chunk = Chunk(path, {n: batch[n] for n in wanted}, _numbers(first, done, batch.num_rows, skipped))
                done += batch.num_rows
                file.tell()
                yield chunk.select(_filled(chunk))
    except (pa.ArrowException, OSError, EOFError) as error:
        raise unreadable(path, error) from error


def parquet(path: Path, wanted: Sequence[str] = ()) -> Iterator[Chunk]:
    """Streams a Parquet file; numbers and times stay what they are. Raises InputError where it is none."""
    try:
        file = pq.ParquetFile(path)
        names = list(file.schema_arrow.names)
        if missing := [name for name in wanted if name not in names]:
            raise InputError(f"has no column '{missing[0]}'", path, f"its columns: {', '.join(names)}")
        done = 0
        for batch in file.iter_batches(ROWS, columns=list(wanted) or names):
            columns = {n: _plain(batch[n]) for n in batch.schema.names}
            yield Chunk(path, columns, np.arange(done + 1, done + len(batch) + 1))
            done += len(batch)
            tell(done, file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"is no Parquet file ({said(error)})", path, "write it again") from error


@dataclass(frozen=True)
class Source:
    """A file that is being read."""

    stream: pa.NativeFile
    """What it holds; of one that ends in .gz, unpacked."""
    raw: pa.NativeFile
    """The file as it lies there."""

    def tell(self) -> None:
        """Tells who is watching how much of it is read."""
        tell(self.raw.tell(), self.raw.size())


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Opens a file to read; one that ends in .gz is unpacked as it is read."""
    with pa.OSFile(str(path)) as raw:
        if path.suffix == ".gz":
            with pa.CompressedInputStream(raw, "gzip") as stream:
                yield Source(stream, raw)
        else:
            yield Source(raw, raw)


class _Replaced(io.RawIOBase):
    """A stream with one text in the place of another, which two reads may cut."""

    def __init__(self, stream: pa.NativeFile, old: bytes, new: bytes):
        self.stream, self.old, self.new, self.rest = stream, old, new, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            more = self.stream.read(size)
            found = (self.rest + more).replace(self.old, self.new)
            cut = next((k for k in range(len(self.old) - 1, 0, -1) if more and found.endswith(self.old[:k])), 0)
            out, self.rest = found[: len(found) - cut], found[len(found) - cut :]
            if out or not more:  # nothing would be the end
                return out


def _numbers(first: int, done: int, count: int, skipped: list[int]) -> np.ndarray:
    """Lines of the next rows: those from `first` on of which some were skipped."""
    rows = first + done + np.arange(count)
    return rows + np.searchsorted(np.array(skipped, np.int64) - np.arange(len(skipped)), rows, "right")


def _filled(chunk: Chunk) -> np.ndarray:
    """Which rows have anything in their cells."""
    filled = np.zeros(len(chunk), bool)
    for column in chunk.columns.values():
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
        if filled.all():
            break
    return filled


def _plain(column: pa.Array) -> pa.Array:
    """A column without dictionary, and text of one kind."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def unreadable(path: Path, error: Exception) -> InputError:
    """What is wrong with a file, with the line where that can be found."""
    if isinstance(error, FileNotFoundError):
        return InputError("does not exist", path, "correct the path")
    if isinstance(error, pa.ArrowInvalid | UnicodeDecodeError) and path.suffix != ".gz":
        with path.open("rb") as file:
            for k, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return InputError("is not UTF-8 text", f"{path} line {k}", "save the table in UTF-8")
    return InputError(f"cannot be read ({said(error)})", path, "give the file as it was published, whole")


def said(error: Exception) -> str:
    """The first line of what is wrong."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a small text file, of UTF-8 or else Latin-1, with their numbers."""
    raw = path.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    yield from enumerate(io.StringIO(text), 1)
