"""Names for the numbers of a log: of items, of values of fields, of moments."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from acteme.recordings.corpus import Corpus

UNKNOWN = "?"
"""Stands for a value of which nobody knows what it was."""
LONG_AGO = 100_000_000
"""From here on a number of seconds is a date (1973); below it counts the steps of a log."""


@dataclass(frozen=True)
class Words:
    """Names of what is in a log."""

    corpus: Corpus

    @cached_property
    def items(self) -> list[str]:
        """Name of each item; item k at k, and nothing at 0."""
        known = self.corpus.catalog
        if known is None:
            return ["", *map(str, range(1, self.corpus.spec.items + 1))]
        return ["", *map(str, known["item"].to_pylist())]

    @cached_property
    def titles(self) -> list[str]:
        """Title of each item, as `items`; empty where there is none."""
        known = self.corpus.catalog
        if known is None or "title" not in known.column_names:
            return [""] * (self.corpus.spec.items + 1)
        return ["", *(title or "" for title in known["title"].to_pylist())]

    @cached_property
    def values(self) -> list[list[str]]:
        """Name of each value of each field."""
        out = [[UNKNOWN, *map(str, range(1, size))] for size in self.corpus.spec.sizes]
        if self.corpus.values is not None:
            at = {name: k for k, name in enumerate(self.corpus.spec.fields)}
            for row in self.corpus.values.to_pylist():
                if row["field"] in at:
                    out[at[row["field"]]][row["number"]] = row["value"]
        return out

    def said(self, position: int) -> tuple[tuple[str, str], ...]:
        """The fields of the event at a position of the arrays as names and values."""
        new, field = self.new(position), self.corpus.arrays["field"][position].tolist()
        named = zip(self.corpus.spec.fields, self.values, field, strict=True)
        return tuple((name, new.get(name, values[number])) for name, values, number in named)

    def new(self, position: int) -> dict[str, str]:
        """Those values of the event that training met too rarely to know them, or never, by their fields."""
        if self.corpus.unnumbered is None:
            return {}
        a, b = np.searchsorted(self._places, [position, position + 1])
        some = self.corpus.unnumbered.slice(a, b - a)
        told = dict(zip(some["field"].to_pylist(), some["value"].to_pylist(), strict=True))
        return {name: told[name] for name in self.corpus.spec.fields if name in told}

    @cached_property
    def _places(self) -> np.ndarray:
        assert self.corpus.unnumbered is not None
        return self.corpus.unnumbered["position"].to_numpy()

    def numbers(self, positions: np.ndarray, events: np.ndarray) -> np.ndarray:
        """Numbers of events at positions of the arrays: those that they had before some others were left out."""
        return events if self.corpus.places is None else self.corpus.places[positions]

    def moments(self, positions: np.ndarray, events: np.ndarray) -> list[str]:
        """When the events at positions of the arrays were; by their numbers where the log does not say."""
        if "when" not in self.corpus.arrays:
            return [str(n) for n in events.tolist()]
        return [moment(n) for n in self.corpus.arrays["when"][positions].tolist()]


def moment(when: int) -> str:
    """Seconds since 1970 as date and time (UTC); a small number, which counts steps, as it is."""
    if when < LONG_AGO:
        return str(when)
    try:
        return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        return str(when)
