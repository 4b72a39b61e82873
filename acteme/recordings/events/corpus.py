"""Categorical events as a corpus: one long recording for each split, like any log without users."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.behavior.log import SPLITS, Columns
from acteme.recordings.behavior.problems import Problems
from acteme.recordings.behavior.single import Shares, single
from acteme.recordings.behavior.streams import Chunk
from acteme.recordings.corpus import Corpus
from acteme.recordings.events.categorical import FIELDS, Events

Split: TypeAlias = Literal["time", "random", "part"]
"""How events are shared out, see `corpus_of`."""
USUAL = tuple(name for name in FIELDS if name != "hour")
"""Fields unless others are named: the hour would make all events after a split by time new."""


def corpus_of(
    parts: Sequence[Events],
    files: Sequence[Path],
    split: Split | Literal["given"] = "time",
    shares: Shares = Shares(),  # noqa: B008
    rare: int = 5,
    outcome: Sequence[Float[np.ndarray, " n"]] | None = None,
) -> Corpus:
    """A corpus of events.

    Args:
        parts: recordings of the same fields, the earlier first.
        files: what they were read from.
        split: `time`: the last events are the test, those before them the validation; `random`: drawn; `part`: whole
            recordings, of which at least one is for the test; `given`: the parts are train, val and test.
        shares: of the events, or of the recordings.
        rare: values with fewer events in the training split become 0, as unknown ones.
        outcome: of each part 1 where an event is an anomaly.

    Raises:
        InputError: there are too few parts to split.
    """
    fields, chunks = parts[0].fields, []
    for k, part in enumerate(parts):
        columns = {name: pa.array(part.values[:, f].tolist(), pa.string()) for f, name in enumerate(fields)}
        columns["time"] = pa.array(part.time)
        if outcome is not None:
            columns["outcome"] = pa.array(outcome[k])
        if split in ("part", "given"):
            whole = SPLITS[k] if split == "given" else _split(k, len(parts), shares)
            columns["split"] = pa.array([whole] * len(part), pa.string())
        chunks.append(Chunk(files[min(k, len(files) - 1)] if files else Path("events"), columns,
                            np.arange(1, len(part) + 1)))  # fmt: skip

    def read() -> Iterator[Chunk]:
        yield from chunks

    named = Columns(time="time", outcome="outcome" if outcome is not None else "",
                    split="split" if split in ("part", "given") else "", fields=fields)  # fmt: skip
    drawn = Shares(shares.val, shares.test, split == "random", shares.seed)
    return single(read, named, Problems(), list(files), drawn, rare)


def _split(part: int, parts: int, shares: Shares) -> str:
    """The split of a whole recording."""
    test = max(1, round(parts * shares.test))
    val = round(parts * shares.val)
    if parts <= test + val:
        raise InputError(f"cannot split {parts} recordings", "option 'split'", "give more, or split by time")
    return SPLITS[0 if part < parts - test - val else 1 if part < parts - test else 2]
