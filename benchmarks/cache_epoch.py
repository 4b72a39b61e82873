"""How fast an epoch is gathered from the memory-mapped cache, against a plain copy and against a loop over samples.

The same windows of the same data in one run, turn by turn: `Corpus.batch`; NumPy copying as many bytes of the same
mapped array in one piece per batch; and the usual way, a `Dataset` that gives one window from the mapped array, and
`default_collate`. The batches of both loaders must be equal.

    python benchmarks/cache_epoch.py
"""

import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows

RESULT = Path(__file__).parent / "results" / "cache_epoch.json"
CLIPS = 1500
FRAMES = 64
BATCH = 128
ROUNDS = 25


class Samples(Dataset):
    """One window at a time, as a data set class usually gives it."""

    def __init__(self, corpus: Corpus, index: np.ndarray, start: np.ndarray):
        self.corpus, self.index, self.start = corpus, index, start

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, n: int) -> dict:
        i, a = int(self.index[n]), int(self.start[n])
        first = int(self.corpus.table["offset"][i]) + a
        length = min(int(self.corpus.table["frames"][i]) - a, FRAMES)
        out = {"mask": torch.arange(FRAMES) < length}
        for name, array in self.corpus.arrays.items():
            window = np.zeros((FRAMES, *array.shape[1:]), np.float32)
            window[:length] = array[first : first + length]
            out[name] = torch.from_numpy(window)
        return out | {"label": int(self.corpus.label[i]), "index": i, "start": a}


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    spec = Spec("ntu25", 25, 2, 3, tuple(f"class {k}" for k in range(60)))
    clips = (
        Recording(
            f"clip{i}",
            30.0,
            {"skeleton": rng.random((int(rng.integers(60, 150)), 2, 25, 3), np.float32)},
            spec.classes[i % 60],
        )
        for i in range(CLIPS)
    )
    times: dict[str, list[float]] = {"copy": [], "acteme": [], "samples": []}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.build(clips, spec, Path(folder) / "corpus")
        index, start = Windows(FRAMES, 32).cut(corpus.frames, rng)
        order = rng.permutation(len(index))
        index, start = index[order], start[order]
        parts = [slice(a, a + BATCH) for a in range(0, len(index), BATCH)]
        loader = DataLoader(Samples(corpus, index, start), BATCH)
        first, usual = corpus.batch(index[parts[0]], start[parts[0]], FRAMES), next(iter(loader))
        same = all(torch.equal(usual[name], first[name]) for name in usual)
        size = sum(int(v.nbytes) for v in first.values())
        flat = corpus.arrays["skeleton"].reshape(-1)
        places = rng.integers(0, len(flat) - size // 4, len(parts))
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for at in places:
                flat[at : at + size // 4].copy()
            copied = time.perf_counter()
            for part in parts:
                corpus.batch(index[part], start[part], FRAMES)
            gathered = time.perf_counter()
            for _ in loader:
                pass
            for name, seconds in zip(
                times, (copied - began, gathered - copied, time.perf_counter() - gathered), strict=True
            ):
                times[name].append(seconds)
    assert same
    best = {name: min(seconds) for name, seconds in times.items()}
    total = size * len(parts)
    result = {
        "what": "an epoch of windows from the cache: copying the bytes, acteme, Dataset and default_collate",
        "windows": len(index),
        "megabytes": round(total / 1e6),
        "seconds": {name: round(seconds, 4) for name, seconds in best.items()},
        "gigabytes_per_second": {name: round(total / seconds / 1e9, 2) for name, seconds in best.items()},
        "acteme_to_copy": round(best["acteme"] / best["copy"], 2),
        "samples_to_acteme": round(best["samples"] / best["acteme"], 2),
        "same_result": same,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}, torch {torch.__version__}",
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))
    print(f"{result['acteme_to_copy']} times a plain copy; samples take {result['samples_to_acteme']} times as long")


if __name__ == "__main__":
    main()
