"""What prediction and encoding are given, as recordings that are read one at a time, in whatever process."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from acteme.engine.share import Shared, share
from acteme.errors import DataWarning, InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Item, Recording
from acteme.recordings.spec import Spec

Input: TypeAlias = str | Path | Corpus | Recording
"""A DATA string, a path, recordings in memory, or one recording in the run's own layout."""

MOST = 64
"""Recordings of a part that is worked on at a time."""


@dataclass(frozen=True)
class Part:
    """Recordings of one data set, not read yet; small enough to be sent to another process."""

    spec: Spec | None
    """What the data set is; None for recordings in the layout of the run."""
    recordings: tuple[Recording, ...] = ()
    """In memory,"""
    items: tuple[Item, ...] = ()
    """or files,"""
    rows: tuple[int, ...] = ()
    """or rows"""
    corpus: Shared | None = None
    """of a memory-mapped corpus."""
    surfaces: np.ndarray | None = None
    """Maps of the scenes of `spec`, where there are any."""
    skip_bad: bool = False
    """Leave out files that cannot be read, with a word."""

    def __len__(self) -> int:
        return len(self.recordings) + len(self.items) + len(self.rows)

    def read(self, split: str | None = None) -> Iterator[Recording]:
        """The recordings (of the split, if one is named), each read when it is needed."""
        if self.corpus is not None:
            corpus = self.corpus.open()
            found: Iterator[Recording] = (corpus[i] for i in self.rows)
        elif self.items:
            found = self._read()
        else:
            found = iter(self.recordings)
        return (r for r in found if split is None or r.split == split)

    def _read(self) -> Iterator[Recording]:
        for item in self.items:
            try:
                recording = item.parsed()
            except InputError as error:
                if not self.skip_bad:
                    raise
                _leave_out(error)
            else:
                yield recording

    def cut(self, size: int) -> Iterator["Part"]:
        """The same in parts of at most so many recordings."""
        for a in range(0, len(self), size):
            at = slice(a, a + size)
            yield replace(self, recordings=self.recordings[at], items=self.items[at], rows=self.rows[at])


def parts(inputs: Input | Sequence[Input], split: str | None = None) -> list[Part]:
    """All recordings of the inputs, one part for each. Files and folders are listed, not read.

    Raises:
        InputError: there is nothing, or no such data.
    """
    listed = inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]
    found = [_part(one, split) for one in listed]
    if not sum(map(len, found)):
        raise InputError("there is nothing to read", "inputs", "give a file, a folder or a DATA name")
    return found


def dealt(found: list[Part], workers: int) -> list[Part]:
    """The same recordings in parts of at most `MOST`, enough of them to keep so many processes busy to the end."""
    size = MOST if workers == 1 else min(MOST, max(1, sum(map(len, found)) // (4 * workers)))
    return [piece for part in found for piece in part.cut(size)]


def _part(one: Input, split: str | None) -> Part:
    if isinstance(one, Recording):
        return Part(None, recordings=(one,))
    if not isinstance(one, Corpus):
        from acteme.recordings.sources import list_data

        listing = list_data(one)
        if not isinstance(listing, Corpus):
            for problem in listing.problems:
                if not listing.skip_bad:
                    raise problem
                _leave_out(problem)
            return Part(listing.spec, items=tuple(listing.items), surfaces=listing.surfaces, skip_bad=listing.skip_bad)
        one = listing
    chosen = one if split is None else one.select(split)
    shared = share(chosen)
    if shared.folder is not None:
        return Part(one.spec, rows=tuple(range(len(chosen))), corpus=shared, surfaces=one.surfaces)
    return Part(one.spec, recordings=tuple(chosen), surfaces=one.surfaces)


def _leave_out(problem: InputError) -> None:
    warnings.warn(f"left out: {problem}", DataWarning, stacklevel=3)
