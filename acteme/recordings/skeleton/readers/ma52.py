"""MA-52 (Guo et al., TCSVT 2024): micro-actions of people who are interviewed, 52 actions of 7 parts of the body.

`MA52_train.pkl`, `MA52_val.pkl` and `MA52_test.pkl` hold the annotations of PYSKL (see `pyskl`), as a list or under
"annotations", with 28 keypoints: those of OpenPose, then five points of the left and five of the right hand. Beside
them may stand `train_list_videos.txt`, `val_list_videos.txt` and `test_list_videos.txt` with lines such as
`0003_01_0001.mp4 9`. The labels of the test are not public; the files say 0.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.pickles import load_pickle
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import read_text
from acteme.recordings.skeleton.readers.names import MA52, MA52_GROUPS
from acteme.recordings.skeleton.readers.pyskl import in_place, whole_number
from acteme.recordings.spec import Spec

SPLITS = ("train", "val", "test")
FOLDERS = ("", "MA-52_openpose_28kp", "annotations")
"""Where the official code keeps the files."""


def ma52(path: Path, persons: int = 1, fps: float = 30.0, pixels: bool = False) -> Listing:
    """MA-52: splits `train`, `val` and `test`, the last without labels; every class is in the group of its body part.

    Where a list says which clips a split has, it also orders them, and its labels are those that count. Evaluate on
    `--split val`; a submission to the benchmark is made by `acteme predict RUN ma52:PATH --split test --format ma52
    --to prediction.csv`.

    Args:
        path: the folder of the pickles and lists, or the one above it.
        persons: room for persons; further ones of a clip are left out.
        fps: frames per second; the pickles do not say it.
        pixels: keep coordinates in pixels; else they are half widths of the picture from its middle, y downwards, on
            both axes. Joints of confidence 0 at (0, 0) stay 0.

    Raises:
        InputError: there is no pickle, one asks for more than data, or what it holds is broken.
    """
    path = Path(path)
    spec = Spec("ma52_28", 28, persons, 2, MA52, float(fps), groups=MA52_GROUPS)
    items: list[Item] = []
    files: list[Path] = []
    notes: list[str] = []
    for split in SPLITS:
        file, table = _find(path, f"MA52_{split}.pkl"), _find(path, f"{split}_list_videos.txt")
        if file is None:
            continue
        held = {name: (number, a) for number, name, a in _annotations(file)}
        labels = {name: int(a["label"]) for name, (_, a) in held.items()}
        if table is not None:
            listed = dict(_list(table))
            counts = {
                "clips of the list have no skeleton": len(listed.keys() - labels.keys()),
                "clips are not in the list": len(labels.keys() - listed.keys()),
                "labels are not those of the list, which count": sum(
                    labels.get(name, label) != label for name, label in listed.items()
                ),
            }
            notes += [f"{split}: {n} {what}" for what, n in counts.items() if n]
            labels = {name: label for name, label in listed.items() if name in labels}
        known = split != "test" or any(labels.values())
        for name, label in labels.items():
            where = f"{file}, {name}"
            about = split, MA52[label] if known else "", pixels
            items.append(Item(name, where, partial(_read, held[name][1], name, about, spec, where)))
        files += [file, *([table] if table else [])]
    if not items:
        raise InputError("has no clips of MA52_train.pkl, MA52_val.pkl or MA52_test.pkl", path, "give their folder")
    return Listing(spec, items, files, notes=notes)


def _find(path: Path, name: str) -> Path | None:
    return next((path / folder / name for folder in FOLDERS if (path / folder / name).is_file()), None)


def _annotations(file: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Number, name and contents of each annotation."""
    data = load_pickle(file)
    data = data.get("annotations") if isinstance(data, dict) else data
    if not isinstance(data, list) or not all(isinstance(a, dict) for a in data):
        raise InputError("is not a list of dicts", file, "give an annotation file of MA-52")
    names: set[str] = set()
    for n, a in enumerate(data):
        name = a.get("frame_dir", a.get("filename"))
        if not isinstance(name, str) or whole_number(a.get("label")) not in range(len(MA52)):
            what = f'has no "frame_dir" or no "label" from 0 to {len(MA52) - 1}'
            raise InputError(what, f"{file}, annotation {n}", "correct the annotation")
        name = _stem(name)
        if name in names:
            raise InputError(f"a second annotation is of '{name}'", f"{file}, annotation {n}", "leave one out")
        names.add(name)
        yield n, name, a


def _stem(name: str) -> str:
    """The name of a clip: that of its file, without folders and ending."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return last.removesuffix(".mp4") or name


def _list(file: Path) -> Iterator[tuple[str, int]]:
    """Clips and labels of a list."""
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.strip():
            continue
        name, _, label = line.strip().rpartition(" ")
        if not name or not label.isascii() or not label.isdigit() or int(label[:9]) >= len(MA52) or len(label) > 9:
            what = f"is not a clip and its class from 0 to {len(MA52) - 1}"
            raise InputError(what, f"{file}, line {number}", "write it as 0003_01_0001.mp4 9")
        yield _stem(name.strip()), int(label)


def _read(a: dict[str, Any], name: str, about: tuple[str, str, bool], spec: Spec, where: str) -> Recording:
    split, label, pixels = about
    place, score = in_place(a, spec, where)
    if not pixels:
        size = a.get("img_shape")
        height, width = map(whole_number, size) if isinstance(size, tuple | list) and len(size) == 2 else (0, 0)
        if not (1 <= height < 1 << 20 and 1 <= width < 1 << 20):
            raise InputError('has no "img_shape" (height, width)', where, "use pixels=true")
        there = (score > 0) | place.any(-1)
        middle = np.array([width / 2, height / 2], np.float32)
        place = np.where(there[..., None], (place - middle) / np.float32(width / 2), 0).astype(np.float32)
    return Recording(name, spec.fps, {"skeleton": place, "confidence": score}, label, split=split)
