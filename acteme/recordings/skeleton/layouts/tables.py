"""Every joint layout that Acteme knows.

Joint orders, bones and graphs are those of the published data sets and of the official code of ST-GCN, 2s-AGCN,
CTR-GCN, PYSKL, BRL, PSUMNet, HumanML3D, LAC and OpenPose. Trees of layouts that nobody published a graph for
(`lcrnet13`, `posetics17`, `mocap15`) are the natural ones. A flip follows from the names: left and right change places.
"""

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts.layout import Layout


def _layout(
    name: str,
    joints: str,
    parents: tuple[int, ...],
    center: int,
    parts: dict[str, str],
    graph: tuple[tuple[int, int], ...] = (),
) -> Layout:
    """A layout from its joint names; a part is a string of joint numbers and ranges such as "0 12-19"."""
    names = tuple(joints.split())
    other = {"left": "right", "right": "left"}
    mirrored = ["_".join(other.get(word, word) for word in joint.split("_")) for joint in names]
    groups = {part: _numbers(text) for part, text in parts.items()}
    return Layout(name, names, parents, center, tuple(names.index(joint) for joint in mirrored), groups, graph)


def _numbers(text: str) -> tuple[int, ...]:
    spans = [[int(end) for end in item.split("-")] for item in text.split()]
    return tuple(v for span in spans for v in range(span[0], span[-1] + 1))


_NTU_JOINTS = """
spine_base spine_mid neck head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow right_wrist
right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot spine_shoulder
left_hand_tip left_thumb right_hand_tip right_thumb"""
_NTU_PARENTS = (1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11)
_NTU_PARTS = {
    "head": "2 3 20",
    "left_arm": "4-7 21 22",
    "right_arm": "8-11 23 24",
    "left_leg": "12-15",
    "right_leg": "16-19",
    "torso": "0 1 20",
    "upper": "1-11 20-24",
    "lower": "0 12-19",
    "hands": "20 4-7 21 22 8-11 23 24",
    "legs": "0 12-19",
}
_PYSKL_TIPS = {21: 7, 22: 7, 23: 11, 24: 11}

_NTU25 = _layout("ntu25", _NTU_JOINTS, _NTU_PARENTS, 20, _NTU_PARTS)
_NTU25_PYSKL = _layout(
    "ntu25_pyskl",
    _NTU_JOINTS,
    _NTU_PARENTS,
    20,
    _NTU_PARTS,
    graph=tuple((child, _PYSKL_TIPS.get(child, parent)) for child, parent in _NTU25.bones),
)

_KINECT20 = _layout(
    "kinect20",
    """hip_center spine shoulder_center head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow
    right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot""",
    (1, 2, 2, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    2,
    {
        "head": "2 3",
        "left_arm": "4-7",
        "right_arm": "8-11",
        "left_leg": "12-15",
        "right_leg": "16-19",
        "torso": "0 1 2",
        "upper": "1-11",
        "lower": "0 12-19",
    },
)

_COCO17 = _layout(
    "coco17",
    """nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist
    right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle""",
    (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14),
    0,
    {
        "head": "0-4",
        "left_arm": "5 7 9",
        "right_arm": "6 8 10",
        "left_leg": "11 13 15",
        "right_leg": "12 14 16",
        "torso": "5 6 11 12",
        "upper": "0-10",
        "lower": "11-16",
    },
    graph=(
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 5), (12, 6), (9, 7), (7, 5),
        (10, 8), (8, 6), (5, 0), (6, 0), (1, 0), (3, 1), (2, 0), (4, 2),
    ),
)  # fmt: skip

_OPENPOSE18_JOINTS = """
nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee right_ankle
left_hip left_knee left_ankle right_eye left_eye right_ear left_ear"""
_OPENPOSE18_PARENTS = (0, 0, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15)
_OPENPOSE18_GRAPH = (
    (4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5),
    (8, 2), (5, 1), (2, 1), (0, 1), (15, 0), (14, 0), (17, 15), (16, 14),
)  # fmt: skip
_OPENPOSE18 = _layout(
    "openpose18",
    _OPENPOSE18_JOINTS,
    _OPENPOSE18_PARENTS,
    1,
    {
        "head": "0 14-17",
        "left_arm": "5-7",
        "right_arm": "2-4",
        "left_leg": "11-13",
        "right_leg": "8-10",
        "torso": "1 2 5 8 11",
        "upper": "0-7 14-17",
        "lower": "8-13",
    },
    _OPENPOSE18_GRAPH,
)
# The official flip of MA-52 leaves the ten hand points where they are; here they change sides with their wrists.
_MA52_28 = _layout(
    "ma52_28",
    _OPENPOSE18_JOINTS
    + " left_hand_1 left_hand_2 left_hand_3 left_hand_4 left_hand_5"
    + " right_hand_1 right_hand_2 right_hand_3 right_hand_4 right_hand_5",
    _OPENPOSE18_PARENTS + (7,) * 5 + (4,) * 5,
    1,
    {
        "head": "0 14-17",
        "left_arm": "5-7 18-22",
        "right_arm": "2-4 23-27",
        "left_leg": "11-13",
        "right_leg": "8-10",
        "torso": "1 2 5 8 11",
        "upper": "0-7 14-27",
        "lower": "8-13",
    },
    _OPENPOSE18_GRAPH + tuple((v, 7) for v in range(18, 23)) + tuple((v, 4) for v in range(23, 28)),
)

_BODY15_JOINTS = """
nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee
right_ankle left_hip left_knee left_ankle"""
_BODY15_PARENTS = (1, 1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 10, 8, 12, 13)
_BODY15 = _layout(
    "body15",
    _BODY15_JOINTS,
    _BODY15_PARENTS,
    1,
    {
        "head": "0 1",
        "left_arm": "5-7",
        "right_arm": "2-4",
        "left_leg": "12-14",
        "right_leg": "9-11",
        "torso": "1 8",
        "upper": "0-7",
        "lower": "8-14",
    },
)
_BODY25 = _layout(
    "body25",
    _BODY15_JOINTS
    + " right_eye left_eye right_ear left_ear"
    + " left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
    (*_BODY15_PARENTS, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11),
    1,
    {
        "head": "0 1 15-18",
        "left_arm": "5-7",
        "right_arm": "2-4",
        "left_leg": "12-14 19-21",
        "right_leg": "9-11 22-24",
        "torso": "1 8",
        "upper": "0-7 15-18",
        "lower": "8-14 19-24",
    },
)

_SMPL22_JOINTS = """
pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot right_foot neck
left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist"""
_SMPL24_PARENTS = (0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
_SMPL_LEGS = {"left_leg": "1 4 7 10", "right_leg": "2 5 8 11", "lower": "0 1 2 4 5 7 8 10 11", "torso": "0 3 6 9"}
_SMPL22 = _layout(
    "smpl22",
    _SMPL22_JOINTS,
    _SMPL24_PARENTS[:22],
    0,
    {
        "head": "12 15",
        "left_arm": "13 16 18 20",
        "right_arm": "14 17 19 21",
        "upper": "3 6 9 12-21",
        **_SMPL_LEGS,
    },
)
_SMPL24 = _layout(
    "smpl24",
    _SMPL22_JOINTS + " left_hand right_hand",
    _SMPL24_PARENTS,
    0,
    {
        "head": "12 15",
        "left_arm": "13 16 18 20 22",
        "right_arm": "14 17 19 21 23",
        "upper": "3 6 9 12-23",
        **_SMPL_LEGS,
    },
)

# HumanML3D's files are meant, where 11 is the right hip; the same joints are left in the names of the MMM model,
# because the conversion exchanges two axes and so mirrors the body.
_KIT21 = _layout(
    "kit21",
    """pelvis spine1 spine2 neck head right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    right_hip right_knee right_ankle right_midfoot right_foot left_hip left_knee left_ankle left_midfoot left_foot""",
    (0, 0, 1, 2, 3, 3, 5, 6, 3, 8, 9, 0, 11, 12, 13, 14, 0, 16, 17, 18, 19),
    0,
    {
        "head": "3 4",
        "left_arm": "8-10",
        "right_arm": "5-7",
        "left_leg": "16-20",
        "right_leg": "11-15",
        "torso": "0-3",
        "upper": "1-10",
        "lower": "0 11-20",
    },
)

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_HAND21 = _layout(
    "hand21",
    "wrist " + " ".join(f"{finger}_{knuckle}" for finger in _FINGERS for knuckle in (1, 2, 3, 4)),
    (0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19),
    0,
    {"thumb": "1-4", "index": "5-8", "middle": "9-12", "ring": "13-16", "little": "17-20"},
)

_HAND21_NAMES = ("hand_wrist", *_HAND21.joints[1:])
_NTUX67 = _layout(
    "ntux67",
    " ".join((*_BODY25.joints, *(f"{side}_{joint}" for side in ("left", "right") for joint in _HAND21_NAMES))),
    (
        *_BODY25.parents,
        7, *(25 + parent for parent in _HAND21.parents[1:]),
        4, *(46 + parent for parent in _HAND21.parents[1:]),
    ),
    1,
    {
        "head": "0 1 15-18",
        "left_arm": "5-7 25-45",
        "right_arm": "2-4 46-66",
        "left_leg": "12-14 19-21",
        "right_leg": "9-11 22-24",
        "torso": "1 8",
        "upper": "0-7 15-18 25-66",
        "lower": "8-14 19-24",
    },
)  # fmt: skip

_SHREC22 = _layout(
    "shrec22",
    "wrist palm " + " ".join(f"{finger}_{knuckle}" for finger in _FINGERS for knuckle in (1, 2, 3, 4)),
    (0, 0, 1, 2, 3, 4, 1, 6, 7, 8, 1, 10, 11, 12, 1, 14, 15, 16, 1, 18, 19, 20),
    0,
    {"thumb": "2-5", "index": "6-9", "middle": "10-13", "ring": "14-17", "little": "18-21"},
)

_LCRNET13 = _layout(
    "lcrnet13",
    """right_ankle left_ankle right_knee left_knee right_hip left_hip right_wrist left_wrist right_elbow left_elbow
    right_shoulder left_shoulder head""",
    (2, 3, 4, 5, 10, 11, 8, 9, 10, 11, 12, 12, 12),
    12,
    {
        "head": "12",
        "left_arm": "7 9 11",
        "right_arm": "6 8 10",
        "left_leg": "1 3 5",
        "right_leg": "0 2 4",
        "torso": "4 5 10 11",
        "upper": "6-12",
        "lower": "0-5",
    },
)
_POSETICS17 = _layout(
    "posetics17",
    """nose mouth neck chest mid_hip left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip
    right_hip left_knee right_knee left_ankle right_ankle""",
    (1, 2, 2, 2, 3, 2, 2, 5, 6, 7, 8, 4, 4, 11, 12, 13, 14),
    2,
    {
        "head": "0-2",
        "left_arm": "5 7 9",
        "right_arm": "6 8 10",
        "left_leg": "11 13 15",
        "right_leg": "12 14 16",
        "torso": "2-4",
        "upper": "0-3 5-10",
        "lower": "4 11-16",
    },
)
_MOCAP15 = _layout(
    "mocap15",
    """root chest neck right_hip right_knee right_ankle right_shoulder right_elbow right_wrist left_hip left_knee
    left_ankle left_shoulder left_elbow left_wrist""",
    (0, 0, 1, 0, 3, 4, 1, 6, 7, 0, 9, 10, 1, 12, 13),
    0,
    {
        "head": "2",
        "left_arm": "12-14",
        "right_arm": "6-8",
        "left_leg": "9-11",
        "right_leg": "3-5",
        "torso": "0-2",
        "upper": "1 2 6-8 12-14",
        "lower": "0 3-5 9-11",
    },
)

LAYOUTS: dict[str, Layout] = {
    known.name: known
    for known in (
        _NTU25,
        _NTU25_PYSKL,
        _KINECT20,
        _COCO17,
        _OPENPOSE18,
        _MA52_28,
        _BODY15,
        _BODY25,
        _SMPL22,
        _SMPL24,
        _KIT21,
        _HAND21,
        _SHREC22,
        _NTUX67,
        _LCRNET13,
        _POSETICS17,
        _MOCAP15,
    )
}


def layout(name: str) -> Layout:
    """The layout of that name. Raises InputError where there is none."""
    if name not in LAYOUTS:
        raise InputError(f"there is no skeleton layout '{name}'", mend=f"use one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name]
