"""TrajNet++ (Kothari et al., 2021): `.ndjson` files with a JSON object per line.

`{"track": {"f": frame, "p": person, "x": meters, "y": meters}}` are positions; `{"scene": {...}}` name stretches for
its evaluation, of which only the frame rate is read here. Files are scenes; they lie in `train`, `val` and `test`.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import AGAIN, read_text
from acteme.recordings.trajectories.readers.tables import names
from acteme.recordings.trajectories.tracks import FPS, Manner, Rows, listed


def read_rows(path: Path, split: str = "") -> Rows:
    """All tracks of a file; frames are as far apart as the frame rate of its scenes says (2.5 unless they do).

    Raises InputError, naming the line, where one is broken.
    """
    rows, rates = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if "track" in record:
                track = record["track"]
                values = [track[key] for key in ("f", "p", "x", "y")]
                if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
                    raise TypeError("not a number")
                rows.append([float(value) for value in values])
            elif "scene" in record:
                rates.append(float(record["scene"].get("fps", 2.5)))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            what = f"'{line.strip()[:40]}' is no track or scene"
            raise InputError(what, f"{path}, line {number}", AGAIN) from None
    table = np.array(rows, np.float64).reshape(-1, 4)
    if not np.isfinite(table).all():
        raise InputError("has a NaN or infinity", path, AGAIN)
    rate = float(np.median(rates)) if rates else 2.5
    if not 0 < rate < 1e4:
        raise InputError(f"its scenes have {rate:g} frames per second", path, AGAIN)
    return Rows(path.stem, path, names(table[:, 1]), table[:, 0] / (_step(table) * rate), table[:, 2:4], split=split)


def _step(table: np.ndarray) -> float:
    """How far apart the numbers of two frames that follow each other are."""
    frames = np.unique(table[:, 0])
    return float(np.median(np.diff(frames))) if len(frames) > 1 else 1.0


def trajnet(
    path: Path,
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """TrajNet++, in meters.

    Args:
        path: an .ndjson file, a folder of them (a scene each), or one with the folders train, val and test.
        fps: samples per second of the tracks.
        gap: longest time between two rows of a track, seconds; none ends a track at a missing row.
        shortest: samples of a track at least.
        test: share of each scene's time, at its end, that is the test, where there are no folders of splits.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each scene.

    Raises:
        InputError: there are no .ndjson files, an option is out of its range, or none can be read.
    """
    found = [(path, "")] if path.is_file() else [
        (file, split) for split in ("train", "val", "test") for file in sorted((path / split).glob("**/*.ndjson"))
    ]  # fmt: skip
    found = found or [(file, "") for file in sorted(path.glob("*.ndjson"))]
    if not found:
        raise InputError("has no .ndjson files", path, "give the data set's folder")
    readings = [partial(_one, file, split) for file, split in found]
    return listed(readings, [file for file, _ in found], Manner(fps, gap, shortest, test, human_seconds), surfaces)


def _one(file: Path, split: str) -> Sequence[Rows]:
    return [read_rows(file, split)]
