"""2D keypoints: OpenPose's JSON files, COCO's keypoint files, and Kinetics-Skeleton.

OpenPose (Cao et al., TPAMI 2021) writes one JSON file per frame, `{"people": [{"pose_keypoints_2d": [x, y, c] * 25}]}`;
pose estimators that follow COCO write one file per video, a list of `{"image_id", "keypoints": [x, y, c] * 17}`;
Kinetics-Skeleton (Yan et al., AAAI 2018) has one file per video, `{"data": [{"frame_index", "skeleton": [{"pose",
"score"}]}]}`, with 18 joints.

Coordinates are pixels, y down; those of Kinetics-Skeleton, which are parts of the frame, come out as ST-GCN takes them:
from -0.5 to 0.5 about the middle of the frame, y up, zero where the confidence is zero.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.readers.files import AGAIN, natural, numbers, read_json
from acteme.recordings.spec import Spec

LAYOUTS = {25: "body25", 18: "openpose18", 17: "coco17", 15: "body15"}
"""Layout by the number of keypoints of a person."""
SPARSE = 100
"""Image numbers that leave more than so many gaps per image are no frame numbers of one video."""
KINETICS_PEOPLE = 5
"""ST-GCN looks at the first so many persons of a frame of Kinetics-Skeleton."""

Frames = list[list[np.ndarray]]
"""Persons of each frame, as (V, 3): x, y and confidence."""


def read_keypoints(path: Path, persons: int = 2, fps: float = 30.0, layout: str = "") -> Recording:
    """Reads a folder of per-frame OpenPose files, or one JSON file of any of the three forms.

    Args:
        persons: room for persons. Where a frame has more, those with the highest confidence are kept, in the order of
            the file (of Kinetics-Skeleton: by falling confidence in every frame, as ST-GCN does).
        fps: the files do not say it.
        layout: `body15` keeps the first 15 joints of BODY_25; empty keeps what the files have.

    Returns a recording with `skeleton` (T, persons, V, 2) and `confidence` (T, persons, V); V is a key of `LAYOUTS`.
    Raises InputError where a file is broken, no frame has a person, or persons differ in their joints.
    """
    path = Path(path)
    label = ""
    if path.is_dir():
        names = natural(file.name for file in path.glob("*.json"))
        if not names:
            raise InputError("holds no JSON file", path, "give the folder that holds the files")
        frames = [_people(read_json(path / name), path / name) for name in names]
    else:
        data = read_json(path)
        if isinstance(data, dict) and "data" in data:
            frames, label = _kinetics(data, path)
        else:
            frames = _frames(data, path)
    joints = {len(person) for people in frames for person in people}
    if not joints:
        raise InputError("no frame has a person", path, "leave it out")
    if len(joints) > 1 or not joints <= LAYOUTS.keys():
        counts = " and ".join(map(str, sorted(joints)))
        raise InputError(f"persons have {counts} joints", path, "each must have 25, 18, 17 or 15")
    values = _stack(frames, persons, joints.pop())
    kind = LAYOUTS[values.shape[2]]
    if layout == "body15" and kind == "body25":
        values = values[:, :, :15]
    elif layout not in ("", kind):
        raise InputError(f"has the joints of '{kind}', not of '{layout}'", path, "name the layout that it has, or none")
    arrays = {"skeleton": values[..., :2].copy(), "confidence": values[..., 2].copy()}
    return Recording(path.stem, fps, arrays, label=label)


def _stack(frames: Frames, persons: int, joints: int) -> np.ndarray:
    """(T, persons, V, 3)."""
    out = np.zeros((len(frames), persons, joints, 3), np.float32)
    for t, people in enumerate(frames):
        kept: Sequence[int] = range(len(people))
        if len(people) > persons:
            kept = sorted(np.argsort([-person[:, 2].sum() for person in people], kind="stable")[:persons])
        for m, n in enumerate(kept):
            out[t, m] = people[n]
    return out


# --- the three forms -------------------------------------------------------------------------------------------------


def _person(values: Any, where: str | Path) -> np.ndarray:
    flat = numbers(values, where, "a list of keypoints")
    if flat.ndim != 1 or not len(flat) or len(flat) % 3:
        raise InputError(
            f"a list of keypoints has shape {flat.shape}, expected x, y, confidence per joint", where, AGAIN
        )
    return flat.reshape(-1, 3)


def _people(frame: Any, where: str | Path) -> list[np.ndarray]:
    """The persons of one OpenPose frame."""
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list) or not all(isinstance(p, dict) and "pose_keypoints_2d" in p for p in people):
        raise InputError('has no "people" with "pose_keypoints_2d"', where, "give the files that OpenPose writes")
    return [_person(p["pose_keypoints_2d"], where) for p in people if p["pose_keypoints_2d"]]


def _frames(data: Any, path: Path) -> Frames:
    """OpenPose frames in one file, or COCO keypoints."""
    if isinstance(data, dict) and "people" in data:
        return [_people(data, path)]
    if isinstance(data, dict) and isinstance(data.get("frames"), list):
        data = data["frames"]
    images = None
    if isinstance(data, dict) and isinstance(data.get("annotations"), list):
        images, data = data.get("images"), data["annotations"]
    if not isinstance(data, list) or not data or not all(isinstance(entry, dict) for entry in data):
        raise InputError(
            "is neither OpenPose, COCO nor Kinetics-Skeleton keypoints", path, "export it in one of these forms"
        )
    if "people" in data[0]:
        return [_people(frame, f"{path}, frame {t}") for t, frame in enumerate(data)]
    if not all("keypoints" in entry and _is_id(entry.get("image_id")) for entry in data):
        raise InputError('an entry has no "keypoints" or no "image_id"', path, "give every entry both")
    place = _places([entry["image_id"] for entry in data], images, path)
    frames: Frames = [[] for _ in range(max(place.values()) + 1)]
    for n, entry in enumerate(data):
        frames[place[entry["image_id"]]].append(_person(entry["keypoints"], f"{path}, entry {n}"))
    return frames


def _places(ids: list[int | str], images: Any, path: Path) -> dict[int | str, int]:
    """Frame of each image: by the list of images where there is one, else by the numbers of the images."""
    if isinstance(images, list) and images:
        if not all(isinstance(image, dict) and _is_id(image.get("id")) for image in images):
            raise InputError('an image has no "id"', path, "give every image one")
        place = {image["id"]: t for t, image in enumerate(images)}
        if unknown := set(ids) - place.keys():
            raise InputError(f'image {min(map(str, unknown))} is not among the "images"', path, "add it there")
        return place
    order = natural({str(i) for i in ids})
    count = {name: int("".join(re.findall(r"\d+", name)[-1:]) or -1) if len(name) < 100 else -1 for name in order}
    first, last = min(count.values()), max(count.values())
    if first < 0 or len(set(count.values())) < len(order) or last - first > SPARSE * len(order):
        count, first = {name: t for t, name in enumerate(order)}, 0
    return {i: count[str(i)] - first for i in ids}


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _kinetics(data: dict, path: Path) -> tuple[Frames, str]:
    entries, label = data["data"], data.get("label")
    if not isinstance(entries, list) or not entries:
        raise InputError('"data" lists no frame', path, "leave it out: it has no skeleton")
    found: dict[int, list[np.ndarray]] = {}
    for n, entry in enumerate(entries):
        where = f"{path}, frame {n}"
        index = entry.get("frame_index") if isinstance(entry, dict) else None
        if not isinstance(index, int) or not 1 <= index <= SPARSE * (len(entries) + SPARSE):
            raise InputError('has no sensible "frame_index"', where, "number frames from 1")
        people = entry.get("skeleton")
        if not isinstance(people, list) or not all(isinstance(p, dict) for p in people):
            raise InputError('has no "skeleton"', where, AGAIN)
        bodies = []
        for p in people[:KINETICS_PEOPLE]:
            pose, score = numbers(p.get("pose"), where, '"pose"'), numbers(p.get("score"), where, '"score"')
            if pose.ndim != 1 or score.ndim != 1 or len(pose) != 2 * len(score):
                raise InputError('"pose" and "score" do not fit together', where, AGAIN)
            place = (pose.reshape(-1, 2) - 0.5) * [1, -1] * (score != 0)[:, None]
            bodies.append(np.concatenate([place, score[:, None]], 1))
        found[index - 1] = sorted(bodies, key=lambda body: -body[:, 2].sum())
    return [found.get(t, []) for t in range(max(found) + 1)], label if isinstance(label, str) else ""


# --- data sets -------------------------------------------------------------------------------------------------------


def keypoints(path: Path, layout: str = "", persons: int = 2, fps: float = 30.0) -> Listing:
    """A folder of keypoints, at any depth: JSON files, one a recording, or folders of per-frame OpenPose files.

    Args:
        path: the folder. A recording in a folder of its own (`walk/clip7.json`) has that folder's name as its class.
        layout: `body15` keeps the first 15 joints of BODY_25; empty keeps what the first recording has.
        persons: room for persons, see `read_keypoints`.
        fps: frames per second of all recordings.
    """
    path = Path(path)
    files = sorted(path.rglob("*.json"))
    if not files:
        raise InputError("holds no JSON file", path, "give the folder that holds the files")
    per_frame = {file.parent for file in files if file.stem.endswith("_keypoints")}
    units = sorted(per_frame | {file for file in files if file.parent not in per_frame})
    labels = {unit: unit.parent.name if unit not in (path, *path.glob("*")) else "" for unit in units}
    first = read_keypoints(units[0], persons, fps, layout)
    joints = first.arrays["skeleton"].shape[2]
    items = [
        Item(name := str(unit.relative_to(path)), str(unit), partial(_read, unit, persons, fps, layout, label, name))
        for unit, label in labels.items()
    ]
    spec = Spec(LAYOUTS[joints], joints, persons, 2, tuple(sorted(set(labels.values()) - {""})), fps)
    return Listing(spec, items, files)


def _read(unit: Path, persons: int, fps: float, layout: str, label: str, name: str) -> Recording:
    return replace(read_keypoints(unit, persons, fps, layout), name=name, label=label)


def kinetics(path: Path, persons: int = 2, fps: float = 30.0) -> Listing:
    """Kinetics-Skeleton: `kinetics_train/*.json`, `kinetics_val/*.json` and a `..._label.json` beside each.

    Args:
        path: the folder that holds them.
        persons: the most confident so many of each frame, as ST-GCN does.
        fps: frames per second of all recordings.
    """
    path = Path(path)
    items, files, classes, left = [], [], {}, 0
    for part, split in (("kinetics_train", "train"), ("kinetics_val", "test")):
        table = path / f"{part}_label.json"
        if not table.is_file():
            continue
        labels = read_json(table)
        files.append(table)
        if not isinstance(labels, dict):
            raise InputError("is not a table of labels", table, AGAIN)
        for name, entry in labels.items():
            if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
                raise InputError(f"'{name}' has no label", table, "give it one, as text")
            classes[entry["label"]] = entry.get("label_index")
            file = path / part / f"{Path(name).name}.json"
            if entry.get("has_skeleton") is False:
                left += 1
                continue
            files.append(file)
            items.append(Item(file.stem, str(file), partial(_split, file, persons, fps, split, entry["label"])))
    if not items:
        raise InputError(
            "has no kinetics_train_label.json or kinetics_val_label.json", path, "give the folder that holds them"
        )
    order = sorted(classes, key=lambda c: (classes[c] if isinstance(classes[c], int) else len(classes), c))
    notes = [f"{left} videos without any skeleton left out"] if left else []
    return Listing(Spec("openpose18", 18, persons, 2, tuple(order), fps), items, files, notes=notes)


def _split(file: Path, persons: int, fps: float, split: str, label: str) -> Recording:
    return replace(read_keypoints(file, persons, fps, "openpose18"), split=split, label=label)
