"""Scenes: a camera, gates where people come and go, how often they go from which to which, discs in their way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from acteme.recordings.worlds.crowd.camera import Camera

GATES = 5
"""Most gates of a scene."""
FAR = 30.0
"""Meters ahead within which gates lie."""
APART, WALK = 3.0, 10.0
"""Least distance between two gates, and between two that people walk between, meters."""
SEEN = 0.2
"""Share of the walkers, at least, who would be seen for long enough if they walked straight."""


@dataclass(frozen=True)
class Places:
    """Scenes, one per row. Gates and discs beyond a scene's own number are NaN."""

    camera: Camera
    gates: Float[np.ndarray, "s g 2"]
    """Meters."""
    routes: Float[np.ndarray, "s g g"]
    """Chance that a person walks from one gate to another."""
    later: Float[np.ndarray, "s g g"]
    """What it drifts to."""
    obstacles: Float[np.ndarray, "s o 3"]
    """x, y and radius of discs that people walk around, which the image does not show."""
    slow: Float[np.ndarray, "s 4"]
    """x, y and radius of a disc on which people are slower, and by which factor; NaN where there is none."""

    def __len__(self) -> int:
        return len(self.gates)

    def select(self, rows: Int[np.ndarray, " r"]) -> "Places":
        """Some of the scenes."""
        return self._of([self], rows)

    def replaced(self, rows: Int[np.ndarray, " r"], others: "Places") -> "Places":
        """With other scenes in place of some."""
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(others))
        return self._of([self, others], order)

    @staticmethod
    def _of(parts: list["Places"], order: Int[np.ndarray, " r"]) -> "Places":
        """Scenes of several, end to end, in an order."""

        def joined(name: str, of: Sequence[object]) -> np.ndarray:
            return np.concatenate([getattr(each, name) for each in of])[order]

        cameras = [p.camera for p in parts]
        height, pitch, pan = (joined(name, cameras) for name in ("height", "pitch", "pan"))
        camera = Camera(height, pitch, pan, cameras[0].focal, cameras[0].size)
        return Places(camera, *(joined(name, parts) for name in ("gates", "routes", "later", "obstacles", "slow")))


def build(
    rng: np.random.Generator,
    count: int,
    size: tuple[int, int],
    focal: float,
    obstacles: tuple[int, int],
    slow: float,
) -> Places:
    """Draws scenes.

    Args:
        rng: everything follows from it.
        count: how many.
        size: height and width of the image.
        focal: focal length in pixels.
        obstacles: least and greatest number of discs in the way.
        slow: share of the scenes with a slow disc.
    """
    made = [_one(rng, size, focal, obstacles, slow) for _ in range(count)]
    height, pitch, gates, routes, later, discs, patch = (np.stack(part) for part in zip(*made, strict=True))
    return Places(Camera(height, pitch, np.zeros(count), focal, size), gates, routes, later, discs, patch)


def _one(
    rng: np.random.Generator, size: tuple[int, int], focal: float, obstacles: tuple[int, int], slow: float
) -> tuple[np.ndarray, ...]:
    while True:
        height, pitch = rng.uniform(3, 8), np.deg2rad(rng.uniform(20, 50))
        camera = Camera(np.array(height), np.array(pitch), np.zeros(()), focal, size)
        gates = _gates(rng, camera, int(rng.integers(3, GATES + 1)))
        if gates is None:
            continue
        apart = np.linalg.norm(gates[:, None] - gates[None], axis=-1)
        walked = apart > WALK
        if not walked.any():
            continue
        tables = np.zeros((2, GATES, GATES))
        for table in tables:
            table[: len(gates), : len(gates)][walked] = rng.dirichlet(np.full(int(walked.sum()), 0.3))
        long = _seen(camera, gates) > 8.5
        if min((table[: len(gates), : len(gates)] * long).sum() for table in tables) > SEEN:
            break
    routes, later = tables
    discs = np.full((max(obstacles[1], 1), 3), np.nan)
    for i in range(int(rng.integers(obstacles[0], obstacles[1] + 1))):
        discs[i] = [*_on_route(rng, gates, routes), rng.uniform(0.7, 2.0)]
    patch = np.full(4, np.nan)
    if rng.random() < slow:
        patch[:] = [*_on_route(rng, gates, routes), rng.uniform(1.5, 4.0), rng.uniform(0.3, 0.6)]
    padded = np.full((GATES, 2), np.nan)
    padded[: len(gates)] = gates
    return np.array(height), np.array(pitch), padded, routes, later, discs, patch


def _gates(rng: np.random.Generator, camera: Camera, wanted: int) -> np.ndarray | None:
    """Places that so many pixels look at, most of them on the image's border; None where they do not fit."""
    h, w = camera.size
    n = 60
    column, row = rng.uniform(0, w - 1, n), rng.uniform(0, h - 1, n)
    side, border = rng.integers(4, size=n), rng.random(n) < 0.7
    column = np.where(border & (side == 0), 0, np.where(border & (side == 1), w - 1, column))
    row = np.where(border & (side == 2), 0, np.where(border & (side == 3), h - 1, row))
    places = np.stack(camera.ground(column, row), -1)
    chosen: list[np.ndarray] = []
    for place in places:
        if np.isfinite(place).all() and place[1] < FAR and all(np.linalg.norm(place - c) > APART for c in chosen):
            chosen.append(place)
        if len(chosen) == wanted:
            return np.array(chosen)
    return None


def _seen(camera: Camera, gates: np.ndarray) -> np.ndarray:
    """Seconds for which someone who walks straight from a gate to another at 1.35 m/s is seen."""
    share = np.linspace(0, 1, 50)[:, None, None, None]
    way = gates[:, None] + share * (gates[None] - gates[:, None])
    seen = camera.visible(camera.pixel(way[..., 0], way[..., 1])).mean(0)
    return seen * np.linalg.norm(gates[:, None] - gates[None], axis=-1) / 1.35


def _on_route(rng: np.random.Generator, gates: np.ndarray, routes: np.ndarray) -> np.ndarray:
    """A place near a way that people take, the more often the likelier."""
    a, b = divmod(int(rng.choice(routes.size, p=routes.ravel() / routes.sum())), len(routes))
    return gates[a] + rng.uniform(0.3, 0.7) * (gates[b] - gates[a]) + rng.normal(0, 1.0, 2)


def maps(places: Places) -> np.ndarray:
    """(scenes, h, w) uint8: 0 ground, 1 in the way, 2 slow ground, 3 too far to walk or sky."""
    h, w = places.camera.size
    columns, rows = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
    camera = Camera(places.camera.height[:, None, None], places.camera.pitch[:, None, None], np.zeros(()),
                    places.camera.focal, places.camera.size)  # fmt: skip
    x, y = camera.ground(columns, rows)

    def within(disc: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.hypot(x - disc[:, 0, None, None], y - disc[:, 1, None, None]) < disc[:, 2, None, None]

    out = np.zeros((len(places), h, w), np.uint8)
    out[within(places.slow)] = 2
    for i in range(places.obstacles.shape[1]):
        out[within(places.obstacles[:, i])] = 1
    out[~(y < FAR)] = 3
    return out
