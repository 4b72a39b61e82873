"""What ranks a history other than attention itself: categories, bits of random projections; and histories clustered."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def recent(same: Bool[Tensor, "b c t"], position: Int[Tensor, "b t"]) -> Float[Tensor, "b c t"]:
    """Hard search (SIM): behaviors of the target's category before others, the newest first."""
    return 2.0 * position.shape[-1] * same - position[:, None].float()


def bits(x: Float[Tensor, "b n d"], planes: Float[Tensor, "d m"]) -> Bool[Tensor, "b n m"]:
    """On which side of each plane a vector lies (SimHash)."""
    return x.detach() @ planes > 0


def alike(q: Bool[Tensor, "b c m"], k: Bool[Tensor, "b t m"], position: Int[Tensor, "b t"]) -> Float[Tensor, "b c t"]:
    """ETA's rank: the bits that agree; of behaviors with as many, the newest first."""
    agree = (2.0 * q.float() - 1) @ (2.0 * k.float() - 1).mT
    return agree - position[:, None] / (2.0 * position.max().clamp(min=1))


def buckets(
    q: Bool[Tensor, "b c m"], k: Bool[Tensor, "b t m"], there: Bool[Tensor, "b c t"], length: int
) -> Float[Tensor, "b c t"]:
    """SDIM's weights: in each round of `length` bits the mean over the behaviors whose bits are the target's (nothing
    where there is none), and the mean over rounds."""
    power = 2 ** torch.arange(length, device=q.device)
    q_code, k_code = (x.unflatten(-1, (-1, length)).long() @ power for x in (q, k))
    equal = (q_code[:, :, None] == k_code[:, None]) & there[..., None]  # b c t rounds
    return (equal / equal.sum(2, keepdim=True).clamp(min=1)).mean(-1)


def clusters(
    category: Int[Tensor, "b t"], valid: Bool[Tensor, "b t"]
) -> tuple[Float[Tensor, "b t t"], Bool[Tensor, "b t"], Float[Tensor, "b t"]]:
    """Behaviors of one category as one.

    Returns:
        For each slot what makes the mean of its cluster, whether it stands for a cluster (as its newest behavior does),
        and the logarithm of the cluster's size.
    """
    same = (category[:, :, None] == category[:, None]) & valid[:, None] & valid[:, :, None]
    later = torch.ones(same.shape[1:], dtype=torch.bool, device=same.device).triu(1)
    size = same.sum(-1).clamp(min=1)
    return same / size[..., None], valid & ~(same & later).any(-1), size.float().log()
