"""Lays recordings end to end: checks each one, cuts it into chunks and hands them on, so that any length streams."""

import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from acteme.errors import InputError
from acteme.recordings.annotations import Segments, rasterize
from acteme.recordings.documents.document import Ontology, check_span
from acteme.recordings.recording import Recording
from acteme.recordings.spans import Spans
from acteme.recordings.spec import Spec

DTYPES: dict[str, type] = {
    "skeleton": np.float32,
    "confidence": np.float32,
    "vector": np.float32,
    "position": np.float32,
    "item": np.int32,
    "when": np.int64,
    "field": np.int32,
    "outcome": np.float32,
    "word": np.int32,
    "sentence": np.int32,
    "frame_labels": np.uint8,
}
TEXT_COLUMNS = ("name", "split", "subject", "camera", "text")
AXES = {
    "skeleton": "(frames, persons, joints, coordinates)",
    "confidence": "(frames, persons, joints)",
    "vector": "(frames, numbers)",
    "position": "(frames, coordinates)",
    "item": "(frames)",
    "when": "(frames)",
    "field": "(frames, fields)",
    "outcome": "(frames)",
    "word": "(frames, ends)",
    "sentence": "(frames)",
}
CHUNK = 1 << 22
"""Numbers per chunk: 16 MiB of float32."""


class Store(Protocol):
    """Where chunks go."""

    def write(self, name: str, chunk: np.ndarray) -> None:
        """Appends frames to the array `name`."""

    def keep(self) -> None:
        """What was written so far stays."""

    def undo(self) -> None:
        """Drops what was written since `keep`."""


class Memory:
    """Chunks in lists."""

    def __init__(self) -> None:
        self.kept: dict[str, list[np.ndarray]] = {}
        self.new: list[tuple[str, np.ndarray]] = []

    def write(self, name: str, chunk: np.ndarray) -> None:
        self.new.append((name, chunk))

    def keep(self) -> None:
        for name, chunk in self.new:
            self.kept.setdefault(name, []).append(chunk)
        self.new = []

    def undo(self) -> None:
        self.new = []

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate(chunks) for name, chunks in self.kept.items()}


class Files:
    """Chunks in files NAME.bin of a folder, in the machine's byte order."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.open: dict[str, BinaryIO] = {}
        self.sizes: dict[str, int] = {}
        self.shapes: dict[str, list[int]] = {}
        self.kept: dict[str, list[int]] = {}

    def write(self, name: str, chunk: np.ndarray) -> None:
        if name not in self.open:
            self.open[name] = (self.folder / f"{name}.bin").open("wb")
        self.open[name].write(np.ascontiguousarray(chunk).data)
        length = self.shapes.get(name, [0])[0] + len(chunk)
        self.shapes[name] = [length, *chunk.shape[1:]]

    def keep(self) -> None:
        self.sizes = {name: file.tell() for name, file in self.open.items()}
        self.kept = {name: list(shape) for name, shape in self.shapes.items()}

    def undo(self) -> None:
        for name, file in self.open.items():
            file.seek(self.sizes.get(name, 0))
            file.truncate()
        self.shapes = {name: list(shape) for name, shape in self.kept.items()}

    def close(self) -> None:
        for file in self.open.values():
            file.close()


class Assembly:
    """The table and the segments of a corpus in the making."""

    def __init__(self, spec: Spec, store: Store, strict: bool):
        self.spec, self.store, self.strict = spec, store, strict
        self.classes = {name: k for k, name in enumerate(spec.classes)}
        self.ontology = Ontology.of_pairs(spec.classes, spec.roles, spec.most)
        self.names: set[str] = set()
        self.arrays: tuple[str, ...] = ()
        self.rows: list[dict[str, object]] = []
        self.segments: list[tuple[int, float, float, int, float]] = []
        self.texts: list[str] = []
        self.events: list[str] = []
        self.arguments: list[tuple[int, int, int, int]] = []
        self.mentions: list[tuple[int, int, int, int]] = []
        self.total = 0

    def add_all(self, recordings: Iterable[Recording], left_out: list[str] | None) -> None:
        """Adds recordings; a bad one raises InputError, or with a list `left_out` is dropped and its message noted."""
        for recording in recordings:
            try:
                self.add(recording)
            except InputError as error:
                if left_out is None:
                    raise
                left_out.append(str(error))
        if not self.rows:
            what = "the data set has no recordings"
            if left_out:
                raise InputError(f"{what}: all {len(left_out)} are bad, the first: " + left_out[0])
            raise InputError(what, mend="correct its name or path, or add recordings")

    def add(self, r: Recording) -> None:
        """Checks a recording and writes its arrays, with room for all persons, and frame labels if there are classes.

        Raises:
            InputError: it breaks the spec or itself; nothing of it stays.
        """
        where = r.where or r.name
        self.check(r, where)
        segments = [(len(self.rows), s.start, s.end, self.number(s.label, where), s.score) for s in r.segments]
        label = self.number(r.label, where) if r.label else -1
        try:
            for a, b in chunks(r):
                for name, value in r.arrays.items():
                    self.known(value[a:b], name, a, where, r.frames)
                    with np.errstate(over="ignore"):  # too large for float32: infinite, and then refused
                        part: np.ndarray = np.asarray(value[a:b], DTYPES[name])
                    self.store.write(name, self.part(part, name, a, where))
                    forget(value)
            # Segments of a log are about who acts, and a document has arguments: neither labels frames.
            if self.spec.classes and r.event is None and "item" not in r.arrays:
                self.mark(r, segments, label)
        except InputError:
            self.store.undo()
            raise
        self.store.keep()
        row: dict[str, object] = {n: getattr(r, n) for n in TEXT_COLUMNS}
        row |= {"offset": self.total, "frames": r.frames, "fps": float(r.fps), "label": label}
        row |= {f"factor:{k}": float(v) for k, v in r.factors.items()}
        if r.event is not None:
            row |= {"trigger_start": r.event.start, "trigger_end": r.event.end}
            number, kind = len(self.rows), r.event.type
            self.arguments += [(number, a.start, a.end, self.ontology.number(kind, a)) for a in r.event.arguments]
            self.mentions += [(number, *mention) for mention in r.mentions]
        self.rows.append(row)
        self.names.add(r.name)
        self.arrays = tuple(sorted(r.arrays))
        self.segments += segments
        self.texts += [s.text for s in r.segments]
        self.events += ["\n".join(s.events) for s in r.segments]
        self.total += r.frames

    def check(self, r: Recording, where: str) -> None:
        """Raises InputError where names, shapes, clock or segments are wrong."""
        spec = self.spec
        if r.name in self.names:
            raise InputError(f"a second recording is called '{r.name}'", where, "give each its own name")
        if not r.arrays or not r.frames:
            raise InputError("has no frames", where, "leave it out")
        if not (np.isfinite(r.fps) and r.fps > 0):
            raise InputError(f"its frame rate is {r.fps}", where, "give frames per second above 0")
        if self.rows and tuple(sorted(r.arrays)) != self.arrays:
            what = f"has {', '.join(sorted(r.arrays))} where the recordings before have {', '.join(self.arrays)}"
            raise InputError(what, where, "all recordings of a data set hold the same arrays")
        for name, value in r.arrays.items():
            if name not in AXES:
                raise InputError(f"has an unknown array '{name}'", where, f"use {' or '.join(AXES)}")
            if value.ndim != AXES[name].count(",") + 1:
                raise InputError(f"{name} has shape {value.shape}", where, f"it must be {AXES[name]}")
            if len(value) != r.frames:
                raise InputError(
                    f"{name} has {len(value)} frames where others have {r.frames}",
                    where,
                    "give all arrays the same number of frames",
                )
            size = dict(zip(AXES[name][1:-1].split(", "), value.shape, strict=True))
            if spec.joints and size.get("joints", spec.joints) != spec.joints:
                what = f"{size['joints']} joints where layout '{spec.layout}' has {spec.joints}"
                raise InputError(what, where, "name the right layout")
            if size.get("persons", 0) > spec.persons:
                what = f"{size['persons']} persons where the data set has room for {spec.persons}"
                raise InputError(what, where, "give a higher number of persons, or select them before")
            if size.get("coordinates", spec.channels) != spec.channels:
                what = f"{name} has {size['coordinates']} coordinates where the data set has {spec.channels}"
                raise InputError(what, where, "give all recordings the same number of coordinates")
            if size.get("numbers", wanted := 12 * spec.joints - 1) != wanted:
                what = f"{name} has {size['numbers']} numbers where {spec.joints} joints have {wanted}"
                raise InputError(what, where, "give the vectors of HumanML3D or KIT-ML")
            if size.get("ends", 2) != 2:
                raise InputError(f"{name} has {size['ends']} positions", where, "give a first and a last byte per word")
            if size.get("fields", len(spec.fields)) != len(spec.fields):
                what = f"{size['fields']} fields where the data set has {len(spec.fields)}"
                raise InputError(what, where, "give every event a value of each field, 0 where it is unknown")
            if np.issubdtype(DTYPES[name], np.integer) and value.dtype.kind not in "iu":
                raise InputError(f"{name} is {value.dtype}", where, "give whole numbers")
        check_document(r, where)
        for s in r.segments:
            if not 0 <= s.start < s.end < np.inf:
                what = f"segment '{s.label}' from {s.start:g} s to {s.end:g} s is empty, reversed or negative"
                raise InputError(what, where, "its end must be after its start")

    def number(self, label: str, where: str) -> int:
        """Class number of a label."""
        if label not in self.classes:
            known = ", ".join(self.spec.classes[:8]) + (", ..." if len(self.spec.classes) > 8 else "")
            raise InputError(f"unknown class '{label}'", where, f"the data set's classes: {known or 'none'}")
        return self.classes[label]

    def known(self, value: np.ndarray, name: str, first: int, where: str, whole: int) -> None:
        """Raises InputError where an item or the value of a field is beyond what the spec names; `whole` is the length
        of the recording."""
        if name == "item":
            least = 0 if whole == 1 else 1  # someone of whom nothing is known has one event of no item
            wrong = (value < least) | (value > self.spec.items)
            if wrong.any():
                at = int(np.argmax(wrong))
                what = f"item {value[at]} at frame {first + at} where the catalog has 1 to {self.spec.items}"
                raise InputError(what, where, "number the items from 1, in the order of the catalog")
        if name == "field":
            wrong = (value < 0) | (value >= np.array(self.spec.sizes))
            if wrong.any():
                at, f = np.argwhere(wrong)[0]
                last = self.spec.sizes[f] - 1
                what = f"field '{self.spec.fields[f]}' is {value[at, f]} at frame {first + at}, of 0 to {last}"
                raise InputError(what, where, "give 0 to what is unknown")

    def part(self, value: np.ndarray, name: str, first: int, where: str) -> np.ndarray:
        """A chunk that is finite, with room for all persons."""
        finite = np.isfinite(value)
        if not finite.all():
            at = np.argwhere(~finite)[0]
            what = f"{name} is NaN or infinite at frame {first + at[0]}"
            if "joints" not in AXES[name]:
                raise InputError(what, where, "fill or cut these frames")
            what += f", person {at[1]}, joint {at[2]}"
            raise InputError(what, where, "fill or cut these frames (a person who is absent is all zeros)")
        room = self.spec.persons - value.shape[1] if "persons" in AXES[name] else 0
        return np.pad(value, [(0, 0), (0, room)] + [(0, 0)] * (value.ndim - 2)) if room else value

    def mark(self, r: Recording, segments: list[tuple[int, float, float, int, float]], label: int) -> None:
        """Writes the frame labels: of the segments, or of the whole recording where only its label is known."""
        classes = len(self.spec.classes)
        start, end = np.array([s[1] for s in segments]), np.array([s[2] for s in segments])
        kind = np.array([s[3] for s in segments], np.int64)
        size = max(1, CHUNK // classes)
        for a in range(0, r.frames, size):
            b = min(a + size, r.frames)
            if segments or label < 0:
                part = rasterize(start, end, kind, b - a, r.fps, classes, self.strict, first=a)
            else:
                part = np.zeros((b - a, classes), np.uint8)
                part[:, label] = 1
            self.store.write("frame_labels", part)

    def table(self) -> dict[str, np.ndarray]:
        """The table as columns; a factor that a recording does not have is NaN."""
        names = list(dict.fromkeys(k for row in self.rows for k in row))
        return {
            n: np.array([row.get(n, np.nan) for row in self.rows], str if n in TEXT_COLUMNS else None) for n in names
        }

    def columns(self) -> Segments:
        """The segments as columns, ordered by recording."""
        s = [np.array(c) for c in zip(*self.segments, strict=True)] or [np.zeros(0)] * 5
        return Segments(s[0].astype(np.int64), s[1], s[2], s[3].astype(np.int64), s[4])

    def spans(self) -> tuple[Spans, Spans] | tuple[None, None]:
        """The arguments and the mentions of documents; None where recordings are none."""
        if "word" not in self.arrays:
            return None, None
        return Spans.of(self.arguments), Spans.of(self.mentions)


def check_document(r: Recording, where: str) -> None:
    """Raises InputError where a recording's words, its text and its event do not fit together."""
    given = ("word" in r.arrays, "sentence" in r.arrays, r.event is not None)
    if r.event is None or not all(given):
        if any(given):
            raise InputError("has only part of a document", where, "give word, sentence and event, or none of them")
        return
    word, sentence = np.asarray(r.arrays["word"], np.int64), np.asarray(r.arrays["sentence"])
    size = len(r.text.encode())
    if word[0, 0] < 0 or word[-1, 1] > size or (word[:, 0] >= word[:, 1]).any() or (word[1:, 0] < word[:-1, 1]).any():
        raise InputError(f"its words are not in order in its text of {size} bytes", where, "give their bytes in order")
    if sentence[0] < 0 or (np.diff(sentence) < 0).any():
        raise InputError("its sentences are not in order", where, "number them from 0, word by word")
    spans = [("the trigger", r.event.start, r.event.end), *(("a mention", a, b) for a, b, _ in r.mentions)]
    for what, start, end in spans:
        check_span(start, end, r.frames, what, where)
    for a in r.event.arguments:
        if a.end <= a.start:
            raise InputError(f"an argument ends before word {a.end}, before its start {a.start}", where, "correct it")


def forget(array: np.ndarray) -> None:
    """Gives back the memory of an array that is mapped from a file read-only; it is read again when touched."""
    if isinstance(array, np.memmap) and array.mode == "r" and hasattr(mmap, "MADV_DONTNEED"):
        array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def chunks(r: Recording) -> Iterator[tuple[int, int]]:
    """First and one-past-last frames of chunks that hold at most `CHUNK` numbers of any array."""
    per_frame = max(int(np.prod(value.shape[1:])) for value in r.arrays.values())
    size = max(1, CHUNK // max(1, per_frame))
    return ((a, min(a + size, r.frames)) for a in range(0, r.frames, size))
