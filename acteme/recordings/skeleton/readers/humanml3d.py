"""HumanML3D (Guo et al., CVPR 2022) and KIT-ML in its form: motions with captions.

`new_joints/ID.npy` (T, 22, 3) in metres, y up, 20 frames per second; `new_joint_vecs/ID.npy` (T, 263), see
`humanml3d_vectors`; `texts/ID.txt` with lines `caption#word/POS word/POS#start#end` in seconds, 0.0#0.0 for the whole
clip; `Mean.npy` and `Std.npy` (263); the names of each split in `train.txt`, `val.txt` and `test.txt`, of recordings
unlike each other in `nsim_test.txt`; `event_texts/ID_i.json` with the events of caption i (see `event_texts`). M before
a name: mirrored. KIT-ML has 21 joints, 251 columns and 12.5 frames per second.
"""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.event_texts import event_file, event_files, read_events, unlike_names
from acteme.recordings.skeleton.readers.files import AGAIN, finite, read_npy, read_text
from acteme.recordings.skeleton.readers.humanml3d_vectors import to_positions
from acteme.recordings.spec import Spec

MOTION = "motion"
"""The one class of the captioned stretches."""


@dataclass(frozen=True)
class Caption:
    """A line of a text file."""

    text: str
    """The caption."""
    words: tuple[tuple[str, str], ...]
    """Lemmas with their parts of speech."""
    start: float
    """Seconds."""
    end: float
    """Seconds; 0 with a start of 0: the whole clip."""


def read_captions(path: Path) -> list[Caption]:
    """The captions of a clip. Raises InputError, naming the line, where one is malformed."""
    captions = []
    for n, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}, line {n}"
        fields = line.strip().rsplit("#", 3)
        if len(fields) != 4:
            raise InputError("is not caption#word/POS ...#start#end", where, "correct the line")
        text, tagged, *span = fields
        try:
            start, end = (0.0 if math.isnan(float(t)) else float(t) for t in span)
        except ValueError:
            raise InputError(f"'{span[0]}#{span[1]}' are not two times", where, "write seconds") from None
        if not (0 <= start < end < math.inf or start == end == 0):
            raise InputError(
                f"times {start:g} to {end:g} are empty or reversed",
                where,
                "correct the line; 0.0#0.0 stands for the whole clip",
            )
        words = tuple((word, pos) for word, slash, pos in (w.rpartition("/") for w in tagged.split()) if slash)
        captions.append(Caption(text.strip(), words, start, end))
    if not captions:
        raise InputError("has no caption", path, "write one a line: caption#word/POS ...#start#end")
    return captions


def read_statistics(folder: Path) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """Mean and standard deviation of the vectors, from `Mean.npy` and `Std.npy`.

    Raises InputError where they are missing, differ in length, or a deviation is not positive.
    """
    mean, std = (finite(np.array(read_npy(Path(folder) / name)), folder, name) for name in ("Mean.npy", "Std.npy"))
    if mean.ndim != 1 or mean.shape != std.shape or not (std > 0).all():
        raise InputError("Mean.npy and Std.npy are not one positive deviation per mean", folder, AGAIN)
    return mean, std


def humanml3d(path: Path, vectors: bool = False) -> Listing:
    """HumanML3D: 23,384 motions to train, 1,460 to validate, 4,384 to test.

    Args:
        path: folder with `new_joints`, `texts` and the split files.
        vectors: read `new_joint_vecs` instead, and recover the positions from them; recordings have both.

    Captions are segments of the one class `motion`, with their text, and their events where there are files of them; a
    caption of the whole clip spans it. The factor nsim is 1 for the names in `nsim_test.txt`.
    """
    return _listing(Path(path), vectors, "smpl22", 22, 20.0)


def kitml(path: Path, vectors: bool = False) -> Listing:
    """KIT-ML in the form of HumanML3D: 21 joints, 12.5 frames per second; `path` and `vectors` as in `humanml3d`."""
    return _listing(Path(path), vectors, "kit21", 21, 12.5)


def _listing(path: Path, vectors: bool, layout: str, joints: int, fps: float) -> Listing:
    folder = path / ("new_joint_vecs" if vectors else "new_joints")
    items: list[Item] = []
    files: list[Path] = event_files(path)
    without = 0
    unlike = unlike_names(path / "nsim_test.txt", path / "splits" / "nsim_test.txt")
    for split in ("train", "val", "test"):
        table = path / f"{split}.txt"
        if not table.is_file():
            continue
        files.append(table)
        for line in read_text(table).splitlines():
            name = Path(line.strip()).name
            motion, text = folder / f"{name}.npy", path / "texts" / f"{name}.txt"
            if not name:
                continue
            if not motion.is_file() or not text.is_file():
                without += 1
                continue
            files += [motion, text]
            made = partial(_read, motion, text, split, joints, fps, vectors, name in unlike)
            items.append(Item(name, str(motion), made))
    if not items:
        raise InputError(
            f"has no motion in {folder.name} that train.txt, val.txt or test.txt names",
            path,
            "give the folder that holds it, or correct the split files",
        )
    notes = [f"{without} names of the splits have no motion or no text"] if without else []
    return Listing(Spec(layout, joints, 1, 3, (MOTION,), fps), items, files, notes=notes)


def _read(motion: Path, text: Path, split: str, joints: int, fps: float, vectors: bool, unlike: bool) -> Recording:
    x = read_npy(motion)
    shape = (12 * joints - 1,) if vectors else (joints, 3)
    if x.dtype.kind != "f" or not len(x) or x.shape[1:] != shape:
        raise InputError(
            f"has shape {x.shape} of {x.dtype}, expected (frames, {', '.join(map(str, shape))})", motion, AGAIN
        )
    x = finite(np.array(x), motion)
    arrays = {"skeleton": to_positions(x)[:, None], "vector": x} if vectors else {"skeleton": x[:, None]}
    captions = read_captions(text)
    seconds = len(x) / fps
    folder = text.parent.parent
    segments = tuple(
        Segment(c.start, c.end or seconds, MOTION, text=c.text, events=read_events(event_file(folder, motion.stem, i)))
        for i, c in enumerate(captions)
    )
    return Recording(motion.stem, fps, arrays, segments=segments, split=split,
                     text=captions[0].text, factors={"nsim": 1.0} if unlike else {})  # fmt: skip
