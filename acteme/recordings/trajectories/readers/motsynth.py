"""MOTSynth (Fabbri et al., ICCV 2021): synthetic streets, a COCO-style JSON file per sequence.

`images` have an `id` and a frame number (in `frame_n` or in the file's name); `annotations` have `image_id`, `ped_id`
and `bbox` [left, top, width, height]. 1920 x 1080 at 20 frames per second. Where a person stands is the middle of the
box's lower edge. `info` may say that the camera moves.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import AGAIN, numbers, read_json
from acteme.recordings.trajectories.readers.tables import names
from acteme.recordings.trajectories.tracks import FPS, Manner, Rows, listed

SIZE = (1920.0, 1080.0)


def read_rows(path: Path, rate: float = 20.0) -> tuple[Rows, bool]:
    """The people of a sequence, and whether its camera moves. Raises InputError where the file is broken."""
    tree = read_json(path)
    if not isinstance(tree, dict):
        raise InputError("is not an object with images and annotations", path, AGAIN)
    images, found = (_objects(tree, name, path) for name in ("images", "annotations"))
    try:
        frame = {image["id"]: _frame(image) for image in images}
        time = [frame[row["image_id"]] for row in found]
        who, boxes = [row["ped_id"] for row in found], [row["bbox"] for row in found]
        first = images[0] if images else {}
        size = [float(first.get("width", SIZE[0])), float(first.get("height", SIZE[1]))]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"an image or annotation is broken ({type(error).__name__}: {error})", path, AGAIN) from error
    box = numbers(boxes or np.zeros((0, 4)), path, "bbox").astype(np.float64)
    agent = numbers(who, path, "ped_id").astype(np.float64)
    if box.ndim != 2 or box.shape[1] != 4 or agent.ndim != 1:
        raise InputError("a bbox is not left, top, width and height", path, AGAIN)
    if not (np.isfinite(size).all() and min(size) > 0):
        raise InputError("the size of its images is not a sensible number", path, AGAIN)
    feet = np.stack([box[:, 0] + box[:, 2] / 2, box[:, 1] + box[:, 3]], 1)
    info = tree.get("info")
    moves = isinstance(info, dict) and info.get("is_moving") in (1, True, "1", "true", "True")
    rows = Rows(path.stem, path, names(agent), np.array(time, np.float64) / rate, feet, (0.0, 0.0, size[0], size[1]))
    return rows, moves


def _objects(tree: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    """A list of objects. Raises InputError where it is none."""
    value = tree.get(name)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InputError(f"has no list of objects '{name}'", path, AGAIN)
    return value


def _frame(image: dict[str, Any]) -> float:
    """The number of an image's frame."""
    if isinstance(image.get("frame_n"), int | float):
        return float(image["frame_n"])
    found = re.findall(r"\d{1,9}", Path(str(image["file_name"])).stem)
    if not found:
        raise ValueError(f"{image['file_name']!r} has no number")
    return float(found[-1])


def motsynth(
    path: Path,
    rate: float = 20.0,
    moving: bool = False,
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """MOTSynth, or other COCO-style JSON files with `ped_id`: people in pixels of the image.

    Args:
        path: a .json file, or a folder of them (a scene each).
        rate: frames per second of the videos.
        moving: take sequences of moving cameras, too.
        fps: samples per second of the tracks.
        gap: longest time between two boxes of a track, seconds; none ends a track at a missing frame.
        shortest: samples of a track at least.
        test: share of each sequence's time, at its end, that is the test.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each sequence.

    Raises:
        InputError: there are no .json files, an option is out of its range, or none can be read.
    """
    if not rate > 0:
        raise InputError(f"rate is {rate:g}", "option", "give frames per second above 0")
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    if not files:
        raise InputError("has no .json files", path, "give the folder of the annotations")
    left_out: list[Path] = []

    def read(file: Path) -> Sequence[Rows]:
        rows, moves = read_rows(file, rate)
        if not moves or moving:
            return [rows]
        left_out.append(file)
        return []

    manner = Manner(fps, gap, shortest, test, human_seconds)
    try:
        made = listed([partial(read, file) for file in files], files, manner, surfaces)
    except InputError as error:
        if len(left_out) == len(files):
            raise InputError("has no sequence of a fixed camera", path, "set moving=true") from error
        raise
    notes = [f"{len(left_out)} sequences of moving cameras are left out (option moving)"] if left_out else []
    return replace(made, notes=[*made.notes, *notes])
