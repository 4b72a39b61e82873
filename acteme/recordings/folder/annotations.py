"""The table `annotations.csv` of your own data, checked row by row.

Columns: `file` (needed); `start`, `end` (seconds; both empty where the row holds for the whole file), `label`,
`subject`, `text`, `split` (train, val or test), `camera`, `fps`; `factor:NAME` for further numbers. Several rows may
name one file: its actions may follow one another or overlap. A row without a label names a recording to predict, or to
learn from without labels.
"""

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath

from acteme.errors import InputError

COLUMNS = ("file", "start", "end", "label", "subject", "text", "split", "camera", "fps")
SPLITS = ("train", "val", "test", "")


@dataclass(frozen=True)
class Row:
    """One row."""

    line: int
    """Line of the table, the header being line 1."""
    file: str
    """Path relative to the folder, with forward slashes."""
    start: float | None
    """Seconds; None where the row holds for the whole file."""
    end: float | None
    """Seconds; None where the row holds for the whole file."""
    label: str
    """Class; empty where there is none."""
    text: str
    """A description of the segment, or of the whole recording."""
    about: tuple[str, str, str, float]
    """Subject, split, camera and frames per second (0 where not given) of the recording."""
    factors: dict[str, float] = field(default_factory=dict)
    """Further numbers about the recording."""


@dataclass
class Table:
    """The rows of each file, in the order of the table, and what is wrong."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Files whose rows are all good."""
    problems: list[InputError] = field(default_factory=list)
    """Every problem, in the order of the table."""
    splits: bool = False
    """Whether the table has a column `split`."""
    named: list[str] = field(default_factory=list)
    """Every file that a row names, bad ones and missing ones too, but for paths that lead elsewhere."""


def read_table(path: Path) -> Table:
    """Reads and checks a table, collecting the problems of rows; files with a bad row are left out.

    Raises:
        InputError: the table as a whole cannot be read.
    """
    rows = _cells(path)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    _check_header(header, path)
    table = Table(splits="split" in header)
    bad: set[str] = set()
    seen: dict[tuple[str, ...], int] = {}
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path} line {line}"
        values = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        file = values.get("file", "").replace("\\", "/")
        file = str(PurePosixPath(file)) if file else ""
        try:
            if len(cells) != len(header):
                mend = "quote cells that hold commas, and give every column a cell"
                raise InputError(f"{len(cells)} cells in {len(header)} columns", where, mend)
            check_path(file, where)
            table.named.append(file)
            row = _row(values, file, line, where, path.parent)
            first = seen.setdefault(tuple(values.get(c, "") for c in ("file", "start", "end", "label")), line)
            if first != line:
                raise InputError(f"repeats line {first}", where, "delete one of them")
            before = table.rows.get(file)
            if before and (row.about, row.factors) != (before[0].about, before[0].factors):
                what = f"says another subject, split, camera, fps or factor of '{file}' than line {before[0].line}"
                raise InputError(what, where, "make them agree")
            table.rows.setdefault(file, []).append(row)
        except InputError as problem:
            table.problems.append(problem)
            bad.add(file)
    for file in bad:
        table.rows.pop(file, None)
    for file, each in list(table.rows.items()):
        if len(each) > 1 and any(not row.label for row in each):
            line = next(row.line for row in each if not row.label)
            what = f"has no label although other rows name '{file}'"
            table.problems.append(InputError(what, f"{path} line {line}", "give it one, or delete the row"))
            del table.rows[file]
    if not table.rows and not table.problems:
        raise InputError("has no rows", path, "add a row for each recording or segment")
    return table


def _cells(path: Path):  # type: ignore[no-untyped-def]
    """Line number and cells of each row."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", path, "correct its name or its access rights"
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError("is not UTF-8 text", f"{path} line {line}", "save the table as CSV in UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in rows:
            yield line, cells
            line = rows.line_num + 1
    except csv.Error as error:
        what = f"is malformed CSV ({error})"
        raise InputError(what, f"{path} line {line}", "close every quote, and double quotes inside a cell") from error


def _check_header(header: list[str], path: Path) -> None:
    where = f"{path} line 1"
    if "file" not in header:
        for mark, name in ((";", "semicolons"), ("\t", "tabs")):
            if any(mark in cell for cell in header):
                raise InputError(f"columns are separated by {name}", where, "separate them by commas")
        raise InputError("has no column 'file'", where, f"the first line names the columns: {','.join(COLUMNS[:6])}")
    for name in header:
        if name not in COLUMNS and not (name.startswith("factor:") and len(name) > 7):
            near = get_close_matches(name, COLUMNS, 1)
            mend = f"rename it to '{near[0]}'" if near else f"use {', '.join(COLUMNS)}, or factor:NAME for a number"
            raise InputError(f"unknown column '{name}'", where, mend)
        if header.count(name) > 1:
            raise InputError(f"column '{name}' occurs twice", where, "delete one of them")


def _row(values: dict[str, str], file: str, line: int, where: str, folder: Path) -> Row:
    """A row whose cells make sense by themselves."""
    if not (folder / file).exists():
        raise InputError(f"file '{file}' does not exist", where, f"put it into {folder} or correct the name")
    start, end = (_number(values.get(name, ""), name, where) for name in ("start", "end"))
    label, split = values.get("label", ""), values.get("split", "")
    if (start is None) != (end is None):
        raise InputError("gives only one of start and end", where, "give both, or neither for the whole file")
    if start is not None and end is not None:
        if start < 0:
            raise InputError(f"segment starts at {start:g} s", where, "times count from 0 at the first frame")
        if end <= start:
            what = "is empty" if end == start else "is reversed"
            raise InputError(f"segment from {start:g} s to {end:g} s {what}", where, "its end must be after its start")
        if not label:
            raise InputError("segment has no label", where, "give it one")
    if split not in SPLITS:
        raise InputError(f"split '{split}' is unknown", where, "use train, val or test, or leave it empty")
    fps = _number(values.get("fps", ""), "fps", where)
    if fps is not None and fps <= 0:
        raise InputError(f"fps is {fps:g}", where, "give frames per second above 0")
    factors = {n[7:]: _number(v, n, where) for n, v in values.items() if n.startswith("factor:")}
    about = (values.get("subject", ""), split, values.get("camera", ""), fps or 0.0)
    known = {name: number for name, number in factors.items() if number is not None}
    return Row(line, file, start, end, label, values.get("text", ""), about, known)


def check_path(file: str, where: str) -> None:
    """Raises InputError where a path is empty, absolute, leads out of its folder or cannot name a file."""
    if not file:
        raise InputError("names no file", where, "fill the column 'file'")
    if PurePosixPath(file).is_absolute() or PureWindowsPath(file).drive or PureWindowsPath(file).root:
        raise InputError(f"'{file}' is an absolute path", where, "name the file relative to the folder of the table")
    if ".." in PurePosixPath(file).parts:
        raise InputError(f"'{file}' leads out of the folder with '..'", where, "put the file into the folder")
    if not file.isprintable():
        raise InputError(f"file name {file!r} has characters that cannot be printed", where, "rename the file")


def _number(text: str, name: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{name} '{text}' is not a number", where, "write seconds or numbers with a point, as in 12.5")
    return value


def overlapping(rows: list[Row]) -> bool:
    """Whether several classes hold at a time somewhere in a recording."""
    if len(rows) < 2:
        return False
    labels = Counter(row.label for row in rows)
    if any(row.start is None for row in rows):
        return len(labels) > 1
    latest: dict[str, float] = {}
    for row in sorted(rows, key=lambda r: r.start or 0.0):
        if any(end > (row.start or 0.0) for label, end in latest.items() if label != row.label):
            return True
        latest[row.label] = max(row.end or 0.0, latest.get(row.label, 0.0))
    return False
