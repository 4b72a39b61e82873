"""HumanML3D and KIT-ML as TMR (Petrovich et al., ICCV 2023) and ChronAccRet prepare them.

`annotations.json`: {KEY: {"path": P, "duration": seconds, "annotations": [{"seg_id", "text", "start", "end"}, ...]}},
`motions/guoh3dfeats/P.npy` (T, 263) or (T, 251), see `humanml3d_vectors`, 20 frames per second (KIT-ML: 12.5), and
`splits/train.txt`, `val.txt`, `test.txt`, `nsim_test.txt` with a key a line; `event_texts/KEY_i.json` where there are
events. A recording is what the annotations of a key span together; several keys may share a motion. It has the vectors
as they are stored (`vector`) beside the positions that they say.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.layouts import layout as find_layout
from acteme.recordings.skeleton.readers.event_texts import event_file, event_files, read_events, unlike_names
from acteme.recordings.skeleton.readers.files import AGAIN, finite, read_json, read_npy, read_text
from acteme.recordings.skeleton.readers.humanml3d import MOTION
from acteme.recordings.skeleton.readers.humanml3d_vectors import to_positions
from acteme.recordings.spec import Spec

RATES = {"smpl22": 20.0, "kit21": 12.5}


def tmr(path: Path, layout: Literal["smpl22", "kit21"] = "smpl22", features: str = "guoh3dfeats") -> Listing:
    """HumanML3D or KIT-ML as TMR prepares it: annotations.json, motion vectors, splits.

    Args:
        path: folder with `annotations.json`, `motions` and `splits`.
        layout: smpl22 (HumanML3D) or kit21 (KIT-ML).
        features: folder of the motion vectors below `motions`.

    Recordings have the vectors as they are stored, and the positions that these say. Captions are segments of the one
    class `motion`, with their text, and their events where there are files of them.
    The factor nsim is 1 for the keys of `nsim_test.txt`.
    """
    path = Path(path)
    told = read_json(path / "annotations.json")
    if not isinstance(told, dict):
        raise InputError("is not an object of keys", path / "annotations.json", AGAIN)
    unlike = unlike_names(path / "splits" / "nsim_test.txt")
    items: list[Item] = []
    files: list[Path] = [path / "annotations.json", *event_files(path)]
    without = 0
    for split in ("train", "val", "test"):
        table = path / "splits" / f"{split}.txt"
        if not table.is_file():
            continue
        files.append(table)
        for key in read_text(table).split():
            where = f"{path / 'annotations.json'}, key '{key}'"
            if key not in told:
                without += 1
                continue
            motion = _motion(path, features, told[key], where)
            if not motion.is_file():
                without += 1
                continue
            files.append(motion)
            read = partial(_read, path, motion, key, told[key], split, layout, key in unlike, where)
            items.append(Item(key, where, read))
    if not items:
        raise InputError("has no motion that splits/train.txt, val.txt or test.txt names", path,
                         "give the folder that holds annotations.json, motions and splits")  # fmt: skip
    notes = [f"{without} keys of the splits have no annotation or no motion"] if without else []
    return Listing(Spec(layout, find_layout(layout).count, 1, 3, (MOTION,), RATES[layout]), items, files, notes=notes)


def _motion(path: Path, features: str, told: Any, where: str) -> Path:
    """The file of a key's motion; InputError where its annotation is malformed."""
    if not (isinstance(told, dict) and isinstance(told.get("path"), str) and isinstance(told.get("annotations"), list)):
        raise InputError("has no path or no annotations", where, AGAIN)
    place = Path(told["path"])
    if place.is_absolute() or ".." in place.parts or "\0" in told["path"]:
        raise InputError("its path leads out of the folder", where, "correct it")
    return path / "motions" / features / f"{told['path']}.npy"


def _read(
    path: Path, motion: Path, key: str, told: dict[str, Any], split: str, layout: str, unlike: bool, where: str
) -> Recording:
    fps, columns = RATES[layout], 12 * find_layout(layout).count - 1
    captions = [_caption(a, where) for a in told["annotations"]]
    if not captions:
        raise InputError("has no caption", where, "give one, or take it from the splits")
    x = read_npy(motion)
    if x.dtype.kind != "f" or x.ndim != 2 or x.shape[1] != columns or not len(x):
        raise InputError(f"has shape {x.shape} of {x.dtype}, expected (frames, {columns})", motion, AGAIN)
    first = int(min(start for _, start, _ in captions) * fps)
    last = int(max(end for *_, end in captions) * fps)
    cut = np.array(x[first:last])
    if not len(cut):
        raise InputError(f"its captions span no frame of {len(x)}", where, "correct their times")
    segments = tuple(
        Segment(max(start - first / fps, 0.0), end - first / fps, MOTION, text=text,
                events=read_events(event_file(path, key, i)))
        for i, (text, start, end) in enumerate(captions)
    )  # fmt: skip
    arrays = {"skeleton": to_positions(finite(cut, motion))[:, None], "vector": cut}
    factors = {"nsim": 1.0} if unlike else {}
    return Recording(key, fps, arrays, segments=segments, split=split, text=captions[0][0],
                     factors=factors, where=where)  # fmt: skip


def _caption(told: Any, where: str) -> tuple[str, float, float]:
    """Text, start and end of an annotation; InputError where it is malformed."""
    if not isinstance(told, dict) or not isinstance(told.get("text"), str):
        raise InputError("an annotation has no text", where, AGAIN)
    try:
        start, end = float(told.get("start")), float(told.get("end"))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise InputError("an annotation has no start or end", where, "give seconds") from None
    if not 0 <= start < end < 1e6 or math.isnan(start + end):
        raise InputError(f"times {start:g} to {end:g} are empty, reversed or endless", where, "correct them")
    return " ".join(told["text"].split()), start, end
