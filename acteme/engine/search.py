"""Search over a table of latents: the places, or the captions, that are nearest to an example or to a text."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from acteme.engine.encode import Manner, Table, encode_recordings, open_table, reads_text, text_vectors
from acteme.engine.inputs import Part, parts
from acteme.engine.latents import untimed_latents
from acteme.engine.names import opened
from acteme.engine.run import Run, load, loaded
from acteme.engine.slide import Slide
from acteme.errors import InputError
from acteme.recordings.folder import FORMATS
from acteme.recordings.recording import Recording
from acteme.recordings.sources import SOURCES
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class Hit:
    """A place that resembles the query."""

    recording: str
    start: float
    """Seconds."""
    end: float
    """Seconds."""
    label: str
    split: str
    similarity: float
    """Cosine similarity of the latents, in [-1, 1]."""
    text: str = ""
    """The caption, where captions are searched."""


def search(
    table: Table | Path | str,
    query: int | str | Path | Recording,
    *,
    start: float | None = None,
    end: float | None = None,
    count: int = 10,
    split: str | None = None,
    run: Run | Path | str | None = None,
    texts: bool = False,
) -> list[Hit]:
    """The places most similar to an example or a text, nearest first.

    Overlapping windows of a recording count as one place, the nearest of them; a row that is asked for is not its own
    answer. Of captions, equal ones count as one.

    Args:
        table: what `encode` wrote.
        query: a row of the table, the name of a user of an encoded log, a file (or DATA string of one recording), a
            recording, or where the table's run reads text, words: what is no file and no DATA string.
        start: where the example begins in its recording, in seconds (of a log, the number of its first event).
        end: where it ends.
        count: places to return; fewer where there are not so many.
        split: only recordings of this split.
        run: the run that encodes the example; the table's own unless given.
        texts: search the captions of the encoded recordings, not the recordings.

    Raises:
        InputError: no such row, an example that is empty or cannot be read, or a table whose run was moved.
    """
    table = table if isinstance(table, Table) else open_table(table)
    if texts and not table.texts:
        raise InputError("holds no captions", table.folder, "encode captioned recordings by a run that reads text")
    if isinstance(query, str) and not query.strip():
        raise InputError("is empty", "query", "give words, a file, or the number of a row")
    rows = table.open()
    if isinstance(query, int):
        if start is not None or end is not None:
            raise InputError("a row has its own times", "--start, --end", "leave them away")
        if not 0 <= query < table.rows:
            raise InputError(f"has no row {query}", table.folder, f"rows are 0 to {table.rows - 1}")
        asked = rows.take_offsets([query]).to_arrow().to_pylist()[0]
        vector = np.array(asked["vector"], np.float32)
    elif isinstance(query, str) and table.unit != "s" and (named := _named(rows, query)):
        asked, vector = named, np.array(named["vector"], np.float32)
    elif isinstance(query, str) and _is_text(query) and reads_text(own := _own(table, run), table.stage):
        if start is not None or end is not None:
            raise InputError("a text has no times", "--start, --end", "leave them away")
        asked, vector = {}, _checked(text_vectors(own, Manner(table.stage, Slide(_windows(own, table), own.clip)),
                                                  [query]), table, own)[0]  # fmt: skip
    else:
        asked, vector = {}, example(table, query, start, end, run)
    if texts:
        return _captions(table.open(texts=True), table.texts, vector, count, split)
    return _places(rows, table.rows, vector, asked, count, split)


def example(table: Table, query: str | Path | Recording, start: float | None, end: float | None,
            run: Run | Path | str | None) -> np.ndarray:  # fmt: skip
    """The latent of an example: the mean of the directions of its windows."""
    if table.unit != "s":
        return _of_log(table, query, start, end, run)
    found = parts(query)
    if (count := sum(map(len, found))) != 1:
        raise InputError(f"{count} recordings", str(query), "give an example of one")
    recording = next(found[0].read())
    first = 0 if start is None else round(start * recording.fps)
    last = recording.frames if end is None else min(round(end * recording.fps), recording.frames)
    if not 0 <= first < last:
        what = f"the example from {start or 0} s to {end or recording.duration} s has no frames"
        raise InputError(what, recording.name, f"it lasts {recording.duration:.2f} s")
    cut = replace(recording, arrays={n: a[first:last] for n, a in recording.arrays.items()}, segments=())
    own = _own(table, run)
    how = Slide(_windows(own, table), own.clip)
    part = Part(found[0].spec, recordings=(cut,))
    vectors = np.concatenate([v for *_, v in encode_recordings(own, Manner(table.stage, how), part)])
    vectors = _checked(vectors, table, own)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit.mean(0)


def _of_log(table: Table, query: str | Path | Recording, start: float | None, end: float | None,
            run: Run | Path | str | None) -> np.ndarray:  # fmt: skip
    """The latent of the events of one user, or of events `start` to before `end`: the mean of their directions."""
    own = _own(table, run)
    found = list(opened(own, query))
    if (count := sum(map(len, found))) != 1:
        raise InputError(f"{count} recordings", str(query), "give a user of the table, its row, or a log of one user")
    corpus, total = found[0], int(found[0].frames[0])
    first, last = int(start or 0), total if end is None else min(int(end), total)
    if table.unit == "words" and (start is not None or end is not None):
        raise InputError("a document is taken as a whole", "--start, --end", "leave them away")
    if not 0 <= first < last:
        raise InputError(f"events {first} to {last} are none", str(query), f"it has {total}")
    row = corpus.rows[0]
    cut = {n: c.copy() for n, c in corpus.table.items()}
    cut["offset"][row] += first
    cut["frames"][row] = last - first
    module = loaded(own, table.stage)
    vectors = np.concatenate(
        [v for *_, v in untimed_latents(module, replace(corpus, table=cut), _windows(own, table), 16)]
    )
    vectors = _checked(vectors, table, own)
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)).mean(0)


def _named(rows: Any, query: str) -> dict[str, Any] | None:
    """The row of a user, or of a recording, of that name; None where there is none."""
    name = query.replace("'", "''")
    like = name.replace("%", "").replace("_", "\\_")
    found = rows.search().where(f"recording = '{name}' OR recording LIKE '{like}/%'").limit(1).to_list()
    return found[0] if found else None


def _own(table: Table, run: Run | Path | str | None) -> Run:
    """The run that encodes a query."""
    return load(run) if run is not None else _run_of(table)


def _windows(run: Run, table: Table) -> Windows:
    return getattr(run.config, table.stage).windows


def _checked(vectors: np.ndarray, table: Table, run: Run) -> np.ndarray:
    """The vectors; InputError where they are not of the table's width."""
    if vectors.shape[1] != table.width:
        what = f"latents of {vectors.shape[1]} numbers where the table has {table.width}"
        raise InputError(what, run.folder, "use the run that made the table")
    return vectors


def _is_text(query: str) -> bool:
    """Whether a query is words: neither a path, nor the name of a file of a known format, nor a DATA string."""
    head = query.partition("?")[0]
    name, path = head.partition(":")[0], Path(head)
    there = os.path.exists(query)  # noqa: PTH110 - a path would raise where a text is too long for a file's name
    return not (name in SOURCES or "/" in head or there or path.suffix.lower() in FORMATS)


def _captions(rows: Any, total: int, vector: np.ndarray, count: int, split: str | None) -> list[Hit]:
    """The nearest captions, equal ones once; asks for more until there are enough."""
    wanted = max(4 * count, 32)
    while True:
        found = _nearest(rows, vector, split, wanted)
        hits: dict[str, Hit] = {}
        for row in found:
            hits.setdefault(row["text"], Hit(**{n: row[n] for n in ("recording", "start", "end", "label", "split")},
                                             similarity=1 - float(row["_distance"]), text=row["text"]))  # fmt: skip
        if len(hits) >= count or len(found) < wanted or wanted >= total:
            return list(hits.values())[:count]
        wanted *= 4


def _nearest(rows: Any, vector: np.ndarray, split: str | None, wanted: int) -> list[dict[str, Any]]:
    """So many rows, nearest first."""
    query = rows.search(vector, vector_column_name="vector").distance_type("cosine")
    if split is not None:
        query = query.where("split = '" + split.replace("'", "''") + "'", prefilter=True)
    return query.limit(wanted).to_list()


def _run_of(table: Table) -> Run:
    folder = table.folder / table.run
    if not folder.exists():
        raise InputError(f"the run that made the table is not at {folder} any more", table.folder, "name it with --run")
    return load(folder)


def _places(
    rows: Any, total: int, vector: np.ndarray, asked: dict[str, Any], count: int, split: str | None
) -> list[Hit]:
    """The nearest windows without those that overlap a nearer one; asks for more until there are enough."""
    wanted = max(4 * count, 32)
    while True:
        found = _nearest(rows, vector, split, wanted)
        hits: list[Hit] = []
        for row in found:
            taken = [(h.recording, h.start, h.end) for h in hits]
            if asked:
                taken.append((asked["recording"], asked["start"], asked["end"]))
            if not any(r == row["recording"] and s < row["end"] and row["start"] < e for r, s, e in taken):
                known = {n: row[n] for n in ("recording", "start", "end", "label", "split")}
                hits.append(Hit(**known, similarity=1 - float(row["_distance"])))
        if len(hits) >= count or len(found) < wanted or wanted >= total:
            return hits[:count]
        wanted *= 4
