"""Captions in batches: text as bytes in a tensor, so that it travels with the numbers that it describes."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from acteme.recordings.annotations import Segment


def to_bytes(texts: Sequence[Sequence[str]]) -> UInt8[np.ndarray, "b q l"]:
    """UTF-8 of `b` lists of texts, padded with zeros to the longest list and the longest text (at least 1 each)."""
    coded = [[text.encode() for text in row] for row in texts]
    most = max((len(row) for row in coded), default=0)
    longest = max((len(text) for row in coded for text in row), default=0)
    shape = (len(coded), max(most, 1), max(longest, 1))
    flat = [row[q] if q < len(row) else b"" for row in coded for q in range(shape[1])]
    return np.array(flat, f"S{shape[2]}").reshape(shape[:2]).view(np.uint8).reshape(shape).copy()


def to_texts(coded: UInt8[Tensor, "b q l"]) -> list[list[str]]:
    """The texts again; those that are not there (empty) are left out."""
    array = np.ascontiguousarray(coded.cpu().numpy())
    rows = array.view(f"S{array.shape[2]}")[..., 0]
    return [[text.decode() for text in row if text] for row in rows.tolist()]


def gather(segments: Sequence[Sequence[Segment]]) -> dict[str, Tensor]:
    """The batch entries `text`, `events` and `span` of the captioned segments of each recording."""
    captioned = [[s for s in row if s.text] for row in segments]
    text = to_bytes([[s.text for s in row] for row in captioned])
    span = np.zeros((*text.shape[:2], 2), np.float32)
    for row, some in zip(span, captioned, strict=True):
        for place, s in zip(row, some, strict=False):
            place[:] = s.start, s.end
    events = to_bytes([["\n".join(s.events) for s in row] for row in captioned])
    events = np.pad(events, [(0, 0), (0, text.shape[1] - events.shape[1]), (0, 0)])
    return {"text": torch.from_numpy(text), "events": torch.from_numpy(events), "span": torch.from_numpy(span)}
