"""Intents: the centers of clusters of subsequences, by Lloyd's algorithm."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

CELLS = 1 << 20
"""Distances held at a time: what a processor's cache holds."""


def nearest(x: Float[Tensor, "n d"], centers: Float[Tensor, "k d"]) -> tuple[Int[Tensor, " n"], Float[Tensor, ""]]:
    """The center nearest to each row by Euclidean distance, and the sum of its squares; |x|^2 is left out of it."""
    half, found, total = (centers * centers).sum(1) / 2, [], x.new_zeros(())
    for part in x.split(max(1, CELLS // len(centers))):
        best, at = torch.addmm(half, part, centers.T, alpha=-1).min(1)
        found.append(at)
        total = total + 2 * best.sum()
    return torch.cat(found), total


@torch.no_grad()
def kmeans(
    x: Float[Tensor, "n d"], count: int, rounds: int = 20, restarts: int = 5, seed: int = 1
) -> Float[Tensor, "k d"]:
    """Centers of clusters: of several random starts, the one whose rows are nearest to their centers.

    Args:
        x: at least `count` rows.
        count: number of clusters (k).
        rounds: of Lloyd's algorithm; fewer where nothing changes anymore.
        restarts: random starts.
        seed: of the starts; torch's global generator is left alone. A center without rows is put beside that of a large
            cluster, which it then divides.
    """
    generator = torch.Generator().manual_seed(seed)
    best, least = x[:count], torch.inf
    for _ in range(restarts):
        centers = x[torch.randperm(len(x), generator=generator)[:count].to(x.device)]
        before = None
        for _ in range(rounds):
            ids, _ = nearest(x, centers)
            if before is not None and torch.equal(ids, before):
                break
            before = ids
            centers = _means(x, ids, count)
        _, total = nearest(x, centers)
        if total.item() < least:
            best, least = centers, total.item()
    return best


def _means(x: Float[Tensor, "n d"], ids: Int[Tensor, " n"], count: int) -> Float[Tensor, "k d"]:
    sizes = torch.bincount(ids, minlength=count)
    centers = x.new_zeros(count, x.shape[1]).index_add_(0, ids, x) / sizes.clamp(1)[:, None]
    empty = torch.nonzero(sizes == 0)[:, 0]
    large = sizes.argsort(descending=True, stable=True)[: len(empty)]
    apart = torch.where(torch.arange(x.shape[1], device=x.device) % 2 == 0, 1 / 1024, -1 / 1024).to(x.dtype)
    centers[empty] = centers[large] * (1 + apart)
    centers[large] = centers[large] * (1 - apart)
    return centers
