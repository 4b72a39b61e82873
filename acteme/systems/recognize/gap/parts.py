"""Which joints the parts of the body have that the texts speak of.

Published for Kinect v2 (`ntu25`) and Kinect v1 (`kinect20`). For other layouts: head, both arms, both legs as the
layout names them, and as hip the torso with the first joint of each leg.
"""

from typing import Literal

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

Branch = Literal["global", "head", "hand", "hip", "foot"]
BRANCHES: tuple[Branch, ...] = ("global", "head", "hand", "hip", "foot")

_NTU = {
    "head": (2, 3, 20),
    "hand": (4, 5, 6, 7, 8, 9, 10, 11, 21, 22, 23, 24),
    "hip": (0, 1, 2, 12, 16),
    "foot": tuple(range(12, 20)),
}
_NTU_BONES = _NTU | {"head": (2, 3), "hip": (0, 1, 12, 16)}
_SLIP = _NTU_BONES | {"hand": (4, 5, 6, 7, 8, 9, 10, 11, 20, 22, 23, 24)}
_KINECT = {"head": (2, 3), "hand": tuple(range(4, 12)), "hip": (0, 1, 12, 16), "foot": tuple(range(12, 20))}


def joints_of(layout: Layout, branch: Branch, bones: bool = False, official: bool = False) -> tuple[int, ...]:
    """Joints of a branch.

    Args:
        layout: of the data.
        branch: which; `global` has all.
        bones: for a stream that sees differences between joints.
        official: with the slip of the official list for bones, which has the spine's top for the left hand's tip.

    Raises:
        InputError: the layout has no such part.
    """
    if branch == "global":
        return tuple(range(layout.count))
    name = layout.name.removesuffix("_pyskl")
    if name == "ntu25":
        return ((_SLIP if official else _NTU_BONES) if bones else _NTU)[branch]
    if name == "kinect20":
        return _KINECT[branch]
    parts = layout.parts
    legs = [parts.get(f"{side}_leg", ()) for side in ("left", "right")]
    found = {
        "head": parts.get("head", ()),
        "hand": parts.get("left_arm", ()) + parts.get("right_arm", ()),
        "hip": parts.get("torso", ()) + tuple(leg[0] for leg in legs if leg),
        "foot": legs[0] + legs[1],
    }[branch]
    if not found:
        raise InputError(f"layout '{layout.name}' has no {branch}", "branches", "leave it out")
    return tuple(sorted(set(found)))


def root_of(layout: Layout) -> int:
    """The joint that the tree of the bones is hung up at: mid-spine of Kinect v2, top of the spine of Kinect v1."""
    if "spine_mid" in layout.joints:
        return layout.index("spine_mid")
    return layout.index("shoulder_center") if layout.name == "kinect20" else layout.root
