"""Posetics (Yang et al., BMVC 2021): LCR-Net poses of Kinetics clips, 320 classes, as UNIK reads them.

`posetics_train/ID_000012_000022.json` (an eleven-character video ID, start and end) and `posetics_val`, with
`posetics_train_label.json` and `posetics_val_label.json` beside: `{ID: {"label_index": 0 to 319, "label": name,
"has_skeleton": true}}`, of which the name may be missing. For the poses see `lcrnet`.
"""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import AGAIN, read_json
from acteme.recordings.skeleton.readers.lcrnet import read_poses
from acteme.recordings.spec import Spec

CLASSES = 320
TIMES = re.compile(r"_\d{6}_\d{6}$")
"""What follows the ID in a file's name."""


@dataclass(frozen=True)
class Form:
    """How poses are wanted."""

    axes: int
    """2 or 3."""
    persons: int
    """Room for persons."""
    size: tuple[int, int] | None
    """Width and height to normalize 2D poses by; None keeps pixels."""
    fps: float
    """Frames per second."""


def posetics(
    path: Path, axes: int = 2, persons: int = 2, width: int = 640, height: int = 480, fps: float = 25.0
) -> Listing:
    """Posetics: 320 classes of trimmed clips; `posetics_val` is the split `test`.

    Args:
        path: folder with `posetics_train`, `posetics_val` and their label files.
        axes: read `pose2d` (2, as UNIK and LAC do) or `pose3d` (3).
        persons: the first so many of each frame.
        width: of the images, to normalize 2D poses as UNIK does: x' = 2 x / w - 1, y' = 2 y / w - h / w; 0: pixels.
        height: see `width`.
        fps: frames per second of all clips.
    """
    path = Path(path)
    form = Form(axes, persons, (width, height) if width and height else None, fps)
    names = [f"class {k}" for k in range(CLASSES)]
    found: list[tuple[Path, str, int]] = []
    tables = []
    without = unknown = 0
    for part, split in (("train", "train"), ("val", "test")):
        table = path / f"posetics_{part}_label.json"
        if not table.is_file():
            continue
        tables.append(table)
        labels = read_json(table)
        if not isinstance(labels, dict):
            raise InputError("is not a table of labels", table, AGAIN)
        for file in sorted((path / f"posetics_{part}").glob("*.json")):
            entry = labels.get(TIMES.sub("", file.stem))
            if entry is None:
                unknown += 1
                continue
            label = _label(entry, f"{table}, {file.stem}")
            if entry.get("has_skeleton", True):
                found.append((file, split, label))
                names[label] = str(entry.get("label") or names[label])
            else:
                without += 1
    if not found:
        raise InputError("has no posetics_train_label.json with poses in posetics_train", path, "give their folder")
    if len(set(names)) < CLASSES:
        raise InputError("two classes have one name", tables[0], "mend the labels")
    items = [
        Item(file.stem, str(file), partial(_read, file, form, split, names[label])) for file, split, label in found
    ]
    notes = [
        f"{n} clips {why}, left out" for n, why in ((without, "have no skeleton"), (unknown, "have no label")) if n
    ]
    spec = Spec("posetics17", 17, persons, axes, tuple(names), fps)
    return Listing(spec, items, [*tables, *(file for file, _, _ in found)], notes=notes)


def _label(entry: Any, where: str) -> int:
    label = entry.get("label_index") if isinstance(entry, dict) else None
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < CLASSES:
        raise InputError(f'has "label_index" {label!r}, expected 0 to {CLASSES - 1}', where, "correct it")
    return label


def _read(file: Path, form: Form, split: str, label: str) -> Recording:
    x = read_poses(file, form.axes, form.persons, form.size)
    return Recording(file.stem, form.fps, {"skeleton": x}, label=label, split=split)
