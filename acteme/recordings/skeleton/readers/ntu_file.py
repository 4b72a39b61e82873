"""The text of a `.skeleton` file of NTU RGB+D, parsed at the speed of memory.

A file counts its frames; a frame counts its bodies; a body is a line of ten values, of which the first is its ID, a
joint count and a line of twelve values per joint, of which the first three are x, y, z in metres. Where the lines begin
is found for the whole file at once, the counts are walked over, and the coordinates of all joints are converted
together.
"""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import decimals
from acteme.recordings.skeleton.readers.files import AGAIN

JOINTS, AXES = 25, 3
BODY_VALUES, JOINT_VALUES = 10, 12
KEPT = 1 << 24
"""Bytes of the largest file whose memory is used again."""

_MEMORY = threading.local()


@dataclass(frozen=True)
class Bodies:
    """All bodies of a file, in the order in which it names them."""

    frames: int
    """Frames of the file."""
    frame: Int[np.ndarray, " n"]
    """Frame of each body."""
    slot: Int[np.ndarray, " n"]
    """Place of each body within its frame, from 0."""
    track: Int[np.ndarray, " n"]
    """Which of the tracked persons each body is (by the sensor's body ID), in order of appearance."""
    joints: Float[np.ndarray, "n 25 3"]
    """Metres."""


class _Lines:
    """The lines of a text that stands behind PAD bytes of `data`, with WIDTH line ends after it."""

    def __init__(self, data: bytearray, size: int, numbers: list[int] | None = None):
        codes = np.frombuffer(data, np.uint8)[decimals.PAD : decimals.PAD + size]
        self.data, self.numbers = data, numbers
        self.spaces = int(np.count_nonzero(codes == 32))
        self.ends = [decimals.PAD - 1, *(np.flatnonzero(codes == 10) + decimals.PAD).tolist()]
        if data[self.ends[-1] + 1 : decimals.PAD + size].strip():
            self.ends.append(decimals.PAD + size)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, i: int) -> bytes:
        return bytes(self.data[self.ends[i] + 1 : self.ends[i + 1]])

    def where(self, path: Path, i: int) -> str:
        """Line i, for a message."""
        return f"{path}, line {self.numbers[i] if self.numbers else i + 1}"

    def tidied(self) -> "_Lines":
        """The same lines without empty ones, with one space between values."""
        kept = [(i + 1, line) for i in range(len(self)) if (line := b" ".join(self[i].split()))]
        text = b"\n".join(line for _, line in kept)
        return _Lines(decimals.padded(text), len(text), [number for number, _ in kept])


@dataclass
class _Walk:
    """What the counts of a file say."""

    frames: int
    frame: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    track: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    """Line of each body's first joint."""


def parse(path: Path) -> Bodies:
    """Parses a `.skeleton` file; more than ten times as fast as line by line (benchmarks/ntu_parsing.py).

    Raises InputError, naming the line, where the file is truncated, has a joint count other than 25, a joint with other
    than 12 values, a coordinate that is no finite number, or text after its last frame.
    """
    path = Path(path)
    lines = _read(path)
    try:
        found = _walk(lines, path)
        tidy = lines.spaces == len(found.first) * (BODY_VALUES - 1 + JOINTS * (JOINT_VALUES - 1))
    except InputError:
        tidy = False
    if not tidy:  # blanks doubled or in strange places, or something is wrong: look at every line
        lines = lines.tidied()
        found = _walk(lines, path)
        _check_joints(lines, found, path)
    frame, slot, track = (np.array(v, np.int64) for v in (found.frame, found.slot, found.track))
    return Bodies(found.frames, frame, slot, track, _coordinates(lines, found, path))


def _read(path: Path) -> _Lines:
    """The lines of a file, in memory of this thread that the next file uses again: touching fresh memory takes longer
    than parsing."""
    data = getattr(_MEMORY, "data", bytearray())
    try:
        with path.open("rb") as file:
            room = decimals.PAD + os.fstat(file.fileno()).st_size + decimals.WIDTH
            if len(data) < room:
                data = bytearray(room)
                if room <= KEPT:
                    _MEMORY.data = data
            size = file.readinto(memoryview(data)[decimals.PAD : room - decimals.WIDTH])
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error
    end = decimals.PAD + size
    data[end : end + decimals.WIDTH] = b"\n" * decimals.WIDTH
    return _Lines(data, size)


def _walk(lines: _Lines, path: Path) -> _Walk:
    known: dict[bytes, int] = {}

    def count(i: int, what: str) -> int:
        line = lines[i]
        if line not in known:
            text = line.strip()
            if not text.isdigit() or len(text) > 9:
                shown = text.decode(errors="replace")[:40]
                raise InputError(f"'{shown}' is not a {what}", lines.where(path, i), AGAIN)
            known[line] = int(text)
        return known[line]

    if not len(lines):
        raise InputError("is empty", path, AGAIN)
    out = _Walk(count(0, "number of frames"))
    tracks: dict[bytes, int] = {}
    at, step, end = 1, 2 + JOINTS, len(lines)
    for t in range(out.frames):
        bodies = count(at, "number of bodies") if at < end else 0
        if at >= end or at + 1 + bodies * step > end:
            raise InputError(f"ends within frame {t + 1} of {out.frames}", path, AGAIN)
        at += 1
        for b in range(bodies):
            joints = count(at + 1, "number of joints")
            if joints != JOINTS:
                raise InputError(f"has {joints} joints where Kinect v2 has {JOINTS}", lines.where(path, at + 1))
            out.frame.append(t)
            out.slot.append(b)
            out.track.append(tracks.setdefault(lines[at].partition(b" ")[0], len(tracks)))
            out.first.append(at + 2)
            at += step
    if at < end:
        raise InputError(f"has text after its last frame (frame {out.frames})", lines.where(path, at))
    return out


def _check_joints(lines: _Lines, found: _Walk, path: Path) -> None:
    for i in (first + joint for first in found.first for joint in range(JOINTS)):
        values = lines[i].count(b" ") + 1
        if values != JOINT_VALUES:
            raise InputError(f"has {values} values where a joint has {JOINT_VALUES}", lines.where(path, i), AGAIN)


def _coordinates(lines: _Lines, found: _Walk, path: Path) -> np.ndarray:
    index = (np.array(found.first, np.int64)[:, None] + np.arange(JOINTS)).ravel()
    try:
        values = decimals.columns(lines.data, np.array(lines.ends)[index] + 1, AXES)
    except ValueError as error:
        row, token = error.args
        shown = token.decode(errors="replace")[:40]
        raise InputError(f"'{shown}' is not a number", lines.where(path, int(index[row])), AGAIN) from None
    with np.errstate(over="ignore"):
        joints = values.astype(np.float32)
    if not np.isfinite(joints).all():
        row = int(np.argwhere(~np.isfinite(joints))[0][0])
        raise InputError("a coordinate is NaN or infinite", lines.where(path, int(index[row])), "leave the clip out")
    return joints.reshape(-1, JOINTS, AXES)
