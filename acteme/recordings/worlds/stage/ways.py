"""The ways of the figures in the space before the camera."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from acteme.recordings.worlds.stage.performance import Course
from acteme.recordings.worlds.stage.rig import PARTS


def courses(
    rng: np.random.Generator,
    azimuth: Float[np.ndarray, " n"],
    time: Float[np.ndarray, " t"],
    path: float,
    turn: float,
    warp: float,
    sway: float = 0.0,
) -> Course:
    """Ways within `path` meters of where a figure starts, turns within `turn` radians, tempo within 1 +- `warp`, every
    angle of every part within +- `sway` radians."""
    n = len(azimuth)

    def waves(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        rate = 2 * np.pi * rng.uniform(low, high, (n, 1))
        return rate, rate * time + 2 * np.pi * rng.random((n, 1))

    x, z, y = (np.sin(waves(0.05, 0.25)[1]) for _ in range(3))
    rate, angle = waves(0.1, 0.5)
    drift = None
    if sway:
        own, shape = rng.spawn(1)[0], (n, len(PARTS), 4, 1)  # so that all else stays as without
        slow = 2 * np.pi * (own.uniform(0.05, 0.25, shape) * time + own.random(shape))
        drift = (own.uniform(0, sway, shape) * np.sin(slow)).astype(np.float32)
    return Course(
        place=(path / np.sqrt(2) * np.stack([x, z])).astype(np.float32),
        heading=(azimuth[:, None] + turn * y).astype(np.float32),
        clock=(time + warp * np.sin(angle) / rate).astype(np.float32),
        drift=drift,
    )


def beside(rng: np.random.Generator, course: Course) -> Course:
    """The ways of second persons, .8 to 1.5 m to one side, who look anywhere."""
    n = len(course.heading)
    aside = rng.uniform(0.8, 1.5, n) * rng.choice([-1, 1], n)
    place = course.place + np.stack([aside, rng.uniform(-0.5, 0.5, n)])[..., None].astype(np.float32)
    heading = course.heading + rng.uniform(0, 2 * np.pi, (n, 1)).astype(np.float32)
    return replace(course, place=place, heading=heading)
