"""Untrimmed recordings with overlapping actions: Toyota Smarthome Untrimmed (TSU) and Charades, with skeletons.

TSU (Dai et al., TPAMI 2022), `smarthome_CS_51.json` or `smarthome_CV_51.json`: `{"P11T15C01": {"subset": "training" or
"testing", "duration": frames, "actions": [[class, start frame, end frame], ...]}}`. Charades (Sigurdsson et al., ECCV
2016) in the same form with duration and times in seconds, or as its own CSV, whose `actions` are
"c092 11.90 21.20;c147 0.00 12.60".

A video's skeletons are an array of R rows that span its duration: row r stands at r / fps with fps = R / duration, and
a class holds there when start < r / fps < end, strictly at both ends, as the loaders of both data sets have it. The
skeleton folder has `NAME.npy` (T, M, V, C) or (T, V, C), or LCR-Net poses in `NAME.json` or `NAME_pose3d.json`.
"""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.layouts import LAYOUTS
from acteme.recordings.skeleton.readers.files import AGAIN, finite, read_json, read_npy, read_text
from acteme.recordings.skeleton.readers.lcrnet import read_poses
from acteme.recordings.spec import Spec

TSU_CLASSES, CHARADES_CLASSES = 51, 157
ENDINGS = (".npy", ".json", "_pose3d.json")
SPLITS = {"training": "train", "testing": "test", "train": "train", "test": "test", "validation": "val", "val": "val"}
CODED = re.compile(r"c(\d{3})")


@dataclass(frozen=True)
class Video:
    """What an annotation file says of a video."""

    name: str
    """Name, the stem of its files."""
    split: str
    """train, val or test."""
    duration: float
    """In the unit of the actions: frames of the video, or seconds."""
    actions: tuple[tuple[int, float, float], ...]
    """Class, start and end, which may overlap."""
    subject: str = ""
    """Who acts."""
    text: str = ""
    """A description."""


@dataclass(frozen=True)
class Poses:
    """How the skeletons of a data set are stored."""

    folder: Path
    """The folder with a file per video."""
    layout: str
    """Layout of arrays; LCR-Net poses are always `posetics17`."""
    axes: int
    """Coordinates: of LCR-Net 2 or 3, of arrays what they have."""
    persons: int
    """Room for persons."""
    size: tuple[int, int] | None
    """Width and height of the videos, to normalize 2D poses; None keeps pixels."""


# --- annotations -----------------------------------------------------------------------------------------------------


def read_videos(path: Path, classes: int) -> list[Video]:
    """The videos of a TSU or Charades JSON file.

    Raises InputError, naming the video and the action, where a time is empty, reversed or no number, or a class is not
    one of `classes` (from 0).
    """
    data = read_json(path)
    if not isinstance(data, dict) or not data:
        raise InputError("is not a table of videos", path, AGAIN)
    videos = []
    for name, entry in data.items():
        where = f"{path}, {name}"
        if not isinstance(entry, dict) or not isinstance(entry.get("actions"), list):
            raise InputError('has no "actions"', where, "give a list of [class, start, end]")
        split = SPLITS.get(str(entry.get("subset")))
        if split is None:
            raise InputError(f'has "subset" {entry.get("subset")!r}, expected training or testing', where, "correct it")
        videos.append(Video(name, split, *_checked(entry.get("duration"), entry["actions"], classes, where)))
    return videos


def read_charades_csv(path: Path, split: str) -> list[Video]:
    """The videos of `Charades_v1_train.csv` or `Charades_v1_test.csv`; times in seconds.

    Raises InputError, naming the row, where it is malformed.
    """
    reader = csv.DictReader(io.StringIO(read_text(path)), strict=True)
    videos = []
    try:
        lacking = {"id", "actions", "length"} - set(reader.fieldnames or ())
        if lacking:
            raise InputError(
                f"has no column {', '.join(sorted(lacking))}", path, "give the table that Charades publishes"
            )
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            actions = []
            for part in filter(None, (row["actions"] or "").split(";")):
                fields = part.split()
                code = CODED.fullmatch(fields[0]) if len(fields) == 3 else None
                if code is None:
                    raise InputError(
                        f"'{part[:40]}' is not a class code, a start and an end",
                        where,
                        "write them as c092 11.90 21.20",
                    )
                actions.append([int(code[1]), *fields[1:]])
            duration, checked = _checked(row["length"], actions, CHARADES_CLASSES, where)
            text = row.get("script") or ""
            videos.append(Video(row["id"] or "", split, duration, checked, row.get("subject") or "", text))
    except csv.Error as error:
        raise InputError(
            f"is not a CSV file ({error})",
            f"{path}, line {reader.line_num}",
            "close every quote, and double quotes inside a cell",
        ) from error
    return videos


def _checked(
    duration: Any, actions: Sequence[Any], classes: int, where: str
) -> tuple[float, tuple[tuple[int, float, float], ...]]:
    length = _number(duration)
    if not length > 0:
        raise InputError(f"has duration {duration!r}", where, "give a positive number")
    out = []
    for n, action in enumerate(actions):
        if not isinstance(action, list) or len(action) != 3:
            raise InputError(f"action {n} is not [class, start, end]", where, "correct it")
        label, start, end = map(_number, action)
        if not (0 <= label < classes and label == int(label)):
            raise InputError(f"action {n} has class {action[0]!r}, expected 0 to {classes - 1}", where, "correct it")
        if not 0 <= start < end or start >= length:
            span = f"from {action[1]!r} to {action[2]!r}"
            raise InputError(
                f"action {n} {span} is empty, reversed or past the end ({length:g})",
                where,
                "correct its times, or delete it",
            )
        out.append((int(label), start, end))
    return length, tuple(out)


def _number(value: Any) -> float:
    """A finite number, or NaN."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


# --- data sets -------------------------------------------------------------------------------------------------------


def tsu(
    path: Path,
    protocol: str = "CS",
    poses: str = "poses",
    layout: str = "posetics17",
    axes: int = 3,
    persons: int = 1,
    fps: float = 25.0,
    width: int = 640,
    height: int = 480,
) -> Listing:
    """Toyota Smarthome Untrimmed: 51 classes, several at a time.

    Args:
        path: folder with `smarthome_CS_51.json`, `smarthome_CV_51.json` and the skeletons; class names, if wanted, one
            a line in `classes.txt`.
        protocol: `CS` (cross-subject) or `CV` (cross-view).
        poses: folder of the skeletons, within `path` or elsewhere.
        layout: layout of skeletons that are arrays.
        axes: read `pose3d` (3) or `pose2d` (2) of LCR-Net poses.
        persons: room for persons.
        fps: frames per second of the videos, in which durations and times are counted.
        width, height: of the videos, to normalize 2D poses; 0 keeps pixels.
    """
    path = Path(path)
    table = path / f"smarthome_{protocol}_51.json"
    names = _classes(path / "classes.txt", TSU_CLASSES)
    stored = Poses(path / poses, layout, axes, persons, (width, height) if width and height else None)
    return _listing(read_videos(table, TSU_CLASSES), [table, path / "classes.txt"], stored, names, fps)


def charades(
    path: Path,
    poses: str = "poses",
    layout: str = "posetics17",
    axes: int = 3,
    persons: int = 1,
    width: int = 0,
    height: int = 0,
) -> Listing:
    """Charades: 157 classes, several at a time; times in seconds.

    Args:
        path: folder with `charades.json`, or else with `Charades_v1_train.csv` and `Charades_v1_test.csv`; class names
            are read from `Charades_v1_classes.txt` where it is there.
        poses, layout, axes, persons, width, height: see `tsu`.
    """
    path = Path(path)
    tables = [path / "charades.json"]
    if tables[0].is_file():
        videos = read_videos(tables[0], CHARADES_CLASSES)
    else:
        parts = [(path / f"Charades_v1_{split}.csv", split) for split in ("train", "test")]
        tables = [table for table, _ in parts if table.is_file()]
        if not tables:
            raise InputError(
                "has no charades.json, Charades_v1_train.csv or Charades_v1_test.csv",
                path,
                "give the folder that holds them",
            )
        videos = [video for table, split in parts if table in tables for video in read_charades_csv(table, split)]
    names = _classes(path / "Charades_v1_classes.txt", CHARADES_CLASSES)
    stored = Poses(path / poses, layout, axes, persons, (width, height) if width and height else None)
    return _listing(videos, [*tables, path / "Charades_v1_classes.txt"], stored, names, 1.0)


def _classes(path: Path, count: int) -> tuple[str, ...]:
    """Names from a file with one a line (after a code such as c001, if any), else `c000` and so on."""
    if not path.is_file():
        return tuple(f"c{k:03d}" for k in range(count))
    names = tuple(CODED.sub("", line, count=1).strip() for line in read_text(path).splitlines() if line.strip())
    if len(names) != count or len(set(names)) != count or "" in names:
        raise InputError(
            f"does not have {count} different names, one a line",
            path,
            "correct it, or take it away to number the classes",
        )
    return names


def _listing(videos: list[Video], tables: list[Path], poses: Poses, names: tuple[str, ...], rate: float) -> Listing:
    items, files, without = [], list(tables), 0
    for video in videos:
        options = [poses.folder / f"{Path(video.name).name}{ending}" for ending in ENDINGS]
        file = next((option for option in options if option.is_file()), None)
        if file is None:
            without += 1
            continue
        files.append(file)
        items.append(Item(video.name, str(file), partial(_read, video, file, poses, names, rate)))
    if not items:
        raise InputError("has no skeletons of the annotated videos", poses.folder, "name them NAME.npy or NAME.json")
    first = _skeleton(files[len(tables)], poses)
    layout = poses.layout if files[len(tables)].suffix == ".npy" else "posetics17"
    spec = Spec(layout, first.shape[2], poses.persons, first.shape[3], names, rate, multilabel=True)
    notes = [f"{without} annotated videos have no skeletons in {poses.folder}"] if without else []
    return Listing(spec, items, [*files, poses.folder], strict=True, notes=notes)


def _skeleton(file: Path, poses: Poses) -> np.ndarray:
    if file.suffix == ".json":
        return read_poses(file, poses.axes, poses.persons, poses.size)
    x = read_npy(file)
    if x.ndim == 3:
        x = x[:, None]
    joints = LAYOUTS[poses.layout].count if poses.layout in LAYOUTS else 0
    if x.ndim != 4 or x.dtype.kind != "f" or not len(x) or x.shape[2] != joints or x.shape[3] not in (2, 3):
        what = f"has shape {x.shape}, expected (T, M, {joints or 'V'}, 2 or 3)"
        raise InputError(what, file, f"layout is '{poses.layout}'")
    return finite(np.array(x[:, : poses.persons]), file)


def _read(video: Video, file: Path, poses: Poses, names: tuple[str, ...], rate: float) -> Recording:
    skeleton = _skeleton(file, poses)
    # rows per second; a boundary that falls on a row gives exactly the same double as the row, so that the strict rule
    # can tell: both are a row number over fps
    per_unit = len(skeleton) / video.duration
    fps = per_unit * rate
    segments = tuple(
        Segment(_seconds(start, len(skeleton), video.duration, fps), _seconds(end, len(skeleton), video.duration, fps),
                names[label])
        for label, start, end in video.actions
    )  # fmt: skip
    return Recording(video.name, fps, {"skeleton": skeleton}, segments=segments, split=video.split,
                     subject=video.subject, text=video.text)  # fmt: skip


def _seconds(time: float, rows: int, duration: float, fps: float) -> float:
    return time * rows / duration / fps
