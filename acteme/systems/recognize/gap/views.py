"""What a stream sees of a clip: which stretch of it, turned how, and relative to which joints."""

import math
import re
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import Layout
from acteme.recordings.skeleton.sample import take
from acteme.recordings.skeleton.streams import k_hop, motion

Clips = Float[Tensor, "b t m v c"]
JOINTS_OF_NWUCLA = 6
"""Hops of the official stream of joints on NW-UCLA."""


@dataclass(frozen=True)
class Sight:
    """(I - A^hop) x of positions, or of their motion; hop 0 is the joints themselves."""

    hop: int
    moving: bool

    @classmethod
    def parse(cls, name: str) -> "Sight":
        """`joint`, `bone` (hop 1) or `hop2`, `hop3`, ..., with `_motion` or without. Raises InputError on others."""
        found = re.fullmatch(r"(joint|bone|hop(\d+))(_motion)?", name)
        if found is None or found[2] == "0":
            raise InputError(f"no stream is called '{name}'", "streams", "use joint, bone or hopK, maybe with _motion")
        return cls({"joint": 0, "bone": 1}.get(found[1]) or int(found[2] or 0), bool(found[3]))

    def of(self, x: Clips, layout: Layout, root: int, official: bool = False) -> Clips:
        """What a stream sees of clips.

        Args:
            x: the clips.
            layout: of the joints.
            root: joint that the tree is hung up at.
            official: with the official list of edges, whose pairs are the other way round for NW-UCLA (`kinect20`).
        """
        x = motion(x) if self.moving else x
        if official and layout.name == "kinect20":
            return from_below(x, layout, self.hop or JOINTS_OF_NWUCLA, root)
        return k_hop(x, layout, self.hop, root) if self.hop else x


def from_below(x: Clips, layout: Layout, hop: int, root: int) -> Clips:
    """(I - A^hop) x with A[parent, child] = 1: each joint minus the sum of those that hang `hop` steps below it."""
    return torch.from_numpy(adjacency.k_hop(layout, hop, root)).to(x).mT @ x


def turned(x: Clips, degrees: int) -> Clips:
    """Rotation by whole degrees U{-degrees..degrees} about y, then about x (the feeder for NW-UCLA)."""
    a, b = torch.randint(-degrees, degrees + 1, (2, len(x)), device=x.device).to(x) * (math.pi / 180)
    one, zero = torch.ones_like(a), torch.zeros_like(a)

    def matrix(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return torch.stack([torch.stack(row, -1) for row in rows], -2)

    about_x = matrix((one, zero, zero), (zero, a.cos(), a.sin()), (zero, -a.sin(), a.cos()))
    about_y = matrix((b.cos(), zero, -b.sin()), (zero, one, zero), (b.sin(), zero, b.cos()))
    return torch.einsum("btmvi,bij->btmvj", x, about_y @ about_x)


def boxed(x: Clips, frames: Int[Tensor, " b"]) -> Clips:
    """Each axis of each clip stretched to [-1, 1] over the frames and persons that are there; the others stay zero."""
    there = (x != 0).flatten(3).any(-1) & (torch.arange(x.shape[1], device=x.device) < frames[:, None])[..., None]
    keep = there[..., None, None]
    low = x.masked_fill(~keep, torch.inf).amin((1, 2, 3), keepdim=True)
    high = x.masked_fill(~keep, -torch.inf).amax((1, 2, 3), keepdim=True)
    return torch.where(keep, 2 * (x - low) / (high - low).clamp(min=1e-9) - 1, 0)


def drawn(x: Clips, frames: Int[Tensor, " b"], size: int) -> Clips:
    """`size` frames drawn with repetition, in order."""
    draw = torch.rand(len(x), size, device=x.device) * frames[:, None]
    return take(x, draw.long().clamp(max=x.shape[1] - 1).sort(1).values)


def spread(x: Clips, frames: Int[Tensor, " b"], size: int) -> Clips:
    """`size` frames at equal distances from the first to the last."""
    place = torch.arange(size, device=x.device, dtype=torch.float64) / max(size - 1, 1)
    return take(x, (place * (frames - 1).clamp(min=0)[:, None] + 1e-9).long())
