"""Streams: what a network sees of a skeleton, besides the joints themselves.

All functions are batched over leading axes, (..., T, M, V, C). Order matters: CTR-GCN, PSUMNet and GAP form streams
after crop, resize and rotation, so that the scale of motion depends on the resampling; the 3D pipeline of PYSKL and BRL
forms them before frames are sampled, at the native rate. Taking bones and taking motion commute.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

Stream = Literal["joint", "bone", "joint_motion", "bone_motion", "skip", "skip_motion"]
STREAMS: tuple[Stream, ...] = ("joint", "bone", "joint_motion", "bone_motion", "skip", "skip_motion")


def bone(x: Float[Tensor, "*batch V C"], layout: Layout) -> Float[Tensor, "*batch V C"]:
    """Each joint minus its parent; zero at the root."""
    return x - x[..., list(layout.parents), :]


def skip(x: Float[Tensor, "*batch V C"], layout: Layout) -> Float[Tensor, "*batch V C"]:
    """Skip bones: each joint minus its grandparent; zero where the parent is the root (BRL, stream K)."""
    return x - x[..., _grandparents(layout), :]


def _grandparents(layout: Layout) -> list[int]:
    parents = layout.parents
    return [v if parents[p] == p else parents[p] for v, p in enumerate(parents)]


def k_hop(x: Float[Tensor, "*batch V C"], layout: Layout, k: int, root: int = 1) -> Float[Tensor, "*batch V C"]:
    """Each joint minus its k-th ancestor, (I - A^k) x (InfoGCN, GAP); a joint without one stays as it is.

    The tree is hung up at `root`; that of NTU RGB+D at the middle of the spine, 1.
    """
    parents = layout.rooted(root)
    ancestors = list(range(layout.count))
    for _ in range(k):
        # -1 stands for nobody: the root's parent, and from then on
        ancestors = [-1 if a < 0 or parents[a] == a else parents[a] for a in ancestors]
    found = torch.tensor([a >= 0 for a in ancestors], device=x.device)[:, None]
    return x - torch.where(found, x[..., [max(a, 0) for a in ancestors], :], 0)


def motion(
    x: Float[Tensor, "*batch T M V C"], mask: Bool[Tensor, "*batch T"] | None = None
) -> Float[Tensor, "*batch T M V C"]:
    """x[t+1] - x[t]; zero in the last frame, which with `mask` is the last frame that exists."""
    out = torch.zeros_like(x)
    out[..., :-1, :, :, :] = x[..., 1:, :, :, :] - x[..., :-1, :, :, :]
    if mask is not None:
        followed = mask[..., 1:, None, None, None]
        out[..., :-1, :, :, :] = torch.where(followed, out[..., :-1, :, :, :], 0)
    return out


def stream(
    x: Float[Tensor, "*batch T M V C"], layout: Layout, name: Stream, mask: Bool[Tensor, "*batch T"] | None = None
) -> Float[Tensor, "*batch T M V C"]:
    """One stream by name; with `mask`, padding at the end gives no motion. Raises InputError on an unknown name."""
    if name not in STREAMS:
        raise InputError(f"there is no skeleton stream '{name}'", mend=f"use one of {', '.join(STREAMS)}")
    if name.startswith("bone"):
        x = bone(x, layout)
    elif name.startswith("skip"):
        x = skip(x, layout)
    return motion(x, mask) if name.endswith("motion") else x


def stack(
    x: Float[Tensor, "*batch T M V C"],
    layout: Layout,
    names: Sequence[Stream] = ("joint", "bone", "joint_motion", "bone_motion"),
    mask: Bool[Tensor, "*batch T"] | None = None,
) -> Float[Tensor, "*batch T M V D"]:
    """Several streams side by side on the last axis; by default PSUMNet's unified modality of 12 channels for C = 3."""
    return torch.cat([stream(x, layout, name, mask) for name in names], -1)


def stream_confidence(
    confidence: Float[Tensor, "*batch T M V"], layout: Layout, name: Stream
) -> Float[Tensor, "*batch T M V"]:
    """Confidence that belongs to a stream (PYSKL, 2D): the mean of the two joints of a bone, of the two frames of a
    motion; zero in the last frame of a motion, which has no other."""
    if name not in STREAMS:
        raise InputError(f"there is no skeleton stream '{name}'", mend=f"use one of {', '.join(STREAMS)}")
    c = confidence
    if not name.startswith("joint"):
        others = list(layout.parents) if name.startswith("bone") else _grandparents(layout)
        c = (c + c[..., others]) / 2
    if name.endswith("motion"):
        means = (c[..., :-1, :, :] + c[..., 1:, :, :]) / 2
        c = torch.cat([means, torch.zeros_like(c[..., :1, :, :])], -3)
    return c
