"""A schedule played by figures: frames, joint angles, positions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.recordings.skeleton import kinematics, rotations
from acteme.recordings.skeleton.readers.pybullet import MOVING, RIG, UPPER
from acteme.recordings.worlds.bodies import Proportions
from acteme.recordings.worlds.mocap.clips import Bank
from acteme.recordings.worlds.mocap.schedule import Blocks, Schedule

GROUPS = {
    "spine": ("chest", "collar"),
    "head": ("neck", "head"),
    "shoulders": ("right_shoulder", "left_shoulder"),
    "upper_arms": ("right_elbow", "left_elbow"),
    "forearms": tuple(
        f"{side}_{part}" for side in ("right", "left") for part in ("wrist", "hand", "thumb", "hand_tip")
    ),
    "hips": ("right_hip", "left_hip"),
    "thighs": ("right_knee", "left_knee"),
    "shins": ("right_ankle", "left_ankle", "right_foot", "left_foot"),
}
"""Which bones of a body stretch together, by the point at their end."""

PROPORTIONS = Proportions(
    tuple(GROUPS),
    np.array([next((i for i, g in enumerate(GROUPS.values()) if j in g), -1) for j in RIG.joints]),
)
_UP = np.isin(MOVING, UPPER)
_THIGH, _SHIN = RIG.index(["right_knee"])[0], RIG.index(["right_ankle"])[0]
_LEG = -RIG.offsets[[_THIGH, _SHIN], 1].sum()


@dataclass(frozen=True)
class Frames:
    """What every frame shows; all recordings end to end."""

    recording: Int[np.ndarray, " n"]
    upper: Int[np.ndarray, " n"]
    """Clip that leads the upper half."""
    lower: Int[np.ndarray, " n"]
    """Clip that leads the lower half."""
    root: Float[np.ndarray, "n 3"]
    rotation: Float[np.ndarray, "n r 4"]


def play(schedule: Schedule, bank: Bank, blocks: Blocks, fps: float, transition: float) -> Frames:
    """Joint angles of every frame of a schedule.

    At the start of a run (a new clip in one half of the body, or a clip that starts again) the heading and the place on
    the ground are carried on, and what is left of the difference fades within `transition` seconds (0: a hard cut).
    """
    slot = np.repeat(np.arange(len(schedule.frames)), schedule.frames)
    recording = schedule.recording[slot]
    step = np.arange(len(slot)) - np.repeat(np.cumsum(schedule.frames) - schedule.frames, schedule.frames)
    before, after = step < schedule.join[slot], step >= schedule.leave[slot]
    lead = {
        "upper": np.where(before, 0, np.where(after, 1, schedule.upper[slot])),
        "lower": np.where(before, 0, np.where(after, 1, 1 - schedule.upper[slot])),
    }
    first = np.concatenate([[True], recording[1:] != recording[:-1]])
    clips, runs, roots, turns = {}, {}, {}, {}
    for half, which in lead.items():
        clip = schedule.clip[slot, which]
        since = step - np.where(which == 1, schedule.join[slot], 0)
        time = schedule.phase[slot, which] + since * schedule.rate[slot, which] / fps
        cycle = np.where(blocks.loop[clip], np.floor(time / bank.duration[clip]), 0)
        roots[half], turns[half] = bank.sample(clip, time - cycle * bank.duration[clip])
        changed = np.zeros(len(slot), bool)
        for mark in (slot, which, cycle):
            changed[1:] |= mark[1:] != mark[:-1]
        clips[half], runs[half] = clip, first | changed
    rotation = np.where(_UP[:, None], turns["upper"], turns["lower"])
    root, rotation[:, 0] = _path(roots["lower"], rotation[:, 0], runs["lower"], first)
    if transition > 0:
        upper, lower = (_Ease(runs[half], first, fps, transition) for half in ("upper", "lower"))
        rotation[:, _UP] = upper.turns(rotation[:, _UP])
        rotation[:, ~_UP] = lower.turns(rotation[:, ~_UP])
        root[:, 1] = lower.heights(root[:, 1])
    return Frames(recording, clips["upper"], clips["lower"], root, rotation)


def _path(
    root: Float[np.ndarray, "n 3"],
    turn: Float[np.ndarray, "n 4"],
    run: Bool[np.ndarray, " n"],
    first: Bool[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 4"]]:
    """Place and orientation of the root with heading and ground path carried on over the starts of runs."""
    heading = rotations.twist(turn)
    at = np.flatnonzero(run)
    number = np.cumsum(run) - 1
    # Turn of each run so that it starts with the heading that the run before it ended with; zero at first frames.
    gain = np.where(first[at], 0, heading[at - 1] - heading[at])
    total = np.cumsum(gain)
    origin = np.flatnonzero(first[at])
    base = np.where(first[at], total, 0)[origin][np.cumsum(first[at]) - 1]
    offset = rotations.about("y", (total - base)[number])
    move = np.zeros_like(root)
    move[1:] = root[1:] - root[:-1]
    ahead = np.append(move[1:], move[-1:], 0)
    short = np.append(run[1:], True)  # a run of one frame has no speed
    move = np.where(run[:, None], np.where(short[:, None], 0, ahead), move)
    move[first] = 0
    path = np.cumsum(rotations.rotate(offset, move), 0)
    path -= path[np.flatnonzero(first)][np.cumsum(first) - 1]
    path[:, 1] = root[:, 1]
    return path, rotations.multiply(offset, turn)


class _Ease:
    """Fades the jump at the start of every run (but not at a recording's first frame) within `transition` seconds."""

    def __init__(self, run: np.ndarray, first: np.ndarray, fps: float, transition: float):
        at = np.flatnonzero(run)[np.cumsum(run) - 1]
        share = (np.arange(len(run)) - at + 1) / (fps * transition + 1)
        self.frames = np.flatnonzero((share < 1) & ~first[at])
        self.cut = at[self.frames]
        s = share[self.frames]
        self.left = 1 - s * s * (3 - 2 * s)

    def turns(self, q: Float[np.ndarray, "n r 4"]) -> Float[np.ndarray, "n r 4"]:
        jump = rotations.multiply(q[self.cut - 1], rotations.conjugate(q[self.cut]))
        out = q.copy()
        out[self.frames] = rotations.multiply(rotations.power(jump, self.left[:, None]), q[self.frames])
        return out

    def heights(self, y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        out = y.copy()
        out[self.frames] += self.left * (y[self.cut - 1] - y[self.cut])
        return out


def positions(
    frames: Frames, factors: Float[np.ndarray, "m g"], azimuth: Float[np.ndarray, " m"], points: Int[np.ndarray, " v"]
) -> Float[np.ndarray, "n v 3"]:
    """Places of the wanted points of the figures, float32, seen from an azimuth, for the bodies of the recordings.

    Longer legs carry the figure higher and farther.
    """
    offsets = PROPORTIONS.offsets(RIG.offsets, factors)
    legs = -offsets[:, [_THIGH, _SHIN], 1].sum(1) / _LEG
    # The clips face x; a quarter turn makes them face the camera, -z.
    view = rotations.about("y", np.pi / 2 + azimuth)[frames.recording]
    rotation = frames.rotation.copy()
    rotation[:, 0] = rotations.multiply(view, rotation[:, 0])
    root = rotations.rotate(view, frames.root) * legs[frames.recording, None]
    place = kinematics.forward(RIG, rotation[:, None], root[:, None], offsets[frames.recording])
    return place[:, 0, points].astype(np.float32)
