"""Which joint of a motion-capture skeleton is which, by the names that programs give them."""

import re

import numpy as np
from jaxtyping import Float

from acteme.recordings.skeleton.layouts import layout

_PREFIX = re.compile(r"^(?:.*[:|]|bip(?:ed)?\s?\d*[\s_]+|character\d*_|mixamorig\d*_?|cc_base_|def[-_]|b_)", re.I)
_SIDED = (
    re.compile(r"^(left|right)(.+)$"),
    re.compile(r"^(l|r)(.+)$"),
    re.compile(r"^(.+?)(left|right)$"),
    re.compile(r"^(.+?)(l|r)$"),
)
_LIMBS: dict[str, tuple[str, ...]] = {
    "shoulder": ("arm", "upperarm", "uparm", "shldr", "humerus", "shoulder", "shoulderjoint"),
    "elbow": ("forearm", "lowerarm", "lowarm", "elbow", "radius"),
    "wrist": ("hand", "wrist"),
    "hip": ("upleg", "thigh", "upperleg", "hip", "femur", "hipjoint"),
    "knee": ("knee", "shin", "calf", "lowerleg", "lowleg", "leg", "tibia"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toe", "toes", "toe0", "ball", "foot"),
    "collar": ("collar", "clavicle", "collarbone", "shoulder", "clav"),
}
"""Names of each limb joint, without the side; earlier ones first, and no joint serves twice."""
_MIDDLE: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "hip", "pelvis", "root"),
    "neck": ("neck", "neck1", "neck01", "lowerneck"),
    "head": ("head",),
}
_OPTIONAL = {"foot", "collar"}
"""Where these are missing the joint next to them stands in."""
_STAND_IN = {"foot": "ankle", "collar": "shoulder"}


def _bare(name: str) -> tuple[str, str]:
    """Side ("left", "right" or "") and name in small letters without prefix, side and separators."""
    name = _PREFIX.sub("", name).lower()
    name = re.sub(r"[\s_.\-]+", "", name)
    known = {n for names in _LIMBS.values() for n in names}
    for pattern in _SIDED:
        if found := pattern.match(name):
            side, rest = found.groups() if found[1] in ("left", "right", "l", "r") else found.groups()[::-1]
            if rest in known:
                return ("left" if side[0] == "l" else "right"), rest
    return "", name


def as_smpl22(names: tuple[str, ...], parents: tuple[int, ...]) -> tuple[Float[np.ndarray, "22 v"] | None, str]:
    """Weights that make the joints of layout `smpl22` of a skeleton's own, or None and the joint that is missing.

    Limbs, neck and head go by their names. The three joints of the spine are the first, the middle and the last joint
    between pelvis and neck, or points on the line between them where there is none.
    """
    found: dict[str, int] = {}
    bare = [_bare(name) for name in names]
    for role, options in _LIMBS.items():
        for side in ("left", "right"):
            _find(found, f"{side}_{role}", [(side, option) for option in options], bare)
    for role, options in _MIDDLE.items():
        _find(found, role, [("", option) for option in options], bare)
    found.setdefault("pelvis", 0)
    if "neck" not in found and "head" in found:
        found["neck"] = parents[found["head"]]
    target = layout("smpl22")
    weights = np.zeros((target.count, len(names)))
    for v, joint in enumerate(target.joints):
        side, _, role = joint.rpartition("_")
        if role.startswith("spine"):
            continue
        source = joint if joint in found or role not in _OPTIONAL else f"{side}_{_STAND_IN[role]}"
        if source not in found:
            return None, joint.replace("_", " ")
        weights[v, found[source]] = 1
    _spine(weights, target.joints, found, parents)
    return weights, ""


def _find(found: dict[str, int], joint: str, options: list[tuple[str, str]], bare: list[tuple[str, str]]) -> None:
    taken = set(found.values())
    for option in options:
        at = next((v for v, name in enumerate(bare) if name == option and v not in taken), None)
        if at is not None:
            found[joint] = at
            return


def _spine(weights: np.ndarray, joints: tuple[str, ...], found: dict[str, int], parents: tuple[int, ...]) -> None:
    chain: list[int] = []
    v = parents[found["neck"]]
    while v not in (found["pelvis"], parents[v]):
        chain.insert(0, v)
        v = parents[v]
    for n, share in ((1, 0.25), (2, 0.5), (3, 0.75)):
        row = weights[joints.index(f"spine{n}")]
        if chain:
            row[chain[{1: 0, 2: len(chain) // 2, 3: -1}[n]]] = 1
        else:
            row[found["pelvis"]] += 1 - share
            row[found["neck"]] += share
