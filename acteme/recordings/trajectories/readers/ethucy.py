"""ETH (Pellegrini et al., ICCV 2009) and UCY (Lerner et al., 2007) as most code has them: `frame id x y` in meters.

One row per person and annotated frame, with white space between; frames of a video of 25 per second, every tenth
annotated. Files are scenes; in the usual leave-one-out folders they lie in `train`, `val` and `test`, and the part of a
video that is in one of them is called NAME_train.txt.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.trajectories.readers.tables import names, read_table
from acteme.recordings.trajectories.tracks import FPS, Manner, Rows, listed

COLUMNS = ("frame", "id", "x", "y")


def read_rows(path: Path, rate: float = 25.0, split: str = "") -> Rows:
    """The rows of one file. Raises InputError where one is broken."""
    table = read_table(path, COLUMNS)
    scene = re.sub(r"_(train|val|test)$", "", path.stem)
    return Rows(scene, path, names(table[:, 1]), table[:, 0] / rate, table[:, 2:4], split=split)


def ethucy(
    path: Path,
    rate: float = 25.0,
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """ETH/UCY pedestrians, or any text files with rows `frame id x y`.

    Args:
        path: a file, a folder of .txt files (a scene each), or one with the folders train, val and test.
        rate: frames per second that the frame numbers count.
        fps: samples per second of the tracks.
        gap: longest time between two rows of a track, seconds; none ends a track at a missing row.
        shortest: samples of a track at least.
        test: share of each scene's time, at its end, that is the test, where there are no folders of splits.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each scene.

    Raises:
        InputError: there is no such file, an option is out of its range, or no file can be read.
    """
    if not rate > 0:
        raise InputError(f"rate is {rate:g}", "option", "give frames per second above 0")
    files = _files(path)
    readings = [partial(_one, file, rate, split) for file, split in files]
    return listed(readings, [file for file, _ in files], Manner(fps, gap, shortest, test, human_seconds), surfaces)


def _one(file: Path, rate: float, split: str) -> Sequence[Rows]:
    return [read_rows(file, rate, split)]


def _files(path: Path) -> list[tuple[Path, str]]:
    """Files with their split."""
    if path.is_file():
        return [(path, "")]
    found = [(f, split) for split in ("train", "val", "test") for f in sorted((path / split).glob("*.txt"))]
    found = found or [(f, "") for f in sorted(path.glob("*.txt"))]
    if not found:
        raise InputError("has no .txt files", path, "give a file with rows: frame id x y")
    return found
