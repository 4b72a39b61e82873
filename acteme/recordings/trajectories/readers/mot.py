"""MOT17 and MOT20 (Milan et al., 2016; Dendorfer et al., 2020): people on street cameras as boxes in every frame.

`SEQUENCE/gt/gt.txt` has rows frame, id, left, top, width, height, confidence, class, visibility; `SEQUENCE/seqinfo.ini`
the frame rate and the size of the image. Class 1 with confidence 1 are pedestrians. Where a person stands is the middle
of the box's lower edge. MOT17 has every sequence three times, for three detectors, with the same truth.
"""

import configparser
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import AGAIN, read_text
from acteme.recordings.trajectories.readers.tables import names, read_table
from acteme.recordings.trajectories.tracks import FPS, Manner, Rows, listed

COLUMNS = ("frame", "id", "left", "top", "width", "height", "confidence", "class")
MOVING = ("MOT17-05", "MOT17-06", "MOT17-07", "MOT17-10", "MOT17-11", "MOT17-12", "MOT17-13", "MOT17-14")
"""Sequences whose camera moves."""


@dataclass(frozen=True)
class Info:
    """What seqinfo.ini says."""

    rate: float
    """Frames per second."""
    width: int
    height: int


def read_info(path: Path) -> Info:
    """Frame rate and image size. Raises InputError where they are missing or no positive numbers."""
    table = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        table.read_string(read_text(path))
        found = {key: float(table["Sequence"][key]) for key in ("frameRate", "imWidth", "imHeight")}
    except (configparser.Error, KeyError, ValueError) as error:
        raise InputError("has no [Sequence] with frameRate, imWidth and imHeight", path, AGAIN) from error
    if not all(0 < value < 1e6 for value in found.values()):
        raise InputError("frameRate, imWidth or imHeight is not a sensible number", path, AGAIN)
    return Info(found["frameRate"], round(found["imWidth"]), round(found["imHeight"]))


def read_rows(folder: Path, scene: str = "") -> Rows:
    """The pedestrians of a sequence. Raises InputError where a file is broken."""
    info, path = read_info(folder / "seqinfo.ini"), folder / "gt" / "gt.txt"
    table = read_table(path, COLUMNS, ",")
    table = table[(table[:, 6] == 1) & (table[:, 7] == 1)]
    feet = np.stack([table[:, 2] + table[:, 4] / 2, table[:, 3] + table[:, 5]], 1)
    extent = (0.0, 0.0, float(info.width), float(info.height))
    return Rows(scene or folder.name, path, names(table[:, 1]), (table[:, 0] - 1) / info.rate, feet, extent)


def mot(
    path: Path,
    moving: bool = False,
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """MOT17, MOT20 or sequences in their layout: pedestrians in pixels of the image.

    Args:
        path: a sequence's folder, or one with sequences at any depth.
        moving: take MOT17's sequences of moving cameras, too.
        fps: samples per second of the tracks.
        gap: longest time between two rows of a track, seconds; none ends a track at a missing frame.
        shortest: samples of a track at least.
        test: share of each sequence's time, at its end, that is the test.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each sequence.

    Raises:
        InputError: there is no gt/gt.txt, an option is out of its range, or no sequence can be read.
    """
    folders: dict[str, Path] = {}
    left_out = 0
    for file in sorted([*path.glob("gt/gt.txt"), *path.glob("*/gt/gt.txt"), *path.glob("*/*/gt/gt.txt")]):
        scene = re.sub(r"-(DPM|FRCNN|SDP)$", "", file.parent.parent.name)
        if scene in MOVING and not moving:
            left_out += scene not in folders
            continue
        folders.setdefault(scene, file.parent.parent)
    if not folders:
        mend = "set moving=true" if left_out else "give the folder of train/SEQUENCE"
        raise InputError("has no gt/gt.txt of a fixed camera", path, mend)
    readings = [partial(_one, folder, scene) for scene, folder in folders.items()]
    files = [f for folder in folders.values() for f in (folder / "gt" / "gt.txt", folder / "seqinfo.ini")]
    notes = [f"{left_out} sequences of moving cameras are left out (option moving)"] if left_out else []
    return listed(readings, files, Manner(fps, gap, shortest, test, human_seconds), surfaces, notes)


def _one(folder: Path, scene: str) -> Sequence[Rows]:
    return [read_rows(folder, scene)]
