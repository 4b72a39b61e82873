"""Small recordings for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from acteme.recordings.annotations import Segment
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec

SPEC = Spec("ntu25", 25, 2, 3, ("sit", "walk", "wave"), 30.0)


def skeleton(frames: int, persons: int = 2, joints: int = 25, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random positions (T, M, V, C) without zeros."""
    return np.random.default_rng(seed).uniform(0.1, 1.0, (frames, persons, joints, channels)).astype(np.float32)


def clip(name: str, frames: int = 8, **more: Any) -> Recording:
    persons = more.pop("persons", 2)
    return Recording(name, more.pop("fps", 30.0), {"skeleton": skeleton(frames, persons, seed=len(name))}, **more)


def mixed() -> list[Recording]:
    """A labeled clip, an untrimmed recording with overlapping actions, one person alone, one without label."""
    return [
        clip("a", 5, label="walk", split="train", subject="P1", camera="C1", text="walks, “slowly”"),
        clip(
            "b/c",
            20,
            segments=(Segment(0.0, 0.4, "sit"), Segment(0.2, 0.5, "wave", text="with both arms")),
            split="test",
            subject="P2",
        ),
        clip("d", 7, persons=1, label="sit", split="train", factors={"tempo": 1.5}),
        clip("e", 3),
    ]


def write_folder(folder: Path, table: str, **files: np.ndarray) -> Path:
    """Your own data: annotations.csv and an .npz (30 fps) per file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "annotations.csv").write_text(table, encoding="utf-8")
    for name, array in files.items():
        np.savez(folder / f"{name}.npz", skeleton=array, fps=30.0, layout="ntu25")
    return folder
