"""The arrays of 2s-AGCN and of its heirs, HaLP among them.

A folder per protocol (`xsub`, `xview`, `xsetup`) with `train_data_joint.npy` and `val_data_joint.npy`, float32
(N, 3, 300, 25, 2); `train_label.pkl` and `val_label.pkl`, pickles of (names, labels from 0), or of a list that begins
with such a pair, as PSUMNet's feeder wants it; and, as HaLP writes them, `train_num_frame.npy` and `val_num_frame.npy`,
(N,) frames before the padding. The official preparation has normalized the coordinates and filled the padding with
repetitions; without the frame counts, clips are as long as the arrays.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.pickles import load_pickle
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.layouts import LAYOUTS
from acteme.recordings.skeleton.readers.ctrgcn import until_last
from acteme.recordings.skeleton.readers.files import finite, read_npy
from acteme.recordings.skeleton.readers.names import PKU51, named
from acteme.recordings.spec import Spec

FPS = 30.0


def agcn(path: Path, protocol: str = "", classes: int = 0, layout: str = "ntu25") -> Listing:
    """One protocol of a prepared data set; the arrays are memory-mapped.

    Args:
        path: the folder with the arrays, or one that has it as its folder `protocol`.
        protocol: name of the folder; empty where `path` is it.
        classes: number of classes; 0 takes the highest label. 60 and 120 have the names of NTU, 51 those of PKU-MMD.
        layout: layout of the joints.

    `val` files become the split `test`. Raises InputError where a file is missing or broken, or sizes do not agree.
    """
    folder = Path(path) / protocol
    if layout not in LAYOUTS:
        raise InputError(f"unknown layout '{layout}'", mend=f"use one of {', '.join(LAYOUTS)}")
    joints = LAYOUTS[layout].count
    parts, files, shapes, notes = [], [], set(), []
    for part, split in (("train", "train"), ("val", "test")):
        data, table = folder / f"{part}_data_joint.npy", folder / f"{part}_label.pkl"
        if not data.exists() and not table.exists():
            continue
        x = read_npy(data)
        if x.ndim != 5 or x.shape[1] not in (2, 3) or x.shape[3] != joints or x.dtype.kind != "f":
            raise InputError(
                f"has shape {x.shape} of {x.dtype}, expected floats (N, 3, T, {joints}, M)",
                data,
                "name the right layout, or prepare it again",
            )
        names, labels = _labels(table)
        if len(names) != len(x):
            raise InputError(
                f"names {len(names)} clips where {data.name} has {len(x)}",
                table,
                "take both files from one preparation",
            )
        counts = folder / f"{part}_num_frame.npy"
        frames = read_npy(counts) if counts.exists() else None
        if frames is None:
            notes.append(f"no {counts.name}: clips of {data.name} are as long as their last frame that is not zero")
        elif frames.shape != (len(x),) or frames.dtype.kind not in "iu" or (np.asarray(frames) < 1).any():
            raise InputError(f"does not hold {len(x)} positive frame counts", counts, "prepare it again, or delete it")
        parts.append((split, data, names, labels, frames))
        files += [data, table] + ([] if frames is None else [counts])
        shapes.add((x.shape[1], x.shape[4]))
    if not parts:
        raise InputError(
            "has no train_data_joint.npy or val_data_joint.npy",
            folder,
            "give the folder of one protocol, or name it: protocol=xsub",
        )
    if len(shapes) > 1:
        raise InputError("train and val differ in coordinates or persons", folder, "prepare both in the same way")
    channels, persons = shapes.pop()
    top = max(int(max(labels, default=0)) for _, _, _, labels, _ in parts) + 1
    if classes and top > classes:
        raise InputError(
            f"has label {top - 1} where there are {classes} classes (from 0)",
            folder,
            "give the right number of classes, or correct the labels",
        )
    known = named(classes or top, PKU51, folder)
    items = [
        Item(name, f"{data}, row {i}", partial(_read, data, i, name, split, known[label], frames))
        for split, data, names, labels, frames in parts
        for i, (name, label) in enumerate(zip(names, labels, strict=True))
    ]
    return Listing(Spec(layout, joints, persons, channels, known, FPS), items, files, notes=notes)


def _labels(table: Path) -> tuple[list[str], list[int]]:
    """Names (without `.skeleton`) and labels."""
    value = load_pickle(table)
    if isinstance(value, tuple | list) and value and _paired(value[0]):
        value = value[0]
    if not _paired(value):
        raise InputError("is not a pair of names and labels", table, "write it as a pickle of (names, labels)")
    names, labels = value
    if len(names) != len(labels):
        raise InputError(f"has {len(names)} names but {len(labels)} labels", table, "prepare it again")
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        # the preparation of PKU-MMD writes the labels as floats
        if not isinstance(name, str) or not isinstance(label, int | float | np.number) or not _class(label):
            raise InputError(
                f"row {i} is not a name and a class from 0", table, "correct it, or prepare the file again"
            )
    return [name.removesuffix(".skeleton") for name in names], [int(label) for label in labels]


def _paired(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(v, list | tuple) for v in value)


def _class(label: Any) -> bool:
    return label >= 0 and float(label).is_integer()


def _read(data: Path, i: int, name: str, split: str, label: str, frames: np.ndarray | None) -> Recording:
    clip = np.asarray(read_npy(data)[i]).transpose(1, 3, 2, 0)
    where = f"{data}, row {i}"
    clip = finite(np.ascontiguousarray(clip if frames is None else clip[: int(frames[i])]), where)
    return Recording(name, FPS, {"skeleton": until_last(clip, where) if frames is None else clip}, label, split=split)
