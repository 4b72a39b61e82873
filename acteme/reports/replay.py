"""Recordings packed small enough to travel inside the page: quantized, in base64, with the player's axes."""

import base64
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from acteme.recordings.annotations import Segment
from acteme.recordings.skeleton.layouts import Layout
from acteme.reports.content import Figure, Replay

ABSENT = -32768
"""Stands for a coordinate of a person who is not there."""
FULL_RATE = 30.0
"""Frames per second that are kept at most; the player interpolates between frames."""
LOWEST_RATE = 10.0
"""Frames per second that are kept at least; what then does not fit is cut off at the end."""
SCORE_COLUMNS = 1500
"""Scores per class that are kept at most."""

HANDS_AND_FEET = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")


def figure(layout: Layout, skeleton: Float[np.ndarray, "t m v c"]) -> Figure:
    """How the layout is drawn, with the up direction judged from where the heads are in the recordings."""
    side = tuple(-1 if n.startswith("left_") else 1 if n.startswith("right_") else 0 for n in layout.joints)
    head = next((layout.joints.index(n) for n in ("head", "nose") if n in layout.joints), -1)
    ends = [layout.joints.index(n) for n in HANDS_AND_FEET if n in layout.joints]
    leaves = [v for v in range(layout.count) if v not in layout.parents]
    return Figure(
        bones=layout.edges if layout.graph else layout.bones,
        side=side,
        head=head,
        trails=tuple(ends or leaves),
        up=upward(layout, skeleton),
    )


def upward(layout: Layout, skeleton: Float[np.ndarray, "t m v c"]) -> int:
    """The axis (1, 2, 3; negative: its opposite) along which the upper body is above the lower one most of the time.

    In an image that is y in either direction. +y where the layout has no such parts or nobody is seen.
    """
    present = np.asarray(skeleton).any(axis=(-1, -2))
    if "upper" not in layout.parts or "lower" not in layout.parts or not present.any():
        return 2
    people = np.asarray(skeleton)[present]
    upper, lower = (people[:, list(layout.parts[p])].mean(axis=1) for p in ("upper", "lower"))
    rise = np.median(upper - lower, axis=0)
    axis = int(np.abs(rise).argmax()) if len(rise) == 3 else 1
    return (axis + 1) * (1 if rise[axis] >= 0 else -1)


def upright(skeleton: Float[np.ndarray, "t m v c"], up: int) -> Float[np.ndarray, "t m v c"]:
    """The recording with +y up, turned (never mirrored in 3D): x to the left, z away from the viewer."""
    x = np.asarray(skeleton, np.float32)
    if x.shape[-1] == 2:
        # An image: x already points right on the screen, where the player's x points left.
        return np.stack([-x[..., 0], x[..., 1] if up > 0 else -x[..., 1]], axis=-1)
    a, b, c = x[..., 0], x[..., 1], x[..., 2]
    turned = {2: (a, b, c), -2: (-a, -b, c), 3: (a, c, -b), -3: (a, -c, b), 1: (-b, a, c), -1: (b, -a, c)}
    return np.stack(turned[up], axis=-1)


def kept_frames(frames: int, fps: float, numbers: int, budget: int) -> tuple[int, int]:
    """(step, count): every step-th frame is kept, count of them, so that the coordinates fit into `budget` bytes.

    Args:
        frames: of the recording.
        fps: of the recording.
        numbers: coordinates per frame.
        budget: bytes of base64 text.
    """
    most = max(2, budget * 3 // 4 // (2 * max(numbers, 1)))
    step = max(1, round(fps / FULL_RATE))
    slowest = max(step, int(fps / LOWEST_RATE))
    step = min(max(step, math.ceil(frames / most)), slowest)
    return step, min(math.ceil(frames / step), most)


def pack(replay: Replay, figure: Figure, budget: int) -> dict[str, Any]:
    """A replay as JSON values that the player reads."""
    shape = replay.skeleton.shape
    step, count = kept_frames(shape[0], replay.fps, int(np.prod(shape[1:])), budget)
    kept = upright(replay.skeleton[: step * count : step], figure.up)
    present = np.asarray(replay.skeleton[: step * count : step]).any(axis=(-1, -2), keepdims=True)
    shown = min(len(kept) * step, shape[0]) / replay.fps
    coordinates, offset, scale = quantize(kept, np.broadcast_to(present, kept.shape))
    out: dict[str, Any] = {
        "name": replay.name,
        "fps": replay.fps / step,
        "shape": list(kept.shape),
        "offset": offset,
        "scale": scale,
        "frames": coordinates,
        "seconds": round(shown, 3),
        "cut": round(replay.duration - shown, 1) if replay.duration - shown > 1 else 0,
        "truth": _segments(replay.truth, shown),
        "predicted": _segments(replay.predicted, shown),
        "scores": None,
    }
    if replay.scores is not None and len(replay.scores):
        part = replay.scores[: max(1, math.ceil(len(replay.scores) * shown * replay.fps / max(shape[0], 1)))]
        values = _thinned(np.asarray(part, np.float32), SCORE_COLUMNS)
        out["scores"] = _base64(np.clip(np.rint(255 * values), 0, 255).astype(np.uint8))
        out["columns"] = len(values)
    return out


def quantize(x: Float[np.ndarray, "..."], present: Float[np.ndarray, "..."]) -> tuple[str, list[float], float]:
    """Coordinates as 16-bit integers in base64, with offset per axis and scale: value = offset + scale * integer."""
    seen = x[present].reshape(-1, x.shape[-1]) if present.any() else np.zeros((1, x.shape[-1]), np.float32)
    low, high = seen.min(axis=0), seen.max(axis=0)
    offset, scale = (low + high) / 2, max(float((high - low).max()) / 65000, 1e-9)
    whole = np.clip(np.rint((x - offset) / scale), -32767, 32767)
    return _base64(np.where(present, whole, ABSENT).astype("<i2")), offset.tolist(), scale


def _segments(segments: tuple[Segment, ...], shown: float) -> list[list[Any]]:
    kept = [s for s in segments if s.start < shown]
    return [[round(s.start, 3), round(min(s.end, shown), 3), s.label, round(float(s.score), 3)] for s in kept]


def _thinned(values: Float[np.ndarray, "s k"], most: int) -> Float[np.ndarray, "r k"]:
    """At most so many rows: means of equal stretches."""
    if len(values) <= most:
        return values
    cuts = np.linspace(0, len(values), most + 1).astype(int)
    return np.add.reduceat(values, cuts[:-1], axis=0) / np.diff(cuts)[:, None]


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
