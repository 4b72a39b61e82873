"""Who acts and from where they are seen: body proportions and viewpoints that train and test do not share."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError

SPLITS = ("train", "test")


def generator(seed: int, *path: int) -> np.random.Generator:
    """An independent stream of random numbers for each (seed, path)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=path))


def azimuths(
    rng: np.random.Generator, count: int, sectors: int, split: str
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Viewpoints around the figure: radians, and the number of the sector each lies in.

    The circle is cut into `sectors` equal ones; even ones belong to train, odd ones to test. With one sector both have
    the whole circle.
    """
    if sectors == 1:
        sector = np.zeros(count, np.int64)
    else:
        mine = np.arange(SPLITS.index(split), sectors, 2)
        sector = rng.choice(mine, count)
    return (sector + rng.random(count)) * (2 * np.pi / sectors), sector


@dataclass(frozen=True)
class Proportions:
    """Bones of a rig that stretch together."""

    groups: tuple[str, ...]
    """Names of the groups."""
    members: Int[np.ndarray, " v"]
    """Group of each point's offset; -1 for the root."""

    def draw(self, rng: np.random.Generator, count: int, spread: float, size: float = 0.1) -> Float[np.ndarray, "n g"]:
        """Length factors of bodies: a common one in 1 +- min(size, spread), times one per group in 1 +- spread."""
        if not 0 <= spread < 0.8:
            raise InputError(f"proportions is {spread}", mend="it must lie in [0, 0.8)")
        size = min(size, spread)
        common = rng.uniform(1 - size, 1 + size, (count, 1))
        return common * rng.uniform(1 - spread, 1 + spread, (count, len(self.groups)))

    def offsets(
        self, offsets: Float[np.ndarray, "v 3"], factors: Float[np.ndarray, "n g"]
    ) -> Float[np.ndarray, "n v 3"]:
        """The rig's offsets for each body."""
        return offsets * factors[:, np.maximum(self.members, 0), None]


def check_counts(least: int, **values: int) -> None:
    """Raises InputError where a number of things is less than it must be."""
    for name, value in values.items():
        if value < least:
            raise InputError(f"{name} is {value}", mend=f"it must be at least {least}")
