"""2D keypoints: OpenPose's JSON files, COCO's keypoint files, and Kinetics-Skeleton.

OpenPose (Cao et al., TPAMI 2021) writes one JSON file per frame, `{"people": [{"pose_keypoints_2d": [x, y, c] * 25}]}`;
pose estimators that follow COCO write one file per video, a list of `{"image_id", "keypoints": [x, y, c] * 17}`;
Kinetics-Skeleton (Yan et al., AAAI 2018) has one file per video, `{"data": [{"frame_index", "skeleton": [{"pose",
"score"}]}]}`, with 18 joints. Coordinates are in pixels, in Kinetics-Skeleton in parts of the frame.
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import natural, numbers, read_json
from acteme.recordings.spec import Spec

LAYOUTS = {25: "body25", 18: "openpose18", 17: "coco17", 15: "body15"}
"""Layout by the number of keypoints of a person."""
SPARSE = 100
"""Image numbers with more than so many gaps per image name no frames of one video; they are counted instead."""

Person = Float[np.ndarray, "v 3"]
"""x, y and confidence of a person's joints."""


def read_keypoints(path: Path, persons: int = 2, fps: float = 30.0, layout: str = "") -> Recording:
    """Reads a folder of per-frame OpenPose files, or one JSON file of any of the three forms.

    Args:
        persons: room for persons. Where a frame has more, those with the highest confidence are kept, in their order.
        fps: the files do not say it.
        layout: `body15` keeps the first 15 joints of BODY_25; empty keeps what the files have.

    Returns a recording with `skeleton` (T, persons, V, 2) and `confidence` (T, persons, V); V is that of `LAYOUTS`.
    Raises InputError where a file is broken, no frame has a person, or persons differ in their joints.
    """
    path = Path(path)
    label = ""
    if path.is_dir():
        files = [path / name for name in natural(file.name for file in path.glob("*.json"))]
        if not files:
            raise InputError("holds no JSON file", path)
        frames = [_people(read_json(file), file) for file in files]
    else:
        data = read_json(path)
        if isinstance(data, dict) and "data" in data:
            frames, label = _kinetics(data, path)
        else:
            frames = _frames(data, path)
    return _recording(path, frames, persons, fps, layout, label)


def _recording(
    path: Path, frames: Sequence[Sequence[Person]], persons: int, fps: float, layout: str, label: str
) -> Recording:
    counts = {len(person) for people in frames for person in people}
    if not counts:
        raise InputError("no frame has a person", path)
    if len(counts) > 1 or (joints := counts.pop()) not in LAYOUTS:
        raise InputError(f"persons have {', '.join(map(str, sorted(counts)))} joints".replace("have  ", f"have {joints} ")
                         if len(counts) == 0 else f"persons have {sorted(counts)} joints", path,
                         f"give one of {', '.join(map(str, LAYOUTS))}")  # fmt: skip
    out = np.zeros((len(frames), persons, joints, 3), np.float32)
    for t, people in enumerate(frames):
        if len(people) > persons:
            best = np.argsort([-person[:, 2].sum() for person in people], kind="stable")[:persons]
            people = [people[i] for i in sorted(best)]
        for m, person in enumerate(people):
            out[t, m] = person
    if layout == "body15" and joints == 25:
        out = out[:, :, :15]
    elif layout and layout != LAYOUTS[joints]:
        raise InputError(f"has the {joints} joints of '{LAYOUTS[joints]}', not '{layout}'", path)
    return Recording(path.stem, fps, {"skeleton": out[..., :2].copy(), "confidence": out[..., 2].copy()}, label=label)
