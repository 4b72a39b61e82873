"""People who walk through scenes by a social-force model (Helbing and Molnar, 1995), all scenes at once.

A walker's velocity relaxes to the desired one, toward the gate that is the destination; discs push away and sideways,
others push away, and a correlated noise makes no two ways alike. Every scene has a number of slots; an arrival takes a
free one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.worlds.crowd.places import Places

STEP = 0.1
"""Seconds of a step."""
EVERY = 4
"""Steps between two samples: 2.5 per second."""
FPS = 1 / (STEP * EVERY)
SLOTS = 12
"""Most people in a scene at a time."""
RELAX = 0.5
"""Seconds in which a walker's velocity relaxes."""
LONGEST = 90.0
"""Seconds after which a walker who has not arrived is taken out."""
SHORTEST = 20
"""Samples of a track at least: eight seen and twelve to come."""


@dataclass(frozen=True)
class Tracks:
    """Tracks in order of scene and start, their samples end to end."""

    pixel: Float[np.ndarray, "n 2"]
    """Where in the image."""
    frames: Int[np.ndarray, " r"]
    """Samples of each track."""
    scene: Int[np.ndarray, " r"]
    start: Float[np.ndarray, " r"]
    """Seconds since the scene's beginning."""
    walker: Int[np.ndarray, " r"]
    """Number of the walker within the scene."""


@dataclass(frozen=True)
class Ways:
    """How people walk."""

    rate: float
    """Arrivals per second and scene."""
    interaction: float
    """Push between walkers, m/s^2 when they touch."""
    speed: tuple[float, float]
    """Mean and standard deviation of the desired speed, m/s."""
    noise: float
    """Standard deviation of the acceleration's noise, m/s^2."""
    camera_drift: float
    """Degrees that the camera turns right and down until the end of `seconds`."""
    scene_drift: float
    """Share of the routes that are other ones at the end of `seconds`."""


def watch(
    draw: Callable[[int, int], Places],
    seed: Callable[[int], np.random.Generator],
    count: int,
    ways: Ways,
    each: int,
    most: int = 20,
) -> tuple[Places, Tracks]:
    """Scenes and so many tracks of each or more; a scene that shows too few is drawn anew.

    Args:
        draw: makes so many scenes (second argument) for an attempt (first).
        seed: the generator of an attempt.
        count: scenes.
        ways: how people walk.
        each: tracks of each scene that are wanted.
        most: attempts.

    Raises:
        InputError: a scene has fewer tracks after all attempts.
    """
    places, found, rows = draw(0, count), [], np.arange(count)
    for attempt in range(most):
        if attempt:
            places = places.replaced(rows, draw(attempt, len(rows)))
        made = walk(seed(attempt), places.select(rows), ways, 1.5 * each / ways.rate + 90.0)
        enough = np.bincount(made.scene, minlength=len(rows)) >= each
        found.append(_chosen(made, enough[made.scene], rows))
        rows = rows[~enough]
        if not len(rows):
            return places, _joined(found)
    raise InputError(f"scenes show fewer than {each} people for long enough", "crowd", "lower speed or tracks")


def _chosen(tracks: Tracks, kept: Bool[np.ndarray, " r"], number: Int[np.ndarray, " s"]) -> Tracks:
    """Some of the tracks; `number` are the scenes' own numbers."""
    return Tracks(tracks.pixel[np.repeat(kept, tracks.frames)], tracks.frames[kept], number[tracks.scene[kept]],
                  tracks.start[kept], tracks.walker[kept])  # fmt: skip


def _joined(parts: Sequence[Tracks]) -> Tracks:
    """Tracks of different scenes, in the order of the scenes."""
    frames, scene, start, walker = (
        np.concatenate([getattr(p, n) for p in parts]) for n in ("frames", "scene", "start", "walker")
    )
    pixel, first = np.concatenate([p.pixel for p in parts]), np.cumsum(frames) - frames
    order = np.argsort(scene, kind="stable")
    frames, first = frames[order], first[order]
    at = np.repeat(first - (np.cumsum(frames) - frames), frames) + np.arange(frames.sum())
    return Tracks(pixel[at], frames, scene[order], start[order], walker[order])


def walk(rng: np.random.Generator, places: Places, ways: Ways, seconds: float) -> Tracks:
    """Everyone who is seen for at least `SHORTEST` samples in a row, in so many seconds."""
    s, steps = len(places), round(seconds / STEP)
    free = np.full((s, SLOTS), -1)
    who, goal = free.copy(), np.zeros((s, SLOTS, 2))
    x, v, push = (np.zeros((s, SLOTS, 2)) for _ in range(3))
    wish, age = np.ones((s, SLOTS)), np.zeros((s, SLOTS))
    arrived = np.zeros(s, np.int64)
    samples, owners = [], []
    drift = np.deg2rad(ways.camera_drift)
    for step in range(steps):
        share = step / max(steps - 1, 1)
        if step % EVERY == 0:
            camera = places.camera.moved(share * drift, share * drift)
            camera = type(camera)(camera.height[:, None], camera.pitch[:, None], camera.pan[:, None], camera.focal,
                                  camera.size)  # fmt: skip
            pixel = camera.pixel(x[..., 0], x[..., 1])
            samples.append(pixel.astype(np.float32))
            owners.append(np.where((who >= 0) & camera.visible(pixel), who, -1))
        coming = np.flatnonzero(rng.random(s) < ways.rate * STEP)
        coming = coming[(who[coming] < 0).any(1)]
        if len(coming):
            slot = np.argmax(who[coming] < 0, axis=1)
            a, b = _routes(rng, places, coming, share * ways.scene_drift)
            x[coming, slot] = places.gates[coming, a] + rng.normal(0, 0.3, (len(coming), 2))
            goal[coming, slot] = places.gates[coming, b] + rng.normal(0, 0.5, (len(coming), 2))
            wish[coming, slot] = np.maximum(rng.normal(*ways.speed, len(coming)), 0.5)
            way = goal[coming, slot] - x[coming, slot]
            v[coming, slot] = way / np.linalg.norm(way, axis=1, keepdims=True) * wish[coming, slot, None]
            push[coming, slot], age[coming, slot] = 0, 0
            who[coming, slot] = arrived[coming]
            arrived[coming] += 1
        way = goal - x
        left = np.linalg.norm(way, axis=-1, keepdims=True)
        with np.errstate(invalid="ignore"):
            slowed = np.linalg.norm(x - places.slow[:, None, :2], axis=-1) < places.slow[:, None, 2]
        wanted = np.where(slowed, wish * np.nan_to_num(places.slow[:, None, 3]), wish)[..., None]
        force = (way / np.maximum(left, 1e-6) * wanted - v) / RELAX
        force += _around(places, x, v)
        if ways.interaction:
            force += ways.interaction * _apart(x, who >= 0)
        push = 0.9 * push + np.sqrt(1 - 0.9**2) * ways.noise * rng.standard_normal(push.shape)
        v = v + STEP * (force + push)
        fast = np.linalg.norm(v, axis=-1, keepdims=True)
        v *= np.minimum(1, 1.5 * wish[..., None] / np.maximum(fast, 1e-6))
        x = x + STEP * v
        age += STEP
        gone = (left[..., 0] < 0.5) | (age > LONGEST)
        who = np.where(gone, -1, who)
    return _tracks(np.stack(samples), np.stack(owners))


def _routes(
    rng: np.random.Generator, places: Places, scenes: np.ndarray, drift: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gates from which and to which someone walks in each of the scenes."""
    chance = ((1 - drift) * places.routes[scenes] + drift * places.later[scenes]).reshape(len(scenes), -1)
    total = np.cumsum(chance, axis=1)
    pick = (rng.random((len(scenes), 1)) * total[:, -1:] < total).argmax(1)
    gates = places.gates.shape[1]
    return pick // gates, pick % gates


def _around(places: Places, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Discs push away, exponentially with the distance to their edge, and to the side that a walker tends to."""
    apart = x[:, :, None] - places.obstacles[:, None, :, :2]
    far = np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-6)
    normal = apart / far
    strength = 4.0 * np.exp(np.minimum((places.obstacles[:, None, :, 2:] - far) / 0.5, 2.0))
    beside = np.stack([-normal[..., 1], normal[..., 0]], -1)
    side = np.where((beside * v[:, :, None]).sum(-1, keepdims=True) >= 0, 1.0, -1.0)
    return np.nan_to_num(strength * (normal + 0.6 * side * beside)).sum(2)


def _apart(x: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Others push away, exponentially with the distance."""
    apart = x[:, :, None] - x[:, None]
    far = np.linalg.norm(apart, axis=-1, keepdims=True)
    pair = there[:, :, None, None] & there[:, None, :, None] & (far > 1e-6)
    return (np.where(pair, np.exp(-far / 0.5), 0) * apart / np.maximum(far, 1e-6)).sum(2)


def _tracks(pixel: np.ndarray, owner: np.ndarray) -> Tracks:
    """Cuts samples (t, s, slots, 2) into runs of one walker who is seen."""
    t, _, slots = owner.shape
    flat = owner.transpose(1, 2, 0).reshape(-1)
    samples = pixel.transpose(1, 2, 0, 3).reshape(-1, 2)
    edge = np.ones(len(flat) + 1, bool)
    edge[1:-1] = flat[1:] != flat[:-1]
    edge[: len(flat) : t] = True  # a slot's end is the end of its last run
    cut = np.flatnonzero(edge)
    first, frames = cut[:-1], np.diff(cut)
    kept = (flat[first] >= 0) & (frames >= SHORTEST)
    first, frames = first[kept], frames[kept]
    scene, start = first // (slots * t), first % t
    order = np.lexsort((flat[first], start, scene))
    first, frames = first[order], frames[order]
    at = np.repeat(first - (np.cumsum(frames) - frames), frames) + np.arange(frames.sum())
    return Tracks(samples[at], frames, scene[order], start[order] * STEP * EVERY, flat[first])
