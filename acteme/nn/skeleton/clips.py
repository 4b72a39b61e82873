"""What networks on skeleton clips do to their input before anything else."""

import torch
from jaxtyping import Float
from torch import Tensor

from acteme.recordings.skeleton.layouts import Layout


def to_origin(x: Float[Tensor, "b t m v c"], joint: int) -> Float[Tensor, "b t m v c"]:
    """Positions relative to a joint of the first person in the first frame that has them (CTR-GCN, PSUMNet, GAP).

    One translation per clip, so that paths stay; persons who are not in a frame stay zero there, and a clip without
    the first person stays as it is. The same as `normalize_ctrgcn` for every clip.
    """
    there = (x != 0).flatten(3).any(-1)
    first = there[:, :, 0].to(torch.uint8).argmax(1)
    origin = x[torch.arange(len(x), device=x.device), first, 0, joint] * there[:, :, 0].any(1, keepdim=True)
    return torch.where(there[..., None, None], x - origin[:, None, None, None], 0)


def origin_joint(layout: Layout) -> int:
    """The joint that clips are put to the origin by: the middle of the spine of Kinect v2, else the layout's center."""
    return layout.index("spine_mid") if "spine_mid" in layout.joints else layout.center
