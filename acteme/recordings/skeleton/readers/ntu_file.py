"""The text of a `.skeleton` file of NTU RGB+D, parsed at the speed of memory.

A file counts its frames; a frame counts its bodies; a body is a line of ten values, of which the first is its ID, a
joint count and a line of twelve values per joint, of which the first three are x, y, z in metres. Where values and
lines end is found for the whole file at once, the counts are checked against the kinds of the lines, and the
coordinates of all joints are converted together. Only what does not look like that is read again, line by line: it is
named, or tidied.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.readers import decimals
from acteme.recordings.skeleton.readers.files import ACCESS, AGAIN

JOINTS, AXES = 25, 3
BODY_VALUES, JOINT_VALUES = 10, 12
BLOCK = 2 + JOINTS
"""Lines of a body."""
DIGITS = 9
"""Of the largest number of frames, bodies or joints that makes sense."""
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


def parse(path: Path) -> Bodies:
    """Parses a `.skeleton` file; more than ten times as fast as the usual scripts (benchmarks/ntu_parsing.py).

    Raises InputError, naming the line, where the file is truncated, has a joint count other than 25, a body's line with
    other than 10 values, a joint with other than 12, a coordinate that is no finite number, or text after its last
    frame.
    """
    path = Path(path)
    text = _read(path)
    found = _parse(text) or _parse(memoryview(_tidied(bytes(text), path)))
    if found is None:
        raise InputError("has control characters among its values", path, AGAIN)
    return found


def _read(path: Path) -> memoryview:
    """The text of a file, in memory of this thread that the next file uses again: touching fresh memory would take a
    fifth of the time."""
    data = getattr(_MEMORY, "data", bytearray())
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if len(data) < size:
                data = bytearray(size)
                if size <= KEPT:
                    _MEMORY.data = data
            return memoryview(data)[: file.readinto(memoryview(data)[:size])]
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error


def _parse(text: memoryview) -> Bodies | None:
    """The bodies of a text with one blank between values; None where anything is unusual."""
    codes = np.frombuffer(text, np.uint8)
    blanks = np.flatnonzero(codes <= 32)
    kinds = codes[blanks]
    ends = np.flatnonzero(kinds == 10)  # where `blanks` is the end of a line
    if not len(text) or text[-1] != 10 or kinds.min() < 9:
        return None
    returns = int(kinds[0] == 13)  # a carriage return is one more blank in each line
    values = np.diff(ends, prepend=-1) - returns  # of each line
    before = ends - values - returns  # `blanks[before + n]` stands behind value n of a line, from 1

    # lines of one value: the number of frames; the number of joints behind each body's own line; those of bodies
    body, single = np.flatnonzero(values == BODY_VALUES), np.flatnonzero(values == 1)
    if not len(single) or single[0] != 0 or (len(body) and body[-1] + BLOCK > len(values)):
        return None
    single = single[1:]
    cuts = blanks[ends[single - 1]].tolist(), blanks[before[single] + 1].tolist()
    words = [bytes(text[: blanks[0]]), *(bytes(text[a + 1 : b]) for a, b in zip(*cuts, strict=True))]
    if not all(word.isdigit() and len(word) <= DIGITS for word in words):
        return None
    frames, *rest = map(int, words)
    counts, of_joints = np.array(rest, np.int64), values[single - 1] == BODY_VALUES
    begins, bodies = single[~of_joints], counts[~of_joints]
    frame = np.searchsorted(begins, body) - 1
    joints = body[:, None] + np.arange(2, BLOCK)
    if (
        frames != len(begins)
        or len(values) != 1 + frames + BLOCK * len(body)
        or np.any(counts[of_joints] != JOINTS)
        or np.any(values[joints] != JOINT_VALUES)
        or np.any(frame < 0)
        or np.any(np.bincount(frame, minlength=frames) != bodies)
    ):
        return None

    at = before[joints.ravel()]
    spans = np.empty((len(at), AXES, 2), np.int64)
    for axis in range(AXES):
        spans[:, axis, 0] = blanks[at + axis] + 1
        spans[:, axis, 1] = blanks[at + axis + 1]
    try:
        numbers = decimals.floats(decimals.Tokens(text, spans.reshape(-1, 2)))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        xyz = numbers.astype(np.float32).reshape(-1, JOINTS, AXES)
    if not np.isfinite(xyz).all():
        return None
    cuts = blanks[before[body]].tolist(), blanks[before[body] + 1].tolist()
    known: dict[bytes, int] = {}
    track = [known.setdefault(bytes(text[a + 1 : b]), len(known)) for a, b in zip(*cuts, strict=True)]
    slot = (body - begins[frame] - 1) // BLOCK
    return Bodies(frames, frame, slot, np.array(track, np.int64), xyz)


# --- line by line ----------------------------------------------------------------------------------------------------


@dataclass
class _Line:
    """A line, with what a message calls it."""

    where: str
    values: list[bytes]

    def count(self, what: str) -> int:
        """Its one value, a number of something."""
        if len(self.values) != 1 or not self.values[0].isdigit() or len(self.values[0]) > DIGITS:
            shown = b" ".join(self.values).decode(errors="replace")[:40]
            raise InputError(f"'{shown}' is not a {what}", self.where, AGAIN)
        return int(self.values[0])

    def check(self) -> None:
        """Raises InputError unless it is a joint."""
        if len(self.values) != JOINT_VALUES:
            raise InputError(f"has {len(self.values)} values where a joint has {JOINT_VALUES}", self.where, AGAIN)
        for value in self.values[:AXES]:
            try:
                number = float(value.replace(b"_", b"x"))
            except ValueError:
                shown = value.decode(errors="replace")[:40]
                raise InputError(f"'{shown}' is not a number", self.where, AGAIN) from None
            if not abs(number) <= float(np.finfo(np.float32).max):
                raise InputError("a coordinate is NaN or infinite", self.where, "leave the clip out")


def _tidied(text: bytes, path: Path) -> bytes:
    """The same lines without empty ones, with one space between values. Raises InputError where one is wrong."""
    split = ((i, line.split()) for i, line in enumerate(text.split(b"\n"), 1))
    lines = [_Line(f"{path}, line {i}", values) for i, values in split if values]
    if not lines:
        raise InputError("is empty", path, AGAIN)
    frames = lines[0].count("number of frames")
    at = 1
    for t in range(frames):
        bodies = lines[at].count("number of bodies") if at < len(lines) else 0
        if at >= len(lines) or at + 1 + bodies * BLOCK > len(lines):
            raise InputError(f"ends within frame {t + 1} of {frames}", path, AGAIN)
        for _ in range(bodies):
            _check_body(lines[at + 1 : at + 1 + BLOCK])
            at += BLOCK
        at += 1
    if at < len(lines):
        raise InputError(f"has text after its last frame (frame {frames})", lines[at].where, AGAIN)
    return b"".join(b" ".join(line.values) + b"\n" for line in lines)


def _check_body(lines: list[_Line]) -> None:
    body, count, *joints = lines
    if len(body.values) != BODY_VALUES:
        raise InputError(f"has {len(body.values)} values where a body has {BODY_VALUES}", body.where, AGAIN)
    if count.count("number of joints") != JOINTS:
        raise InputError(f"has {int(count.values[0])} joints where Kinect v2 has {JOINTS}", count.where, AGAIN)
    for joint in joints:
        joint.check()
