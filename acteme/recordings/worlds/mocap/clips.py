"""The 15 real clips laid end to end, to be sampled at any clips and times in one operation."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.readers import pybullet

LONGER = 100.0
"""Seconds between the clips on the common time axis; more than any clip lasts."""


@dataclass(frozen=True)
class Bank:
    """Joint angles of all clips; clip c starts at `LONGER * c` on the common time axis."""

    time: Float[np.ndarray, " f"]
    root: Float[np.ndarray, "f 3"]
    rotation: Float[np.ndarray, "f r 4"]
    first: Int[np.ndarray, " k"]
    """First frame of each clip."""
    last: Int[np.ndarray, " k"]
    """Last frame of each clip."""
    duration: Float[np.ndarray, " k"]
    """Seconds."""
    wrap: Bool[np.ndarray, " k"]
    """Which clips can be looped."""

    def sample(
        self, clip: Int[np.ndarray, " n"], time: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n r 4"]]:
        """Place of the root and joint angles at times within the clips, seconds; the ends are held."""
        time = LONGER * clip + np.clip(time, 0, self.duration[clip])
        before = np.searchsorted(self.time, time, side="right") - 1
        before = np.clip(before, self.first[clip], self.last[clip] - 1)
        weight = (time - self.time[before]) / (self.time[before + 1] - self.time[before])
        root = self.root[before] + weight[:, None] * (self.root[before + 1] - self.root[before])
        return root, rotations.slerp(self.rotation[before], self.rotation[before + 1], weight[:, None])


@lru_cache(maxsize=1)
def bank() -> Bank:
    """Reads the clips; raises MissingError where the package that carries them is missing."""
    motions = [pybullet.clip(name) for name in pybullet.CLIPS]
    count = np.array([len(m.time) for m in motions])
    first = np.cumsum(count) - count
    return Bank(
        time=np.concatenate([m.time + LONGER * c for c, m in enumerate(motions)]),
        root=np.concatenate([m.root for m in motions]),
        rotation=np.concatenate([m.rotation for m in motions]),
        first=first,
        last=first + count - 1,
        duration=np.array([m.duration for m in motions]),
        wrap=np.array([m.wrap for m in motions]),
    )
