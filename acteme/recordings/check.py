"""Checks a whole data set before anything learns from it: every problem with its place and mend, and what it holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from acteme.errors import InputError
from acteme.recordings.assemble import Assembly, forget
from acteme.recordings.behavior.facts import facts
from acteme.recordings.cache import read_all
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import list_data
from acteme.recordings.spec import Spec
from acteme.recordings.watching import Progress, watching

SHOWN = 50
"""Problems and classes that are printed; the report holds all."""


@dataclass(frozen=True)
class CheckReport:
    """What a data set holds, and what is wrong with it."""

    data: str
    """The data string."""
    problems: tuple[str, ...]
    """One line per problem: where, what, and how to mend it."""
    warnings: tuple[str, ...]
    """What is allowed but may not be meant."""
    notes: tuple[str, ...]
    """What the reader says of the data set: what it left out by the data set's own rules."""
    spec: Spec | None
    """None where the data set could not even be listed."""
    recordings: int
    """Good recordings; the numbers below are about them."""
    seconds: float
    """Their length together."""
    shortest: int
    """Frames of the shortest."""
    longest: int
    """Frames of the longest."""
    classes: dict[str, int] = field(default_factory=dict)
    """Segments, or whole recordings, of each class."""
    splits: dict[str, int] = field(default_factory=dict)
    """Recordings of each split ("" where they are in none)."""
    persons: dict[int, int] = field(default_factory=dict)
    """Recordings by the most persons in any of their frames."""
    rates: dict[float, int] = field(default_factory=dict)
    """Recordings by frames per second."""
    subjects: int = 0
    """Different subjects."""
    unlabeled: int = 0
    """Recordings without any label."""
    log: tuple[tuple[str, str], ...] = ()
    """Of a log: what there is, and how much."""
    words: bool = False
    """Whether frames are the words of documents."""

    @property
    def good(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = []
        for style, mark, lines in (
            ("red", "✗", self.problems),
            ("yellow", "!", self.warnings),
            ("dim", "·", self.notes),
        ):
            parts += [Text(f"{mark} {line}", style) for line in lines[:SHOWN]]
            if len(lines) > SHOWN:
                parts.append(Text(f"{mark} ... and {len(lines) - SHOWN} more", style))
        if self.recordings:
            parts.append(self._facts())
        if self.classes:
            parts.append(self._classes())
        count = len(self.problems)
        verdict = f"{self.data}: " + ("no problems" if self.good else f"{count} problem{'s' * (count > 1)}")
        return Group(*parts, Text(verdict, "bold green" if self.good else "bold red"))

    def _facts(self) -> Table:
        table = Table("", "", show_header=False, box=None)
        spec = self.spec or Spec()
        if self.log:
            for what, much in self.log:
                table.add_row(what, Text(much))
            return table
        table.add_row("recordings", f"{self.recordings} ({self.unlabeled} without a label)")
        clocked = f"{_clock(self.seconds)}, " if not self.words else ""
        unit = "words" if self.words else "frames"
        table.add_row("length", f"{clocked}{self.shortest} to {self.longest} {unit} each")
        if self.words:
            table.add_row("roles", f"{len(spec.roles)}, {len({role for _, role in spec.roles})} names")
        elif spec.scenes:
            table.add_row("positions", f"{spec.channels} coordinates, in {len(spec.scenes)} scenes")
            table.add_row("human-seconds", f"{self.seconds:.0f}")
        else:
            table.add_row("skeleton", f"{spec.layout}: {spec.joints} joints, {spec.channels} coordinates")
            table.add_row("persons", ", ".join(f"{n} in {count}" for n, count in sorted(self.persons.items())))
        if clocked:
            table.add_row("frames/s", ", ".join(f"{fps:g} in {count}" for fps, count in sorted(self.rates.items())))
        table.add_row("subjects", str(self.subjects))
        table.add_row(
            "splits",
            ", ".join(f"{name or 'none'} {count}" for name, count in sorted(self.splits.items(), reverse=True)),
        )
        return table

    def _classes(self) -> RenderableType:
        kind = "several at a time" if self.spec and self.spec.multilabel else "one at a time"
        table = Table("", "", show_header=False, box=None)
        for name, count in list(self.classes.items())[:SHOWN]:
            table.add_row(name, str(count))
        if len(self.classes) > SHOWN:
            table.add_row(f"... and {len(self.classes) - SHOWN} more", "")
        return Group(Text(f"{len(self.classes)} classes, {kind}, and how often each occurs:"), table)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h " * (minutes >= 60) + f"{minutes % 60} min " * (minutes > 0) + f"{rest} s"


def check(data: str | Path | Corpus, *, progress: Progress | None = None) -> CheckReport:
    """Reads a whole data set, a recording at a time, and collects everything that is wrong with it.

    Args:
        data: as `open_data` takes it.
        progress: called as `progress(done, total)`: recordings, or bytes of the file of a log that is being read.
    """
    name = "corpus" if isinstance(data, Corpus) else str(data)
    try:
        with watching(progress):
            listed = list_data(data)
    except InputError as error:
        return CheckReport(name, (str(error),), (), (), None, 0, 0.0, 0, 0)
    problems: list[str] = []
    notes: tuple[str, ...] = ()
    if isinstance(listed, Corpus):
        problems += listed.left_out
        if listed.spec.items or listed.spec.fields:
            return _logged(name, listed)
        recordings: Iterator[Recording] = iter(listed)
        strict = False
    else:
        recordings = read_all(listed, problems, progress)
        strict, notes = listed.strict, tuple(listed.notes)
    made = Assembly(listed.spec, _Nowhere(), strict)
    persons: Counter[int] = Counter()
    still: list[str] = []
    outside: list[str] = []
    words = False
    for recording in recordings:
        try:
            made.add(recording)
        except InputError as error:
            problems.append(str(error))
            continue
        words |= recording.event is not None
        present, moves = _presence(recording)
        persons[present] += 1
        if not moves:
            still.append(recording.name)
        if _leaves(recording, listed.spec):
            outside.append(recording.name)
    return replace(_report(name, listed.spec, made, problems, notes, persons, still, outside), words=words)


def _logged(data: str, corpus: Corpus) -> CheckReport:
    """Of a log, whose reader has looked at every row: recordings share their events, and nothing is read again."""
    frames, splits = corpus.frames, Counter(corpus.column("split").tolist())
    whole = {"train", "test"} <= set(splits)
    return CheckReport(
        data=data,
        problems=corpus.left_out,
        warnings=() if whole else (f"there is no split into train and test: {_unsplit(corpus)}",),
        notes=corpus.notes,
        spec=corpus.spec,
        recordings=len(frames),
        seconds=float((frames / corpus.column("fps")).sum()),
        shortest=int(frames.min()),
        longest=int(frames.max()),
        splits=dict(splits),
        subjects=len(np.unique(corpus.column("subject"))),
        unlabeled=int((corpus.label < 0).sum()),
        log=tuple(facts(corpus)),
    )


def _unsplit(corpus: Corpus) -> str:
    """Why a log has no training or no test."""
    if corpus.spec.classes:
        return "give more jobs, larger shares val and test, or a column split in the pairs"
    if corpus.frames.max() < 3:
        return "nobody has 3 events" if (corpus.column("subject") != "").any() else "there are too few events"
    return "the column split names only one of them"


class _Nowhere:
    """Takes chunks and keeps none."""

    def write(self, name: str, chunk: np.ndarray) -> None:
        pass

    def keep(self) -> None:
        pass

    def undo(self) -> None:
        pass


def _presence(r: Recording) -> tuple[int, bool]:
    """Most persons in any frame, and whether anything moves."""
    if r.event is not None:
        return 1, True
    if "skeleton" not in r.arrays:
        position = np.asarray(r.arrays["position"])
        return 1, len(position) == 1 or bool((position != position[0]).any())
    most, moves, before = 0, r.frames == 1, None
    for a in range(0, r.frames, 4096):
        part = np.asarray(r.arrays["skeleton"][a : a + 4096])
        most = max(most, int(part.any((2, 3)).sum(1).max()))
        before = part[0] if before is None else before
        moves = moves or bool((part != before).any())
        forget(r.arrays["skeleton"])
    return most, moves


def _leaves(r: Recording, spec: Spec) -> bool:
    """Whether a track leaves the extent of its scene."""
    if "position" not in r.arrays or r.camera not in spec.scenes or not spec.extents:
        return False
    extent = np.array(spec.extents[spec.scenes.index(r.camera)])
    position = np.asarray(r.arrays["position"])[:, :2]
    return bool(((position < extent[:2] - 0.5) | (position > extent[2:] + 0.5)).any())


def _report(
    data: str,
    spec: Spec,
    made: Assembly,
    problems: list[str],
    notes: tuple[str, ...],
    persons: Counter[int],
    still: list[str],
    outside: list[str],
) -> CheckReport:
    if not made.rows and not problems:
        problems.append(str(InputError("the data set has no recordings", data, "correct the path, or add recordings")))
    table = made.table() if made.rows else {}
    frames = table.get("frames", np.zeros(0, int))
    label, rates = table.get("label", np.zeros(0, int)), table.get("fps", np.zeros(0))
    marks = made.columns()
    counts = np.bincount(label[label >= 0], minlength=len(spec.classes))
    counts = counts + np.bincount(marks.label, minlength=len(spec.classes))
    labeled = label >= 0
    labeled[marks.recording] = True
    splits = Counter(table.get("split", np.zeros(0, str)).tolist())
    return CheckReport(
        data=data,
        problems=tuple(problems),
        warnings=_warnings(spec, table, counts, splits, persons, still, outside),
        notes=notes,
        spec=spec,
        recordings=len(frames),
        seconds=float((frames / rates).sum()),
        shortest=int(frames.min(initial=np.iinfo(int).max)) if len(frames) else 0,
        longest=int(frames.max(initial=0)),
        classes={name: int(n) for name, n in zip(spec.classes, counts, strict=True)},
        splits=dict(splits),
        persons=dict(persons),
        rates=dict(Counter(rates.tolist())),
        subjects=len(set(table.get("subject", np.zeros(0, str)).tolist()) - {""}),
        unlabeled=int((~labeled).sum()),
    )


def _warnings(
    spec: Spec,
    table: dict[str, np.ndarray],
    counts: np.ndarray,
    splits: Counter[str],
    persons: Counter[int],
    still: list[str],
    outside: list[str],
) -> tuple[str, ...]:
    out = []
    if absent := [name for name, n in zip(spec.classes, counts, strict=True) if not n]:
        out.append(f"{len(absent)} classes never occur: {', '.join(absent[:8])}")
    if spec.classes and table and not {"train", "test"} <= set(splits):
        out.append("there is no split into train and test: add a column split, or more subjects or files")
    if persons[0]:
        out.append(f"{persons[0]} recordings show nobody: all their joints are zero")
    if still:
        out.append(f"{len(still)} recordings do not move at all: {', '.join(still[:8])}")
    if outside:
        out.append(f"{len(outside)} tracks leave the map of their scene: {', '.join(outside[:8])}")
    if table:
        subject, part = table["subject"], table["split"]
        both = (set(subject[part == "train"]) & set(subject[part == "test"])) - {""}
        if both:
            out.append(f"{len(both)} subjects are in train and test: {', '.join(sorted(map(str, both))[:8])}")
    return tuple(out)
