"""NTU-X: the clips of NTU RGB+D with estimated poses of 67 joints, fingers among them (Trivedi et al., ICVGIP 2021).

`train/NAME.h5` and `test/NAME.h5` hold a clip each: the last data set of the file, (3, T, 67 or more, M), zeros where
nobody is. `train_label_60.pkl` and `test_label_60.pkl` (or `_120`) are pickles whose first element is (names, labels
from 0). Reading HDF5 needs the package h5py.
"""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acteme.errors import InputError, MissingError
from acteme.recordings.pickles import load_pickle
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.ctrgcn import until_last
from acteme.recordings.skeleton.readers.files import AGAIN, finite
from acteme.recordings.skeleton.readers.names import NTU60, NTU120
from acteme.recordings.skeleton.readers.ntu import parse_name
from acteme.recordings.spec import Spec

FPS = 30.0
JOINTS = 67


def read_h5(path: Path, persons: int = 2) -> np.ndarray:
    """The poses of a file, (T, persons, 67, 3), up to the last frame with anybody.

    Raises:
        InputError: no such file, a broken one, another shape, or nobody in it.
        MissingError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingError("NTU-X needs h5py, which is not installed; run: pip install 'acteme[ntux]'") from error
    try:
        with h5py.File(path, "r") as file:
            clip = np.asarray(file[list(file)[-1]])
    except Exception as error:  # HDF5 fails in as many ways as there are structures in a file
        raise InputError("cannot be read as HDF5", path, AGAIN) from error
    if clip.ndim != 4 or clip.shape[0] != 3 or clip.shape[2] < JOINTS or clip.dtype.kind != "f":
        raise InputError(f"has shape {clip.shape} of {clip.dtype}, expected floats (3, T, 67, M)", path, AGAIN)
    clip = np.ascontiguousarray(clip[:, :, :JOINTS].transpose(1, 3, 2, 0))
    if clip.shape[1] > persons and clip[:, persons:].any():
        raise InputError(f"has {clip.shape[1]} persons where there is room for {persons}", path, "set persons")
    return until_last(finite(clip[:, :persons], path), str(path))


def ntux(path: Path, classes: Literal[60, 120] = 60, persons: int = 2) -> Listing:
    """NTU60-X or NTU120-X: 67 joints, layout `ntux67`.

    Args:
        path: the folder with `train`, `test` and the label files.
        classes: which label files: `train_label_60.pkl` or `train_label_120.pkl`.
        persons: most persons in a clip.

    Raises InputError where a label file is missing or broken.
    """
    path = Path(path)
    known = NTU60 if classes == 60 else NTU120
    items, seen = [], []
    for split in ("train", "test"):
        table = path / f"{split}_label_{classes}.pkl"
        if not table.is_file():
            continue
        seen.append(table)
        for name, label in _labels(table, classes):
            file = path / split / f"{name}.h5"
            items.append(Item(name, str(file), partial(_read, file, name, known[label], split, persons)))
            seen.append(file)
    if not items:
        raise InputError(
            f"has no train_label_{classes}.pkl or test_label_{classes}.pkl with clips",
            path,
            "give the folder that holds the label files and the clips",
        )
    spec = Spec("ntux67", JOINTS, persons, 3, known, FPS)
    return Listing(spec, items, [file for file in seen if file.exists()])


def _labels(table: Path, classes: int) -> list[tuple[str, int]]:
    """Names without ending, and labels."""
    value: Any = load_pickle(table)
    pair = value[0] if isinstance(value, list | tuple) and len(value) else None
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise InputError("does not begin with a pair of names and labels", table, AGAIN)
    names, labels = (list(part) if isinstance(part, list | tuple | np.ndarray) else [] for part in pair)
    if not names or len(names) != len(labels):
        raise InputError(f"has {len(names)} names and {len(labels)} labels", table, AGAIN)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        whole = isinstance(label, int | np.integer) and 0 <= label < classes
        if not isinstance(name, str) or not name.partition(".")[0] or Path(name).name != name or not whole:
            raise InputError(f"row {i} is not a name and a class from 0 to {classes - 1}", table, AGAIN)
    return [(name.partition(".")[0], int(label)) for name, label in zip(names, labels, strict=True)]


def _read(file: Path, name: str, label: str, split: str, persons: int) -> Recording:
    clip = parse_name(name)
    return Recording(
        name=name,
        fps=FPS,
        arrays={"skeleton": read_h5(file, persons)},
        label=label,
        split=split,
        subject=f"P{clip.performer:03d}" if clip else "",
        camera=f"C{clip.camera:03d}" if clip else "",
        where=str(file),
    )
