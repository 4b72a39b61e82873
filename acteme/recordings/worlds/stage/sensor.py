"""The camera, and what it gets wrong."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.worlds.stage.rig import JOINTS, PARTS

AIM = 0.9
"""Height of the point that the camera is turned to, meters."""
BURST = 5
"""Frames for which a lost joint stays lost."""
LIMBS = tuple(np.array(layout("ntu25").parts[p]) for p in PARTS if p.endswith(("arm", "leg")))
"""Joints that go missing together."""


@dataclass(frozen=True)
class Sensor:
    """How each of N recordings is taken."""

    height: Float[np.ndarray, " n"]
    """Of the camera over the floor, meters."""
    distance: Float[np.ndarray, " n"]
    """Of the camera from the middle of the stage, on the ground, meters."""
    noise: Float[np.ndarray, " n"]
    """Standard deviation on every coordinate, meters."""
    missing: Int[np.ndarray, " n"]
    """Which of `LIMBS` is missing throughout; -1 none."""
    dropout: float
    """Fraction of joints that are lost."""

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        count: int,
        height: tuple[float, float],
        distance: tuple[float, float],
        noise: tuple[float, float],
        missing: float,
        dropout: float,
    ) -> "Sensor":
        """Uniform in the ranges; a limb is missing with probability `missing`."""
        limb = np.where(rng.random(count) < missing, rng.integers(0, len(LIMBS), count), -1)
        places = rng.uniform(*height, count), rng.uniform(*distance, count)
        return cls(*places, rng.uniform(*noise, count), limb, dropout)

    def see(self, world: Float[np.ndarray, "v 3 n t"]) -> Float[np.ndarray, "n t v 3"]:
        """Positions in the camera's axes: x to the right hand of a figure that faces it, y up, z away from it."""
        drop = (self.height - AIM)[:, None].astype(np.float32)
        far = self.distance[:, None].astype(np.float32)
        length = np.hypot(drop, far)
        cos, sin = far / length, drop / length
        y, z = world[:, 1] - np.float32(AIM) - drop, world[:, 2] + far
        out = np.empty((*world.shape[2:], len(world), 3), np.float32)
        out[..., 0] = np.moveaxis(world[:, 0], 0, -1)
        out[..., 1] = np.moveaxis(cos * y + sin * z, 0, -1)
        out[..., 2] = np.moveaxis(cos * z - sin * y, 0, -1)
        return out

    def take(
        self, rng: np.random.Generator, world: Float[np.ndarray, "v 3 n t"], there: Bool[np.ndarray, " n"]
    ) -> Float[np.ndarray, "n t 25 3"]:
        """The joints as the sensor gives them; lost ones are zero, as are persons who are not there."""
        out = self.see(world[JOINTS])
        out += rng.standard_normal(out.shape, np.float32) * self.noise[:, None, None, None].astype(np.float32)
        if self.dropout > 0:
            out[lost(rng, out.shape[:3], self.dropout)] = 0
        for number, joints in enumerate(LIMBS):
            rows = np.flatnonzero(self.missing == number)
            out[rows[:, None], :, joints] = 0
        out[~there] = 0
        return out


def lost(rng: np.random.Generator, shape: tuple[int, int, int], fraction: float) -> Bool[np.ndarray, "n t v"]:
    """Joints that are not found, in bursts of `BURST` frames; `fraction` of all on average."""
    n, t, v = shape
    blocks = rng.random((n, t // BURST + 2, v), np.float32) < fraction
    late = rng.integers(0, BURST, (n, 1, v))
    block = (np.arange(t)[:, None] + late) // BURST
    return np.take_along_axis(blocks, block, 1)
