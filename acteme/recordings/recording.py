"""One observation over time, and a data set that has been listed but not yet parsed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.documents.document import Event
from acteme.recordings.spec import Spec


@dataclass(frozen=True)
class Recording:
    """One observation: named arrays over one clock, with whatever is known of it."""

    name: str
    """Unique within its data set; usually the file's stem."""
    fps: float
    """Frames per second, the same for all arrays."""
    arrays: Mapping[str, np.ndarray]
    """Batch names to arrays without the batch axis: `skeleton` (T, M, V, C), `confidence` (T, M, V), `vector` (T, N) of
    data that stores motion vectors; `position` (T, C) of one agent; `item`, `when`, `outcome` (T,) and `field` (T, F)
    of a log; `word` (T, 2) and `sentence` (T,) of a document, whose frames are its words."""
    label: str = ""
    """Class of a trimmed, single-label clip; empty where `segments` say more, or nothing is known."""
    segments: tuple[Segment, ...] = ()
    """Actions with their times, overlapping or not."""
    split: str = ""
    """`train`, `val`, `test`, or empty where the data set names no split."""
    subject: str = ""
    """Who acts."""
    camera: str = ""
    """Which camera or viewpoint."""
    text: str = ""
    """A caption."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """What a world knows of how the recording was made (name to number), or further metadata that is numeric."""
    where: str = ""
    """The file (and row) that it was read from, for messages."""
    event: Event | None = None
    """Of a document: what it is read for, in words of this recording."""
    mentions: tuple[tuple[int, int, int], ...] = ()
    """Of a document: first word, one past the last, and entity of each mention of an entity that has several."""

    @property
    def frames(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.fps


@dataclass(frozen=True)
class Item:
    """One recording of a listed data set: its name, where it comes from, and how to parse it."""

    name: str
    where: str
    """File (and row) for messages."""
    read: Callable[[], Recording]
    """Parses it; raises InputError where it is bad."""

    def parsed(self) -> Recording:
        """The recording; InputError where it cannot be read, for whatever reason."""
        try:
            recording = self.read()
        except OSError as error:
            mend = "correct its name or its access rights, or leave it out"
            raise InputError(f"cannot be read: {error.strerror or error}", self.where, mend) from error
        return replace(recording, where=recording.where or self.where)


@dataclass(frozen=True)
class Listing:
    """A data set that has been listed but not parsed: what every reader returns."""

    spec: Spec
    items: Sequence[Item]
    files: Sequence[Path] = ()
    """The files whose names, sizes and times decide whether a cache is still good."""
    strict: bool = False
    """Frame labels by the strict rule of the TSU and Charades loaders (see `annotations.rasterize`)."""
    problems: Sequence[InputError] = ()
    """What is wrong with recordings that could be named but not listed in `items`."""
    surfaces: np.ndarray | None = None
    """(scenes, H, W) uint8: class of each pixel of each scene's map, where there are maps."""
    skip_bad: bool = False
    """What cannot be read is to be left out, with a word."""
    notes: Sequence[str] = ()
    """What the reader left out or could not check, a line each."""
    catalog: pa.Table | None = None
    """What is known of each item: row k - 1 is about item k."""
