"""Poses of LCR-Net, as Posetics and Toyota Smarthome come: JSON `{"frames": [[{"pose2d", "pose3d"}, ...], ...]}`.

A person's `pose2d` is 13 x then 13 y, in pixels; `pose3d` is 13 x, 13 y, 13 z. The 13 joints become the 17 of Posetics
(layout `posetics17`), the four new ones as midpoints.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import convert
from acteme.recordings.skeleton.readers.files import AGAIN, numbers, read_json

JOINTS = 13


def read_poses(
    path: Path, axes: int = 3, persons: int = 2, size: tuple[int, int] | None = None
) -> Float[np.ndarray, "t m 17 c"]:
    """Reads a pose file.

    Args:
        axes: 3 reads `pose3d`, 2 reads `pose2d`.
        persons: the first so many of each frame.
        size: width and height of the video; given, 2D coordinates become x' = 2 x / w - 1, y' = 2 y / w - h / w, and
            joints at (0, 0), which were not found, stay there.

    Raises InputError where the file is broken or no frame has a person.
    """
    data = read_json(path)
    frames = data.get("frames") if isinstance(data, dict) else None
    if not isinstance(frames, list) or not all(isinstance(people, list) for people in frames):
        raise InputError('has no "frames" with lists of persons', path, AGAIN)
    key, count = f"pose{axes}d", JOINTS * axes
    out = np.zeros((len(frames), persons, JOINTS, axes), np.float32)
    for t, people in enumerate(frames):
        for m, person in enumerate(people[:persons]):
            where = f"{path}, frame {t}"
            if not isinstance(person, dict) or key not in person:
                raise InputError(
                    f'a person has no "{key}"',
                    where,
                    "read the other kind of poses (axes=2 or 3), or estimate them again",
                )
            values = numbers(person[key], where, f'"{key}"')
            if values.size != count:
                raise InputError(
                    f'"{key}" has {values.size} numbers, expected {count}',
                    where,
                    "give 13 joints, as LCR-Net writes them",
                )
            out[t, m] = values.reshape(axes, JOINTS).T
    if not out.any():
        raise InputError("no frame has a person", path, "leave it out")
    missing: np.ndarray = np.logical_not(out.any(-1))
    if axes == 2 and size is not None:
        width, height = size
        out = np.where(missing[..., None], 0, 2 * out / width - np.array([1, height / width], np.float32))
    out = convert(out, "lcrnet13", "posetics17").astype(np.float32)
    out[missing.all(-1)] = 0
    return out
