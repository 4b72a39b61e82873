"""Your own data as a listing: a folder with `annotations.csv` next to skeleton files, or one such file.

What holds for all files stands in `acteme.toml` or in options, which win over it: `layout`, `fps` (for files that do
not say; the column `fps` wins over both), `classes` (their order; by default sorted by name) and `multilabel` (several
classes may hold at a time; true anyway where rows overlap). A table `[groups]` there names the group of each class, for
labels of two levels.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.folder.annotations import Row, Table, overlapping, read_table
from acteme.recordings.folder.formats import FORMATS, load, peek
from acteme.recordings.folder.header import Header
from acteme.recordings.folder.splits import split
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton.layouts import layout as known_layout
from acteme.recordings.spec import Spec


@dataclass(frozen=True)
class Common:
    """What holds for all files of a folder."""

    layout: str = ""
    """Name of the layout; empty lets the files say, or their number of joints."""
    fps: float = 0.0
    """Frames per second of files that do not say; 0 where it is not known."""
    classes: tuple[str, ...] = ()
    """The classes, in order; empty takes the labels that occur, sorted."""
    multilabel: bool = False
    """Several classes may hold at a time, even where no rows overlap."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Group of each class, where labels have two levels."""


KEYS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "layout": ("a name", lambda value: isinstance(value, str)),
    "fps": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "classes": ("a list of names", lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value)),
    "multilabel": ("true or false", lambda value: isinstance(value, bool)),
    "groups": (
        "a table of classes and their groups",
        lambda value: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
    ),
}
"""Keys of `acteme.toml`: what each must be, in words and as a test."""


def folder(
    path: Path, layout: str = "", fps: float = 0.0, classes: tuple[str, ...] = (), multilabel: bool = False
) -> Listing:
    """A folder with `annotations.csv` (see `folder.annotations`) next to skeleton files (see `folder.formats`).

    Recordings are called as their files without suffix, or with it where two would have one name. Splits are those of
    the column `split`, else see `folder.splits`.

    Args:
        path: the folder.
        layout: name of the layout of the files that do not say.
        fps: frames per second of the files that do not say.
        classes: the classes in order; empty takes the labels that occur, sorted.
        multilabel: several classes may hold at a time, even where no rows overlap.

    Raises:
        InputError: the table or `acteme.toml` cannot be read, or files disagree. Bad rows and files are collected in
            `Listing.problems`.
    """
    csv, toml = path / "annotations.csv", path / "acteme.toml"
    common = _common(toml, Common(layout, fps, classes, multilabel))
    if not csv.is_file():
        raise InputError("has no annotations.csv", path, "write one: file,start,end,label,subject,text")
    table = read_table(csv)
    _check_labels(table, common.classes, csv)
    headers = _headers(table, path, common, csv)
    files, groups = list(table.rows), list(table.rows.values())
    if not files:
        raise table.problems[0]
    spec = _spec(groups, [headers[file] for file in files], common, toml)
    scored = any(headers[file].confidence for file in files)
    splits = [rows[0].about[1] for rows in groups]
    if not table.splits:
        splits = split(files, [rows[0].about[0] for rows in groups], [bool(rows[0].label) for rows in groups])
    items = []
    for name, file, rows, part in zip(_names(files), files, groups, splits, strict=True):
        where = f"{csv} line {rows[0].line} ({file})"
        item = partial(_read, name, path / file, tuple(rows), part, headers[file], scored, csv)
        items.append(Item(name, where, item))
    # bad ones too: a cache without them is no longer good when they are mended
    read = [path / file for file in dict.fromkeys(table.named)]
    used = [csv, toml, *_all_files(read)]
    return Listing(spec, items, used, problems=tuple(table.problems), notes=_unnamed(path, csv))


def single(path: Path, layout: str = "", fps: float = 0.0) -> Listing:
    """One skeleton file, without annotations.

    Args:
        path: the file, of one of the kinds in `folder.formats`.
        layout: name of its layout, if it does not say.
        fps: its frames per second, if it does not say.
    """
    header = _clocked(peek(path, layout and known_layout(layout).name), fps, str(path))
    spec = Spec(header.layout, header.joints, header.persons, header.channels, fps=header.fps)
    row = Row(0, path.name, None, None, "", "", ("", "", "", 0.0))
    item = partial(_read, path.stem, path, (row,), "", header, header.confidence, path)
    return Listing(spec, [Item(path.stem, str(path), item)], _all_files([path]))


def _all_files(paths: Sequence[Path]) -> list[Path]:
    """The paths, and of a folder (OpenPose) the files in it."""
    return [file for path in paths for file in (path, *(sorted(path.glob("*.json")) if path.is_dir() else ()))]


def _common(toml: Path, options: Common) -> Common:
    """Options, and where they do not say, what `acteme.toml` says."""
    said: dict[str, Any] = {}
    if toml.is_file():
        try:
            said = tomllib.loads(toml.read_bytes().decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise InputError(f"is no readable TOML ({error})", toml, "mend it") from error
    for name, value in said.items():
        if name not in KEYS:
            near = get_close_matches(name, KEYS, 1)
            raise InputError(f"unknown key '{name}'", toml, f"use {near[0] if near else ', '.join(KEYS)}")
        wanted, fits = KEYS[name]
        if not fits(value):
            raise InputError(f"{name} is {value!r}", toml, f"give {wanted}")
    layout = options.layout or str(said.get("layout", ""))
    fps = options.fps or float(said.get("fps", 0.0))
    classes = options.classes or tuple(said.get("classes", ()))
    if layout:
        known_layout(layout)
    if fps < 0 or not np.isfinite(fps):
        raise InputError(f"fps is {fps:g}", toml, "give frames per second above 0")
    if len(set(classes)) < len(classes):
        raise InputError("classes name one class twice", toml, "keep one of them")
    return Common(layout, fps, classes, options.multilabel or bool(said.get("multilabel")), said.get("groups", {}))


def _check_labels(table: Table, classes: Sequence[str], csv: Path) -> None:
    """Where classes are given, moves files with another label to the problems."""
    for file, rows in list(table.rows.items()):
        for row in rows:
            if classes and row.label and row.label not in classes:
                near = get_close_matches(row.label, classes, 1)
                mend = f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(classes)}"
                table.problems.append(InputError(f"unknown label '{row.label}'", f"{csv} line {row.line}", mend))
                table.rows.pop(file, None)


def _headers(table: Table, path: Path, common: Common, csv: Path) -> dict[str, Header]:
    """Header of every file; moves files that are bad or unlike the others to the problems."""
    headers: dict[str, Header] = {}
    first: tuple[str, Header] | None = None
    for file, rows in list(table.rows.items()):
        where = f"{csv} line {rows[0].line} ({file})"
        try:
            header = _clocked(
                peek(path / file, common.layout), rows[0].about[3] or common.fps, where, bool(rows[0].about[3])
            )
            first = first or (file, header)
            for what in ("layout", "channels"):
                mine, other = getattr(header, what), getattr(first[1], what)
                if mine != other:
                    raise InputError(f"{what} is {mine} where {first[0]} has {other}", where, "make all files agree")
            headers[file] = header
        except (InputError, OSError) as error:
            problem = (
                InputError(str(error.strerror), where, "correct its name or its access rights")
                if isinstance(error, OSError)
                else error
            )
            table.problems.append(problem)
            del table.rows[file]
    return headers


def _clocked(header: Header, fps: float, where: str, wins: bool = False) -> Header:
    """A header with its clock: `fps` where the file does not say or it `wins`."""
    fps = fps if wins else header.fps or fps
    if not fps > 0:
        mend = "add ?fps=30 (or what it is), a column fps, or fps in acteme.toml"
        raise InputError("does not say its frames per second", where, mend)
    return replace(header, fps=fps)


def _spec(groups: Sequence[list[Row]], headers: Sequence[Header], common: Common, toml: Path) -> Spec:
    labels = {row.label for rows in groups for row in rows} - {""}
    classes = common.classes or tuple(sorted(labels))
    lacking = [name for name in classes if common.groups and name not in common.groups]
    if lacking:
        raise InputError(f"groups does not name the group of '{lacking[0]}'", toml, "name that of every class")
    first = headers[0]
    return Spec(
        layout=first.layout,
        joints=first.joints,
        persons=max(h.persons for h in headers),
        channels=first.channels,
        classes=classes,
        fps=first.fps,
        multilabel=common.multilabel or any(overlapping(rows) for rows in groups),
        groups=tuple(common.groups[name] for name in classes) if common.groups else (),
    )


def _names(files: Sequence[str]) -> list[str]:
    paths = map(PurePosixPath, files)
    stems = [str(p.with_suffix("") if p.suffix.lower() in FORMATS else p) for p in paths]
    count = Counter(stems)
    return [file if count[stem] > 1 else stem for stem, file in zip(stems, files, strict=True)]


def _unnamed(path: Path, csv: Path) -> list[str]:
    """Says so where the folder holds skeleton files that the table does not name."""
    text = csv.read_text(encoding="utf-8-sig")
    found = (p for p in sorted(path.rglob("*")) if p.suffix.lower() in FORMATS and p != csv)
    unnamed = [p.name for p in found if p.name not in text and p.parent.name not in text]
    return [f"{len(unnamed)} files are not in annotations.csv: {', '.join(unnamed[:8])}"] if unnamed else []


def _read(
    name: str, path: Path, rows: tuple[Row, ...], part: str, header: Header, scored: bool, csv: Path
) -> Recording:
    """Reads a file and sets its rows into its clock; with `scored` it gets a confidence of 1 if it has none."""
    media = load(path, header.layout)
    arrays = dict(media.arrays)
    if scored and "confidence" not in arrays:
        arrays["confidence"] = np.broadcast_to(np.float32(1), arrays["skeleton"].shape[:-1])
    frames = len(media.arrays["skeleton"])
    duration = frames / header.fps
    whole = len(rows) == 1 and rows[0].start is None
    subject, _, camera, _ = rows[0].about
    return Recording(
        name=name,
        fps=header.fps,
        arrays=arrays,
        label=rows[0].label if whole else "",
        segments=() if whole else tuple(_segment(row, duration, header.fps, csv) for row in rows),
        split=part,
        subject=subject,
        camera=camera,
        text=rows[0].text if whole else "",
        factors=rows[0].factors,
        where=str(path),
    )


def _segment(row: Row, duration: float, fps: float, csv: Path) -> Segment:
    """A row as a segment; its end may lie up to a frame behind the recording's, as happens in rounding."""
    start, end = (0.0, duration) if row.start is None or row.end is None else (row.start, row.end)
    if start >= duration or end > duration + 1 / fps:
        what = f"segment from {start:g} s to {end:g} s ends after the recording, which lasts {duration:.3f} s"
        raise InputError(what, f"{csv} line {row.line} ({row.file})", f"correct it, or the frame rate ({fps:g})")
    return Segment(start, min(end, duration), row.label, text=row.text)
