"""Bulk encoding: the latents of all windows of many recordings as a searchable LanceDB table."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from acteme.atomic import fresh_folder
from acteme.engine.adapt import View, gathered, own_spec
from acteme.engine.device import device_for
from acteme.engine.inputs import Input, Part, dealt, parts
from acteme.engine.latents import untimed_latents, window_latents
from acteme.engine.logs import is_document, untimed
from acteme.engine.names import opened
from acteme.engine.pool import pool_map, worker_count
from acteme.engine.run import Run, load, loaded
from acteme.engine.slide import Slide, slide
from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording

TABLE, TEXTS = "latents", "texts"
"""Names of the tables within a folder: of recordings, and of their captions, where the run reads text."""
REFUSED = re.compile(r"LanceError\(IO\): ([^,]*?)(?: \(os error \d+\))?(?:,|$)")
"""How LanceDB says that the system refused to write."""


@dataclass(frozen=True)
class Table:
    """A folder of latents."""

    folder: Path
    run: str
    """The run that encoded them, relative to the folder."""
    system: str
    stage: str
    width: int
    """Size of a vector."""
    rows: int
    texts: int = 0
    """Captions, where the run that encoded them reads text, too."""
    unit: str = "s"
    """Of start and end: seconds, or `events` of a log, or `words` of a document."""

    def open(self, texts: bool = False) -> Any:
        """The LanceDB table: recording, start, end, label, split, vector; of captions, with `texts`: and text."""
        import lancedb

        return lancedb.connect(self.folder).open_table(TEXTS if texts else TABLE)


@dataclass(frozen=True)
class Manner:
    """How latents are made; see `encode`."""

    stage: str
    how: Slide
    split: str | None = None
    device: str = "cpu"


def encode(
    run: Run | Path | str,
    data: Input | Sequence[Input],
    to: Path | str,
    *,
    stage: str | None = None,
    overlap: float = 0.5,
    batch: int = 64,
    split: str | None = None,
    workers: int | None = None,
    ray: bool = False,
    accelerator: str = "auto",
) -> Table:
    """Encodes windows of all recordings into a table, which appears whole or not at all; an older one is replaced.

    Args:
        run: a run or its folder.
        data: files, folders, DATA strings or recordings.
        to: the table's folder.
        stage: the stage that encodes; the last that can unless given.
        overlap: share of a window that the next one covers as well, in [0, 1).
        batch: windows at a time.
        split: only recordings of this split.
        workers: processes; one per core unless given, where there are recordings enough.
        ray: run on Ray.
        accelerator: `cpu`, `gpu`, or `auto`: a GPU where there is one and a single process.

    Raises:
        InputError: `to` holds something else, the run cannot encode, or an input cannot be read or converted.
    """
    import lancedb

    run, to = load(run), Path(to)
    if to.exists() and not (to / "table.json").exists() and (to.is_file() or any(to.iterdir())):
        raise InputError("exists and is not a table of latents", to, "name another folder")
    if not 0 <= overlap < 1:
        raise InputError(f"overlap is {overlap}", "--overlap", "give 0 or more and less than 1")
    name = stage or run.stage_with("encode")
    if not hasattr(run.kind(name), "encode"):
        raise InputError(f"stage '{name}' does not encode", run.folder, "choose another stage")
    how = Slide(getattr(run.config, name).windows, run.clip, None, overlap, batch)
    log = untimed(run.spec)
    found = [] if log else parts(data, split)
    count = 1 if log else worker_count(workers, sum(map(len, found)))
    manner = Manner(name, how, split, device_for(accelerator, alone=count == 1 and not ray))
    said: list[pa.RecordBatch] = []

    def filled_() -> Iterator[pa.RecordBatch]:
        if log:
            for corpus in opened(run, data, split):
                yield from _users(run, manner, corpus)
            return
        for batch, captions in pool_map(partial(_part, run, manner), dealt(found, count), count, ray):
            if captions is not None:
                said.append(captions)
            if batch.num_rows:
                yield batch

    filled = filled_()
    first = next(filled, None)
    if first is None:
        raise InputError(f"no recording is in split '{split}'", "--split", "leave it away, or name another")
    with fresh_folder(to) as work:
        made = _write(lancedb.connect(work), first, filled)
        width = first.schema.field("vector").type.list_size
        where = os.path.relpath(run.folder.absolute(), to.absolute())
        table = Table(to, where, run.entry.slug, name, width, made.count_rows(), sum(b.num_rows for b in said),
                      "words" if is_document(run.spec) else "events" if log else "s")  # fmt: skip
        if said:
            _write(lancedb.connect(work), said[0], iter(said[1:]), TEXTS)
        meta = {k: v for k, v in asdict(table).items() if k != "folder"}
        (work / "table.json").write_text(json.dumps(meta, indent=1))
    return table


def open_table(folder: Path | str) -> Table:
    """Opens a table that `encode` wrote.

    Raises:
        InputError: it is none.
    """
    folder = Path(folder)
    try:
        return Table(folder, **json.loads((folder / "table.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            "is not a table of latents", folder, "make one with: acteme encode RUN DATA --to DIR"
        ) from error


def _write(database: Any, first: pa.RecordBatch, rest: Iterator[pa.RecordBatch], name: str = TABLE) -> Any:
    """Streams the batches into a new table; an error that comes from making them is raised as it was."""
    raised: list[Exception] = []

    def all_() -> Iterator[pa.RecordBatch]:
        yield first
        try:
            yield from rest
        except Exception as error:
            raised.append(error)
            raise

    try:
        return database.create_table(name, data=pa.RecordBatchReader.from_batches(first.schema, all_()))
    except Exception as error:
        if raised:
            raise raised[0] from None
        if refused := REFUSED.search(str(error)):  # LanceDB has no kind of error of its own for a full disk
            raise OSError(refused[1]) from error
        raise


def _part(run: Run, manner: Manner, part: Part) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """The latents of the part's recordings, and of their captions where the run reads text."""
    columns: dict[str, list[Any]] = {n: [] for n in ("recording", "start", "end", "label", "split")}
    vectors = [np.zeros((0, 1), np.float32)]
    seen: dict[str, Recording] = {}
    for recording, start, end, found in encode_recordings(run, manner, part):
        seen[recording.name] = recording
        columns["recording"] += [recording.name] * len(start)
        columns["start"] += start.tolist()
        columns["end"] += end.tolist()
        columns["label"] += [label_of(recording, a, b) for a, b in zip(start, end, strict=True)]
        columns["split"] += [recording.split] * len(start)
        vectors.append(found)
    captions = _captions(run, manner, list(seen.values())) if reads_text(run, manner.stage) else None
    return _batch(columns, np.concatenate(vectors[1:] or vectors)), captions


def _users(run: Run, manner: Manner, corpus: Corpus) -> Iterator[pa.RecordBatch]:
    """The latents of a log: of what is known of each user, or of each event where there are no users; or of documents.

    A start and an end are numbers of events, or of words.
    """
    module, names, splits = loaded(run, manner.stage, manner.device), corpus.column("name"), corpus.column("split")
    kinds = np.array([*corpus.spec.classes, ""] if is_document(corpus.spec) else [""])
    for index, start, end, vectors in untimed_latents(module, corpus, manner.how.windows, manner.how.batch):
        columns = {"recording": names[index].tolist(), "start": start.tolist(), "end": end.tolist(),
                   "label": kinds[corpus.label[index]].tolist(), "split": splits[index].tolist()}  # fmt: skip
        yield _batch(columns, vectors)


def _batch(columns: dict[str, list[Any]], vectors: np.ndarray) -> pa.RecordBatch:
    held = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), vectors.shape[1])
    kinds = {"start": pa.float64(), "end": pa.float64()}
    arrays = {n: pa.array(v, kinds.get(n, pa.string())) for n, v in columns.items()}
    return pa.RecordBatch.from_pydict({**arrays, "vector": held})


def reads_text(run: Run, stage: str) -> bool:
    """Whether a stage puts texts into the space of its latents."""
    return hasattr(run.kind(stage), "encode_texts")


def text_vectors(run: Run, manner: Manner, texts: Sequence[str], events: Sequence[Sequence[str]] = ()) -> np.ndarray:
    """Latents (n, d) of texts, whose events are found by rule unless given."""
    module: Any = loaded(run, manner.stage, manner.device)
    told = events or [()] * len(texts)
    read = [module.phrase(text, each) for text, each in zip(texts, told, strict=True)]
    return module.encode_texts(read).float().cpu().numpy()


def _captions(run: Run, manner: Manner, recordings: Sequence[Recording]) -> pa.RecordBatch | None:
    """The captions of recordings with their latents; None where there are none."""
    rows = [(r, s) for r in recordings for s in captions_of(r)]
    if not rows:
        return None
    columns: dict[str, list[Any]] = {
        "recording": [r.name for r, _ in rows],
        "start": [s.start for _, s in rows],
        "end": [s.end for _, s in rows],
        "label": [s.label for _, s in rows],
        "split": [r.split for r, _ in rows],
        "text": [s.text for _, s in rows],
    }
    return _batch(columns, text_vectors(run, manner, columns["text"], [s.events for _, s in rows]))


def captions_of(recording: Recording) -> list[Segment]:
    """What is said of a recording: its segments with text, or the text of the whole."""
    said = [s for s in recording.segments if s.text]
    whole = Segment(0.0, recording.duration, recording.label, text=recording.text)
    return said or ([whole] if recording.text else [])


@torch.no_grad()
def encode_recordings(
    run: Run, manner: Manner, part: Part
) -> Iterator[tuple[Recording, np.ndarray, np.ndarray, np.ndarray]]:
    """Recording, start and end (s) and latent (n, d) of the windows of recordings in turn."""
    module = loaded(run, manner.stage, manner.device)
    if run.spec.scenes:
        yield from _encode_tracks(run, manner, part, module)
        return
    views = (View(r, part.spec or own_spec(run.spec, r), run.spec) for r in part.read(manner.split))
    for batch, pieces in slide(views, manner.how):
        pooled = module.encode(to_device(batch, manner.device)).pooled.float().cpu().numpy()  # type: ignore[operator]
        first = 0
        for piece in pieces:
            rows, fps = slice(first, first + len(piece.start)), piece.view.fps
            recording = piece.view.recording
            end = np.minimum((piece.start + piece.frames) / fps, recording.duration)
            yield recording, piece.start / fps, end, pooled[rows]
            first = rows.stop


def _encode_tracks(
    run: Run, manner: Manner, part: Part, module: nn.Module
) -> Iterator[tuple[Recording, np.ndarray, np.ndarray, np.ndarray]]:
    """The same of recordings in scenes, which are short."""
    corpus = gathered(part, run.spec, manner.split)
    if corpus is None:
        return
    length = manner.how.windows.frames or manner.how.windows.limit
    windows = replace(manner.how.windows, stride=max(1, round(length * (1 - manner.how.overlap))))
    found = list(window_latents(module, corpus, windows, manner.how.batch))
    index, start, frames, vectors = (np.concatenate(column) for column in zip(*found, strict=True))
    for i, recording in enumerate(corpus):
        rows = index == i
        begin = start[rows] / recording.fps
        yield recording, begin, np.minimum(begin + frames[rows] / recording.fps, recording.duration), vectors[rows]


def label_of(recording: Recording, start: float, end: float) -> str:
    """The clip's class, or the class that holds longest in the stretch if for at least half of it, or nothing."""
    if recording.label:
        return recording.label
    held: dict[str, float] = {}
    for s in recording.segments:
        held[s.label] = held.get(s.label, 0.0) + max(0.0, min(end, s.end) - max(start, s.start))
    best = max(held, key=lambda k: held[k], default="")
    return best if best and held[best] >= (end - start) / 2 else ""
