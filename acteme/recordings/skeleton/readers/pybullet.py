"""The human motion clips that the `pybullet` package carries: 15 actions of one person, and 5 walks.

They come with the DeepMimic release (Peng et al. 2018, "DeepMimic: Example-Guided Deep Reinforcement Learning of
Physics-Based Character Skills"), which took them from public motion capture: cite it. The files are read where the
package lies and are never copied.

A file is JSON: `{"Loop": "wrap" | "none", "Frames": [[44 numbers], ...]}`. A frame is its duration (s), the root's
place (m), and the joint angles of `MOVING` in order, from the root's: a quaternion (w, x, y, z) each, but one angle
about the local z axis for knees and elbows. Frame i starts at the sum of the durations before it. Axes: x forward,
y up, z to the right.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings import assets
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.kinematics import Rig, forward
from acteme.recordings.skeleton.layouts import layout as layout_of
from acteme.recordings.spec import Spec

CLIPS = (
    "walk", "run", "jump", "crawl", "roll", "kick", "punch", "spinkick", "spin", "backflip", "cartwheel", "dance_a",
    "dance_b", "getup_facedown", "getup_faceup",
)  # fmt: skip
"""The actions, which are also the classes of the `mocap` world."""
WALKS = ("0walk_forward", "turn_left0", "turn_left1", "turn_right0", "turn_right1")
MOVING = (
    "root", "chest", "neck", "right_hip", "right_knee", "right_ankle", "right_shoulder", "right_elbow", "left_hip",
    "left_knee", "left_ankle", "left_shoulder", "left_elbow",
)  # fmt: skip
"""The joints that turn."""
HINGES = {"right_knee", "right_elbow", "left_knee", "left_elbow"}
UPPER = ("chest", "neck", "right_shoulder", "right_elbow", "left_shoulder", "left_elbow")
"""What a spliced figure takes from the clip of its upper half."""
LOWER = ("root", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")
VALUES = 44
LONGEST = 3600.0
"""Seconds; a longer clip is a damaged duration, which resampling would fill the memory with."""
FOLDER = "pybullet_data/data/motions"
MEND = "take the file as the package pybullet carries it"

_SIDES = {"right": 1.0, "left": -1.0}
_POINTS: list[tuple[str, str, tuple[float, float, float]]] = [
    ("chest", "root", (0, 0.236151, 0)),
    ("collar", "chest", (-0.02405, 0.2435, 0)),
    ("neck", "collar", (0.02405, 0.223894 - 0.2435, 0)),
    ("head", "neck", (0, 0.18, 0)),
]
for _side, _sign in _SIDES.items():
    _POINTS += [
        (f"{_side}_shoulder", "collar", (0, 0, _sign * 0.18311)),
        (f"{_side}_elbow", f"{_side}_shoulder", (0, -0.274788, 0)),
        (f"{_side}_wrist", f"{_side}_elbow", (0, -0.258947, 0)),
        (f"{_side}_hand", f"{_side}_wrist", (0, -0.08, 0)),
        (f"{_side}_thumb", f"{_side}_wrist", (0, -0.10, 0)),
        (f"{_side}_hand_tip", f"{_side}_wrist", (0, -0.12, 0)),
        (f"{_side}_hip", "root", (0, 0, _sign * 0.084887)),
        (f"{_side}_knee", f"{_side}_hip", (0, -0.421546, 0)),
        (f"{_side}_ankle", f"{_side}_knee", (0, -0.409870, 0)),
        (f"{_side}_foot", f"{_side}_ankle", (0.12, 0, 0)),
    ]
_NAMES = ("root", *(name for name, _, _ in _POINTS))

RIG = Rig(
    joints=_NAMES,
    parents=(0, *(_NAMES.index(parent) for _, parent, _ in _POINTS)),
    offsets=np.array([(0, 0, 0), *(offset for _, _, offset in _POINTS)], float),
    moving=MOVING,
)
"""The simulator's humanoid (a quarter of its URDF's size), with points that the simulator has no joint for: the collar
between the shoulders, the head .18 m above the neck, hand, thumb and hand tip .08, .10 and .12 m beyond the wrist, and
the foot .12 m before the ankle."""

_POINT_OF = {
    "mid_hip": "root",
    "spine_base": "root",
    "spine_mid": "chest",
    "spine_shoulder": "neck",
    "nose": "head",
}


def points(layout: str) -> np.ndarray:
    """The rig's point for each joint of a layout (`mocap15`, `body15` or `ntu25`)."""
    names = [_POINT_OF.get(j, j) for j in layout_of(layout).joints]
    if layout == "body15":  # OpenPose's neck is the middle of the shoulders
        names[names.index("neck")] = "collar"
    if not set(names) <= set(RIG.joints):
        raise InputError(f"the humanoid has no joints for layout '{layout}'", mend="use body15, mocap15 or ntu25")
    return RIG.index(names)


@dataclass(frozen=True)
class Motion:
    """Joint angles over time."""

    name: str
    """Name of the file without what all names share."""
    wrap: bool
    """Whether the clip is meant to be played in a loop."""
    time: Float[np.ndarray, " t"]
    """Seconds, from 0, increasing."""
    root: Float[np.ndarray, "t 3"]
    """Place of the root, metres."""
    rotation: Float[np.ndarray, "t 13 4"]
    """Unit quaternions of the joints of `MOVING`."""

    @property
    def duration(self) -> float:
        """Time of the last frame, seconds."""
        return float(self.time[-1])

    def at(self, time: Float[np.ndarray, " n"]) -> "Motion":
        """The motion at other times: angles by slerp, places linearly; the ends are held."""
        time = np.clip(time, 0, self.duration)
        after = np.clip(np.searchsorted(self.time, time, side="right"), 1, max(len(self.time) - 1, 1))
        before, after = after - 1, np.minimum(after, len(self.time) - 1)
        span = self.time[after] - self.time[before]
        weight = np.where(span > 0, (time - self.time[before]) / np.where(span > 0, span, 1), 0)
        root = self.root[before] + weight[:, None] * (self.root[after] - self.root[before])
        rotation = rotations.slerp(self.rotation[before], self.rotation[after], weight[:, None])
        return Motion(self.name, self.wrap, time, root, rotation)

    def resample(self, fps: float) -> "Motion":
        """The motion at times 0, 1/fps, ... up to its duration."""
        count = int(np.floor(self.duration * fps + 1e-6)) + 1
        return self.at(np.arange(count) / fps)

    def positions(self) -> Float[np.ndarray, "t 25 3"]:
        """Places of all points of the rig."""
        return forward(RIG, self.rotation, self.root)


def parse(text: str, name: str) -> Motion:
    """A motion from the text of a file; raises InputError, which names frame and mend, where it is not one."""
    try:
        content = json.loads(text)
        frames = content["Frames"]
        wrap = content.get("Loop", "none") == "wrap"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("is not a motion clip (JSON with Loop and Frames)", name, MEND) from error
    if not isinstance(frames, list) or not frames:
        raise InputError("has no frames", name, MEND)
    for i, frame in enumerate(frames):
        if not isinstance(frame, list) or len(frame) != VALUES:
            count = len(frame) if isinstance(frame, list) else "no list of"
            raise InputError(f"frame {i} has {count} values, a humanoid has {VALUES}", name, MEND)
    try:
        values = np.array(frames, float)
    except (TypeError, ValueError) as error:
        raise InputError("a frame holds something that is not a number", name, MEND) from error
    bad = ~np.isfinite(values).all(1)
    if bad.any():
        raise InputError(f"frame {np.argmax(bad)} has a NaN or infinity", name, MEND)
    if (values[:-1, 0] <= 0).any():
        raise InputError(f"frame {np.argmax(values[:-1, 0] <= 0)} has no duration", name, MEND)
    rotation, column = np.empty((len(values), len(MOVING), 4)), 4
    for i, joint in enumerate(MOVING):
        if joint in HINGES:
            rotation[:, i] = rotations.about("z", values[:, column])
            column += 1
        else:
            rotation[:, i] = values[:, column : column + 4]
            column += 4
    rotations.check_unit(rotation, name, 0.5)  # the files blend quaternions linearly
    time = np.concatenate([[0.0], np.cumsum(values[:-1, 0])])
    if time[-1] > LONGEST:
        raise InputError(f"lasts {time[-1]:g} s, at most {LONGEST:g} s make sense", name, MEND)
    return Motion(name, wrap, time, values[:, 1:4], rotations.normalize(rotation))


def load(path: Path) -> Motion:
    """Reads a motion file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read as text", path, MEND) from error
    motion = parse(text, str(path))
    return Motion(path.stem.removeprefix("humanoid3d_"), motion.wrap, motion.time, motion.root, motion.rotation)


def folder() -> Path:
    """Where the clips lie; raises MissingError, which names the command that helps, where the package is missing."""
    return assets.find("pybullet", f"{FOLDER}/humanoid3d_walk.txt").parent


def clip(name: str) -> Motion:
    """One of `CLIPS` or `WALKS`."""
    if name not in CLIPS + WALKS:
        raise InputError(f"there is no clip '{name}'", mend=f"use one of {', '.join(CLIPS + WALKS)}")
    return load(folder() / (f"humanoid3d_{name}.txt" if name in CLIPS else f"walker/{name}.txt"))


def pybullet_clips(
    path: Path | None = None, *, layout: str = "mocap15", fps: float = 30.0, walks: bool = False
) -> Listing:
    """The clips as trimmed recordings, one per class.

    Args:
        path: folder of the clips; None finds that of the package.
        layout: `mocap15`, `body15` or `ntu25`. Axes stay those of the files: x forward, y up, z to the right; metres.
        fps: frames per second to resample to.
        walks: also the five clips of the walker, as further recordings of the class "walk".
    """
    if not 0 < fps <= 240:
        raise InputError(f"fps is {fps}", "clips", "give frames per second above 0, up to 240")
    where = folder() if path is None else path
    chosen, joints = points(layout), layout_of(layout)
    files = {name: where / f"humanoid3d_{name}.txt" for name in CLIPS}
    files |= {name: where / "walker" / f"{name}.txt" for name in WALKS if walks}

    def read(name: str, file: Path) -> Recording:
        skeleton = load(file).resample(fps).positions()[:, None, chosen].astype(np.float32)
        return Recording(name, fps, {"skeleton": skeleton}, label=name if name in CLIPS else "walk", subject="actor")

    items = [Item(n, str(f), lambda n=n, f=f: read(n, f)) for n, f in files.items()]  # type: ignore[misc]
    spec = Spec(layout=layout, joints=joints.count, persons=1, channels=3, classes=CLIPS, fps=fps)
    return Listing(spec, items, tuple(files.values()))
