"""The figure: the NTU tree of 25 joints, standing, with the joints that turn.

Axes of the figure at rest: x to its right hand, y up, and it looks along -z, at a camera in front of it.
"""

import numpy as np

from acteme.recordings.skeleton.kinematics import Rig
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.worlds.bodies import Proportions

PARTS = ("head", "right_arm", "left_arm", "right_leg", "left_leg", "torso")
"""The parts of the body that move independently."""
MIRROR = np.array([0, 2, 1, 4, 3, 5])
"""The part on the other side."""

_POINTS: list[tuple[str, str, tuple[float, float, float]]] = [
    ("waist", "spine_base", (0, 0, 0)),  # bends the trunk but not the hips; no joint of the layout
    ("spine_mid", "waist", (0, 0.29, 0)),
    ("spine_shoulder", "spine_mid", (0, 0.23, 0)),
    ("neck", "spine_shoulder", (0, 0.08, 0)),
    ("head", "neck", (0, 0.14, 0)),
]
for _side, _sign in (("right", 1.0), ("left", -1.0)):
    _POINTS += [
        (f"{_side}_shoulder", "spine_shoulder", (_sign * 0.18, -0.03, 0)),
        (f"{_side}_elbow", f"{_side}_shoulder", (0, -0.28, 0)),
        (f"{_side}_wrist", f"{_side}_elbow", (0, -0.25, 0)),
        (f"{_side}_hand", f"{_side}_wrist", (0, -0.07, 0)),
        (f"{_side}_thumb", f"{_side}_hand", (0, -0.02, -0.035)),
        (f"{_side}_hand_tip", f"{_side}_hand", (0, -0.09, 0)),
        (f"{_side}_hip", "spine_base", (_sign * 0.09, -0.05, 0)),
        (f"{_side}_knee", f"{_side}_hip", (0, -0.41, 0)),
        (f"{_side}_ankle", f"{_side}_knee", (0, -0.40, 0)),
        (f"{_side}_foot", f"{_side}_ankle", (0, -0.06, -0.12)),
    ]
_NAMES = ("spine_base", *(name for name, _, _ in _POINTS))

RIG = Rig(
    joints=_NAMES,
    parents=(0, *(_NAMES.index(parent) for _, parent, _ in _POINTS)),
    offsets=np.array([(0, 0, 0), *(offset for _, _, offset in _POINTS)], np.float32),
    moving=(
        "spine_base", "waist", "spine_mid", "neck", "right_shoulder", "right_elbow", "left_shoulder", "left_elbow",
        "right_hip", "right_knee", "left_hip", "left_knee",
    ),
)  # fmt: skip
"""Lengths in meters, of a person 1.7 m tall."""

JOINTS = RIG.index(layout("ntu25").joints)
"""The rig's point for each joint of `ntu25`."""
FEET = RIG.index(["right_ankle", "left_ankle", "right_foot", "left_foot"])

GROUPS = {
    "spine": ("spine_mid", "spine_shoulder"),
    "head": ("neck", "head"),
    "shoulders": ("right_shoulder", "left_shoulder"),
    "upper_arms": ("right_elbow", "left_elbow"),
    "forearms": tuple(f"{side}_{p}" for side in ("right", "left") for p in ("wrist", "hand", "thumb", "hand_tip")),
    "hips": ("right_hip", "left_hip"),
    "thighs": ("right_knee", "left_knee"),
    "shins": ("right_ankle", "left_ankle", "right_foot", "left_foot"),
}
PROPORTIONS = Proportions(
    tuple(GROUPS),
    np.array([next((i for i, g in enumerate(GROUPS.values()) if j in g), -1) for j in RIG.joints]),
)
