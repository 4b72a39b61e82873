"""Spans of words with a number, any number of them in each recording: arguments of events, mentions of entities."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Int

COLUMNS = ("recording", "start", "end", "number")


@dataclass(frozen=True)
class Spans:
    """Columns, ordered by recording (a row of the corpus's table)."""

    recording: Int[np.ndarray, " n"]
    """Which recording the span belongs to."""
    start: Int[np.ndarray, " n"]
    """First word of the recording, from 0; negative where the span lies before it."""
    end: Int[np.ndarray, " n"]
    """One past the last word."""
    number: Int[np.ndarray, " n"]
    """Role of an argument (-1: one that the data's ontology has not), entity of a mention."""

    def __len__(self) -> int:
        return len(self.recording)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int, int]]) -> "Spans":
        """From (recording, start, end, number) of each span."""
        return cls(*np.array(list(rows), np.int64).reshape(-1, 4).T.copy())

    @classmethod
    def from_table(cls, table: pa.Table) -> "Spans":
        """From what `table` gave. Raises KeyError where a column is missing."""
        return cls(*(table[name].to_numpy() for name in COLUMNS))

    def table(self) -> pa.Table:
        return pa.table({name: pa.array(getattr(self, name)) for name in COLUMNS})

    def take(self, rows: Int[np.ndarray, " r"]) -> "Spans":
        """The spans of some recordings; `recording` is then the position within `rows`."""
        first, count = self._runs(rows)
        place = np.repeat(np.arange(len(rows)), count)
        at = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
        return Spans(place, self.start[at], self.end[at], self.number[at])

    def padded(self, rows: Int[np.ndarray, " r"], shift: Int[np.ndarray, " r"]) -> Int[np.ndarray, "r a 3"]:
        """Start, end and number of the spans of some recordings, padded with -1 to the most that one has.

        Args:
            rows: the recordings.
            shift: word of each that counts as 0.
        """
        some = self.take(rows)
        _, count = self._runs(rows)
        out = np.full((len(rows), int(count.max(initial=0)), 3), -1, np.int64)
        place = np.arange(len(some)) - np.repeat(np.cumsum(count) - count, count)
        moved = shift[some.recording]
        out[some.recording, place] = np.stack([some.start - moved, some.end - moved, some.number], 1)
        return out

    def _runs(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the spans of each recording begin, and how many there are."""
        first, last = np.searchsorted(self.recording, [rows, np.asarray(rows) + 1])
        return first, last - first
