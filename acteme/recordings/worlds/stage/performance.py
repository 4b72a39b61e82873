"""Scripts performed by figures: joint angles, then positions, for all recordings and frames at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from acteme.recordings.skeleton.kinematics import forward_parts
from acteme.recordings.worlds.stage.primitives import KIND_OF_PART, TABLE, Angle
from acteme.recordings.worlds.stage.rig import FEET, PARTS, RIG
from acteme.recordings.worlds.stage.script import Script

RAMP = 0.25
"""Seconds in which one primitive passes into the next."""
Field = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Actor:
    """Who performs each of N recordings, and how."""

    offsets: Float[np.ndarray, "n v 3"]
    """Bones of the body."""
    tempo: Float[np.ndarray, " n"]
    """Factor of all frequencies."""
    vigor: Float[np.ndarray, " n"]
    """Factor of all amplitudes."""
    posture: Float[np.ndarray, "n p 4"]
    """Angles added to every pose, radians."""


@dataclass(frozen=True)
class Course:
    """Where the figures are and where they look; float32, frames last."""

    place: Float[np.ndarray, "2 n t"]
    """Place of the pelvis on the ground (x, z), meters."""
    heading: Float[np.ndarray, "n t"]
    """Turn about the upright axis, radians."""
    clock: Float[np.ndarray, "n t"]
    """The performers' own time, seconds: warped tempo."""
    drift: Float[np.ndarray, "n p 4 t"] | None = None
    """Angles that are added in the course of time, radians."""


def perform(
    script: Script, actor: Actor, course: Course, time: Float[np.ndarray, " t"]
) -> Float[np.ndarray, "v 3 n t"]:
    """Positions of the rig's points, in meters over the floor y = 0 on which the lowest foot stands in every frame."""
    angles = [_angles(script, actor, course, time, p) for p in range(len(PARTS))]
    head, right_arm, left_arm, right_leg, left_leg, torso = angles
    half = [a / 2 for a in torso]
    turns = {
        "spine_base": _turn(y=course.heading),
        "waist": _turn(-half[0], -half[1], half[2]),
        "neck": _turn(-head[0], -head[1], head[2]),
    }
    turns["spine_mid"] = turns["waist"]
    for side, sign, arm, leg in (("right", 1, right_arm, right_leg), ("left", -1, left_arm, left_leg)):
        turns[f"{side}_shoulder"] = _turn(arm[0], sign * arm[1], -sign * arm[2])
        turns[f"{side}_elbow"] = _turn(arm[3])
        turns[f"{side}_hip"] = _turn(leg[0], sign * leg[1], -sign * leg[2])
        turns[f"{side}_knee"] = _turn(-leg[3])
    root = np.stack([course.place[0], np.zeros_like(course.place[0]), course.place[1]])
    offsets = np.moveaxis(actor.offsets, 0, -1)[..., None].astype(np.float32)
    out = forward_parts(RIG, [turns[j] for j in RIG.moving], root, offsets)
    out[:, 1] -= out[FEET, 1].min(0)
    return out


def _angles(script: Script, actor: Actor, course: Course, time: np.ndarray, part: int) -> list[np.ndarray]:
    """The four angles (n, t) of a part."""
    start, end = script.start[..., part], script.end[..., part]
    if start.shape[1] == 1:
        share = _share(time, start, end)
        angles = _played(script, actor, course, part, lambda x: x[:, :1])
        angles = [a * share for a in angles]
    else:
        rows = np.arange(len(start))[:, None]
        slot = _slot(start, time)
        share = _share(time, start[rows, slot], end[rows, slot])
        # Near its ends a slot shares the angles with its neighbor.
        early = time < (start + end)[rows, slot] / 2
        other = np.clip(np.where(early, slot - 1, slot + 1), 0, start.shape[1] - 1)
        rest = np.where((other != slot) & (end > start)[rows, other], 1 - share, 0).astype(np.float32)
        mine = _played(script, actor, course, part, lambda x: x[rows, slot])
        yours = _played(script, actor, course, part, lambda x: x[rows, other])
        angles = [a * share + b * rest for a, b in zip(mine, yours, strict=True)]
    posture = actor.posture[:, part].astype(np.float32)
    angles = [a + posture[:, i, None] for i, a in enumerate(angles)]
    return angles if course.drift is None else [a + course.drift[:, part, i] for i, a in enumerate(angles)]


def _slot(start: Float[np.ndarray, "n s"], time: Float[np.ndarray, " t"]) -> np.ndarray:
    """(n, t) the slot that each frame lies in: the last one that has begun."""
    first = np.searchsorted(time, start, side="left")
    marks = np.zeros((len(start), len(time) + 1), np.int64)
    np.add.at(marks, (np.arange(len(start))[:, None], first), 1)
    return np.maximum(np.cumsum(marks[:, :-1], 1) - 1, 0)


def _share(time: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far a slot's primitive is on: 1/2 at its ends, 1 from half a ramp within."""
    inside = np.clip(np.minimum(time - start, end - time) / RAMP + 0.5, 0, 1).astype(np.float32)
    return inside * inside * (3 - 2 * inside)


def _played(script: Script, actor: Actor, course: Course, part: int, pick: Field) -> list[np.ndarray]:
    """The four angles of the beats that `pick` chooses from an (n, s) field, without sharing."""

    def value(field: np.ndarray) -> np.ndarray:
        return pick(field[..., part]).astype(np.float32)

    rate = value(script.frequency) * actor.tempo[:, None].astype(np.float32)
    theta = 2 * np.float32(np.pi) * (rate * course.clock + value(script.phase))
    gain = value(script.amplitude) * actor.vigor[:, None].astype(np.float32)
    easing = value(script.easing)
    table = TABLE[KIND_OF_PART[part]]
    primitive = pick(script.primitive[..., part])
    waves: dict[bool, np.ndarray] = {}
    out = []
    for angle in range(4):
        offset, swing, pulse, lag = (table[:, angle, i] for i in range(len(Angle._fields)))
        total = offset[primitive]
        if angle == 0 and script.lean is not None:
            total = total + value(script.lean)
        if swing.any() or pulse.any():
            late = bool(lag.any())
            if late or late not in waves:
                sine = np.sin(theta + lag[primitive] if late else theta)
                waves[late] = sine * (1 + easing - easing * sine * sine)
            wave = waves[late]
            if swing.any():
                total = total + (gain * swing[primitive]) * wave
            if pulse.any():
                up = 0.5 + 0.5 * wave
                total = total + (gain * pulse[primitive]) * (up * up)
        out.append(np.broadcast_to(total, theta.shape))
    return out


def _turn(x: np.ndarray | None = None, z: np.ndarray | None = None, y: np.ndarray | None = None) -> np.ndarray:
    """Quaternions (4, ...), components first, of R_x(x) R_z(z) R_y(y)."""
    given = next(a for a in (x, z, y) if a is not None)
    one, zero = np.ones_like(given), np.zeros_like(given)
    if x is not None and z is None and y is None:
        return np.stack([np.cos(x / 2), np.sin(x / 2), zero, zero])
    if x is None and z is None:
        return np.stack([np.cos(given / 2), zero, np.sin(given / 2), zero])
    (cx, sx), (cz, sz), (cy, sy) = ((np.cos(a / 2), np.sin(a / 2)) if a is not None else (one, zero) for a in (x, z, y))
    w, i, j, k = cx * cz, sx * cz, -sx * sz, cx * sz
    return np.stack([w * cy - j * sy, i * cy - k * sy, w * sy + j * cy, i * sy + k * cy])
