"""SHREC'17 track: hand gestures (De Smedt et al., 3DOR 2017), 14 of them, each done with one finger or the whole hand.

`gesture_G/finger_F/subject_S/essai_E/skeletons_world.txt` holds a frame per line, 66 numbers: x, y, z of the 22 joints
of layout `shrec22`, metres. `train_gestures.txt` and `test_gestures.txt` list the clips, a line each: gesture, finger,
subject, essai, label of 14 (from 1), label of 28, number of frames.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers import files
from acteme.recordings.skeleton.readers.names import SHREC14
from acteme.recordings.spec import Spec

FPS = 30.0
JOINTS = 22
FINGERS = ("one finger", "whole hand")
LISTS = {"train": "train_gestures.txt", "test": "test_gestures.txt"}


def read_world(path: Path, normalize: bool = True) -> Recording:
    """Reads one clip: skeleton (T, 1, 22, 3).

    Args:
        path: a `skeletons_world.txt`.
        normalize: see `shrec`.

    Raises InputError where a line does not hold 66 numbers.
    """
    path = Path(path)
    lines = [line.split() for line in files.read_text(path).splitlines() if line.strip()]
    for i, words in enumerate(lines):
        if len(words) != JOINTS * 3:
            raise InputError(f"holds {len(words)} numbers where 66 are expected", f"{path}, line {i + 1}", files.AGAIN)
    if not lines:
        raise InputError("has no frames", path, "leave it out")
    try:
        x = np.array([[float(word) for word in words] for words in lines])
    except ValueError as error:
        raise InputError("is not a table of numbers", path, files.AGAIN) from error
    x = files.finite(x, path).reshape(-1, 1, JOINTS, 3)
    return Recording(path.parent.name, FPS, {"skeleton": normalized(x) if normalize else x})


def normalized(x: np.ndarray) -> np.ndarray:
    """The wrist of the first frame at the origin, and the first bone of the middle finger (0 to 10) of length 1.

    That length is of the first frame that has one. Joints at (0, 0, 0) stay (the preparation of PSUMNet and DSTA-Net).
    """
    there = (x != 0).any(-1, keepdims=True)
    y = np.where(there, x - x[0, 0, 0], 0)
    lengths = np.linalg.norm(y[:, 0, 10] - y[:, 0, 0], axis=-1)
    return (y / lengths[np.argmax(lengths > 0)] if lengths.any() else y).astype(x.dtype)


def shrec(path: Path, gestures: Literal[14, 28] = 14, normalize: bool = True) -> Listing:
    """SHREC'17 hand gestures: 1,960 clips to train, 840 to test.

    Args:
        path: the folder with `train_gestures.txt`, `test_gestures.txt` and `gesture_1` to `gesture_14`.
        gestures: 14, or 28 where gestures with one finger and with the whole hand are told apart.
        normalize: move the wrist of the first frame to the origin and make the bone from there to the middle finger's
            first joint 1 long (official); otherwise metres as they are.

    Raises InputError where a list is missing or broken.
    """
    path = Path(path)
    classes = SHREC14 if gestures == 14 else tuple(f"{g}, {f}" for g in SHREC14 for f in FINGERS)
    items, seen = [], []
    for split, name in LISTS.items():
        table = path / name
        if not table.is_file():
            continue
        seen.append(table)
        for i, line in enumerate(files.read_text(table).splitlines()):
            if not line.strip():
                continue
            where = f"{table}, line {i + 1}"
            words = line.split()
            if len(words) != 7 or not all(word.isascii() and word.isdigit() and len(word) < 9 for word in words):
                raise InputError("is not gesture, finger, subject, essai, label, label, frames", where, files.AGAIN)
            g, f, s, e, *labels, _ = map(int, words)
            label = labels[gestures == 28]
            if not 1 <= label <= gestures:
                raise InputError(f"label {label} is not one of 1 to {gestures}", where, files.AGAIN)
            file = path / f"gesture_{g}/finger_{f}/subject_{s}/essai_{e}/skeletons_world.txt"
            read = partial(_read, file, f"g{g:02d}_f{f}_s{s:02d}_e{e:02d}", classes[label - 1], split, s, normalize)
            items.append(Item(f"g{g:02d}_f{f}_s{s:02d}_e{e:02d}", str(file), read))
            seen.append(file)
    if not items:
        raise InputError(f"lists no clips in {' or '.join(LISTS.values())}", path, "give the data set's folder")
    return Listing(Spec("shrec22", JOINTS, 1, 3, classes, FPS), items, [file for file in seen if file.exists()])


def _read(file: Path, name: str, label: str, split: str, subject: int, normalize: bool) -> Recording:
    arrays = read_world(file, normalize).arrays
    return Recording(name, FPS, arrays, label, split=split, subject=f"s{subject:02d}", where=str(file))
