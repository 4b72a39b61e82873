"""A corpus: many recordings laid end to end in memory-mapped arrays, from which batches are gathered at memory speed.

All recordings of a data set are concatenated over time, `skeleton` to (sum T, M, V, C); a table says where each
begins. Recordings may share frames: what was known of a user before each of two events is one stretch, seen twice.
A batch of windows is one indexing operation, whatever the lengths: no Python loop over samples, no parsing in the
second epoch, and only the touched pages in memory.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from jaxtyping import Int

from acteme.atomic import fresh_folder
from acteme.errors import InputError
from acteme.recordings.annotations import Arguments, Segment, Segments
from acteme.recordings.assemble import CHUNK, DTYPES, TEXT_COLUMNS, Assembly, Files, Memory, forget
from acteme.recordings.batch import VOCABULARY, Batch
from acteme.recordings.captions import gather, to_bytes
from acteme.recordings.documents.document import Argument, Event, Ontology, role_name
from acteme.recordings.recording import Recording
from acteme.recordings.spans import Spans
from acteme.recordings.spec import Spec
from acteme.recordings.unnumbered import cut
from acteme.recordings.windows import Windows

FORMAT = 2
"""Version of the folder layout; a corpus of another version is rebuilt."""
TRIGGER = ("trigger_start", "trigger_end")
"""Columns of the table of documents."""


@dataclass(frozen=True, repr=False)
class Corpus:
    """Recordings as arrays. `chosen` are the rows of the table that this corpus (or selection of one) holds."""

    spec: Spec
    arrays: dict[str, np.ndarray]
    """Name to (sum T, ...)."""
    table: dict[str, np.ndarray]
    """Columns with a row per recording: name, offset, frames, fps, label, split, subject, camera, text, factor:..."""
    segments: Segments
    """All annotated segments, ordered by `recording`, which is a row of the table."""
    texts: tuple[str, ...] = ()
    """Text of each segment; empty where no segment has any."""
    events: tuple[str, ...] = ()
    """Clauses of each segment's text, a line each; empty where no text is taken apart."""
    surfaces: np.ndarray | None = None
    """(scenes, H, W) uint8: class of each pixel of each scene's map, where there are maps."""
    chosen: np.ndarray | None = None
    left_out: tuple[str, ...] = ()
    """What was wrong with each recording that was left out because it is bad."""
    catalog: pa.Table | None = None
    """What is known of each item: row k - 1 is about item k. `item` is its name in the data; then `title`, `text`,
    `categories` (a list) and numbers by name, as far as they are known."""
    values: pa.Table | None = None
    """Names of the fields' values: columns `field`, `number` and `value`; 0, the unknown, has no row."""
    unnumbered: pa.Table | None = None
    """What fields say where their number is 0, see `recordings.unnumbered`; None where nobody knows."""
    arguments: Spans | None = None
    """Of documents: all arguments of their events; `number` is the role in `Spec.roles`. The events' triggers are the
    columns `trigger_start` and `trigger_end` (one past the last word) of the table."""
    mentions: Spans | None = None
    """Of documents: the mentions of entities that have several in a document; `number` is the entity, within it."""
    files: tuple[Path, ...] = ()
    """The files it was read from, where it comes straight from a reader."""
    notes: tuple[str, ...] = ()
    """What the reader says of the data, where it comes straight from one."""
    places: np.ndarray | None = None
    """Of a log some of whose events were left out: the number that each of the others had in its recording."""

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> np.ndarray:
        """Table rows of the recordings, in order."""
        return np.arange(len(self.table["offset"])) if self.chosen is None else self.chosen

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        names = ", ".join(f"{name} {array.shape[1:]}" for name, array in self.arrays.items())
        return (
            f"Corpus({len(self)} recordings, {self.frames.sum()} frames of {names}, {len(self.spec.classes)} classes)"
        )

    def column(self, name: str) -> np.ndarray:
        """One table column for the recordings of this corpus."""
        return self.table[name][self.rows]

    @property
    def frames(self) -> np.ndarray:
        return self.column("frames")

    @property
    def label(self) -> np.ndarray:
        """Class of each recording, -1 where it has no single label."""
        return self.column("label")

    def select(self, split: str | None = None, rows: np.ndarray | None = None) -> "Corpus":
        """The recordings of a split, and of these the ones at positions (or under a mask) `rows`. Arrays are shared."""
        chosen = self.rows
        if split is not None:
            chosen = chosen[self.column("split") == split]
            if not len(chosen):
                known = ", ".join(sorted(set(self.column("split")) - {""})) or "none"
                raise InputError(f"the data has no split '{split}'", mend=f"its splits: {known}")
        return replace(self, chosen=chosen if rows is None else chosen[rows])

    def marks(self, row: int) -> tuple[Segment, ...]:
        """The segments of a row of the table."""
        s = self.segments
        return tuple(
            Segment(float(s.start[j]), float(s.end[j]), self.spec.classes[s.label[j]], float(s.score[j]),
                    self.texts[j] if self.texts else "",
                    tuple(self.events[j].split("\n")) if self.events and self.events[j] else ())
            for j in range(*np.searchsorted(s.recording, [row, row + 1]))
        )  # fmt: skip

    def captions(self, row: int) -> tuple[Segment, ...]:
        """What is said of a row of the table: its segments with text, or the text of the whole recording."""
        said = tuple(s for s in self.marks(row) if s.text) if self.texts else ()
        text = str(self.table["text"][row])
        if said or not text:
            return said
        return (Segment(0.0, float(self.table["frames"][row] / self.table["fps"][row]), "", text=text),)

    @cached_property
    def scene(self) -> np.ndarray:
        """Number in `Spec.scenes` of each row of the table, -1 where its camera is none of them."""
        numbers = {name: k for k, name in enumerate(self.spec.scenes)}
        return np.array([numbers.get(name, -1) for name in self.table["camera"].tolist()], np.int64)

    @cached_property
    def agent(self) -> np.ndarray:
        """Who acts in each recording of this corpus, counted within its scene in order; who has no name is new."""
        scene, subject = self.scene[self.rows], self.column("subject")
        own = np.where(subject == "", np.char.add("recording\n", self.column("name")), subject)
        pairs = np.char.add(np.char.add(scene.astype(str), "\n"), own)
        _, first, who = np.unique(pairs, return_index=True, return_inverse=True)
        order = np.lexsort((first, scene[first]))
        sizes = np.unique(scene[first], return_counts=True)[1]
        number = np.empty(len(first), np.int64)
        number[order] = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return number[who]

    def __getitem__(self, i: int) -> Recording:
        row = int(self.rows[i])
        t = {k: v[row] for k, v in self.table.items()}
        a, b = int(t["offset"]), int(t["offset"] + t["frames"])
        return Recording(
            name=str(t["name"]),
            fps=float(t["fps"]),
            arrays={n: x[a:b] for n, x in self.arrays.items() if n != "frame_labels"},
            label=self.spec.classes[t["label"]] if t["label"] >= 0 else "",
            segments=self.marks(row),
            split=str(t["split"]),
            subject=str(t["subject"]),
            camera=str(t["camera"]),
            text=str(t["text"]),
            factors={k[7:]: float(v) for k, v in t.items() if k.startswith("factor:") and not np.isnan(v)},
            event=self.event(row),
            mentions=() if self.mentions is None else _triples(self.mentions.take(np.array([row]))),
        )

    def event(self, row: int) -> Event | None:
        """The event of a row of the table, where that is a document. Roles that the ontology has not are empty."""
        if self.arguments is None:
            return None
        kind = int(self.table["label"][row])
        of = [(a, b, self.spec.roles[n][1] if n >= 0 else "")
              for a, b, n in _triples(self.arguments.take(np.array([row])))]  # fmt: skip
        arguments = tuple(Argument(a, b, role_name(role), role if role_name(role) != role else "") for a, b, role in of)
        start, end = (int(self.table[name][row]) for name in TRIGGER)
        return Event(start, end, self.spec.classes[kind] if kind >= 0 else "", arguments)

    def __iter__(self) -> Iterator[Recording]:
        return (self[i] for i in range(len(self)))

    def truth(self) -> Segments:
        """Annotated segments of these recordings; `recording` is the position within this corpus."""
        position = np.full(len(self.table["offset"]), -1)
        position[self.rows] = np.arange(len(self))
        at = position[self.segments.recording]
        kept = self.segments.select(at >= 0)
        return replace(kept, recording=at[at >= 0])

    def told(self) -> Arguments:
        """True arguments of these documents; `document` is the position within this corpus.

        An argument that lies outside of its document has the span (-1, -1), a role that the ontology has not is -1:
        neither can be found.
        """
        if self.arguments is None:
            raise InputError("holds no documents", "data", "give documents with events, see docs/data.md")
        some = self.arguments.take(self.rows)
        first, last = (self.column(name)[some.recording] for name in TRIGGER)
        inside = (some.start >= 0) & (some.end <= self.frames[some.recording])
        span = np.where(inside[:, None], np.stack([some.start, some.end - 1], 1), -1)
        return Arguments(some.recording, np.stack([first, last - 1], 1), span, some.number)

    def coreferent(self) -> Int[np.ndarray, "m 4"]:
        """Document (position within this corpus), first word, last word, and entity (a number of its own in the whole
        corpus) of each mention of an entity that has several."""
        if self.mentions is None:
            return np.zeros((0, 4), np.int64)
        some = self.mentions.take(self.rows)
        pairs = np.stack([some.recording, some.number], 1)
        entity = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
        return np.stack([some.recording, some.start, some.end - 1, entity], 1)

    # --- batching ----------------------------------------------------------------------------------------------------

    def cut(self, windows: Windows, index: np.ndarray, start: np.ndarray) -> Batch:
        """Windows of recordings (positions `index`, first frames `start`) as a batch; see `batch`."""
        frames = windows.frames or min(windows.limit, int(self.frames[index].max()))
        return self.batch(index, start, frames, windows.captions, windows.classes)

    def batch(
        self,
        index: np.ndarray,
        start: np.ndarray,
        frames: int | None = None,
        captions: bool = False,
        classes: bool = False,
    ) -> Batch:
        """Gathers windows into a batch.

        Args:
            index: (B,) positions of recordings within this corpus.
            start: (B,) first frame of each window; one that is negative, -s, takes s frames fewer, from frame 0.
            frames: length T of the windows; None takes the longest remainder in the batch. Shorter ones are padded
                with zeros at the end.
            captions: bring the recordings' captions along.
            classes: bring the classes of the recordings' segments along.
        """
        index, early = np.asarray(index), np.minimum(start, 0)
        start = np.maximum(start, 0)
        rows = self.rows[index]
        left = np.maximum(self.table["frames"][rows] - start, 0)
        length = left if frames is None else np.clip(frames + early, 0, left)
        steps = np.arange(int(length.max(initial=0)) if frames is None else frames)
        mask = steps < length[:, None]
        first = self.table["offset"][rows] + start
        out: Batch = {}
        beyond = np.flatnonzero(~mask)
        for name, array in self.arrays.items():
            value = _runs(np.asarray(array), first, len(steps))
            value.reshape(-1, *array.shape[1:])[beyond] = 0
            out[name] = torch.from_numpy(value).to(VOCABULARY[name].dtype)
        out["mask"] = torch.from_numpy(mask)
        out["frames"] = torch.from_numpy(length.astype(np.int64))
        out["fps"] = torch.from_numpy(self.table["fps"][rows].astype(np.float32))
        out["label"] = torch.from_numpy(self.table["label"][rows].astype(np.int64))
        out["index"] = torch.from_numpy(index.astype(np.int64))
        out["start"] = torch.from_numpy(start.astype(np.int64))
        if self.spec.scenes:
            scene = self.scene[rows]
            out["scene"] = torch.from_numpy(scene)
            out["agent"] = torch.from_numpy(self.agent[index])
            if self.spec.extents:
                extents = np.array([*self.spec.extents, [0.0] * 4], np.float32)  # -1, an unknown scene, has none
                out["extent"] = torch.from_numpy(extents[scene])
        if self.surfaces is not None:
            seen = np.where(self.scene[rows, None, None] >= 0, self.surfaces[self.scene[rows]], 0)
            out["surface"] = torch.from_numpy(seen)
        if classes:
            out["classes"] = torch.from_numpy(self.held(rows))
        if self.arguments is not None:
            out["text"] = torch.from_numpy(to_bytes([[text] for text in self.table["text"][rows].tolist()]))
            trigger = np.stack([self.table[name][rows] for name in TRIGGER], 1)
            out["trigger"] = torch.from_numpy(trigger.astype(np.int64) - start[:, None])
            out["argument"] = torch.from_numpy(self.arguments.padded(rows, start))
            return out
        return out | (gather([self.captions(row) for row in rows]) if captions else {})

    def held(self, rows: np.ndarray) -> np.ndarray:
        """(rows, classes) float32: 1 where the class is among the segments of the row of the table."""
        first, last = np.searchsorted(self.segments.recording, [rows, rows + 1])
        count = last - first
        at = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
        out = np.zeros((len(rows), len(self.spec.classes)), np.float32)
        out[np.repeat(np.arange(len(rows)), count), self.segments.label[at]] = 1
        return out

    # --- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def of(
        cls,
        recordings: Iterable[Recording],
        spec: Spec,
        strict: bool = False,
        left_out: list[str] | None = None,
        surfaces: np.ndarray | None = None,
        catalog: pa.Table | None = None,
    ) -> "Corpus":
        """A corpus in memory.

        Args:
            recordings: read one at a time.
            spec: what they must fit.
            strict: frame labels by the strict rule (see `annotations.rasterize`).
            left_out: with a list, bad recordings are left out and their messages appended to it.
            surfaces: (scenes, H, W) uint8, maps of the scenes.
            catalog: what is known of each item, in order.

        Raises:
            InputError: a recording is bad and `left_out` is None, or none is left.
        """
        memory = Memory()
        made = Assembly(spec, memory, strict)
        made.add_all(recordings, left_out)
        texts, events = (tuple(some) if any(some) else () for some in (made.texts, made.events))
        arguments, mentions = made.spans()
        return cls(spec, memory.arrays(), made.table(), made.columns(), texts, events, surfaces,
                   left_out=tuple(left_out or ()), catalog=catalog, arguments=arguments, mentions=mentions)  # fmt: skip

    @classmethod
    def build(
        cls,
        recordings: Iterable[Recording],
        spec: Spec,
        folder: Path,
        strict: bool = False,
        left_out: list[str] | None = None,
        surfaces: np.ndarray | None = None,
        catalog: pa.Table | None = None,
    ) -> "Corpus":
        """Writes a corpus in chunks, then opens it: like `of`, in constant memory.

        Appears at `folder` whole, replacing what was there, or not at all.
        """
        with fresh_folder(folder, replace=_may_replace(folder)) as work:
            files = Files(work)
            made = Assembly(spec, files, strict)
            try:
                made.add_all(recordings, left_out)
            finally:
                files.close()
            shapes = {name: tuple(shape) for name, shape in files.kept.items()}
            words = (made.texts, made.events)
            more = {"catalog": catalog} | dict(zip(("arguments", "mentions"), map(_table, made.spans()), strict=True))
            _write_tables(work, spec, shapes, made.table(), made.columns(), words, surfaces, left_out or (), more)
        return cls.open(folder)

    def save(self, folder: Path) -> "Corpus":
        """Writes this corpus (a selection too, in its order) as `build` does, then opens it.

        Frames that recordings share are written once.
        """
        table = {n: c[self.rows] for n, c in self.table.items()}
        start, length, table["offset"] = _stretches(table["offset"], table["frames"])
        s = self.segments
        first, last = np.searchsorted(s.recording, [self.rows, self.rows + 1])
        at = np.repeat(first - np.cumsum(last - first) + (last - first), last - first)
        at += np.arange(len(at))
        segments = replace(s.select(at), recording=np.repeat(np.arange(len(self)), last - first))
        words = [[some[i] for i in at] if some else [] for some in (self.texts, self.events)]
        shapes = {name: (int(length.sum()), *array.shape[1:]) for name, array in self.arrays.items()}
        with fresh_folder(folder, replace=_may_replace(folder)) as work:
            for name, array in self.arrays.items():
                with (work / f"{name}.bin").open("wb") as file:
                    size = max(1, CHUNK // max(1, int(np.prod(array.shape[1:]))))
                    for a, n in zip(start.tolist(), length.tolist(), strict=True):
                        for b in range(a, a + n, size):
                            file.write(np.ascontiguousarray(array[b : min(b + size, a + n)]).data)
                            forget(array)
            cells = None if self.unnumbered is None else cut(self.unnumbered, start, length)
            more = {"catalog": self.catalog, "values": self.values, "unnumbered": cells}
            for name, spans in (("arguments", self.arguments), ("mentions", self.mentions)):
                more[name] = _table(None if spans is None else spans.take(self.rows))
            _write_tables(work, self.spec, shapes, table, segments, words, self.surfaces, self.left_out, more)
        return type(self).open(folder)

    @classmethod
    def open(cls, folder: Path) -> "Corpus":
        """Opens a corpus that `build` or `save` wrote; arrays are memory-mapped, read-only.

        Raises:
            InputError: the folder is no corpus, one of another version, or damaged.
        """
        mend = "delete the folder and make it again"
        try:
            meta = json.loads((folder / "corpus.json").read_text())
            if meta["format"] != FORMAT:
                raise InputError(f"holds corpus format {meta['format']}, this version reads {FORMAT}", folder, mend)
            arrays: dict[str, np.ndarray] = {}
            for name, shape in meta["shapes"].items():
                dtype, path = np.dtype(DTYPES[name]), folder / f"{name}.bin"
                if path.stat().st_size != int(np.prod(shape)) * dtype.itemsize:
                    raise InputError(f"{name}.bin is truncated", folder, mend)
                arrays[name] = np.memmap(path, dtype, "r", shape=tuple(shape))
            table = pq.read_table(folder / "recordings.parquet")
            columns = {n: table[n].to_numpy() for n in table.column_names}
            columns = {n: c.astype(str) if n in TEXT_COLUMNS else c for n, c in columns.items()}
            s = pq.read_table(folder / "segments.parquet")
            texts, events = tuple(s["text"].to_pylist()), tuple(s["events"].to_pylist())
            surfaces = np.load(folder / "surfaces.npy", mmap_mode="r") if meta["surfaces"] else None
            segments = Segments(*(s[n].to_numpy() for n in ("recording", "start", "end", "label", "score")))
            spec, left_out = Spec.from_json(meta["spec"]), tuple(meta["left_out"])
            catalog, values, cells = (
                pq.read_table(folder / f"{name}.parquet") if name in meta.get("tables", ()) else None
                for name in ("catalog", "values", "unnumbered")
            )
            arguments, mentions = (
                Spans.from_table(pq.read_table(folder / f"{name}.parquet")) if name in meta.get("tables", ()) else None
                for name in ("arguments", "mentions")
            )
            _check_tables(spec, arrays, columns, segments, texts + events, surfaces)
            _check_documents(spec, arrays, columns, arguments, mentions)
            if catalog is not None and catalog.num_rows != spec.items:
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, pa.ArrowException) as error:
            raise InputError("is not a corpus folder, or a damaged one", folder, mend) from error
        texts, events = (some if any(some) else () for some in (texts, events))
        return cls(spec, arrays, columns, segments, texts, events, surfaces, left_out=left_out, catalog=catalog,
                   values=values, unnumbered=cells, arguments=arguments, mentions=mentions)  # fmt: skip


def _stretches(offset: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What to copy of arrays so that every view of them stays one: first frames and lengths of the pieces, in the
    order in which the views first need them, and where each view begins in the copy."""
    if not len(offset):
        return offset, frames, offset
    order = np.lexsort((-frames, offset))
    start, end = offset[order], np.maximum.accumulate(offset[order] + frames[order])
    new = np.ones(len(order), bool)
    new[1:] = start[1:] >= end[:-1]  # shares nothing with those before
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    first, last = start[new], end[np.append(np.flatnonzero(new)[1:] - 1, len(end) - 1)]
    _, seen = np.unique(group, return_index=True)
    turn = np.argsort(seen, kind="stable")
    length = (last - first)[turn]
    base = np.empty(len(turn), np.int64)
    base[turn] = np.cumsum(length) - length
    at = base[group] + offset - first[group]
    first = first[turn]
    joined = np.flatnonzero(np.append(True, first[1:] != first[:-1] + length[:-1]))  # one piece where they follow
    return first[joined], np.add.reduceat(length, joined), at


def _runs(array: np.ndarray, first: np.ndarray, length: int) -> np.ndarray:
    """(B, length, ...): so many rows from each of `first` on; of those past the end of the array, any."""
    late = np.flatnonzero(first > len(array) - length)
    if len(late) == len(first):
        return np.take(array, first[:, None] + np.arange(length), axis=0, mode="clip")
    # every run is one piece of memory: copied whole, in two thirds of the time that its rows take one by one
    shape = (len(array) - length + 1, length, *array.shape[1:])
    every = np.lib.stride_tricks.as_strided(array, shape, (array.strides[0], *array.strides), writeable=False)
    out = every[np.minimum(first, len(every) - 1)]
    out[late] = np.take(array, first[late, None] + np.arange(length), axis=0, mode="clip")
    return out


def _may_replace(folder: Path) -> bool:
    """True; raises InputError where something other than a corpus would be replaced."""
    if folder.exists() and not (folder / "corpus.json").is_file():
        raise InputError("is there already and is no corpus", folder, "choose another name")
    return True


def _check_tables(
    spec: Spec,
    arrays: dict[str, np.ndarray],
    table: dict[str, np.ndarray],
    s: Segments,
    texts: tuple[str, ...],
    surfaces: np.ndarray | None,
) -> None:
    """Raises ValueError, or KeyError for a missing column, where the parts of a corpus do not fit together."""
    sizes, classes, count = (spec.persons, spec.joints, spec.channels), len(spec.classes), len(table["offset"])
    if not (
        all(isinstance(size, int) for size in sizes)
        and all(isinstance(text, str) for text in (spec.layout, *spec.classes, *spec.groups, *spec.scenes, *texts))
        and len(spec.groups) in (0, len(spec.classes))
        and len(spec.extents) in (0, len(spec.scenes))
        and np.isfinite(np.array(spec.extents, float).reshape(-1, 4)).all()
        and (surfaces is None or (surfaces.dtype == np.uint8 and surfaces.shape[:1] == (len(spec.scenes),)))
        and isinstance(spec.fps, int | float)
        and isinstance(spec.items, int)
        and all(isinstance(name, str) for name in spec.fields)
        and all(isinstance(size, int) for size in spec.sizes)
        and len(spec.fields) == len(spec.sizes)
        and isinstance(spec.multilabel, bool)
        and arrays.keys() - {"frame_labels"}
    ):
        raise ValueError
    axes: dict[str, tuple[int, ...]] = {
        "skeleton": sizes, "confidence": sizes[:2], "vector": (12 * spec.joints - 1,), "position": sizes[2:],
        "frame_labels": (classes,), "item": (), "when": (), "outcome": (), "field": (len(spec.fields),), "word": (2,),
        "sentence": (),
    }  # fmt: skip
    total = max(map(len, arrays.values()))
    for name, array in arrays.items():
        wanted = (total, *axes[name])
        if array.ndim != len(wanted) or any(a != b for a, b in zip(array.shape, wanted, strict=True) if b):
            raise ValueError
    offset, frames, label, fps = (table[name] for name in ("offset", "frames", "label", "fps"))
    whole = (offset, frames, label, s.recording, s.label)
    floats = (fps, s.start, s.end, s.score, *(c for name, c in table.items() if name.startswith("factor:")))
    if any(c.dtype.kind != "i" for c in whole) or any(c.dtype.kind != "f" for c in floats):
        raise ValueError
    fit = (
        (frames > 0) & (offset >= 0) & (offset <= total - frames) & (label >= -1) & (label < classes),
        (fps > 0) & (fps < np.inf),
        (s.recording >= 0) & (s.recording < count) & (s.label >= 0) & (s.label < classes),
        (s.start >= 0) & (s.start < s.end) & (s.end < np.inf) & np.isfinite(s.score),
        np.diff(s.recording) >= 0,
    )
    if not (count and all(part.all() for part in fit) and all(name in table for name in TEXT_COLUMNS)):
        raise ValueError


def _check_documents(
    spec: Spec,
    arrays: dict[str, np.ndarray],
    table: dict[str, np.ndarray],
    arguments: Spans | None,
    mentions: Spans | None,
) -> None:
    """Raises ValueError, or KeyError for a missing column, where spans do not fit the documents."""
    pairs = Ontology.of_pairs(spec.classes, spec.roles, spec.most).pairs
    if pairs != spec.roles or any((x is None) == ("word" in arrays) for x in (arguments, mentions)):
        raise ValueError
    if arguments is None or mentions is None:
        return
    start, end = (table[name] for name in TRIGGER)
    fit = [(start >= 0) & (start < end) & (end <= table["frames"]), arguments.number < len(spec.roles)]
    for some in (arguments, mentions):
        if any(getattr(some, name).dtype.kind != "i" for name in ("recording", "start", "end", "number")):
            raise ValueError
        fit += [(some.recording >= 0) & (some.recording < len(start)) & (some.start < some.end) & (some.number >= -1),
                np.diff(some.recording) >= 0]  # fmt: skip
    if start.dtype.kind != "i" or end.dtype.kind != "i" or not all(part.all() for part in fit):
        raise ValueError


def _table(spans: Spans | None) -> pa.Table | None:
    return None if spans is None else spans.table()


def _triples(spans: Spans) -> tuple[tuple[int, int, int], ...]:
    return tuple(zip(spans.start.tolist(), spans.end.tolist(), spans.number.tolist(), strict=True))


def _write_tables(
    folder: Path,
    spec: Spec,
    shapes: dict[str, tuple[int, ...]],
    table: dict[str, np.ndarray],
    segments: Segments,
    words: Iterable[Sequence[str]],
    surfaces: np.ndarray | None,
    left_out: Iterable[str],
    more: Mapping[str, pa.Table | None],
) -> None:
    """Writes all of a corpus folder but its arrays."""
    pq.write_table(pa.table({k: pa.array(v) for k, v in table.items()}), folder / "recordings.parquet")
    columns = {k: pa.array(getattr(segments, k)) for k in ("recording", "start", "end", "label", "score")}
    for name, values in zip(("text", "events"), words, strict=True):
        columns[name] = pa.array(list(values) or [""] * len(segments), pa.string())
    pq.write_table(pa.table(columns), folder / "segments.parquet")
    if surfaces is not None:
        np.save(folder / "surfaces.npy", surfaces)
    tables = [name for name, some in more.items() if some is not None]
    for name in tables:
        pq.write_table(more[name], folder / f"{name}.parquet")
    meta = {"format": FORMAT, "spec": spec.to_json(), "shapes": shapes, "surfaces": surfaces is not None,
            "left_out": list(left_out), "tables": tables}  # fmt: skip
    (folder / "corpus.json").write_text(json.dumps(meta, indent=1))
