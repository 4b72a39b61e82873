"""Skeletons in .csv files, read in chunks, so that a file of any length needs little memory.

Two forms, each with a header, in UTF-8:

- wide, a row per frame, one person: for every joint `<joint>_x,<joint>_y[,<joint>_z][,<joint>_c]`, maybe `frame` too;
- long, a row per joint: `frame,person,joint,x,y[,z][,c]`, ordered by frame; `joint` is a name or a number from 0.
  Frames are counted from the first one in the file; a person or joint without a row is absent (zeros).

`c` is the confidence, in [0, 1].
"""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from acteme.errors import InputError
from acteme.recordings.assets import cache_folder
from acteme.recordings.folder.header import Header, Media
from acteme.recordings.folder.naming import guess, order
from acteme.recordings.skeleton.layouts import LAYOUTS

BLOCK = 1 << 22
"""Bytes of text per chunk."""
PERSONS = 16
"""Most persons of a long table."""
GAPS = 1 << 16
"""Frames without anyone that a chunk of a long table may hold, plus 4 per row, lest a wrong number fill the disk."""
LONG = ("frame", "person", "joint", "x", "y")


@dataclass(frozen=True)
class Plan:
    """How the columns of a table become a skeleton."""

    header: Header
    """What comes out."""
    columns: tuple[str, ...]
    """Columns to read; wide: in the order (joint, axis)."""
    persons: tuple[int, ...] = ()
    """Long: the numbers of the persons in the file, in order; empty for a wide table."""
    joints: tuple[tuple[str, int], ...] = ()
    """Long: what `joint` says for each joint of the layout, and its number."""


def peek_csv(path: Path, layout: str = "") -> Header:
    return plan(path, layout).header


def load_csv(path: Path, layout: str = "") -> Media:
    made = plan(path, layout)
    h = made.header
    axes = h.channels + h.confidence
    parts = _long_parts(path, made) if made.joints else _wide_parts(path, made)
    array = _spool(parts, (h.persons, h.joints, axes), path)
    arrays = {"skeleton": array[..., : h.channels]}
    if h.confidence:
        arrays["confidence"] = array[..., -1]
    return Media(h, arrays)


def plan(path: Path, layout: str) -> Plan:
    """Reads the header (and, of a long table, who and what occurs) and checks it."""
    names = _names(path)
    return _plan_long(path, names, layout) if set(LONG) <= set(names) else _plan_wide(path, names, layout)


def has_joints(names: Sequence[str]) -> bool:
    """Whether columns are those of a skeleton, or meant to be."""
    return {"person", "joint"} <= set(names) or sum(bool(re.fullmatch(r".+_[xyz]", name)) for name in names) > 1


def _names(path: Path) -> list[str]:
    """Column names."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [name.strip() for name in next(csv.reader(file), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("its header is not UTF-8 text", path, "save the table as CSV in UTF-8") from error
    if not any(names):
        raise InputError("is empty", path, "leave it out")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"has two columns '{twice}'", f"{path} line 1", "give each column its own name")
    return names


def _plan_wide(path: Path, names: list[str], layout: str) -> Plan:
    found: dict[str, set[str]] = {}
    for name in names:
        if name in ("frame", ""):
            continue
        match = re.fullmatch(r"(.+)_([xyzc])", name)
        if not match:
            mend = "name columns JOINT_x, JOINT_y, JOINT_z (JOINT_c), or frame,person,joint,x,y,z"
            raise InputError(f"unknown column '{name}'", f"{path} line 1", mend)
        found.setdefault(match[1], set()).add(match[2])
    joints = list(found)
    if not joints:
        raise InputError("has no joints", f"{path} line 1", "name columns JOINT_x, JOINT_y, JOINT_z")
    axes = found[joints[0]]
    for joint in joints:
        if found[joint] != axes or not {"x", "y"} <= axes:
            what = f"joint '{joint}' has the columns {', '.join(sorted(found[joint]))}"
            raise InputError(what, f"{path} line 1", "give every joint the same: x, y, maybe z, maybe c")
    name, positions = order(joints, layout, f"{path} line 1")
    columns = tuple(f"{joints[i]}_{axis}" for i in positions for axis in "xyzc" if axis in axes)
    return Plan(Header(1, len(positions), 2 + ("z" in axes), layout=name, confidence="c" in axes), columns)


def _plan_long(path: Path, names: list[str], layout: str) -> Plan:
    if unknown := set(names) - {*LONG, "z", "c"}:
        raise InputError(f"unknown column '{min(unknown)}'", f"{path} line 1", "use frame,person,joint,x,y,z,c")
    persons: set[int] = set()
    joints: dict[str, None] = {}
    for chunk in _read(path, ("person", "joint"), {"person": pa.int64(), "joint": pa.string()}):
        persons.update(chunk["person"].unique().to_pylist())
        joints.update(dict.fromkeys(chunk["joint"].unique().to_pylist()))
        if len(persons) > PERSONS:
            what = f"names more than {PERSONS} persons"
            raise InputError(what, path, "keep the persons who act, and give each one number throughout")
    said = list(joints)
    if all(joint.isdecimal() for joint in said):
        count = LAYOUTS[layout].count if layout else len(said)
        name = layout or guess(count, str(path))
        known = tuple((joint, int(joint)) for joint in said)
        if len(dict(known)) < len({v for _, v in known}) or max((v for _, v in known), default=0) >= count:
            what = f"joints are numbered up to {max(said, key=int)} where there are {count}"
            raise InputError(what, path, "number the joints from 0, or add ?layout=NAME")
    else:
        name, positions = order(said, layout, str(path))
        count, known = len(positions), tuple((said[i], v) for v, i in enumerate(positions))
    header = Header(len(persons), count, 2 + ("z" in names), layout=name, confidence="c" in names)
    columns = tuple(c for c in (*LONG, "z", "c") if c in names)
    return Plan(header, columns, tuple(sorted(persons)), known)


def _wide_parts(path: Path, made: Plan) -> Iterator[np.ndarray]:
    axes = made.header.channels + made.header.confidence
    for chunk in _read(path, made.columns, dict.fromkeys(made.columns, pa.float32())):
        part = np.stack([chunk[c].to_numpy(zero_copy_only=False) for c in made.columns], 1)
        yield part.reshape(len(part), 1, -1, axes)


def _long_parts(path: Path, made: Plan) -> Iterator[np.ndarray]:
    """Whole frames of every chunk; the last one waits for the next chunk, which may hold more of it."""
    number = dict(made.joints)
    axes = made.columns[3:]
    types = {"frame": pa.int64(), "person": pa.int64(), "joint": pa.string(), **dict.fromkeys(axes, pa.float32())}
    kept: list[np.ndarray] | None = None
    next_frame: int | None = None
    row = 2
    chunks = _read(path, made.columns, types)
    chunk = next(chunks, None)
    while chunk is not None:
        following = next(chunks, None)
        frame = chunk["frame"].to_numpy()
        person = np.searchsorted(made.persons, chunk["person"].to_numpy())
        codes = chunk["joint"].dictionary_encode()
        lookup = np.array([number.get(name, -1) for name in codes.dictionary.to_pylist()], np.int64)
        joint = lookup[codes.indices.to_numpy()]
        value = np.stack([chunk[a].to_numpy(zero_copy_only=False) for a in axes], 1)
        parts = [frame, person, joint, value]
        if kept is not None:
            parts = [np.concatenate(pair) for pair in zip(kept, parts, strict=True)]
        frame = parts[0]
        next_frame = int(frame[0]) if next_frame is None else next_frame
        steps = np.diff(frame, prepend=next_frame)
        wrong = (steps < 0) | (np.abs(frame - next_frame) > GAPS + 4 * len(frame))
        if wrong.any():
            i = int(np.argmax(wrong))
            what = f"frame {frame[i]} goes back, or follows frames that are mostly without anyone"
            raise InputError(what, f"{path} line {row + i}", "order the rows by frame and number frames by ones")
        done = len(frame) if following is None else int(np.searchsorted(frame, frame[-1]))
        if done:
            yield _place(path, made, [p[:done] for p in parts], next_frame, row)
            next_frame = int(frame[done - 1]) + 1
        kept, row, chunk = [p[done:] for p in parts], row + done, following


def _place(path: Path, made: Plan, parts: list[np.ndarray], first: int, row: int) -> np.ndarray:
    """Puts rows of whole frames at their places; `row` is the line of the first one."""
    frame, person, joint, value = parts
    h = made.header
    used = joint >= 0
    at = ((frame - first) * h.persons + person) * h.joints + joint
    _, once = np.unique(at[used], return_index=True)
    if len(once) < used.sum():
        twice = np.flatnonzero(used)[np.setdiff1d(np.arange(used.sum()), once)[0]]
        what = f"joint {joint[twice]} of person {person[twice]} occurs twice in frame {frame[twice]}"
        raise InputError(what, f"{path} line {row + twice}", "keep one of the rows")
    out = np.zeros((int(frame[-1]) - first + 1, h.persons, h.joints, value.shape[1]), np.float32)
    out.reshape(-1, value.shape[1])[at[used]] = value[used]
    return out


def _read(path: Path, columns: tuple[str, ...], types: dict[str, pa.DataType]) -> Iterator[dict[str, pa.Array]]:
    """Chunks of the columns, without missing values but NaN among the numbers."""
    convert = pacsv.ConvertOptions(column_types=types, include_columns=list(columns), strings_can_be_null=True)
    try:
        with pacsv.open_csv(
            path,
            pacsv.ReadOptions(block_size=BLOCK, use_threads=False, column_names=_names(path), skip_rows=1),
            pacsv.ParseOptions(newlines_in_values=False),
            convert,
        ) as reader:
            for batch in reader:
                for name, kind in types.items():
                    if batch[name].null_count and not pa.types.is_floating(kind):
                        raise InputError(f"column '{name}' has empty cells", path, "fill every cell")
                if len(batch):
                    yield {name: batch[name] for name in columns}
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise _bad_row(path, types, error) from error


def _bad_row(path: Path, types: dict[str, pa.DataType], error: Exception) -> InputError:
    """Finds the row that pyarrow could not read; it does not always say."""
    names = _names(path)
    numbers = [i for i, name in enumerate(names) if name in types and not pa.types.is_string(types[name])]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            for row in rows:
                where = f"{path} line {rows.line_num}"
                if row and len(row) != len(names):
                    return InputError(f"{len(row)} cells in {len(names)} columns", where, "mend the row")
                for i in numbers if row else ():
                    try:
                        float(row[i] or 0)
                    except ValueError:
                        what = f"'{row[i][:20]}' in column '{names[i]}' is no number"
                        return InputError(what, where, "mend the cell")
    except (UnicodeDecodeError, csv.Error, OSError):
        return InputError("is not UTF-8 text", path, "save the table as CSV in UTF-8")
    return InputError(f"is no readable table ({str(error).splitlines()[0][:120]})", path, "save it as CSV in UTF-8")


def _spool(parts: Iterable[np.ndarray], shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Chunks laid end to end in a nameless temporary file, mapped: any length in little memory."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        frames = 0
        with tempfile.TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(np.ascontiguousarray(part, np.float32).data)
                frames += len(part)
            if not frames:
                raise InputError("has no rows", path, "leave it out")
            file.flush()
            return np.memmap(file, np.float32, "r", shape=(frames, *shape))
    except OSError as error:
        mend = "set the environment variable ACTEME_CACHE to a folder with space"
        raise InputError(f"cannot be spooled: {error.strerror or error}", folder, mend) from error
