"""ST-GCN++: learned links with a residual way, then six branches over time.

    space: ReLU(BN(sum_k W_k x A_k + b_k) + x);  time: BN(Conv(ReLU(BN(branches))))

The branches are convolutions over 3 frames at dilations 1 to 4, the maximum of 3 frames, and the frame itself.

Source: Duan et al., PYSKL: Towards Good Practices for Skeleton Action Recognition (2022), section 3.
"""

import torch.nn.functional as F
from torch import nn

from acteme.nn.skeleton.encoder import Block, Keep, Maps, around, joined, largest, normed, strided
from acteme.nn.skeleton.stgcn import Graph, GraphConv, official_state_dict

DILATIONS = (1, 2, 3, 4)

__all__ = ["block", "official_state_dict"]


def block(c_in: int, c_out: int, graph: Graph, stride: int, residual: bool) -> Block:
    """One of ST-GCN++'s blocks."""
    space = GraphConv(c_in, c_out, graph, importance=False, residual=True)
    return Block(space, MultiScale(c_out, stride), around(c_in, c_out, stride) if residual else None, stride)


class MultiScale(nn.Module):
    """Six branches over time; the first of them has what channels are left over."""

    def __init__(self, channels: int, stride: int):
        super().__init__()
        each = channels // (len(DILATIONS) + 2)
        self.sizes = [channels - each * (len(DILATIONS) + 1)] + [each] * len(DILATIONS)
        self.stride = stride
        self.reduce = nn.Conv2d(channels, sum(self.sizes), 1)
        self.reduce_bn = nn.BatchNorm2d(sum(self.sizes))
        self.convs = nn.ModuleList(
            nn.Conv2d(size, size, (3, 1), (stride, 1), (dilation, 0), (dilation, 1))
            for size, dilation in zip(self.sizes, DILATIONS, strict=False)
        )
        self.point = nn.Conv2d(channels, each, 1, (stride, 1))
        self.inner_bn = nn.BatchNorm2d(channels)
        self.merge = nn.Conv2d(channels, channels, 1)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        y = F.relu(normed(self.reduce, self.reduce_bn, x, keep), inplace=True)
        *parts, last = (y if keep is None else y * keep).split(self.sizes, 1)
        keep = strided(keep, self.stride)
        pooled = largest(last, self.stride)
        branches = [*zip([*self.convs, None, self.point], [*parts, pooled, x], strict=True)]
        y = F.relu(joined(branches, self.inner_bn, keep), inplace=True)
        return normed(self.merge, self.bn, y, keep)
