"""What is searched for: which dimensions the embeddings of a block of features have.

Features are sorted by how often they occur in training and cut into L blocks; dimensions are cut into D groups. A
search space says what of the L x D weights is free (all in [0, 1], 1 at the start):

- `free` (the paper's): alpha (L, D), the weights themselves;
- `embedding_block`: alpha (L,) in [1, D]; block l has its first alpha_l groups, w_lj = clamp(alpha_l - j, 0, 1);
- `feature_block`: alpha (D,) in [0, L]; group j is there for the first alpha_j blocks, w_lj = clamp(alpha_j - l, 0, 1).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError

Space = Literal["free", "embedding_block", "feature_block"]
EPS = 1e-8
"""Keeps the normalization of a row of zeros finite."""
Weights = Mapping[str, Tensor]
Loss = Callable[[Weights, Tensor], Tensor]


def block_sizes(count: int, blocks: Sequence[float]) -> list[int]:
    """Features of each block, the most frequent first: shares of all of them (rounded down), or, where the first is
    greater than 1, numbers. What is left goes to the last.

    Raises:
        InputError: blocks ask for more features than there are, or for a negative number.
    """
    sizes = [int(b) if blocks[0] > 1 else math.floor(b * count + 1e-9) for b in blocks]
    sizes[-1] += count - sum(sizes)
    if min(sizes) < 0:
        what = f"blocks {', '.join(f'{b:g}' for b in blocks)} hold more than the {count} features that there are"
        raise InputError(what, "network.blocks", "give shares that add up to 1, such as 0.2,0.2,0.2,0.2,0.2")
    return sizes


def group_sizes(width: int, groups: int) -> list[int]:
    """Dimensions of each group: equal ones, and the last takes what is left."""
    return [*[width // groups] * (groups - 1), width - width // groups * (groups - 1)]


def full(space: Space, blocks: int, groups: int) -> Float[Tensor, "*alpha"]:
    """The alpha that keeps everything."""
    if space == "embedding_block":
        return torch.full((blocks,), float(groups))
    return torch.full((groups,), float(blocks)) if space == "feature_block" else torch.ones(blocks, groups)


def bounds(space: Space, blocks: int, groups: int) -> tuple[float, float]:
    """Between which values alpha stays."""
    return {"free": (0.0, 1.0), "embedding_block": (1.0, float(groups)), "feature_block": (0.0, float(blocks))}[space]


def weights(space: Space, alpha: Float[Tensor, "*alpha"], blocks: int, groups: int) -> Float[Tensor, "l d"]:
    """How much each block has of each group of dimensions."""
    if space == "free":
        return alpha
    rows = torch.arange(blocks, dtype=alpha.dtype, device=alpha.device)[:, None]
    columns = torch.arange(groups, dtype=alpha.dtype, device=alpha.device)
    if space == "embedding_block":
        return (alpha[:, None] - columns).clamp(0, 1)
    return (alpha - rows).clamp(0, 1)


def normalized(gradient: Float[Tensor, "*l d"]) -> Float[Tensor, "*l d"]:
    """g_lk / (mean over k of |g_lk| + eps): every row moves by the same amount on average, however frequent its
    features are. An alpha of one dimension is one row."""
    return gradient / (gradient.abs().mean(-1, keepdim=True) + EPS)


def bilevel_gradient(
    train: Loss, val: Loss, weights: Weights, alpha: Float[Tensor, "*alpha"], xi: float
) -> tuple[Float[Tensor, "*alpha"], Float[Tensor, ""]]:
    """d/d alpha of val(W - xi d/dW train(W, alpha), alpha), exactly, and the value of val.

    With xi 0 it is the first-order form, d/d alpha of val(W, alpha).

    Args:
        train, val: losses as functions of (weights, alpha).
        weights: those that require gradients.
        alpha: requires gradients.
        xi: step of plain gradient descent that the weights are thought to take.
    """
    moved: dict[str, Tensor] = dict(weights)
    if xi:
        slopes = torch.autograd.grad(train(weights, alpha), list(weights.values()), create_graph=True,
                                     allow_unused=True)  # fmt: skip
        moved |= {n: w - xi * g for (n, w), g in zip(weights.items(), slopes, strict=True) if g is not None}
    loss = val(moved, alpha)
    return torch.autograd.grad(loss, alpha)[0], loss.detach()


def popular_dims(
    count: Int[np.ndarray, " n"], sizes: Sequence[int], base: float, temperature: float
) -> Int[np.ndarray, " l"]:
    """Dimensions of each block by its popularity (mixed dimension embeddings, MDE; Ginart et al., 2019).

    p_l = share of training occurrences of block l;  lambda = base N / sum_l p_l^a;  d_l = floor(lambda p_l^a / |block|)

    Args:
        count: occurrences of each feature, sorted falling.
        sizes: features of each block.
        base: mean dimension: the number of values is at most base N.
        temperature: a; 0 gives blocks the same number of values.
    """
    edges = np.cumsum(sizes)[:-1]
    occurrences = np.array([part.sum() for part in np.split(np.asarray(count, float), edges)])
    strength = (occurrences / occurrences.sum()) ** temperature
    share = base * len(count) * strength / strength.sum()
    return np.floor(share / np.maximum(sizes, 1) + 1e-9).astype(np.int64)
