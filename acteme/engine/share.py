"""A corpus for other processes: memory-mapped ones travel as a path, those in memory as they are."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from acteme.recordings.corpus import Corpus


@dataclass(frozen=True)
class Shared:
    """What is sent instead of a corpus."""

    corpus: Corpus | None = None
    folder: Path | None = None
    chosen: np.ndarray | None = None

    def open(self) -> Corpus:
        """The corpus, in the process that received it."""
        if self.corpus is not None:
            return self.corpus
        assert self.folder is not None
        return replace(Corpus.open(self.folder), chosen=self.chosen)


def share(corpus: Corpus) -> Shared:
    """Something small to send to another process of this machine."""
    folders = {
        Path(a.filename).parent if isinstance(a, np.memmap) and a.filename else None for a in corpus.arrays.values()
    }
    folder = folders.pop() if len(folders) == 1 else None
    if folder is None:
        return Shared(corpus=corpus)
    return Shared(folder=folder, chosen=corpus.chosen)
