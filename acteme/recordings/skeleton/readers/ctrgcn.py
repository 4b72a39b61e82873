"""The `.npz` archives of CTR-GCN and its heirs: `NTU60_CS.npz`, `NTU60_CV.npz`, `NTU120_CSub.npz`, `NTU120_CSet.npz`.

`x_train` (N, 300, 150) float32 with 150 = person * 75 + joint * 3 + axis, zeros at the end where a clip is shorter;
`y_train` (N, K) one-hot; `x_test` and `y_test` likewise. Coordinates are metres, centered on the middle of the spine of
the first actor in the first frame. The clips have no names there.
"""

from functools import partial
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import finite
from acteme.recordings.skeleton.readers.names import named
from acteme.recordings.skeleton.readers.npz import Member
from acteme.recordings.spec import Spec

PERSONS, JOINTS, AXES = 2, 25, 3
FPS = 30.0


def ctrgcn(path: Path) -> Listing:
    """One archive; rows are read from it when they are asked for, never all at once.

    Raises InputError where the archive lacks an array, shapes do not fit, or a label is not one-hot.
    """
    path = Path(path)
    items: list[Item] = []
    count = 0
    tables = []
    for split in ("train", "test"):
        x, y = Member(path, f"x_{split}"), Member(path, f"y_{split}")
        if len(x.shape) != 3 or x.shape[2] != PERSONS * JOINTS * AXES:
            raise InputError(
                f"'x_{split}' has shape {x.shape}, expected (clips, frames, 150)",
                path,
                "prepare it again: 2 persons, 25 joints, 3 coordinates",
            )
        if len(y.shape) != 2 or len(y) != len(x):
            raise InputError(
                f"'y_{split}' has shape {y.shape}, expected ({len(x)}, classes)",
                path,
                "take both arrays from one preparation",
            )
        one_hot = np.array(y.mapped if y.mapped is not None else [y[i] for i in range(len(y))]).reshape(y.shape)
        wrong = np.flatnonzero((one_hot > 0).sum(1) != 1)
        if len(wrong):
            raise InputError(
                f"row {wrong[0]} of 'y_{split}' does not name one class", path, "write a single one per row"
            )
        tables.append((split, x, one_hot.argmax(1)))
        count = max(count, y.shape[1])
    classes = named(count, (), path)
    for split, x, labels in tables:
        for i, label in enumerate(labels):
            read = partial(_read, x, i, f"{split}_{i:05d}", split, classes[label])
            items.append(Item(f"{split}_{i:05d}", f"{path}, row {i} of x_{split}", read))
    return Listing(Spec("ntu25", JOINTS, PERSONS, AXES, classes, FPS), items, [path])


def _read(x: Member, i: int, name: str, split: str, label: str) -> Recording:
    clip = x[i].reshape(-1, PERSONS, JOINTS, AXES)
    where = f"{x.path}, row {i} of {x.name}"
    return Recording(name, FPS, {"skeleton": until_last(finite(clip, where), where)}, label, split=split)


def until_last(clip: np.ndarray, where: str) -> np.ndarray:
    """The frames up to the last one that is not all zeros. Raises InputError where there is none."""
    there = np.flatnonzero(clip.any(tuple(range(1, clip.ndim))))
    if not len(there):
        raise InputError("has no frame that is not zero", where, "leave it out")
    return clip[: there[-1] + 1]
