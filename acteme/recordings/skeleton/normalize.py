"""Pre-normalizations of skeleton recordings: three published rules for 3D that differ from each other, and one for 2D.

| | `normalize_agcn` | `normalize_pyskl` | `normalize_ctrgcn` |
|---|---|---|---|
| frames of an absent first person | person moved to the front, end filled by repetition | dropped | kept |
| origin | middle of the spine, in every frame | middle of the spine, first frame | middle of the spine, first frame |
| global translation | lost | kept | kept |
| spine of the first frame becomes +z, shoulders +x | yes | yes | no |

In all of them a joint, person or frame of zeros is missing and stays zero; so a joint exactly at the origin counts as
missing.

**Deviations.** The official code of the first two turns the spine to +z and then the shoulders to +x by a *second free*
rotation, which tilts the spine again and makes the result depend on the heading: over random rotations of one pose
whose shoulders tilt by 2-10 cm the joints differ by up to 2.4 m, some bodies end upside down. It also leaves a vector
that points exactly the wrong way as it is. Here the second rotation is about z only (the shoulders are projected
perpendicular to the spine first) and the half turn is made; `official=True` gives the official result. With
`official=True` the official code's arithmetic is met to rounding: 2.4e-7 m against the 2s-AGCN preparation (as shipped
with HaLP; float32, two persons with empty frames) and 1.1e-15 m against PYSKL's PreNormalize3D (float64);
the CTR-GCN preparation is met exactly.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import layout as find_layout

_SPINES = (
    ("spine_base", "spine_mid"),
    ("hip_center", "spine"),
    ("pelvis", "spine1"),
    ("root", "chest"),
    ("mid_hip", "chest"),
    ("mid_hip", "neck"),
)
_TINY = 1e-6
"""Below this length (m) or angle (rad) the official code does not rotate."""


@dataclass(frozen=True)
class Axes:
    """The joints that give a body its origin and directions; the defaults are those of NTU RGB+D and Kinect v1."""

    center: int = 1
    """Joint that becomes the origin."""
    bottom: int = 0
    """Lower end of the spine vector."""
    top: int = 1
    """Upper end of the spine vector, which becomes +z."""
    left: int = 4
    """Left shoulder."""
    right: int = 8
    """Right shoulder; left to right becomes +x."""

    @classmethod
    def of(cls, layout: str) -> "Axes":
        """The axes of a layout. Raises InputError where it has no joints on the spine (`coco17`, `hand21`, ...)."""
        body = find_layout(layout)
        for bottom, top in _SPINES:
            if bottom in body.joints and top in body.joints:
                low, high = body.index(bottom), body.index(top)
                return cls(high, low, high, body.index("left_shoulder"), body.index("right_shoulder"))
        raise InputError(
            f"layout '{layout}' has no spine to align",
            mend="convert it to another layout or choose another normalization",
        )


def normalize_agcn(
    x: Float[np.ndarray, "T M V 3"], axes: Axes | None = None, *, official: bool = False
) -> Float[np.ndarray, "T M V 3"]:
    """Positions relative to the middle of the spine in every frame, aligned by the first frame (2s-AGCN, HaLP).

    1. A person whose first frame is empty has its empty frames removed and the rest moved to the front; then the empty
       frames at its end are filled by repeating the person from its start.
    2. The center joint of person 0 is subtracted frame by frame from every joint that is there, of all persons.
    3. The spine of person 0 in frame 0 becomes +z, its left-to-right shoulder vector, as seen along the spine, +x.

    Args:
        x: positions in meters, person 0 first.
        axes: which joints; default NTU RGB+D.
        official: align by the official free rotation, and take a frame or joint as empty whose coordinates *sum* to
            zero, as the official code does; else one whose coordinates all are zero.
    """
    axes = axes or Axes()
    filled = _front_and_repeat(x, official)
    origin = filled[:, :1, axes.center : axes.center + 1]
    centered = np.where(_there(filled, official)[..., None], filled - origin, 0)
    if len(x) == 0:
        return centered
    return (centered @ _alignment(centered[0, 0], axes, official).T).astype(x.dtype)


def normalize_pyskl(
    x: Float[np.ndarray, "T M V 3"], axes: Axes | None = None, *, center: int | None = None, official: bool = False
) -> tuple[Float[np.ndarray, "S M V 3"], Int[np.ndarray, "S"]]:
    """Positions relative to the middle of the spine in the first frame, aligned by it (PYSKL's PreNormalize3D, BRL).

    The person seen in most frames comes first (person 0 where several are); frames without it are dropped.

    Args:
        x: positions in meters.
        axes: which joints; default NTU RGB+D.
        center: joint that becomes the origin, where it is not `axes.center`. PYSKL takes joint 1 of 25 joints but the
            last joint, -1, of any other layout: on the 20 joints of NW-UCLA the right foot.
        official: align by the official free rotation, and choose the center as PYSKL does where none is given.

    Returns:
        The positions, and the frames of `x` that they belong to. A recording without anybody comes back as it is.
    """
    axes = axes or Axes()
    there = (np.abs(x) > 1e-8).any((2, 3))
    if not there.any():
        return x, np.arange(len(x))
    seen = there.sum(0)
    main = int(np.argmax(seen))
    persons = np.arange(x.shape[1])
    if main:
        persons[[0, main]] = main, 0
    kept = np.flatnonzero(there[:, main])
    y = x[kept][:, persons]
    if center is None:
        center = axes.center if not official or x.shape[2] == 25 else -1
    y = np.where(_there(y)[..., None], y - y[0, 0, center], 0)
    return (y @ _alignment(y[0, 0], axes, official).T).astype(x.dtype), kept


def normalize_ctrgcn(x: Float[np.ndarray, "T M V 3"], center: int = 1) -> Float[np.ndarray, "T M V 3"]:
    """Positions relative to joint `center` of person 0 in the first frame that has that person (CTR-GCN, PSUMNet, GAP).

    No rotation. Frames without a person stay zero for that person. Where nobody is there nothing changes.
    """
    there = (x != 0).any((2, 3))
    if not there[:, 0].any():
        return x
    origin = x[np.argmax(there[:, 0]), 0, center]
    return np.where(there[:, :, None, None], x - origin, 0).astype(x.dtype)


def normalize_image(
    x: Float[np.ndarray, "T M V 2"],
    width: float,
    height: float,
    *,
    confidence: Float[np.ndarray, "T M V"] | None = None,
    threshold: float = 0.01,
    keep_aspect: bool = False,
) -> Float[np.ndarray, "T M V 2"]:
    """Pixels as x' = (x - w/2) / (w/2), y' = (y - h/2) / (h/2) (PYSKL's PreNormalize2D).

    Missing joints are (0, 0) before and after: those at (0, 0) and, where `confidence` is given, those that do not
    exceed `threshold`. With `keep_aspect` y' = (y - h/2) / (w/2), so that a circle stays a circle (LAC, Posetics).

    Raises:
        InputError: the picture has no area.
    """
    if not (width > 0 and height > 0):
        raise InputError(
            f"a picture of {width} x {height} pixels cannot scale 2D joints", mend="give its width and height"
        )
    half = np.array([width / 2, height / 2])
    there = _there(x)
    if confidence is not None:
        there &= confidence > threshold
    y = (x - half) / (half[0] if keep_aspect else half)
    return np.where(there[..., None], y, 0).astype(x.dtype)


def _there(x: Float[np.ndarray, "... C"], by_sum: bool = False) -> Bool[np.ndarray, "..."]:
    return x.sum(-1) != 0 if by_sum else (x != 0).any(-1)


def _front_and_repeat(x: Float[np.ndarray, "T M V 3"], by_sum: bool) -> Float[np.ndarray, "T M V 3"]:
    """Step 1 of `normalize_agcn`, as one gather of frames per person."""
    frames = len(x)
    flat = x.reshape(frames, x.shape[1], x.shape[2] * x.shape[3])
    out = x.copy()
    for m, there in enumerate(_there(flat, by_sum).T):
        if not there.any():
            continue
        source = np.arange(frames)
        if not there[0]:
            source = np.flatnonzero(there)
            length = len(source)
        else:
            length = int(np.flatnonzero(there)[-1]) + 1
        out[:, m] = x[source[np.arange(frames) % length], m]
    return out


def _alignment(frame: Float[np.ndarray, "V 3"], axes: Axes, official: bool) -> Float[np.ndarray, "3 3"]:
    """The matrix R, for y = R x, that turns the spine to +z and the shoulders towards +x."""
    frame = frame.astype(np.float64)
    spine, across = frame[axes.top] - frame[axes.bottom], frame[axes.right] - frame[axes.left]
    upright = _shortest_turn(spine, np.array([0.0, 0.0, 1.0]), official)
    across = upright @ across
    if not official:
        across[2] = 0
    return _shortest_turn(across, np.array([1.0, 0.0, 0.0]), official) @ upright


def _shortest_turn(
    vector: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"], official: bool
) -> Float[np.ndarray, "3 3"]:
    """Rotation of a vector onto the direction of a unit vector by the shortest way; the identity for a tiny vector.

    R = cos I + sin [k] + (1 - cos) k k^T with the unit axis k (Rodrigues' formula).
    """
    axis = np.cross(vector, target)
    if np.abs(vector).sum() < _TINY or (official and np.abs(axis).sum() < _TINY):
        return np.eye(3)
    length = np.linalg.norm(vector)
    sine, cosine = np.linalg.norm(axis) / length, vector @ target / length
    if sine < 1e-9:
        # (anti)parallel: nothing to do, or a half turn about z for x and about x for z
        pole = np.roll(target, -1 if target[0] else 1)
        return np.eye(3) if cosine > 0 else 2 * np.outer(pole, pole) - np.eye(3)
    k = axis / np.linalg.norm(axis)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return cosine * np.eye(3) + sine * cross + (1 - cosine) * np.outer(k, k)
