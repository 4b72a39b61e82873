"""How fast an epoch is gathered from the memory-mapped cache, against a plain copy and against a loop over samples.

Run from the repository: `python benchmarks/cache_epoch.py`. The same windows in one run, turn by turn, in processor
time: the loader that training uses, order and all; NumPy copying as many bytes of the same mapped array, in one piece
per batch and in as many pieces as there are windows; and the usual way, a `Dataset` that gives one window from the
mapped array, and `default_collate`. The batches of both loaders must be equal. What is not copying is measured on
windows of one number per frame.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from _measure import fastest, row, save  # isort: skip

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from acteme.engine.loader import Loader
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows

CLIPS, FRAMES, BATCH, ROUNDS = 1500, 64, 128, 25


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
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.build(clips, spec, Path(folder) / "corpus")
        loader = Loader(corpus, Windows(FRAMES, 32), BATCH, seed=0, stage="bench")
        index, start = loader.order(0)
        usual = DataLoader(Samples(corpus, index, start), BATCH)
        ours = list(loader.batches(0))
        assert all(torch.equal(b[name], a[name]) for a, b in zip(ours, usual, strict=True) for name in b)
        steps = len(ours)
        size = sum(v.nbytes for v in ours[0].values())
        del ours
        flat = corpus.arrays["skeleton"].reshape(-1)
        wide, narrow = size // 4, size // 4 // BATCH
        places = rng.integers(0, len(flat) - wide, steps)
        pieces = rng.integers(0, len(flat) - narrow, (steps, BATCH))
        windows = np.lib.stride_tricks.sliding_window_view(flat, narrow)

        def copy() -> None:  # a batch is held until the next one is there, as in a loop over batches
            for at in places:
                held = flat[at : at + wide].copy()
            del held

        def copy_pieces() -> None:
            for at in pieces:
                held = windows[at]
            del held

        def acteme() -> None:
            for _ in loader.batches(0):
                pass

        def samples() -> None:
            for _ in usual:
                pass

        little = {"skeleton": np.zeros((len(corpus.arrays["skeleton"]), 1, 1, 1), np.float32)}
        bare = replace(loader, corpus=replace(corpus, arrays=little))

        def overhead() -> None:
            for _ in bare.batches(0):
                pass

        jobs = {f.__name__: f for f in (copy, copy_pieces, acteme, samples, overhead)}
        seconds = fastest(jobs, ROUNDS)
    what = "an epoch of windows from the cache"
    total = size * steps
    overhead_share = seconds.pop("overhead") / seconds["acteme"]
    rates = {name: round(total / s / 1e9, 1) for name, s in seconds.items()}
    save(
        "cache_epoch",
        [
            row(what, "`Dataset` and `default_collate`", seconds["acteme"], seconds["samples"]),
            row(what, "copying as many bytes in pieces of a window", seconds["acteme"], seconds["copy_pieces"]),
            row(what, "copying as many bytes in one piece a batch", seconds["acteme"], seconds["copy"]),
        ],
        f"copying, at {rates['acteme']} GB/s where a plain copy in pieces has {rates['copy_pieces']} GB/s; all "
        f"the rest (order, Python, the small arrays) is {overhead_share:.0%}",
        windows=len(index),
        megabytes=round(total / 1e6),
        gigabytes_per_second=rates,
    )


if __name__ == "__main__":
    main()
