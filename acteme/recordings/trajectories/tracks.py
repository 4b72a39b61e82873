"""From rows of a table (who was where, when) to tracks: cut at gaps, brought to one rate, laid in scenes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.spec import Spec
from acteme.recordings.trajectories.surfaces import read_surfaces

Extent = tuple[float, float, float, float]
FPS = 2.5
"""Samples per second of most benchmarks."""
LONGEST = 1e7
"""Seconds: no scene is watched for longer, so that a broken time is found before it becomes a track of years."""
SAMPLES = 100_000
"""Most samples of a track."""


@dataclass(frozen=True)
class Rows:
    """What was seen of one scene."""

    scene: str
    where: Path
    """The file, for messages."""
    agent: np.ndarray
    """(n,) who, as text."""
    time: Float[np.ndarray, " n"]
    """Seconds."""
    xy: Float[np.ndarray, "n 2"]
    """Where: meters, or pixels."""
    extent: Extent | None = None
    """Of the image; None takes the smallest box around all positions."""
    split: str = ""


@dataclass(frozen=True)
class Manner:
    """How rows become tracks."""

    fps: float = FPS
    """Samples per second."""
    gap: float | None = None
    """Longest time, in seconds, between two rows of a track; in between it is straight. None: one and a half times the
    usual time between rows, so that a missing row ends a track."""
    shortest: int = 2
    """Samples of a track at least; shorter ones are left out and counted in a note."""
    test: float = 0.0
    """Share of the scene's time, at its end, whose tracks are for the test, if the data name no splits; tracks that
    begin before and end after are left out."""
    human_seconds: float | None = None
    """The first tracks that together last so long are for training; later ones before the test are left out."""

    def check(self) -> None:
        """Raises InputError where an option is out of its range."""
        for name, value, good, mend in (
            ("fps", self.fps, 0.01 <= self.fps <= 240, "give samples per second from 0.01 to 240"),
            ("gap", self.gap, self.gap is None or self.gap > 0, "give seconds above 0"),
            ("shortest", self.shortest, self.shortest >= 1, "give at least 1"),
            ("test", self.test, 0 <= self.test < 1, "give a share below 1"),
            ("human_seconds", self.human_seconds, self.human_seconds is None or self.human_seconds > 0,
             "give seconds above 0"),
        ):  # fmt: skip
            if not good:
                raise InputError(f"{name} is {value}", "option", mend)


@dataclass(frozen=True)
class Cut:
    """Tracks of one scene, their samples end to end, in order of their beginning."""

    xy: Float[np.ndarray, "m 2"]
    offset: np.ndarray
    frames: np.ndarray
    agent: np.ndarray
    start: Float[np.ndarray, " r"]
    """Seconds."""
    short: int
    """Tracks that were left out because they are too short."""


def cut(rows: Rows, manner: Manner) -> Cut:
    """Tracks of a scene's rows.

    Raises:
        InputError: a number is not finite, someone is twice at one time, or a track would be longer than `SAMPLES`.
    """
    if not np.isfinite(rows.xy).all() or not np.isfinite(rows.time).all():
        raise InputError("a position or time is NaN or infinite", rows.where, "correct or leave out the row")
    if len(rows.time) and (np.abs(rows.time).max() > LONGEST or np.abs(rows.xy).max() > 1e9):
        raise InputError("a position or time is too large to be true", rows.where, "correct or leave out the row")
    names, agent = np.unique(rows.agent, return_inverse=True)
    order = np.lexsort((rows.time, agent))
    agent, time, xy = agent[order], rows.time[order], rows.xy[order].astype(np.float64)
    same, step = agent[1:] == agent[:-1], np.diff(time)
    if (same & (step <= 0)).any():
        at = int(np.flatnonzero(same & (step <= 0))[0])
        what = f"agent '{names[agent[at]]}' is twice at {time[at]:g} s in scene '{rows.scene}'"
        raise InputError(what, rows.where, "keep one of the rows")
    usual = float(np.median(step[same])) if same.any() else 1 / manner.fps
    gap = manner.gap or 1.5 * max(usual, np.finfo(float).eps)
    first = np.flatnonzero(np.concatenate([[len(agent) > 0], ~same | (step > gap * (1 + 1e-6))]))
    last = np.append(first[1:], len(agent))[: len(first)] - 1
    span = time[last] - time[first]
    frames = np.floor(span * manner.fps + 1e-3).astype(np.int64) + 1
    if len(frames) and frames.max() > SAMPLES:
        raise InputError(f"a track has {int(frames.max())} samples at {manner.fps:g} per second", rows.where,
                         "set a lower fps or gap, or correct its times")  # fmt: skip
    long = frames >= manner.shortest
    by_start = np.flatnonzero(long)[np.lexsort((agent[first[long]], time[first[long]]))]
    number = frames[by_start]
    offset = np.cumsum(number) - number
    at = np.arange(number.sum()) - np.repeat(offset, number)
    begin, end = (np.repeat(time[which[by_start]], number) for which in (first, last))
    wanted = np.minimum(begin + at / manner.fps, end)
    # every track moved behind the one before, so that all of them are interpolated at once
    piece = np.repeat(np.arange(len(first)), last - first + 1)
    shift = np.concatenate([[0.0], np.cumsum(span + 1.0)])[:-1] - time[first] if len(first) else np.zeros(0)
    known, asked = time + shift[piece], wanted + np.repeat(shift[by_start], number)
    found = np.stack([np.interp(asked, known, xy[:, k]) for k in (0, 1)], 1) if len(number) else np.zeros((0, 2))
    who = names[agent[first[by_start]]] if len(number) else np.zeros(0, str)
    return Cut(found.astype(np.float32), offset, number, who, time[first[by_start]], int((~long).sum()))


def listed(
    readings: Iterable[Callable[[], Sequence[Rows]]],
    files: Sequence[Path],
    manner: Manner,
    surfaces: Path | None = None,
    notes: Sequence[str] = (),
) -> Listing:
    """The tracks of scenes, one recording each.

    Args:
        readings: parse the rows of one or more scenes each; one that raises InputError is a problem of the data set.
        files: what was read.
        manner: how rows become tracks.
        surfaces: a folder of maps, see `surfaces`.
        notes: what the reader left out.
    """
    manner.check()
    parts: list[tuple[Rows, Cut]] = []
    problems: list[InputError] = []
    for read in readings:
        try:
            parts += [(rows, cut(rows, manner)) for rows in read()]
        except InputError as error:
            problems.append(error)
    if not any(len(made.frames) for _, made in parts):
        if problems:
            raise problems[0]
        what = f"has no tracks of {manner.shortest} samples at {manner.fps:g} per second"
        raise InputError(what, files[0] if files else None, "correct the path or the options")
    scenes = tuple(dict.fromkeys(rows.scene for rows, _ in parts))
    extents = tuple(_extent([(r, c) for r, c in parts if r.scene == scene]) for scene in scenes)
    items, dropped, taken = [], 0, set[str]()
    for rows, made in parts:
        splits = _splits(rows, made, manner)
        for k, split in enumerate(splits):
            if split is None:
                dropped += 1
                continue
            name = _name(f"{rows.scene}/{made.agent[k]}", taken)
            xy = made.xy[made.offset[k] : made.offset[k] + made.frames[k]]
            recording = Recording(
                name, manner.fps, {"position": xy}, split=split, subject=f"{rows.scene}/{made.agent[k]}",
                camera=rows.scene, factors={"start": float(made.start[k])}, where=str(rows.where),
            )  # fmt: skip
            items.append(Item(name, str(rows.where), partial(_given, recording)))
    said = list(notes)
    if short := sum(made.short for _, made in parts):
        said.append(f"{short} tracks of fewer than {manner.shortest} samples are left out (option shortest)")
    if dropped:
        said.append(f"{dropped} tracks between training and test are left out (options test, human_seconds)")
    spec = Spec(channels=2, fps=manner.fps, scenes=scenes, extents=extents)
    maps, more = (None, []) if surfaces is None else read_surfaces(surfaces, scenes)
    return Listing(spec, items, [*files, *more], problems=problems, surfaces=maps, notes=said)


def _given(recording: Recording) -> Recording:
    return recording


def _name(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken (later parts of one agent's way)."""
    made, count = name, 1
    while made in taken:
        count += 1
        made = f"{name}#{count}"
    taken.add(made)
    return made


def _extent(parts: Sequence[tuple[Rows, Cut]]) -> Extent:
    """What the data say, or the box around all samples with a margin of a twentieth."""
    for rows, _ in parts:
        if rows.extent is not None:
            return rows.extent
    xy = np.concatenate([made.xy for _, made in parts])
    if not len(xy):
        return (0.0, 0.0, 1.0, 1.0)
    low, high = xy.min(0).astype(float), xy.max(0).astype(float)
    margin = np.maximum((high - low).max() / 20, 1e-3)
    low, high = low - margin, high + margin
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _splits(rows: Rows, made: Cut, manner: Manner) -> list[str | None]:
    """The split of each track, None for those that are left out."""
    count = len(made.frames)
    if rows.split or not (manner.test or manner.human_seconds) or not count:
        return [rows.split] * count
    end = made.start + (made.frames - 1) / manner.fps
    border = end.max() - manner.test * (end.max() - made.start.min()) if manner.test else np.inf
    out: list[str | None] = ["train" if e < border else "test" if s >= border else None
                             for s, e in zip(made.start, end, strict=True)]  # fmt: skip
    if manner.human_seconds is not None:
        early = [k for k, split in enumerate(out) if split == "train"]
        spent = np.cumsum(made.frames[early]) / manner.fps
        for k in early[int(np.searchsorted(spent, manner.human_seconds)) + 1 :]:
            out[k] = None
    tested = {made.agent[k] for k, split in enumerate(out) if split == "test"}
    return [None if split == "train" and made.agent[k] in tested else split for k, split in enumerate(out)]
