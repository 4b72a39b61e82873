"""Attention of targets to behaviors: scores, what a search keeps of them, weights."""

import sys

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

LOWEST = -(2.0**32) + 1
"""Score of a slot that is not there."""
FEW = 3
"""Threads up to which picking the best one after another is faster than Torch's `topk`, which shares rows out."""
WIDE = 96
"""Numbers from which a product with one target is faster with the behaviors first."""


def scaled(
    q: Float[Tensor, "b c d"], k: Float[Tensor, "b t d"], semantic: int, official_hard: bool = False
) -> Float[Tensor, "b c t"]:
    """<q_s, k_s> / sqrt(semantic) + <q_p, k_p> / sqrt(positional), s the first numbers and p, the position, the rest.

    With `official_hard` the first product is over all numbers, as the official hard search has it.
    """
    positional = q.shape[-1] - semantic
    factor = q.new_full((q.shape[-1],), semantic**-0.5)
    factor[semantic:] = positional**-0.5 if positional else 1.0
    if official_hard:
        factor[:semantic] = q.shape[-1] ** -0.5
        factor[semantic:] += q.shape[-1] ** -0.5
    q = q * factor
    return (k @ q.mT).mT if q.shape[1] == 1 and q.shape[2] >= WIDE else q @ k.mT


class Network(nn.Module):
    """DIN's score: a network on target q, behavior k, their difference and their product, divided by their width.

    The first layer is linear in q, k and q k, so that its product with k is all that is done for each pair.
    """

    def __init__(self, width: int, hidden: int = 36):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4 * width, hidden), nn.PReLU(init=0.1), nn.Linear(hidden, 1))

    def forward(self, q: Float[Tensor, "b c d"], k: Float[Tensor, "b t d"]) -> Float[Tensor, "b c t"]:
        of_q, of_k, of_difference, of_product = self.layers[0].weight.chunk(4, 1)  # type: ignore[operator]
        own = q @ (of_q + of_difference).mT + self.layers[0].bias  # type: ignore[operator]
        pair = (of_product * q[:, :, None]) @ k[:, None].mT  # b c h t
        x = pair + own[..., None] + (k @ (of_k - of_difference).mT).mT[:, None]
        return self.layers[2](self.layers[1](x).mT).squeeze(-1) / q.shape[-1]


def best(rank: Float[Tensor, "b c t"], top: int) -> Int[Tensor, "b c k"]:
    """Places of the `top` slots of highest rank, in any order; all of them where there are fewer."""
    rank, top = rank.detach(), min(top, rank.shape[-1])
    if rank.device.type == "cpu" and rank.dtype == torch.float32 and torch.get_num_threads() <= FEW:
        return parted(rank, top)
    return rank.topk(top, sorted=False).indices


@torch.compiler.disable
def parted(rank: Float[Tensor, "b c t"], top: int) -> Int[Tensor, "b c k"]:
    """The same on one thread of a processor, three times as fast; of equal slots the later ones.

    A float's bits, all but the sign turned round where it is negative, are in order as an integer. With the slot below
    them they are one number, so that a partition of these needs no look-up.
    """
    bits = np.ascontiguousarray(rank.numpy()).view(np.int32)
    both = np.empty((*bits.shape, 2), np.int32)
    high = int(sys.byteorder == "little")
    np.bitwise_xor(bits, (bits >> 31) & 0x7FFFFFFF, out=both[..., high])
    both[..., 1 - high] = np.arange(bits.shape[-1])
    key = both.view(np.int64)[..., 0]
    key.partition(bits.shape[-1] - top, axis=-1)
    return torch.from_numpy(key[..., bits.shape[-1] - top :] & 0xFFFFFFFF)


def weights(score: Float[Tensor, "b c k"], there: Bool[Tensor, "b c k"]) -> Float[Tensor, "b c k"]:
    """Softmax over the slots that are there; all 0 where none is."""
    return score.masked_fill(~there, LOWEST).softmax(-1) * there
