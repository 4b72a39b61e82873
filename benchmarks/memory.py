"""Peak memory of training, and of predicting a recording of 1 hour and of 10 hours: flat in its length.

Run from the repository: `python benchmarks/memory.py` (several minutes). Every measurement is a process of its own.
`own` is memory that the process holds itself, `resident` the peak with the pages of mapped files, which the system
takes back when it wants to.
"""

import json
import sys
import tempfile
from pathlib import Path

from _measure import Memory, in_process, save

FPS, JOINTS = 30, 25
SYSTEMS = {"lac": "LAC", "halp": "HaLP"}


def imports() -> None:
    """What the libraries alone take."""
    import lightning.pytorch  # noqa: F401

    import acteme.engine.predict
    import acteme.engine.train  # noqa: F401


def train(system: str, data: str, run: str) -> None:
    from acteme import Settings
    from acteme import train as train_

    train_(system, data, run, small=True, settings=Settings(steps=20, progress=False))


def write(path: str, hours: float) -> None:
    """A recording of somebody who sways, an hour at a time."""
    import numpy as np

    shape = (int(hours * 3600 * FPS), 1, JOINTS, 3)
    out = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    pose = np.random.default_rng(0).normal(0, 0.3, (1, JOINTS, 3)).astype(np.float32)
    for a in range(0, shape[0], 3600 * FPS):
        t = np.arange(a, min(a + 3600 * FPS, shape[0]), dtype=np.float32)[:, None, None, None] / FPS
        out[a : a + len(t)] = pose + 0.1 * np.sin(t + pose)
    out.flush()


def predict(run: str, path: str) -> int:
    from acteme import predict as predict_

    (found,) = predict_(run, f"file:{path}?layout=ntu25&fps={FPS}", overlap=0.0, workers=1)
    return len(found.segments)


def child(task: str, *arguments: str) -> None:
    """One measurement, in this process."""
    import torch

    torch.set_num_threads(1)
    memory = Memory()
    {"imports": imports, "train": train, "predict": predict}[task](*arguments)
    print(json.dumps(memory.peak()))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {f"{hours} h": Path(folder) / f"{hours}.npy" for hours in (1, 10)}
        for name, path in files.items():
            write(str(path), int(name.split()[0]))
        bare = in_process(__file__, "imports")
        rows = []
        for system, title in SYSTEMS.items():
            run = f"{folder}/{system}"
            peak = in_process(__file__, "train", system, "stage", run)
            rows.append(compared(f"`acteme train {system} stage --small`", peak, "importing the libraries", bare))
            peaks = {name: in_process(__file__, "predict", run, path) for name, path in files.items()}
            what = f"`acteme predict` with {title} on 10 hours"
            rows.append(compared(what, peaks["10 h"], "the same on 1 hour", peaks["1 h"]))
    save(
        "memory",
        rows,
        "the libraries themselves and one batch; a recording of any length passes through in pieces",
        megabytes_of_imports=bare,
    )


def compared(what: str, ours: dict[str, float], against: str, other: dict[str, float]) -> dict[str, object]:
    """How many times the memory, at the peak of what is held."""
    ratio = round(ours["own"] / other["own"], 2)
    unit = f"times the memory ({ours['own']:.0f} MB)"
    return {"what": what, "against": against, "ratio": ratio, "unit": unit, "megabytes": ours, "other_megabytes": other}


if __name__ == "__main__":
    child(*sys.argv[1:]) if len(sys.argv) > 1 else main()
