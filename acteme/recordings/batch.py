"""The batch vocabulary: every name that may stand in a batch, with its shape, unit and meaning.

A batch is a dict of tensors. B windows, T frames, M persons, V joints, C or D coordinates, K classes. Frames beyond a
recording's end are zero and False in `mask`. A person who is not there is all zeros. Q captions of at most L bytes of
UTF-8 each, padded with zeros (see `recordings.captions`); H rows and W columns of a map, Y and X of a
video; F categorical fields of an event of a log, which is a frame of its recording; A arguments of the event of a
document, whose frames are its words and whose one caption is its text. N numbers of a motion vector, which was computed
over a whole motion: it is cut with its frame, never computed anew.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from acteme.errors import InputError

Batch: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Entry:
    """One name of the vocabulary."""

    shape: str
    dtype: torch.dtype
    meaning: str


VOCABULARY: dict[str, Entry] = {
    "skeleton": Entry("B T M V C", torch.float32, "joint positions: metres (C=3) or image units (C=2)"),
    "confidence": Entry("B T M V", torch.float32, "confidence of each joint of a pose estimator, in [0, 1]"),
    "vector": Entry("B T N", torch.float32, "motion vector of each frame as HumanML3D (263) or KIT-ML (251) stores it"),
    "position": Entry("B T D", torch.float32, "where an agent is: metres, or pixels of the scene's image (x, y)"),
    "item": Entry("B T", torch.int64, "number in the catalog of items, from 1; 0 is padding or none"),
    "when": Entry("B T", torch.int64, "time of an event: seconds since 1970, or steps of the log"),
    "field": Entry("B T F", torch.int64, "value of each categorical field of an event; 0 is unknown, rare or padding"),
    "outcome": Entry("B T", torch.float32, "click, rating or label of an event"),
    "word": Entry("B T 2", torch.int64, "first byte of each word of a document in its `text`, and one past its last"),
    "sentence": Entry("B T", torch.int64, "number of the sentence of each word, within its document"),
    "trigger": Entry("B 2", torch.int64, "first word of the trigger of a document's event, and one past its last"),
    "argument": Entry(
        "B A 3",
        torch.int64,
        "first word, one past the last, and role of each argument; outside of the window where it "
        "is, role -1 where the ontology has it not; padded with -1",
    ),
    "mask": Entry("B T", torch.bool, "frames that exist; the rest is padding at the end"),
    "frames": Entry("B", torch.int64, "number of frames that exist"),
    "fps": Entry("B", torch.float32, "frames per second"),
    "label": Entry("B", torch.int64, "class of a single-label recording, -1 where there is none"),
    "frame_labels": Entry("B T K", torch.float32, "1 where the class holds in the frame"),
    "classes": Entry("B K", torch.float32, "1 where the class is among the segments of the recording"),
    "text": Entry("B Q L", torch.uint8, "captions of the recording; one that is not there is all zeros"),
    "events": Entry("B Q E", torch.uint8, "the clauses of each caption, one action each, a line each"),
    "span": Entry("B Q 2", torch.float32, "start and end of what each caption describes, seconds of the recording"),
    "scene": Entry("B", torch.int64, "number of the scene in the spec, -1 where it is unknown"),
    "video": Entry("B T Y X 3", torch.uint8, "frames of the video, red, green and blue"),
    "extent": Entry("B 4", torch.float32, "left, top, right and bottom of the scene, in units of `position`"),
    "agent": Entry("B", torch.int64, "who acts, counted within the scene; recordings of one agent share the number"),
    "surface": Entry("B H W", torch.uint8, "class of each pixel of the scene's map"),
    "index": Entry("B", torch.int64, "which recording of the corpus"),
    "start": Entry("B", torch.int64, "first frame of the window within its recording"),
}


def check_batch(batch: Batch) -> None:
    """Raises InputError where a batch departs from the vocabulary: unknown name, rank, dtype or a size at odds."""
    sizes: dict[str, tuple[int, str]] = {}
    for name, value in batch.items():
        entry = VOCABULARY.get(name)
        if entry is None:
            raise InputError(f"'{name}' is not in the batch vocabulary", mend=f"use one of {', '.join(VOCABULARY)}")
        axes = entry.shape.split()
        if value.ndim != len(axes):
            raise InputError(
                f"batch entry '{name}' has shape {tuple(value.shape)}, expected ({entry.shape})",
                mend="give it the axes of the batch vocabulary",
            )
        if value.dtype != entry.dtype:
            raise InputError(
                f"batch entry '{name}' is {value.dtype}, expected {entry.dtype}", mend=f"convert it to {entry.dtype}"
            )
        for axis, size in zip(axes, value.shape, strict=True):
            if axis.isdecimal():
                if size != int(axis):
                    raise InputError(
                        f"batch entry '{name}' has {size} values where {axis} are expected",
                        mend="give it the axes of the batch vocabulary",
                    )
                continue
            known, by = sizes.setdefault(axis, (size, name))
            if known != size:
                raise InputError(
                    f"batch entries disagree on {axis}: '{by}' has {known}, '{name}' has {size}",
                    mend="gather all entries from the same windows",
                )


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
