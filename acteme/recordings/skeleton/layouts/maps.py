"""Maps from one joint layout to another.

A joint of the target is a joint of the source of the same name, or a mean of source joints, or lies beyond one on the
line of a limb. Maps between layouts with unlike joints are approximations: nobody measured where a Kinect would have
put the joints of a motion-capture rig.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts.layout import Layout
from acteme.recordings.skeleton.layouts.tables import layout

if TYPE_CHECKING:
    from torch import Tensor

Skeletons = TypeVar("Skeletons", np.ndarray, "Tensor")


@dataclass(frozen=True)
class Beyond:
    """A joint at `start` + `ratio` (start - before): the limb carried on by a part of its own length."""

    start: str
    before: str
    ratio: float


@dataclass(frozen=True)
class Offset:
    """A joint `meters` from `start`, in the direction from `before` to `start` or, with `forward`, of the toes.

    The toes point along (knee - ankle) x (right hip - left hip): up x right of a right-handed frame.
    """

    start: str
    before: str
    meters: float
    forward: bool = False


Rule = str | Beyond | Offset
"""A string names the source joints to average; a name that stands twice counts twice."""

_SHOULDERS = "left_shoulder right_shoulder"
_HIPS = "left_hip right_hip"
_OPENPOSE_MIDDLE: dict[str, Rule] = {"neck": _SHOULDERS, "mid_hip": _HIPS}
_FACE_FROM_HEAD: dict[str, Rule] = dict.fromkeys(("nose", "left_eye", "right_eye", "left_ear", "right_ear"), "head")


def _posetics(nose: str) -> dict[str, Rule]:
    return {
        "nose": nose,
        "mouth": f"{nose} {nose} {_SHOULDERS}",
        "neck": _SHOULDERS,
        "chest": f"{_SHOULDERS} {_HIPS}",
        "mid_hip": _HIPS,
    }


def _both_sides(rules: dict[str, Beyond | Offset]) -> dict[str, Rule]:
    """The rules of the left side and the same for the right."""
    right = {
        target.replace("left", "right"): replace(
            rule, start=rule.start.replace("left", "right"), before=rule.before.replace("left", "right")
        )
        for target, rule in rules.items()
    }
    return {**rules, **right}


_MAPS: dict[tuple[str, str], dict[str, Rule]] = {
    ("ntu25", "ntu25_pyskl"): {},
    ("ntu25_pyskl", "ntu25"): {},
    ("ntu25", "kinect20"): {"hip_center": "spine_base", "spine": "spine_mid", "shoulder_center": "spine_shoulder"},
    ("ntu25", "coco17"): _FACE_FROM_HEAD,
    ("ntu25", "openpose18"): {**_FACE_FROM_HEAD, "neck": _SHOULDERS},
    ("ntu25", "body15"): {"nose": "head", **_OPENPOSE_MIDDLE},
    ("ntu25", "posetics17"): _posetics("head"),
    ("ntu25", "mocap15"): {"root": "spine_base", "chest": "spine_mid", "neck": "spine_shoulder"},
    ("kinect20", "body15"): {"nose": "head", **_OPENPOSE_MIDDLE},
    ("kinect20", "coco17"): _FACE_FROM_HEAD,
    ("coco17", "body15"): _OPENPOSE_MIDDLE,
    ("coco17", "openpose18"): {"neck": _SHOULDERS},
    ("coco17", "posetics17"): _posetics("nose"),
    ("openpose18", "coco17"): {},
    ("openpose18", "body15"): {"mid_hip": _HIPS},
    ("ma52_28", "openpose18"): {},
    ("body15", "posetics17"): _posetics("nose"),
    ("posetics17", "body15"): {},
    ("body25", "body15"): {},
    ("body25", "coco17"): {},
    ("body25", "openpose18"): {},
    ("ntux67", "body25"): {},
    ("ntux67", "body15"): {},
    ("lcrnet13", "posetics17"): _posetics("head"),
    ("lcrnet13", "body15"): {"nose": "head", **_OPENPOSE_MIDDLE},
    ("smpl24", "smpl22"): {},
    ("smpl22", "body15"): {"nose": "head", **_OPENPOSE_MIDDLE},
    ("smpl22", "ntu25"): {
        "spine_base": "pelvis",
        "spine_mid": "spine2",
        "spine_shoulder": "neck spine3",
        **_both_sides(
            {
                "left_hand": Beyond("left_wrist", "left_elbow", 0.35),
                "left_thumb": Beyond("left_wrist", "left_elbow", 0.4),
                "left_hand_tip": Beyond("left_wrist", "left_elbow", 0.5),
            }
        ),
    },
    ("mocap15", "body15"): {"nose": Offset("neck", "chest", 0.18), **_OPENPOSE_MIDDLE},
    ("mocap15", "ntu25"): {
        "spine_base": "root",
        "spine_mid": "chest",
        "spine_shoulder": "neck",
        "head": Offset("neck", "chest", 0.18),
        **_both_sides(
            {
                "left_hand": Offset("left_wrist", "left_elbow", 0.08),
                "left_thumb": Offset("left_wrist", "left_elbow", 0.10),
                "left_hand_tip": Offset("left_wrist", "left_elbow", 0.12),
                "left_foot": Offset("left_ankle", "left_knee", 0.12, forward=True),
            }
        ),
    },
}


def convert(x: Skeletons, source: str, target: str) -> Skeletons:
    """Skeletons (..., V, C) of one layout as (..., V', C) of another; NumPy arrays and torch tensors alike.

    A person of zeros stays a person of zeros. In 2D, where an estimator writes (0, 0) for a joint that it did not find,
    a derived joint is (0, 0) as soon as one of the joints that it is made of is. Fixed offsets (head, hands and feet
    from `mocap15`) are in meters, so that positions must be.

    Raises:
        InputError: unknown layout or map, a wrong number of joints, or 2D positions where the map needs 3D.
    """
    give = layout(source)
    layout(target)
    if x.ndim < 2 or x.shape[-2] != give.count:
        raise InputError(
            f"skeletons of shape {tuple(x.shape)} do not have the {give.count} joints of layout '{source}'",
            mend="give an array (..., joints, coordinates) or name its layout",
        )
    if source == target:
        return x
    if (source, target) not in _MAPS:
        possible = ", ".join(sorted(b for a, b in _MAPS if a == source)) or "none"
        raise InputError(
            f"there is no map from layout '{source}' to '{target}'", mend=f"layouts that '{source}' maps to: {possible}"
        )
    plan = _plan(source, target)
    if x.shape[-1] != 3 and any(rule.forward for _, rule in plan.offsets):
        raise InputError(
            f"the map from layout '{source}' to '{target}' needs 3D positions, these are {x.shape[-1]}D",
            mend="give 3D positions, or choose another layout",
        )
    weights = plan.weights.astype(x.dtype) if isinstance(x, np.ndarray) else x.new_tensor(plan.weights)
    y = (x[..., plan.joints, :] * weights[..., None]).sum(-2)
    for joint, rule in plan.offsets:
        direction = _direction(x, give, rule)
        length = (direction**2).sum(-1)[..., None] ** 0.5
        y[..., joint, :] += rule.meters * direction / (length + (length == 0))
    if x.shape[-1] == 2:
        for joint, sources in plan.derived:
            y[..., joint, :] *= (x[..., sources, :] != 0).any(-1).all(-1)[..., None]
    return y


@dataclass(frozen=True)
class _Plan:
    """A map as arrays: joint j of the target is sum_k weights[j, k] x[joints[j, k]], then the offsets."""

    joints: np.ndarray
    weights: np.ndarray
    offsets: list[tuple[int, Offset]]
    derived: list[tuple[int, list[int]]]


@cache
def _plan(source: str, target: str) -> _Plan:
    give, take = layout(source), layout(target)
    rules = _MAPS[source, target]
    sums: list[dict[int, float]] = []
    offsets: list[tuple[int, Offset]] = []
    derived: list[tuple[int, list[int]]] = []
    for j, name in enumerate(take.joints):
        rule = rules.get(name, name)
        if isinstance(rule, str):
            names = rule.split()
            sums.append({give.index(a): names.count(a) / len(names) for a in names})
            parts = list(sums[-1])
        elif isinstance(rule, Beyond):
            sums.append({give.index(rule.start): 1 + rule.ratio, give.index(rule.before): -rule.ratio})
            parts = list(sums[-1])
        else:
            sums.append({give.index(rule.start): 1.0})
            offsets.append((j, rule))
            parts = [give.index(rule.start), give.index(rule.before)]
        if len(parts) > 1:
            derived.append((j, parts))
    terms = max(map(len, sums))
    joints = [list(s) + [next(iter(s))] * (terms - len(s)) for s in sums]
    weights = [list(s.values()) + [0.0] * (terms - len(s)) for s in sums]
    return _Plan(np.array(joints), np.array(weights), offsets, derived)


def _direction(x: Skeletons, give: Layout, rule: Offset) -> Skeletons:
    start, before = x[..., give.index(rule.start), :], x[..., give.index(rule.before), :]
    if not rule.forward:
        return start - before
    up, right = before - start, x[..., give.index("right_hip"), :] - x[..., give.index("left_hip"), :]
    return up[..., [1, 2, 0]] * right[..., [2, 0, 1]] - up[..., [2, 0, 1]] * right[..., [1, 2, 0]]
