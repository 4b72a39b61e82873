"""BVH: a hierarchy of joints with offsets, and channels over time; positions by forward kinematics.

A joint's rotation is the product of its channels in the order in which the file lists them; position channels, where a
joint has them, take the place of its offset. Units are whatever the program that wrote the file used.
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.recording import Item, Listing, Recording
from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.readers import decimals
from acteme.recordings.skeleton.readers.files import ACCESS, AGAIN, finite
from acteme.recordings.skeleton.readers.jointnames import as_smpl22
from acteme.recordings.spec import Spec

UNITS = (1.0, 0.01, 0.001, 0.0254, 0.0254 / 0.45)
"""Metres of the units in use: m, cm, mm, inch, and the unit of the CMU captures (1 / 0.45 inch)."""
TALL = 1.65
"""Metres; the height that a figure is taken to be near, where the unit is guessed."""
CHANNELS = {f"{axis}{kind}": (axis.lower(), kind) for axis in "XYZ" for kind in ("position", "rotation")}
MOTION = re.compile(rb"\bMOTION\s+Frames\s*:\s*(\S+)\s+Frame\s+Time\s*:\s*(\S+)[ \t\r]*(?:\n|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Motion:
    """What a BVH file holds."""

    joints: tuple[str, ...]
    """Names; the end of a chain is named after its joint, with `_end`."""
    parents: tuple[int, ...]
    """Parent of each joint; the root has itself."""
    offsets: Float[np.ndarray, "v 3"]
    """Place of each joint in the frame of its parent, in the file's unit."""
    positions: Float[np.ndarray, "t v 3"]
    """World positions, in the file's unit."""
    fps: float
    """Frames per second."""

    @property
    def unit(self) -> float:
        """The most likely length of the file's unit, in metres, by the height of the figure when no joint is turned."""
        rest = self.offsets.copy()
        for v, parent in enumerate(self.parents):
            rest[v] = rest[v] + rest[parent] if parent != v else 0
        height = float(np.ptp(rest, axis=0).max())
        return min(UNITS, key=lambda unit: abs(np.log(max(height, 1e-9) * unit / TALL)))


@dataclass
class _Hierarchy:
    """Joints as the HIERARCHY section lists them."""

    names: list[str]
    parents: list[int]
    offsets: list[list[float]]
    channels: list[list[str]]


def read_motion(path: Path) -> Motion:
    """Parses a BVH file. Raises InputError where the hierarchy or the motion is broken or truncated."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error
    head = MOTION.search(data)
    if not head:
        raise InputError("has no MOTION section with Frames and Frame Time", path, AGAIN)
    tree = _hierarchy(data[: head.start()].decode(errors="replace").split(), path)
    try:
        frames, step = int(head[1]), float(head[2])
    except ValueError:
        raise InputError("has no sensible number of frames or frame time", path, AGAIN) from None
    if frames < 1 or not 1e-6 < step < 1e4:
        raise InputError(f"has {frames} frames of {step} s", path, AGAIN)
    found = decimals.tokens(data[head.end() :])
    width = sum(map(len, tree.channels))
    if len(found) != frames * width:
        what = f"has {len(found)} motion values where {frames} frames of {width} channels make {frames * width}"
        raise InputError(what, path, AGAIN)
    try:
        values = decimals.floats(found).reshape(frames, width)
    except ValueError as error:
        frame, token = error.args[0] // width, error.args[1].decode(errors="replace")[:40]
        raise InputError(f"'{token}' in frame {frame} is not a number", path, AGAIN) from None
    finite(values, path, "the motion")
    return Motion(tuple(tree.names), tuple(tree.parents), np.array(tree.offsets), _positions(tree, values), 1 / step)


def _hierarchy(words: list[str], path: Path) -> _Hierarchy:
    tree = _Hierarchy([], [], [], [])
    stack: list[int] = []
    it = iter(words)
    broken = InputError("has a broken HIERARCHY section", path, AGAIN)
    try:
        if next(it).upper() != "HIERARCHY":
            raise broken
        for word in it:
            match word.upper():
                case "ROOT" | "JOINT" as kind:
                    if (kind == "ROOT") != (not tree.names) or (kind == "JOINT" and not stack):
                        raise InputError("has more than one root, or a joint outside it", path, "keep one figure")
                    name = next(it)
                    while (more := next(it)) != "{":  # names may hold blanks
                        name += f" {more}"
                    _open(tree, stack, name)
                case "END":
                    if next(it).upper() != "SITE" or next(it) != "{" or not stack:
                        raise broken
                    _open(tree, stack, f"{tree.names[stack[-1]]}_end")
                case "OFFSET":
                    tree.offsets[stack[-1]] = [float(next(it)) for _ in range(3)]
                case "CHANNELS":
                    names = {name.lower(): name for name in CHANNELS}
                    tree.channels[stack[-1]] = [names[next(it).lower()] for _ in range(int(next(it)))]
                case "}":
                    stack.pop()
                case _:
                    raise InputError(f"does not expect '{word[:40]}' in its HIERARCHY section", path, AGAIN)
    except (StopIteration, ValueError, IndexError, KeyError):
        raise broken from None
    if stack or not tree.names or not any(tree.channels) or not np.isfinite(tree.offsets).all():
        raise broken
    return tree


def _open(tree: _Hierarchy, stack: list[int], name: str) -> None:
    tree.parents.append(stack[-1] if stack else 0)
    stack.append(len(tree.names))
    tree.names.append(name)
    tree.offsets.append([0.0, 0.0, 0.0])
    tree.channels.append([])


def _positions(tree: _Hierarchy, values: np.ndarray) -> np.ndarray:
    """World positions: a pass over the joints, each for all frames at once."""
    frames = len(values)
    turn = np.empty((len(tree.names), frames, 4))
    place = np.empty((frames, len(tree.names), 3))
    at = 0
    for v, (parent, offset, channels) in enumerate(zip(tree.parents, tree.offsets, tree.channels, strict=True)):
        kinds = [CHANNELS[channel] for channel in channels]
        columns = {kind: at + i for i, kind in enumerate(kinds)}
        at += len(channels)
        local = np.tile(offset, (frames, 1))
        for i, axis in enumerate("xyz"):
            if (axis, "position") in columns:
                local[:, i] = values[:, columns[axis, "position"]]
        order = "".join(axis for axis, kind in kinds if kind == "rotation")
        angles = values[:, [columns[axis, "rotation"] for axis in order]]
        spin = rotations.from_euler(np.radians(angles), order) if order else rotations.IDENTITY
        if parent == v:
            turn[v], place[:, v] = spin, local
        else:
            turn[v] = rotations.multiply(turn[parent], np.broadcast_to(spin, (frames, 4)))
            place[:, v] = place[:, parent] + rotations.rotate(turn[parent], local)
    return place


def read_bvh(path: Path, layout: str = "auto", scale: float = 0.0) -> Recording:
    """Reads a BVH file: one person, (T, 1, V, 3) in metres.

    Args:
        layout: `smpl22` picks the joints of that layout by their names (Mixamo, CMU, Biped and the like) and raises
            InputError where one is not recognized; `own` keeps the file's joints, ends of chains included; `auto` takes
            `smpl22` where it can and `own` otherwise.
        scale: metres per unit of the file; 0 guesses, see `Motion.unit`.
    """
    path = Path(path)
    if layout not in ("auto", "smpl22", "own"):
        raise InputError(f"cannot map a BVH file to layout '{layout}'", path, "use auto, smpl22 or own")
    motion = read_motion(path)
    weights, lacking = as_smpl22(motion.joints, motion.parents)
    if layout == "smpl22" and weights is None:
        raise InputError(f"no joint is recognized as {lacking}", path, "use layout=own")
    points = motion.positions if weights is None or layout == "own" else weights @ motion.positions
    skeleton = finite(points * (scale or motion.unit), path)[:, None]
    return Recording(path.stem, motion.fps, {"skeleton": skeleton})


def bvh(path: Path, layout: str = "auto", scale: float = 0.0) -> Listing:
    """A folder of BVH files, at any depth; a file in a folder of its own (`walk/take3.bvh`) has its name as class.

    Args:
        path: the folder.
        layout: see `read_bvh`; `auto` decides by the first file.
        scale: see `read_bvh`; all files must be of one unit where it is given.
    """
    path = Path(path)
    files = sorted(path.rglob("*.bvh"))
    if not files:
        raise InputError("holds no .bvh file", path, "give the folder that holds the files")
    if layout == "auto":
        first = read_motion(files[0])
        layout = "own" if as_smpl22(first.joints, first.parents)[0] is None else "smpl22"
    one = read_bvh(files[0], layout, scale)
    labels = {file: file.parent.name if file.parent != path else "" for file in files}
    items = [
        Item(name := str(file.relative_to(path)), str(file), partial(_read, file, layout, scale, label, name))
        for file, label in labels.items()
    ]
    joints = one.arrays["skeleton"].shape[2]
    name = "smpl22" if layout == "smpl22" else ""
    spec = Spec(name, joints, 1, 3, tuple(sorted(set(labels.values()) - {""})), one.fps)
    return Listing(spec, items, files)


def _read(file: Path, layout: str, scale: float, label: str, name: str) -> Recording:
    return replace(read_bvh(file, layout, scale), name=name, label=label)
