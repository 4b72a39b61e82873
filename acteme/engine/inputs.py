"""What prediction and encoding are given, as recordings that are read one at a time, in whatever process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from acteme.engine.share import Shared, share
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Item, Recording
from acteme.recordings.spec import Spec

Input: TypeAlias = str | Path | Corpus | Recording
"""A DATA string, a path, recordings in memory, or one recording in the run's own layout."""

CHUNK = 8
"""Recordings of a corpus per task."""


@dataclass(frozen=True)
class Part:
    """Some recordings, not read yet; small enough to be sent to another process."""

    count: int
    spec: Spec | None = None
    """What the data set is; None for a recording in the layout of the run."""
    recordings: tuple[Recording, ...] = ()
    """In memory,"""
    item: Item | None = None
    """or a file,"""
    corpus: Shared | None = None
    """or `rows` of a memory-mapped corpus."""
    rows: tuple[int, ...] = ()

    def read(self, split: str | None = None) -> Iterator[Recording]:
        """The recordings (of the split, if one is named), each read when it is needed."""
        if self.corpus is not None:
            corpus = self.corpus.open()
            found: Iterator[Recording] = (corpus[i] for i in self.rows)
        elif self.item is not None:
            found = iter([self.item.read()])
        else:
            found = iter(self.recordings)
        return (r for r in found if split is None or r.split == split)


def parts(inputs: Input | Sequence[Input], split: str | None = None) -> list[Part]:
    """All recordings of the inputs. Files and folders are listed, not read.

    Raises:
        InputError: there is nothing, or no such data.
    """
    listed = inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]
    found = [part for one in listed for part in _parts(one, split)]
    if not found:
        raise InputError("there is nothing to read", "inputs", "give a file, a folder or a DATA name")
    return found


def _parts(one: Input, split: str | None) -> list[Part]:
    if isinstance(one, Recording):
        return [Part(1, recordings=(one,))]
    if not isinstance(one, Corpus):
        from acteme.recordings.sources import list_data

        listing = list_data(one)
        if not isinstance(listing, Corpus):
            if listing.problems:
                raise listing.problems[0]
            return [Part(1, listing.spec, item=item) for item in listing.items]
        one = listing
    chosen = one if split is None else one.select(split)
    shared = share(chosen)
    pieces = [tuple(range(a, min(a + CHUNK, len(chosen)))) for a in range(0, len(chosen), CHUNK)]
    if shared.folder is not None:
        return [Part(len(p), one.spec, corpus=shared, rows=p) for p in pieces]
    return [Part(len(p), one.spec, recordings=tuple(chosen[i] for i in p)) for p in pieces]
