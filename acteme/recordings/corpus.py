"""A corpus: many recordings laid end to end in memory-mapped arrays, from which batches are gathered at memory speed.

All recordings of a data set are concatenated over time, `skeleton` to (sum T, M, V, C); a table says where each
begins. A batch of windows is one fancy-indexing operation, whatever the lengths: no Python loop over samples, no parsing
in the second epoch, and only the touched pages in memory.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from acteme.errors import InputError
from acteme.recordings.annotations import Segment, Segments, rasterize
from acteme.recordings.batch import VOCABULARY, Batch
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec

FORMAT = 1
"""Version of the folder layout; a corpus of another version is rebuilt."""

DTYPES = {"skeleton": np.float32, "confidence": np.float32, "frame_labels": np.uint8}
TEXT_COLUMNS = ("name", "split", "subject", "camera", "text")


@dataclass(frozen=True)
class Corpus:
    """Recordings as arrays. `chosen` are the rows of the table that this corpus (or selection of one) holds."""

    spec: Spec
    arrays: dict[str, np.ndarray]
    """Name to (sum T, ...)."""
    table: dict[str, np.ndarray]
    """Columns with a row per recording: name, offset, frames, fps, label, split, subject, camera, text, factor:..."""
    segments: Segments
    """All annotated segments; `recording` is a row of the table."""
    texts: tuple[str, ...] = ()
    """Text of each segment; empty where no segment has any."""
    chosen: np.ndarray | None = None

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> np.ndarray:
        """Table rows of the recordings, in order."""
        return np.arange(len(self.table["offset"])) if self.chosen is None else self.chosen

    def __len__(self) -> int:
        return len(self.rows)

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
        """The recordings of a split, or those at positions (or under a mask) `rows`. Arrays are shared."""
        if split is not None:
            rows = np.flatnonzero(self.column("split") == split)
            if not len(rows):
                known = ", ".join(sorted(set(self.column("split")) - {""})) or "none"
                raise InputError(f"the data has no split '{split}'", mend=f"its splits: {known}")
        return replace(self, chosen=self.rows if rows is None else self.rows[rows])

    def __getitem__(self, i: int) -> Recording:
        row = int(self.rows[i])
        t = {k: v[row] for k, v in self.table.items()}
        a, b = int(t["offset"]), int(t["offset"] + t["frames"])
        at = np.flatnonzero(self.segments.recording == row)
        s = self.segments.select(at)
        segments = tuple(
            Segment(float(s.start[j]), float(s.end[j]), self.spec.classes[s.label[j]], float(s.score[j]),
                    self.texts[at[j]] if self.texts else "")
            for j in range(len(s))
        )  # fmt: skip
        return Recording(
            name=str(t["name"]),
            fps=float(t["fps"]),
            arrays={n: x[a:b] for n, x in self.arrays.items() if n != "frame_labels"},
            label=self.spec.classes[t["label"]] if t["label"] >= 0 else "",
            segments=segments,
            split=str(t["split"]),
            subject=str(t["subject"]),
            camera=str(t["camera"]),
            text=str(t["text"]),
            factors={k[7:]: float(v) for k, v in t.items() if k.startswith("factor:")},
        )

    def __iter__(self) -> Iterator[Recording]:
        return (self[i] for i in range(len(self)))

    def truth(self) -> Segments:
        """Annotated segments of these recordings; `recording` is the position within this corpus."""
        position = np.full(len(self.table["offset"]), -1)
        position[self.rows] = np.arange(len(self))
        at = position[self.segments.recording]
        kept = self.segments.select(at >= 0)
        return replace(kept, recording=at[at >= 0])

    # --- batching ----------------------------------------------------------------------------------------------------

    def batch(self, index: np.ndarray, start: np.ndarray, frames: int | None = None) -> Batch:
        """Gathers windows into a batch.

        Args:
            index: (B,) positions of recordings within this corpus.
            start: (B,) first frame of each window.
            frames: length T of the windows; None takes the longest remainder in the batch. Shorter ones are padded
                with zeros at the end.
        """
        index, start = np.asarray(index), np.asarray(start)
        rows = self.rows[index]
        left = self.table["frames"][rows] - start
        length = left if frames is None else np.minimum(left, frames)
        steps = np.arange(int(length.max(initial=0)) if frames is None else frames)
        mask = steps < length[:, None]
        at = (self.table["offset"][rows] + start)[:, None] + np.where(mask, steps, 0)
        out: Batch = {}
        for name, array in self.arrays.items():
            value = array[at]
            value[~mask] = 0
            out[name] = torch.from_numpy(value).to(VOCABULARY[name].dtype)
        out["mask"] = torch.from_numpy(mask)
        out["frames"] = torch.from_numpy(length.astype(np.int64))
        out["fps"] = torch.from_numpy(self.table["fps"][rows].astype(np.float32))
        out["label"] = torch.from_numpy(self.table["label"][rows].astype(np.int64))
        out["index"] = torch.from_numpy(index.astype(np.int64))
        out["start"] = torch.from_numpy(start.astype(np.int64))
        return out

    # --- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, recordings: Iterable[Recording], spec: Spec, strict: bool = False) -> "Corpus":
        """A corpus in memory."""
        table, parts = _Table(spec, strict), {}  # type: ignore[var-annotated]
        for recording in recordings:
            for name, value in table.add(recording).items():
                parts.setdefault(name, []).append(value)
        return table.corpus({n: np.concatenate(p) for n, p in parts.items()})

    @classmethod
    def build(cls, recordings: Iterable[Recording], spec: Spec, folder: Path, strict: bool = False) -> "Corpus":
        """Writes a corpus, a recording at a time, then opens it. Appears at `folder` whole or not at all."""
        work = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        table, shapes, files = _Table(spec, strict), {}, {}  # type: ignore[var-annotated]
        try:
            for recording in recordings:
                for name, value in table.add(recording).items():
                    files.setdefault(name, (work / f"{name}.bin").open("wb")).write(value.tobytes())
                    shapes[name] = [shapes.get(name, [0])[0] + len(value), *value.shape[1:]]
            for file in files.values():
                file.close()
            corpus = table.corpus({})
            pq.write_table(pa.table({k: pa.array(v) for k, v in corpus.table.items()}), work / "recordings.parquet")
            s = corpus.segments
            columns: dict[str, Any] = {k: getattr(s, k) for k in ("recording", "start", "end", "label", "score")}
            columns["text"] = list(corpus.texts) or [""] * len(s)
            pq.write_table(pa.table(columns), work / "segments.parquet")
            meta = {"format": FORMAT, "spec": spec.to_json(), "shapes": shapes}
            (work / "corpus.json").write_text(json.dumps(meta, indent=1))
            shutil.rmtree(folder, ignore_errors=True)
            work.rename(folder)
        finally:
            for file in files.values():
                file.close()
            shutil.rmtree(work, ignore_errors=True)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> "Corpus":
        """Opens a corpus that `build` wrote; arrays are memory-mapped, read-only."""
        try:
            meta = json.loads((folder / "corpus.json").read_text())
        except (OSError, ValueError) as error:
            raise InputError("is not a corpus folder", folder, "delete it and run again") from error
        if meta.get("format") != FORMAT:
            raise InputError(f"holds corpus format {meta.get('format')}", folder, "delete it and run again")
        arrays: dict[str, np.ndarray] = {}
        for name, shape in meta["shapes"].items():
            dtype = np.dtype(DTYPES[name])
            if (folder / f"{name}.bin").stat().st_size != int(np.prod(shape)) * dtype.itemsize:
                raise InputError(f"{name}.bin is truncated", folder, "delete the folder and run again")
            mapped = shape[0] > 0
            path = folder / f"{name}.bin"
            arrays[name] = np.memmap(path, dtype, "r", shape=tuple(shape)) if mapped else np.zeros(shape, dtype)
        table = pq.read_table(folder / "recordings.parquet")
        columns = {n: _text(n, table[n].to_numpy(zero_copy_only=False)) for n in table.column_names}
        s = pq.read_table(folder / "segments.parquet")
        texts = tuple(s["text"].to_pylist())
        segments = Segments(*(s[n].to_numpy() for n in ("recording", "start", "end", "label", "score")))
        return cls(Spec.from_json(meta["spec"]), arrays, columns, segments, texts if any(texts) else ())


def _text(name: str, column: np.ndarray) -> np.ndarray:
    return column.astype(str) if name in TEXT_COLUMNS else column


class _Table:
    """Collects the table rows and checks recordings while a corpus is made."""

    def __init__(self, spec: Spec, strict: bool):
        self.spec, self.strict = spec, strict
        self.classes = {name: k for k, name in enumerate(spec.classes)}
        self.rows: list[dict[str, Any]] = []
        self.segments: list[tuple[int, float, float, int, float]] = []
        self.texts: list[str] = []
        self.total = 0

    def class_number(self, label: str, where: str) -> int:
        if label not in self.classes:
            raise InputError(f"unknown class '{label}'", where, f"the data set names {len(self.classes)} classes")
        return self.classes[label]

    def add(self, r: Recording) -> dict[str, np.ndarray]:
        """Arrays of the recording, checked, padded to the spec's persons, with frame labels where there are segments."""
        spec, out = self.spec, {}
        for name, value in r.arrays.items():
            value = np.asarray(value, DTYPES[name])
            if spec.joints and value.ndim > 2 and value.shape[2] != spec.joints:
                what = f"{value.shape[2]} joints where layout '{spec.layout}' has {spec.joints}"
                raise InputError(what, r.name, "name the right layout")
            if not np.isfinite(value).all():
                frame = int(np.argwhere(~np.isfinite(value))[0][0])
                raise InputError(f"{name} has a NaN or infinity at frame {frame}", r.name, "fill or cut these frames")
            if value.ndim > 1 and value.shape[1] != spec.persons:
                if value.shape[1] > spec.persons:
                    what = f"{value.shape[1]} persons where the data set has room for {spec.persons}"
                    raise InputError(what, r.name, "select persons before")
                value = np.pad(value, [(0, 0), (0, spec.persons - value.shape[1])] + [(0, 0)] * (value.ndim - 2))
            out[name] = value
        if not r.frames:
            raise InputError("has no frames", r.name, "leave it out")
        at = len(self.rows)
        first = len(self.segments)
        for s in r.segments:
            if not 0 <= s.start < s.end:
                raise InputError(f"segment {s.label} from {s.start} s to {s.end} s is empty or reversed", r.name)
            self.segments.append((at, s.start, s.end, self.class_number(s.label, r.name), s.score))
            self.texts.append(s.text)
        if spec.classes and (r.segments or not r.label):
            part = self.segments[first:]
            column = [np.array([p[j] for p in part]) for j in (1, 2, 3)]
            out["frame_labels"] = rasterize(
                column[0], column[1], column[2].astype(int), r.frames, r.fps, len(spec.classes), self.strict
            )
        elif spec.classes:
            out["frame_labels"] = np.zeros((r.frames, len(spec.classes)), np.uint8)
            out["frame_labels"][:, self.class_number(r.label, r.name)] = 1
        row = {n: getattr(r, n) for n in TEXT_COLUMNS}
        row |= {"offset": self.total, "frames": r.frames, "fps": float(r.fps)}
        row |= {"label": self.class_number(r.label, r.name) if r.label else -1}
        row |= {f"factor:{k}": float(v) for k, v in r.factors.items()}
        self.rows.append(row)
        self.total += r.frames
        return out

    def corpus(self, arrays: dict[str, np.ndarray]) -> Corpus:
        if not self.rows:
            raise InputError("the data set has no recordings")
        names = list(dict.fromkeys(k for row in self.rows for k in row))
        table = {n: _text(n, np.array([row.get(n, np.nan) for row in self.rows])) for n in names}
        s = [np.array(c) for c in zip(*self.segments, strict=True)] or [np.zeros(0)] * 5
        segments = Segments(s[0].astype(np.int64), s[1], s[2], s[3].astype(np.int64), s[4])
        return Corpus(self.spec, arrays, table, segments, tuple(self.texts) if any(self.texts) else ())
