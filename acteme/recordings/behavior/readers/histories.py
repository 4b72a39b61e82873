"""Histories a line each, `user item item ...`, in the order of time: as S3-Rec, ICSRec, OpenP5 and others ship data."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acteme.recordings.behavior.items import joined
from acteme.recordings.behavior.log import Columns, Log
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.readers.events import read_catalog
from acteme.recordings.behavior.streams import AGAIN, BLOCK, Chunk, opened, unreadable
from acteme.recordings.corpus import Corpus


def histories(path: Path, core: int = 0, catalog: Path | None = None) -> Corpus:
    """Histories of users, a line each: `user item item ...`, the oldest item first, with spaces or tabs between.

    Recordings are as in `events`, and the time of an event is its place. Items keep their numbers where these go from 1
    without gaps, so that published weights fit.

    Args:
        path: the file, which may end in .gz.
        core: drop users and items with fewer events, again and again until none has; 0 keeps all.
        catalog: a CSV or Parquet file with a column `item` and further ones: `title`, `text`, `categories` (with |
            between) and numbers.

    Raises:
        InputError: the file is not there, is no text, or a line has a user and no items.
    """
    problems = Problems()
    log = Log(Columns("user", "item"), problems)
    for chunk in _events(path, problems):
        log.add(chunk)
    known = joined(read_catalog(catalog)) if catalog else None
    return log.corpus([path, *([catalog] if catalog else [])], core, catalog=known, numeric=True)


def _events(path: Path, problems: Problems) -> Iterator[Chunk]:
    """A row per event."""
    line, rest = 1, b""
    try:
        with opened(path) as file:
            while block := file.stream.read(BLOCK):
                file.tell()
                whole, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    yield _taken_apart(path, whole.decode(), line, problems)
                    line += whole.count(b"\n") + 1
        if rest.strip():
            yield _taken_apart(path, rest.decode(), line, problems)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def _taken_apart(path: Path, piece: str, line: int, problems: Problems) -> Chunk:
    rows = pc.utf8_trim_whitespace(pa.array(piece.split("\n"), pa.string()))
    number = line + np.arange(len(rows))
    filled = pc.not_equal(rows, "")
    rows, number = rows.filter(filled), number[filled.to_numpy(zero_copy_only=False)]
    words = pc.utf8_split_whitespace(rows)
    length = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    for k in np.flatnonzero(length < 2):
        problems.note("has a user and no items", path, [int(number[k])], AGAIN)
    flat = words.flatten()
    first = np.cumsum(length) - length
    user = flat.take(pa.array(np.repeat(first, length - 1)))
    items = np.ones(len(flat), bool)
    items[first] = False
    return Chunk(path, {"user": user, "item": flat.filter(pa.array(items))}, np.repeat(number, length - 1))
