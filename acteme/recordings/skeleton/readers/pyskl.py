"""The pickles of PYSKL (Duan et al., ACM MM 2022): 2D and 3D skeletons of many data sets, and the Kinetics variant.

A pickle is `{"split": {name: [frame_dir, ...]}, "annotations": [...]}`. An annotation has `frame_dir`, `label`,
`total_frames` and `keypoint` (M, T, V, C) in half precision (1 mm at 2 to 4 m); with C = 2 also `keypoint_score`
(M, T, V) and `img_shape` (height, width). Of Kinetics an annotation has, instead of keypoints, the file that has them:
`raw_file`, with `frame_inds` and `box_score` of every skeleton; that file is `{frame_dir: {"keypoint": (skeletons, 17,
3)}}`.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path, PureWindowsPath
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.pickles import load_pickle
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import finite, version
from acteme.recordings.skeleton.readers.names import MOST_CLASSES, named
from acteme.recordings.spec import Spec

LAYOUTS = {(25, 3): "ntu25", (20, 3): "kinect20", (17, 2): "coco17", (18, 2): "openpose18", (21, 2): "hand21"}
"""Layout by joints and coordinates."""
MOST = 10
"""Persons of a frame that Kinetics keeps, the surest first, before `persons` of them are taken."""


def pyskl(
    path: Path,
    protocol: str = "",
    layout: str = "",
    persons: int = 2,
    fps: float = 30.0,
    pixels: bool = False,
    kpfiles: str = "",
    box_threshold: float = 0.5,
    classes: int = 0,
) -> Listing:
    """One pickle; it is read whole, through the restricted unpickler, and its arrays are not copied until asked for.

    Args:
        path: the pickle.
        protocol: `xsub` takes the splits `xsub_train` and `xsub_val`; empty takes `train` and `val` (or `train1` and
            `test1`), or the only protocol there is. Annotations of neither split are left out.
        layout: name of the layout; empty tells it by the number of joints and coordinates.
        persons: room for persons; further ones of a clip are left out.
        fps: frames per second; the pickle does not say it.
        pixels: keep 2D coordinates in pixels; else they are centered and divided by half the width and half the height
            of the image, (x - w/2) / (w/2), as PYSKL does. Joints of confidence 0 at (0, 0) stay 0.
        kpfiles: folder with the files that `raw_file` names (by their last part); empty takes the folder of the pickle.
        box_threshold: of Kinetics, skeletons with a lower box score are left out.
        classes: number of classes; 0 takes the highest label. 60 and 120 have the names of NTU.

    Raises InputError where the pickle asks for more than data, or an annotation lacks something.
    """
    path = Path(path)
    data = load_pickle(path)
    if not isinstance(data, dict) or not isinstance(data.get("split"), dict) or "annotations" not in data:
        raise InputError('is not a dict with "split" and "annotations"', path, "give an annotation file of PYSKL")
    if not isinstance(data["annotations"], list) or not all(isinstance(a, dict) for a in data["annotations"]):
        raise InputError('"annotations" is not a list of dicts', path, "give an annotation file of PYSKL")
    split = _splits(data["split"], protocol, path)
    kept = []
    for n, a in enumerate(data["annotations"]):
        if not isinstance(a.get("frame_dir"), str) or whole_number(a.get("label")) not in range(MOST_CLASSES):
            raise InputError(
                'has no "frame_dir" or no "label" from 0', f"{path}, annotation {n}", "correct the annotation"
            )
        if a["frame_dir"] in split:
            kept.append(a)
    if not kept:
        raise InputError("has no annotation of its own splits", path, "name the clips in the split as frame_dir does")
    folder = Path(kpfiles) if kpfiles else path.parent
    spec = _spec(kept, layout, persons, fps, classes, path)
    items = [
        Item(
            a["frame_dir"],
            f"{path}, {a['frame_dir']}",
            partial(_read, a, split[a["frame_dir"]], spec, pixels, folder, box_threshold, str(path)),
        )
        for a in kept
    ]
    raw = {_raw_file(a, folder) for a in kept if "keypoint" not in a and isinstance(a.get("raw_file"), str)}
    return Listing(spec, items, [path, *sorted(raw)])


def _splits(table: Mapping[str, Any], protocol: str, path: Path) -> dict[str, str]:
    """`train` or `test` of every clip of the protocol."""
    ends = {"train": "train", "val": "test", "test": "test"}
    found: dict[str, dict[str, str]] = {}
    for name, clips in table.items():
        if not isinstance(name, str) or not isinstance(clips, list) or not all(isinstance(c, str) for c in clips):
            raise InputError("a split is not a list of names", path, "write it as a list of frame_dir")
        stem = name.rstrip("0123456789")
        part = stem.rpartition("_")[2]
        if part in ends:
            key = stem.removesuffix(part).rstrip("_") or name[len(stem) :]
            found.setdefault(key, {}).update(dict.fromkeys(clips, ends[part]))
    known = ", ".join(sorted(found)) or "none"
    if protocol == "" and "" not in found and ("1" in found or len(found) == 1):
        protocol = "1" if "1" in found else next(iter(found))
    if protocol not in found:
        raise InputError(f"has no protocol '{protocol}'" if protocol else "has several protocols", path,
                         f"give protocol, one of: {known}")  # fmt: skip
    return found[protocol]


def _spec(kept: list[dict], layout: str, persons: int, fps: float, classes: int, path: Path) -> Spec:
    joints, channels, most = 17, 2, persons
    shapes = [a["keypoint"].shape for a in kept if isinstance(a.get("keypoint"), np.ndarray)]
    if shapes:
        if len(shapes[0]) != 4:
            raise InputError(f"keypoints have shape {shapes[0]}, expected (M, T, V, C)", path, "correct the annotation")
        joints, channels = shapes[0][2:]
        most = min(persons, max(shape[0] for shape in shapes))
    name = layout or LAYOUTS.get((joints, channels), "")
    if not name:
        raise InputError(f"has {joints} joints of {channels} coordinates, of no known layout", path, "give layout")
    top = max(int(a["label"]) for a in kept) + 1
    if classes and top > classes:
        raise InputError(
            f"has label {top - 1} where there are {classes} classes (from 0)",
            path,
            "give the right number of classes, or correct the labels",
        )
    return Spec(name, joints, most, channels, named(classes or top, (), path), fps)


def _read(a: dict, split: str, spec: Spec, pixels: bool, folder: Path, box_threshold: float, where: str) -> Recording:
    where = f"{where}, {a['frame_dir']}"
    if "keypoint" in a:
        place, score = in_place(a, spec, where)
    else:
        place, score = _unpacked(a, spec, folder, box_threshold, where)
    arrays = {"skeleton": place}
    if spec.channels == 2:
        arrays["confidence"] = score
        if not pixels:
            size = a.get("img_shape")
            height, width = map(whole_number, size) if isinstance(size, tuple | list) and len(size) == 2 else (0, 0)
            if not (1 <= height < 1 << 20 and 1 <= width < 1 << 20):
                raise InputError('has no "img_shape" (height, width)', where, "use pixels=true")
            half = np.array([width / 2, height / 2], np.float32)
            there = (score > 0) | place.any(-1)
            arrays["skeleton"] = np.where(there[..., None], (place - half) / half, 0).astype(np.float32)
    return Recording(a["frame_dir"], spec.fps, arrays, spec.classes[int(a["label"])], split=split)


def in_place(a: dict, spec: Spec, where: str) -> tuple[np.ndarray, np.ndarray]:
    keypoint, score = a["keypoint"], a.get("keypoint_score")
    if not _floats(keypoint) or keypoint.ndim != 4 or keypoint.shape[2:] != (spec.joints, spec.channels):
        raise InputError(
            f"keypoints are not (M, T, {spec.joints}, {spec.channels})",
            where,
            "name the right layout, or correct the annotation",
        )
    frames = keypoint.shape[1]
    if not frames or whole_number(a.get("total_frames", frames)) != frames:
        raise InputError(
            f"has {frames} frames of keypoints, which total_frames does not say", where, "correct the annotation"
        )
    place = finite(np.array(keypoint[: spec.persons].swapaxes(0, 1)), where)
    if spec.channels == 3:
        return place, np.zeros(0)
    if not _floats(score) or score.shape != keypoint.shape[:3]:
        raise InputError('"keypoint_score" does not fit the keypoints', where, "correct the annotation")
    return place, finite(np.array(score[: spec.persons].swapaxes(0, 1)), where, "keypoint_score")


def _floats(value: Any) -> TypeGuard[np.ndarray]:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def whole_number(value: Any) -> int:
    """A whole number, or -1."""
    return int(value) if isinstance(value, int | np.integer) else -1


# --- Kinetics --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _raw(file: Path, version: tuple[int, int]) -> Any:
    """What a raw file of this version holds."""
    return load_pickle(file)


def _raw_file(a: dict, folder: Path) -> Path:
    return folder / PureWindowsPath(a["raw_file"]).name  # only the last part: the file names a place of its own


def _unpacked(a: dict, spec: Spec, folder: Path, threshold: float, where: str) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(a.get("raw_file"), str) or "frame_inds" not in a:
        raise InputError('has neither "keypoint" nor "raw_file" and "frame_inds"', where, "correct the annotation")
    file = _raw_file(a, folder)
    table = _raw(file, version(file))
    entry = table.get(a["frame_dir"]) if isinstance(table, dict) else None
    keypoint = entry.get("keypoint") if isinstance(entry, dict) else None
    frame = a["frame_inds"]
    if not _floats(keypoint) or keypoint.shape[1:] != (spec.joints, 3):
        raise InputError(
            f"its raw_file has no keypoints (skeletons, {spec.joints}, 3)",
            where,
            "put the files that raw_file names into kpfiles",
        )
    if not isinstance(frame, np.ndarray) or frame.shape != keypoint.shape[:1] or frame.dtype.kind not in "iu":
        raise InputError('"frame_inds" does not fit the keypoints', where, "correct the annotation")
    if (np.diff(frame.astype(np.int64)) < 0).any():
        raise InputError('"frame_inds" falls', where, "order the skeletons by frame")
    if "box_score" in a:
        box = a["box_score"]
        if not _floats(box) or box.shape != frame.shape:
            raise InputError('"box_score" does not fit the keypoints', where, "correct the annotation")
        keypoint, frame = keypoint[box >= threshold], frame[box >= threshold]
    if not len(frame):
        raise InputError(f"has no skeleton with a box score of {threshold}", where, "lower box_threshold")
    out = decompress(finite(keypoint, where), frame.astype(np.int64))[:, : spec.persons]
    out = np.pad(out, [(0, 0), (0, spec.persons - out.shape[1]), (0, 0), (0, 0)])
    return out[..., :2].copy(), out[..., 2].copy()


def decompress(keypoint: Float[np.ndarray, "n v 3"], frame: Int[np.ndarray, " n"]) -> Float[np.ndarray, "t m v 3"]:
    """Skeletons one after the other to frames of persons.

    Frames without a skeleton are left out. Persons stand in the order of the file; where some frame has more than MOST,
    those of every frame stand by falling confidence and the first MOST are kept.
    """
    _, row, count = np.unique(frame, return_inverse=True, return_counts=True)
    if count.max() > MOST:
        order = np.lexsort((-keypoint[..., 2].sum(-1), row))
        keypoint, row = keypoint[order], row[order]
    person = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    out = np.zeros((len(count), int(count.max()), *keypoint.shape[1:]), np.float32)
    out[row, person] = keypoint
    return out[:, :MOST]
