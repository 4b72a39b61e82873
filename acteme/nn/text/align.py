"""Contrast of features with texts where several samples of a batch may share a class.

Source: Wang et al., ActionCLIP (arXiv 2109.08472), section 3; Xiang et al., GAP (ICCV 2023), section 3.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def targets(label: Int[Tensor, " b"], sharpness: float = 10.0) -> Float[Tensor, "b b"]:
    """q = softmax(sharpness G) by rows, where G is 1 for pairs of one class: nearly all on them, in equal shares."""
    return torch.softmax(sharpness * (label[:, None] == label).double(), 1)


def kl_contrast(
    s: Float[Tensor, "*n b d"],
    t: Float[Tensor, "*n b d"],
    label: Int[Tensor, " b"],
    scale: Float[Tensor, "*n"],
    sharpness: float = 10.0,
) -> Float[Tensor, "*n"]:
    """(KL(q || softmax(P)) + KL(q || softmax(P^T))) / 2 with P = scale s t^T of unit vectors; means over rows.

    Args:
        s: features, of any length; leading axes are contrasts of their own.
        t: features of the texts, one per sample.
        label: class of each sample.
        scale: factor of the cosines.
        sharpness: how nearly q is 0 between classes.
    """
    whole = torch.promote_types(s.dtype, torch.float32)  # half precision is not enough here
    s, t = F.normalize(s.to(whole), dim=-1), F.normalize(t.to(whole), dim=-1)
    logits = scale.to(whole)[..., None, None] * (s @ t.mT)
    q = targets(label, sharpness).to(whole)
    entropy = (q * q.log()).sum()
    cross = [(q * F.log_softmax(p, -1)).sum((-2, -1)) for p in (logits, logits.mT)]
    return (entropy - (cross[0] + cross[1]) / 2) / len(label)
