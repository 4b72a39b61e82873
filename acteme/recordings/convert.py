"""Writes any data set in another form: your own folder, a corpus, or the layouts of CTR-GCN, 2s-AGCN and PYSKL."""

import csv
import json
import pickle
import re
import zipfile
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, get_args

import numpy as np

from acteme.atomic import fresh_file, fresh_folder
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import open_data
from acteme.recordings.watching import Progress

Format: TypeAlias = Literal["folder", "corpus", "ctrgcn", "agcn", "pyskl", "tracks"]
FRAMES = 300
"""Frames that the CTR-GCN and 2s-AGCN layouts have room for."""


def convert(
    data: str | Path | Corpus,
    to: Path,
    format: Format = "folder",
    *,
    frames: int = FRAMES,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Writes a data set in another form; it appears at `to` whole or not at all.

    - `folder`: `annotations.csv`, `acteme.toml` and an `.npz` per recording, as `folder` reads them. Scores of
      segments, the text or label of a recording that has segments, and stored motion vectors are not kept.
    - `corpus`: the memory-mapped form; keeps everything.
    - `ctrgcn`: one `.npz` with x_train, y_train, x_test, y_test; single-label clips.
    - `agcn`: a folder with {train,val}_data_joint.npy, _label.pkl, _num_frame.npy; `val` holds the test split.
    - `tracks`: one `.csv` with scene,agent,time,x,y,split, of positions in scenes.
    - `pyskl`: one `.pkl`; positions stay float32, where the published files have float16 (1 mm off at 2 to 4 m).

    Args:
        data: as `open_data` takes it.
        to: the folder or file to write; must not be there yet.
        format: see above.
        frames: frames per clip for `ctrgcn` and `agcn`, padded with zeros.
        skip_bad: leave bad recordings out.
        progress: called as `progress(done, total)` while recordings are parsed.

    Returns:
        `to`.

    Raises:
        InputError: the data are bad or do not fit the format, `to` is there already, or the disk is full.
    """
    if format not in get_args(Format):
        raise InputError(f"unknown format '{format}'", mend=f"use one of {', '.join(get_args(Format))}")
    to = Path(to)
    if to.exists():
        raise InputError("is there already", to, "delete it or choose another name")
    corpus = open_data(data, skip_bad=skip_bad, progress=progress)
    wanted = "position" if format == "tracks" else "skeleton"
    if format != "corpus" and wanted not in corpus.arrays:
        raise InputError(f"has no {wanted}", None if isinstance(data, Corpus) else str(data),
                         f"use format corpus{' or tracks' if wanted == 'skeleton' else ''}")  # fmt: skip
    if format in ("ctrgcn", "agcn", "pyskl"):
        _check_clips(corpus, None if format == "pyskl" else frames)
    if format == "corpus":
        corpus.save(to)
    elif format == "folder":
        _folder(corpus, to)
    elif format == "tracks":
        _tracks(corpus, to)
    elif format == "ctrgcn":
        _ctrgcn(corpus, to, frames)
    elif format == "agcn":
        _agcn(corpus, to, frames)
    else:
        _pyskl(corpus, to)
    return to


def _check_clips(corpus: Corpus, frames: int | None) -> None:
    """Raises InputError where a recording is no clip of one class, or too long."""
    if (corpus.label < 0).any():
        name = corpus.column("name")[corpus.label < 0][0]
        mend = "use format folder or corpus, which keep segments, or cut it into clips of one class each"
        raise InputError("has no single label, as this format needs", name, mend)
    longest = int(corpus.frames.max())
    if frames is not None and longest > frames:
        name = corpus.column("name")[np.argmax(corpus.frames)]
        raise InputError(f"has {longest} frames where the format has room for {frames}", name, f"give frames={longest}")


def _parts(corpus: Corpus) -> dict[str, Corpus]:
    """The training and the test recordings."""
    known = set(corpus.column("split").tolist())
    test = "test" if "test" in known else "val"
    if not {"train", test} <= known:
        raise InputError("the data has no split into train and test", mend="add a column split to annotations.csv")
    return {"train": corpus.select("train"), "test": corpus.select(test)}


# --- your own folder -------------------------------------------------------------------------------------------------


def _folder(corpus: Corpus, to: Path) -> None:
    factors = [name for name in corpus.table if name.startswith("factor:")]
    columns = ["file", "start", "end", "label", "subject", "text", "split", "camera", *factors]
    taken: set[str] = set()
    with (
        fresh_folder(to, replace=False) as work,
        (work / "annotations.csv").open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow(columns)
        for r in corpus:
            name = _file_name(r.name, taken)
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            held: dict[str, Any] = {n: array for n, array in r.arrays.items() if n != "vector"}
            held |= {"fps": r.fps, "layout": corpus.spec.layout}
            np.savez(path, **held)
            more = [repr(r.factors[f[7:]]) if f[7:] in r.factors else "" for f in factors]
            for times, label, text in _rows(r):
                table.writerow([name, *times, label, r.subject, text, r.split, r.camera, *more])
        spec = corpus.spec
        lines = [f"layout = {json.dumps(spec.layout)}", f"fps = {float(spec.fps)!r}"]
        lines += [f"classes = {json.dumps(list(spec.classes), ensure_ascii=False)}"] if spec.classes else []
        lines += ["multilabel = true"] if spec.multilabel else []
        (work / "acteme.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tracks(corpus: Corpus, to: Path) -> None:
    with fresh_file(to) as work, work.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["scene", "agent", "time", "x", "y", "split"])
        for r in corpus:
            begin, agent = r.factors.get("start", 0.0), r.subject or r.name
            for n, (x, y) in enumerate(np.asarray(r.arrays["position"])[:, :2].tolist()):
                table.writerow([r.camera, agent, f"{begin + n / r.fps:.4f}", f"{x:.9g}", f"{y:.9g}", r.split])


def _rows(r: Recording) -> list[tuple[tuple[str, str], str, str]]:
    """Times, label and text of each row of a recording."""
    if not r.segments:
        return [(("", ""), r.label, r.text)]
    end = r.duration  # a segment may end later in official annotations; your own folder refuses that
    times = [(s.start, min(s.end, end), s) for s in r.segments if s.start < end]
    return [((repr(a), repr(b)), s.label, s.text) for a, b, s in times] or [(("", ""), "", r.text)]


def _file_name(name: str, taken: set[str]) -> str:
    """A relative path that any file system takes; the name of the recording where it is one."""
    parts = [re.sub(r'[\x00-\x1f\x7f<>:"\\|?*]', "_", part).strip() for part in name.split("/")]
    stem = "/".join(part[:120] for part in parts if part.strip(".")) or "recording"
    plain, n = stem, 1
    while stem.lower() in taken:
        stem, n = f"{plain}-{n}", n + 1
    taken.add(stem.lower())
    return f"{stem}.npz"


# --- published layouts -----------------------------------------------------------------------------------------------


def _ctrgcn(corpus: Corpus, to: Path, frames: int) -> None:
    classes = len(corpus.spec.classes)
    with fresh_file(to, replace=False) as work, zipfile.ZipFile(work, "w", zipfile.ZIP_STORED) as archive:
        for split, part in _parts(corpus).items():
            shape = (len(part), frames, int(np.prod(part.arrays["skeleton"].shape[1:])))
            with archive.open(f"x_{split}.npy", "w", force_zip64=True) as member:
                _header(member, shape)
                for i in range(len(part)):
                    member.write(_clip(part, i, frames).astype("<f4").tobytes())
            with archive.open(f"y_{split}.npy", "w") as member:
                np.lib.format.write_array(member, np.eye(classes, dtype=np.float32)[part.label])


def _agcn(corpus: Corpus, to: Path, frames: int) -> None:
    persons, joints, channels = corpus.arrays["skeleton"].shape[1:]
    with fresh_folder(to, replace=False) as work:
        for split, part in _parts(corpus).items():
            name = {"train": "train", "test": "val"}[split]
            shape = (len(part), channels, frames, joints, persons)
            # written, not mapped: a mapped file on a full disk ends the process without an error that could be caught
            with (work / f"{name}_data_joint.npy").open("wb") as file:
                _header(file, shape)
                for i in range(len(part)):
                    file.write(_clip(part, i, frames).transpose(3, 0, 2, 1).astype("<f4").tobytes())
            with (work / f"{name}_label.pkl").open("wb") as file:
                pickle.dump((part.column("name").tolist(), part.label.tolist()), file)
            np.save(work / f"{name}_num_frame.npy", part.frames)


def _header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    """The beginning of a .npy file of float32."""
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})


def _clip(corpus: Corpus, i: int, frames: int) -> np.ndarray:
    """Positions (frames, M, V, C), padded with zeros."""
    row = corpus.rows[i]
    first, length = int(corpus.table["offset"][row]), int(corpus.table["frames"][row])
    skeleton = corpus.arrays["skeleton"]
    out = np.zeros((frames, *skeleton.shape[1:]), np.float32)
    out[:length] = skeleton[first : first + length]
    return out


def _pyskl(corpus: Corpus, to: Path) -> None:
    split: dict[str, list[str]] = {}
    items = []
    called = {"test": "test" if "val" in corpus.column("split") else "val"}  # PYSKL tests on what it calls val
    for r in corpus:
        if r.split:
            split.setdefault(called.get(r.split, r.split), []).append(r.name)
        x = r.arrays["skeleton"]
        persons = max(1, int(np.flatnonzero(x.any((0, 2, 3))).max(initial=0)) + 1)
        item = {"frame_dir": r.name, "label": corpus.spec.classes.index(r.label), "total_frames": r.frames}
        item["keypoint"] = np.ascontiguousarray(x[:, :persons].swapaxes(0, 1))
        if "confidence" in r.arrays:
            item["keypoint_score"] = np.ascontiguousarray(r.arrays["confidence"][:, :persons].swapaxes(0, 1))
        items.append(item)
    with fresh_file(to, replace=False) as work, work.open("wb") as file:
        pickle.dump({"split": split, "annotations": items}, file, protocol=4)
