"""PKU-MMD, parts I and II (Liu et al., 2017; TOMM 2020): untrimmed recordings of 51 actions by three Kinect v2 sensors.

`skeleton/NAME.txt` has a frame per line: 150 numbers, two bodies of 25 joints of x, y, z in metres, zeros where a body
is absent, 30 frames per second. `label/NAME.txt` has rows `class,start,end,confidence` with class 1 to 51 and frames.
`cross_subject_v2.txt` and `cross_view_v2.txt` name the training recordings in line 2 and the others in line 4, with
commas between. Names end in -L, -M or -R for the left, middle or right sensor. Part I has 1,076 long recordings, part
II about 1,000 shorter ones.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers import decimals
from acteme.recordings.skeleton.readers.files import AGAIN, finite, read_text, version
from acteme.recordings.skeleton.readers.names import PKU51
from acteme.recordings.spec import Spec

FPS = 30.0
PERSONS, JOINTS, AXES = 2, 25, 3
PROTOCOLS = {
    "xsub": ("cross_subject_v2.txt", "cross_subject.txt", "cross-subject.txt"),
    "xview": ("cross_view_v2.txt", "cross_view.txt", "cross-view.txt"),
}
"""Names of the split files."""


@dataclass(frozen=True)
class Row:
    """A row of a label file."""

    action: int
    """Class, from 0."""
    start: int
    """First frame."""
    end: int
    """One past the last frame, as HaLP cuts it."""


def read_frames(path: Path) -> Float[np.ndarray, "t 2 25 3"]:
    """The skeletons of a recording, in metres. Raises InputError where the file is truncated or has other text."""
    found = decimals.read(path)
    width = PERSONS * JOINTS * AXES
    if not len(found) or len(found) % width:
        raise InputError(f"has {len(found)} numbers, not {width} per frame", path, AGAIN)
    try:
        values = decimals.floats(found)
    except ValueError as error:
        i, token = error.args
        what = f"'{token.decode(errors='replace')[:40]}' is not a number"
        raise InputError(what, f"{path}, line {found.line(i)}", AGAIN) from None
    return finite(values.reshape(-1, PERSONS, JOINTS, AXES), path)


def read_labels(path: Path) -> list[Row]:
    """The rows of a label file. Raises InputError, naming the row, where one is broken."""
    rows = []
    for n, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            action, start, end = (int(float(value)) for value in line.split(",")[:3])
        except (ValueError, OverflowError):
            raise InputError(
                f"'{line[:40]}' is not class,start,end,confidence", f"{path}, row {n}", "correct the row"
            ) from None
        if not 1 <= action <= len(PKU51):
            raise InputError(f"class {action} is not one of 1 to {len(PKU51)}", f"{path}, row {n}", "correct the row")
        if not 0 <= start < end:
            raise InputError(f"frames {start} to {end} are empty or reversed", f"{path}, row {n}", "correct the row")
        rows.append(Row(action - 1, start, end))
    return rows


def read_split(path: Path) -> tuple[list[str], list[str]]:
    """Training and validation names of a split file. Raises InputError where it has fewer than four lines."""
    lines = read_text(path).splitlines()
    if len(lines) < 4:
        raise InputError("has no names of training (line 2) and validation (line 4)", path, AGAIN)
    train, test = ([name for part in line.split(",") if (name := part.strip())] for line in (lines[1], lines[3]))
    return train, test


def pku(path: Path, protocol: Literal["xsub", "xview"] = "xsub", instances: bool = False) -> Listing:
    """One part of PKU-MMD.

    Args:
        path: folder with `skeleton/`, `label/` and the split files (in it, in `split/` or `Split/`).
        protocol: `xsub` (cross-subject) or `xview` (cross-view).
        instances: False gives whole recordings with their segments; True cuts every row of the label files into a clip
            of its own, frames start to end - 1, as HaLP does.

    Segments that reach past the end of the recording end with it; one that starts there is an error.
    """
    path = Path(path)
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol '{protocol}'", mend="use xsub or xview")
    places = [d / name for name in PROTOCOLS[protocol] for d in (path, path / "split", path / "Split")]
    table = next((place for place in places if place.is_file()), None)
    if table is None:
        raise InputError(f"has no {PROTOCOLS[protocol][0]}", path, "put the data set's split file there")
    train, test = read_split(table)
    items: list[Item] = []
    files, without = [*places], 0  # all of them: one that appears later may come before
    for split, names in (("train", train), ("test", test)):
        for name in names:
            name = Path(name).name
            skeleton, label = path / "skeleton" / f"{name}.txt", path / "label" / f"{name}.txt"
            if not skeleton.is_file():
                without += 1
                continue
            files += [skeleton, label]
            if instances:
                rows = read_labels(label)
                items += [
                    Item(f"{name}_{n}", f"{skeleton}, row {n + 1}", partial(_cut, skeleton, label, n, split))
                    for n in range(len(rows))
                ]
            else:
                items.append(Item(name, str(skeleton), partial(_whole, skeleton, label, split)))
    if not items:
        raise InputError(f"has no recording that {table.name} names", path / "skeleton", "put the files NAME.txt there")
    notes = [f"{without} recordings that {table.name} names have no skeleton file"] if without else []
    return Listing(Spec("ntu25", JOINTS, PERSONS, AXES, PKU51, FPS), items, files, notes=notes)


@lru_cache(maxsize=2)
def _frames(path: Path, version: tuple[int, int]) -> np.ndarray:
    """`read_frames` of this version of the file: instances of one recording are read one after the other."""
    return read_frames(path)


def _whole(skeleton: Path, label: Path, split: str) -> Recording:
    frames = read_frames(skeleton)
    segments = []
    for n, row in enumerate(read_labels(label), 1):
        _check(row, len(frames), f"{label}, row {n}")
        segments.append(Segment(row.start / FPS, min(row.end, len(frames)) / FPS, PKU51[row.action]))
    name = skeleton.stem
    return Recording(name, FPS, {"skeleton": frames}, segments=tuple(segments), split=split, camera=_camera(name))


def _cut(skeleton: Path, label: Path, n: int, split: str) -> Recording:
    frames, row = _frames(skeleton, version(skeleton)), read_labels(label)[n]
    _check(row, len(frames), f"{label}, row {n + 1}")
    clip = frames[row.start : row.end].copy()
    name = f"{skeleton.stem}_{n}"
    return Recording(name, FPS, {"skeleton": clip}, PKU51[row.action], split=split, camera=_camera(skeleton.stem))


def _check(row: Row, frames: int, where: str) -> None:
    if row.start >= frames:
        raise InputError(
            f"starts at frame {row.start} where the recording has {frames}",
            where,
            "correct the row, or replace the skeleton file if it is cut short",
        )


def _camera(name: str) -> str:
    return name.rpartition("-")[2] if name[-2:] in ("-L", "-M", "-R") else ""
