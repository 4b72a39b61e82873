"""Your own tracks: a CSV table with the columns `scene`, `agent`, `time` (seconds), `x` and `y`, and maybe `split`."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.recording import Listing
from acteme.recordings.skeleton.readers.files import read_text
from acteme.recordings.trajectories.tracks import FPS, Extent, Manner, Rows, listed

COLUMNS = ("scene", "agent", "time", "x", "y")


def read_rows(path: Path, size: tuple[float, float] | None = None) -> list[Rows]:
    """The rows of each scene and split. Raises InputError, naming the line, where one is broken."""
    lines = csv.reader(read_text(path).splitlines())
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        if missing := [name for name in COLUMNS if name not in header]:
            mend = f"its first line must name the columns {','.join(COLUMNS)}"
            raise InputError(f"has no column '{missing[0]}'", path, mend)
        at = {name: header.index(name) for name in (*COLUMNS, *(["split"] if "split" in header else []))}
        rows: dict[tuple[str, str], list[tuple[str, float, float, float]]] = {}
        for values in lines:
            if not any(value.strip() for value in values):
                continue
            where = f"{path}, line {lines.line_num}"
            if len(values) != len(header):
                raise InputError(f"has {len(values)} values where the header has {len(header)}", where, "mend the row")
            row = {name: values[k].strip() for name, k in at.items()}
            if not row["scene"] or not row["agent"]:
                raise InputError("names no scene or no agent", where, "name both")
            split = row.get("split", "")
            if split not in ("", "train", "val", "test"):
                raise InputError(f"split is '{split}'", where, "use train, val, test or nothing")
            numbers = [_number(row[name], name, where) for name in ("time", "x", "y")]
            rows.setdefault((row["scene"], split), []).append((row["agent"], *numbers))  # type: ignore[arg-type]
    except csv.Error as error:
        raise InputError(f"is not a CSV table ({error})", path, "save it as CSV") from error
    extent: Extent | None = None if size is None else (0.0, 0.0, *size)
    out = []
    for (scene, split), found in rows.items():
        agent, time, x, y = zip(*found, strict=True)
        xy = np.stack([np.array(x), np.array(y)], 1)
        out.append(Rows(scene, path, np.array(agent), np.array(time), xy, extent, split))
    return out


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{name} '{text[:40]}' is not a number", where, "correct it") from None
    if not np.isfinite(value):
        raise InputError(f"{name} is {text[:40]}", where, "correct or leave out the row")
    return value


def table(
    path: Path,
    size: tuple[float, float] | None = None,
    fps: float = FPS,
    gap: float | None = None,
    shortest: int = 2,
    test: float = 0.0,
    human_seconds: float | None = None,
    surfaces: Path | None = None,
) -> Listing:
    """Your own tracks: a CSV file with the columns scene,agent,time,x,y and maybe split; time in seconds.

    Args:
        path: the file, or a folder of .csv files.
        size: width and height of the scenes' images where x and y are pixels; none takes a box around the tracks.
        fps: samples per second of the tracks.
        gap: longest time between two rows of a track, seconds; none ends a track at a missing row.
        shortest: samples of a track at least.
        test: share of each scene's time, at its end, that is the test, where no split is given.
        human_seconds: the first tracks that together last so long are the training split.
        surfaces: folder with a map SCENE.npy of each scene.

    Raises:
        InputError: there is no table, an option is out of its range, or none can be read.
    """
    if size is not None and not min(size) > 0:
        raise InputError(f"size is {size[0]:g},{size[1]:g}", "option", "give width and height above 0")
    files: Sequence[Path] = [path] if path.is_file() else sorted(path.glob("*.csv"))
    if not files:
        raise InputError("has no .csv files", path, "give a table with the columns " + ",".join(COLUMNS))
    readings = [lambda file=file: read_rows(file, size) for file in files]
    return listed(readings, files, Manner(fps, gap, shortest, test, human_seconds), surfaces)
