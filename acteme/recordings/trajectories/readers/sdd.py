"""The Stanford Drone Dataset (Robicquet et al., ECCV 2016): people, bikers and cars from above, in pixels.

`SCENE/VIDEO/annotations.txt` has rows track xmin ymin xmax ymax frame lost occluded generated "label", 30 frames per
second. Where someone is, is the middle of the box. Folders may also be called SCENE_VIDEO, in `train`, `val` and `test`
(as Y-net has them).
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import AGAIN, read_text
from acteme.recordings.trajectories.readers.tables import names
from acteme.recordings.trajectories.tracks import FPS, Extent, Manner, Rows, listed

RATE = 30.0
COLUMNS = 9
LINE = re.compile(r'\s*((?:\S+\s+){9})"?([A-Za-z]*)"?\s*')


def read_rows(path: Path, labels: Sequence[str] = ("Pedestrian",), scene: str = "", split: str = "") -> Rows:
    """Who has one of the labels and is not lost. Raises InputError, naming the row, where one is broken.

    The extent reaches to the furthest box of anyone.
    """
    values, kinds = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line)
        try:
            if found is None:
                raise ValueError
            values.append([float(value) for value in found[1].split()])
        except ValueError:
            what = f"'{line.strip()[:40]}' is not track, box, frame, lost, occluded, generated and label"
            raise InputError(what, f"{path}, line {number}", AGAIN) from None
        kinds.append(found[2])
    table = np.array(values, np.float64).reshape(-1, COLUMNS)
    if not np.isfinite(table).all():
        row = int(np.argwhere(~np.isfinite(table))[0][0])
        raise InputError(f"row {row + 1} has a NaN or infinity", path, AGAIN)
    extent: Extent = (0.0, 0.0, float(table[:, 3].max(initial=1.0)), float(table[:, 4].max(initial=1.0)))
    wanted = np.isin(np.array(kinds, str), list(labels)) if labels else np.ones(len(table), bool)
    table = table[wanted & (table[:, 6] == 0)]
    middle = (table[:, 1:3] + table[:, 3:5]) / 2
    return Rows(scene or path.parent.name, path, names(table[:, 0]), table[:, 5] / RATE, middle, extent, split)


def sdd(
    path: Path,
    labels: tuple[str, ...] = ("Pedestrian",),
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """The Stanford Drone Dataset, in pixels of the video.

    Args:
        path: the folder of `annotations`, or of SCENE/VIDEO/annotations.txt, or of train, val and test.
        labels: whose tracks are taken: Pedestrian, Biker, Skater, Cart, Car or Bus; empty takes all.
        fps: samples per second of the tracks.
        gap: longest time between two rows of a track, seconds; none ends a track where someone is lost.
        shortest: samples of a track at least.
        test: share of each video's time, at its end, that is the test, where there are no folders of splits.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each video.

    Raises:
        InputError: there is no annotations.txt, an option is out of its range, or none can be read.
    """
    found = sorted(file for deep in range(4) for file in path.glob("*/" * deep + "annotations.txt"))
    if not found:
        raise InputError("has no annotations.txt", path, "give the data set's folder")
    readings = []
    for file in found:
        way = [part for part in file.parent.relative_to(path).parts if part != "annotations"]
        split = way.pop(0) if way and way[0] in ("train", "val", "test") else ""
        scene = "_".join(way) or path.resolve().name
        readings.append(partial(_one, file, labels, scene, split))
    return listed(readings, found, Manner(fps, gap, shortest, test, human_seconds), surfaces)


def _one(file: Path, labels: Sequence[str], scene: str, split: str) -> Sequence[Rows]:
    return [read_rows(file, labels, scene, split)]
