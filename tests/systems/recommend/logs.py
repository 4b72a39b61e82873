"""Logs by hand, and what follows what by a rule."""

import numpy as np

from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec


def log(users: list[list[int]], items: int | None = None) -> Corpus:
    """One training recording for each user: what one did but for the last two events."""
    made = [
        Recording(f"u{k}", 1.0, {"item": np.array(user[:-2], np.int32)}, split="train") for k, user in enumerate(users)
    ]
    return Corpus.of(made, Spec(items=items or max(map(max, users))))


def chains(users: int = 60, items: int = 24, length: int = 14, seed: int = 0) -> list[list[int]]:
    """Everyone walks around a ring of items from anywhere, by two steps, now and then by one."""
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random((users, length)) < 0.9, 2, 1).cumsum(1)
    return ((steps + rng.integers(0, items, (users, 1))) % items + 1).tolist()
