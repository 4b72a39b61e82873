"""The losses of phase 1.

ITC (item-text contrast), ITM (matching), ITG (generation) are those of BLIP-2; II and UI contrast items that one user
had in turn, and users with what they liked.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

Select = Literal["max", "positive"]
FLOOR = 1e-4
"""Added to the probability of every negative."""


def contrast(
    logits: Float[Tensor, "b b"], allowed: Bool[Tensor, "b b"] | None = None, smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Cross entropy both ways, the diagonal being right.

    Args:
        logits: of each pair.
        allowed: pairs that are candidates; the others are false negatives. The diagonal always counts.
        smoothing: share of the target that goes to all candidates alike.
    """
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    open_ = own if allowed is None else allowed | own
    if allowed is None:
        open_ = torch.ones_like(own)
    return (_one_way(logits, open_, smoothing) + _one_way(logits.T, open_.T, smoothing)) / 2


def _one_way(logits: Tensor, open_: Tensor, smoothing: float) -> Tensor:
    logp = logits.masked_fill(~open_, -torch.inf).log_softmax(1)
    right = logp.diagonal()
    if not smoothing:
        return -right.mean()
    even = logp.masked_fill(~open_, 0).sum(1) / open_.sum(1)
    return -((1 - smoothing) * right + smoothing * even).mean()


def best_of_queries(q: Float[Tensor, "a n p"], t: Float[Tensor, "b p"]) -> Float[Tensor, "a b"]:
    """max over the queries of an item of its products with each text."""
    return _products(q.flatten(0, 1), t.T).unflatten(0, q.shape[:2]).amax(1)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """a b, in single precision at least: similarities need more digits than bfloat16 has."""
    with torch.autocast(a.device.type, enabled=False):
        return torch.matmul(*(x.to(torch.promote_types(x.dtype, torch.float32)) for x in (a, b)))


def best_of_pairs(a: Float[Tensor, "b n p"], c: Float[Tensor, "b n p"], select: Select = "max") -> Float[Tensor, "b b"]:
    """Similarity of each item of one side and each of the other, by their queries.

    `max`: the best of the n x n pairs of queries, for every two items anew. `positive`: of every positive pair of items
    the best pair of queries is found first; its two vectors stand for the items against all others.
    """
    size, n, _ = a.shape
    if select == "max":
        return _products(a.flatten(0, 1), c.flatten(0, 1).T).view(size, n, size, n).amax((1, 3))
    rows = torch.arange(size, device=a.device)
    with torch.no_grad():
        at = _products(a, c.mT).flatten(1).argmax(1)
    return _products(a[rows, at // n], c[rows, at % n].T)


@torch.no_grad()
def hard_negatives(
    similarity: Float[Tensor, "b b"], allowed: Bool[Tensor, "b b"]
) -> tuple[Int[Tensor, " b"], Bool[Tensor, " b"]]:
    """A column for each row, drawn with probability softmax(similarity) + 1e-4 among those allowed, never its own; and
    whether there was any."""
    allowed = allowed & ~torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    able = allowed.any(1)
    weight = similarity.float().masked_fill(~allowed, -torch.inf).softmax(1).nan_to_num(0) + FLOOR
    weight = weight * allowed
    weight[~able, 0] = 1
    return weight.multinomial(1)[:, 0], able


def matching(
    logits: Float[Tensor, "b3 2"], able: Bool[Tensor, " b2"] | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross entropy of B matched pairs and 2B that are not, in this order, and the share that is told right.

    Args:
        logits: of all 3B.
        able: which of the last 2B are negatives indeed.
    """
    size = len(logits) // 3
    label = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    label[:size] = 1
    if able is not None:
        kept = F.pad(able, (size, 0), value=True)
        logits, label = logits[kept], label[kept]
    return F.cross_entropy(logits, label), (logits.argmax(1) == label).float().mean()


def generation(
    logits: Float[Tensor, "b l v"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"], smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Cross entropy of each token but the first, given those before; padding is left out."""
    kept = mask[:, 1:]
    return F.cross_entropy(logits[:, :-1][kept], ids[:, 1:][kept], label_smoothing=smoothing)
