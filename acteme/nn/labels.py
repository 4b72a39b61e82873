"""Learning from single labels of which some may be missing (-1)."""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def cross_entropy(logits: Float[Tensor, "b k"], label: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Mean cross entropy of the clips that have a label; 0 where none has."""
    count = (label >= 0).sum().clamp(min=1)
    return F.cross_entropy(logits.float(), label, ignore_index=-1, reduction="sum") / count


def accuracy(logits: Float[Tensor, "b k"], label: Int[Tensor, " b"]) -> Float[Tensor, ""]:
    """Share of the clips with a label whose class has the highest score; 0 where none has one."""
    known = label >= 0
    return ((logits.argmax(-1) == label) & known).sum() / known.sum().clamp(min=1)
