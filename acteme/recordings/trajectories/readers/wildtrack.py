"""WildTrack (Chavdarova et al., CVPR 2018): seven cameras around a square, two annotated frames per second.

`annotations_positions/00000000.json`, `00000005.json` and so on, a file per frame with its number: a list of people
with `personID` and `views`, each with `viewNum` and a box `xmin`, `ymin`, `xmax`, `ymax` in that camera's image, -1
where the person is not seen. Cameras are scenes. Where a person stands is the middle of the box's lower edge.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import AGAIN, read_json
from acteme.recordings.trajectories.readers.tables import names
from acteme.recordings.trajectories.tracks import FPS, Manner, Rows, listed

SIZE = (1920.0, 1080.0)
RATE = 2.0
FIELDS = ("viewNum", "xmin", "ymin", "xmax", "ymax")


def read_frame(path: Path) -> np.ndarray:
    """(n, 6) person, camera and box of everyone who is seen. Raises InputError where the file is broken."""
    people = read_json(path)
    if not (isinstance(people, list) and all(isinstance(p, dict) for p in people)):
        raise InputError("is not a list of people", path, AGAIN)
    try:
        rows = [[_number(person["personID"]), *(_number(view[name]) for name in FIELDS)]
                for person in people for view in person["views"]]  # fmt: skip
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        what = f"a person is broken ({type(error).__name__}: {error})"
        raise InputError(what, path, AGAIN) from error
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[(table[:, 2:] != -1).any(1)]


def _frame(path: Path) -> int:
    """The number of a file's frame."""
    if not path.stem.isascii() or not path.stem.isdigit():
        raise InputError("is not named by the number of its frame", path, "leave it out, or call it 00000000.json")
    return int(path.stem[-18:])


def _number(value: Any) -> float:
    """A number that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{str(value)[:40]!r} is not a number")
    return float(value)


def read_rows(files: Sequence[Path], cameras: Sequence[int] | None = None) -> list[Rows]:
    """Everyone of all frames, by camera."""
    tables = [read_frame(file) for file in files]
    table = np.concatenate(tables) if tables else np.zeros((0, 6))
    number = np.array([_frame(file) for file in files], np.float64)
    step = float(np.median(np.diff(np.unique(number)))) if len(number) > 1 else 1.0  # a missing file is a gap
    time = np.repeat((number - number[:1]) / (step * RATE), [len(t) for t in tables])
    out = []
    for camera in np.unique(table[:, 1]) if cameras is None else np.array(cameras, float):
        seen = table[:, 1] == camera
        one = table[seen]
        feet = np.stack([(one[:, 2] + one[:, 4]) / 2, one[:, 5]], 1)
        scene = f"camera{camera + 1:.0f}" if np.isfinite(camera) else "camera"
        out.append(Rows(scene, files[0].parent, names(one[:, 0]), time[seen], feet, (0.0, 0.0, *SIZE)))
    return out


def wildtrack(
    path: Path,
    cameras: tuple[int, ...] = (),
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """WildTrack: people on a square, in pixels of each camera's image.

    Args:
        path: the folder of `annotations_positions`, or that folder.
        cameras: numbers of the cameras to take, from 1; all unless given.
        fps: samples per second of the tracks; there are two, others lie on the line between.
        gap: longest time between two frames of a track, seconds; none ends a track at a missing frame.
        shortest: samples of a track at least.
        test: share of the time, at its end, that is the test.
        human_seconds: the first tracks of each camera that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each camera.

    Raises:
        InputError: there are no annotations, an option is out of its range, or a file is broken.
    """
    folder = path / "annotations_positions" if (path / "annotations_positions").is_dir() else path
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError("has no annotations_positions/*.json", path, "give the data set's folder")
    if any(not 1 <= camera <= 100 for camera in cameras):
        raise InputError(f"cameras are {', '.join(map(str, cameras))}", "option", "number them from 1")
    chosen = [camera - 1 for camera in cameras] or None
    return listed([partial(read_rows, files, chosen)], files, Manner(fps, gap, shortest, test, human_seconds), surfaces)
