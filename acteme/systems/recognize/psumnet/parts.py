"""The part streams: which joints of a layout each one sees, and the tree that they form there.

Published for Kinect v2 (`ntu25`), NTU-X (`ntux67`) and SHREC (`shrec22`). For other layouts the body is all of it, and
hands and legs are both arms and both legs with the joint that they hang on.
"""

from dataclasses import dataclass
from typing import Literal

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

Part = Literal["body", "hands", "legs"]
PARTS: tuple[Part, ...] = ("body", "hands", "legs")


@dataclass(frozen=True)
class PartStream:
    """What a stream sees."""

    joints: tuple[int, ...]
    """Joints of the layout, in the stream's order."""
    tree: Layout
    """The layout of these joints: bones and graph."""


def part_stream(layout: Layout, part: Part, official: bool = False) -> PartStream:
    """A part of a layout.

    Args:
        layout: of the data.
        part: which part.
        official: with the slips of the official lists, where there are any (`ntu25` legs, `ntux67` body, `shrec22`).

    Raises:
        InputError: the layout has no such part.
    """
    known = (layout.name.removesuffix("_pyskl"), part)
    if known in _PUBLISHED:
        joints, parents, slips = _PUBLISHED[known]
        edges, root = _edges(parents), next(v for v, p in enumerate(parents) if v == p)
        if official and slips is not None:
            parents, edges = slips
        return _stream(layout, part, joints, parents, edges, root)
    hand = "left_arm" not in layout.parts
    if hand and part != "hands":
        raise InputError(f"layout '{layout.name}' is a hand and has no {part}", "parts", "set it to hands")
    if hand or part == "body":
        return PartStream(tuple(range(layout.count)), layout)
    return _derived(layout, part)


def _stream(
    layout: Layout,
    part: Part,
    joints: tuple[int, ...],
    parents: tuple[int, ...],
    edges: tuple[tuple[int, int], ...],
    center: int = 0,
) -> PartStream:
    place = {joint: v for v, joint in enumerate(joints)}
    names = tuple(layout.joints[joint] for joint in joints)
    flip = tuple(place[layout.flip[joint]] for joint in joints)
    return PartStream(joints, Layout(f"{layout.name} {part}", names, parents, center, flip, graph=edges))


def _derived(layout: Layout, part: Part) -> PartStream:
    """Both limbs of a kind, with the joint where their ways to the root meet."""
    limb = "arm" if part == "hands" else "leg"
    sides = [layout.parts.get(f"{side}_{limb}", ()) for side in ("left", "right")]
    if not all(sides):
        raise InputError(f"layout '{layout.name}' has no {part}", "parts", "leave it out")
    ways = [_way(layout, v) for side in sides for v in side]
    meeting = next(v for v in ways[0] if all(v in way for way in ways))
    limbs = tuple(v for side in sides for v in side if v != meeting)
    joints = (meeting, *limbs)
    parents = []
    for v in joints:
        above = [joints.index(p) for p in _way(layout, v)[1:] if p in joints]
        parents.append(above[0] if above else 0)
    return _stream(layout, part, joints, tuple(parents), tuple((v, p) for v, p in enumerate(parents) if v))


def _way(layout: Layout, joint: int) -> list[int]:
    """A joint and its ancestors."""
    way = [joint]
    while layout.parents[way[-1]] != way[-1]:
        way.append(layout.parents[way[-1]])
    return way


Slips = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]
"""Parents (of the bones) and edges (of the graph) as the official lists have them."""
_Tree = tuple[tuple[int, ...], tuple[int, ...], Slips | None]


def _fingers(wrist: int) -> tuple[int, ...]:
    """Parents of five fingers of four joints that follow their wrist."""
    return tuple(wrist if joint == 0 else wrist + 4 * finger + joint for finger in range(5) for joint in range(4))


def _edges(parents: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((v, p) for v, p in enumerate(parents) if v != p)


# Kinect v2. The tips of hand and thumb hang on the hand. The official legs list says (5,1)(6,5)(7,6)(8,7) where
# (6,1)(7,6)(8,7)(9,8) is meant (from 1): its left foot has a second parent and that one's bone, its right foot nothing.
_NTU_HANDS = ((20, 4, 5, 6, 7, 21, 22, 8, 9, 10, 11, 23, 24), (0, 0, 1, 2, 3, 4, 4, 0, 7, 8, 9, 10, 10), None)
_NTU_LEGS = (
    (0, 12, 13, 14, 15, 16, 17, 18, 19),
    (0, 0, 1, 2, 3, 0, 5, 6, 7),
    ((0, 0, 1, 2, 0, 4, 5, 6, 8), ((1, 0), (2, 1), (3, 2), (4, 3), (4, 0), (5, 4), (6, 5), (7, 6))),
)

# NTU-X: 25 joints of the body, of each hand the wrist and the five finger tips. The hands' wrists hang on the elbows,
# beside the body's own. The official list hangs the second right finger tip on the first.
_X_BODY = (1, 1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11)
_X_TIPS = (*_X_BODY, 3, *(25,) * 5, 6, *(31,) * 5)
_X_SLIP = (*_X_TIPS[:27], 26, *_X_TIPS[28:])
_NTUX_BODY = (
    (*range(25), 46, *range(50, 67, 4), 25, *range(29, 46, 4)),
    _X_TIPS,
    (_X_SLIP, _edges(_X_SLIP)),
)
_NTUX_HANDS = (
    (2, 3, 4, 5, 6, 7, *range(46, 67), *range(25, 46)),
    (0, 0, 1, 0, 3, 4, 2, *_fingers(6), 5, *_fingers(27)),
    None,
)
_NTUX_LEGS = ((8, 9, 10, 11, 24, 22, 23, 12, 13, 14, 21, 19, 20), (0, 0, 1, 2, 3, 3, 5, 0, 7, 8, 9, 9, 11), None)

# SHREC: one hand. The official list of (parent, child) from 0 is read as (child, parent) from 1.
_SHREC_PARENTS = (0, 0, *(p for f in range(5) for p in (1, *range(2 + 4 * f, 5 + 4 * f))))
_SHREC_READ = tuple(((p - 1) % 22, v - 1) for v, p in enumerate(_SHREC_PARENTS) if v)
_SHREC_HAND = (tuple(range(22)), _SHREC_PARENTS, (tuple(dict(_SHREC_READ).get(v, v) for v in range(22)), _SHREC_READ))

_PUBLISHED: dict[tuple[str, str], _Tree] = {
    ("ntu25", "hands"): _NTU_HANDS,
    ("ntu25", "legs"): _NTU_LEGS,
    ("ntux67", "body"): _NTUX_BODY,
    ("ntux67", "hands"): _NTUX_HANDS,
    ("ntux67", "legs"): _NTUX_LEGS,
    ("shrec22", "hands"): _SHREC_HAND,
}
