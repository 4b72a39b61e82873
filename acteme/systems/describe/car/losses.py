"""The losses: divergence of the two latents, and the contrast between motions and texts with shuffled negatives."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

Gaussian = tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]
"""Mean and logarithm of the variance."""


def divergence(q: Gaussian, p: Gaussian) -> Float[Tensor, ""]:
    """KL(q || p) of diagonal normal distributions, the mean over all numbers of the latent (not their sum)."""
    (mean_q, log_q), (mean_p, log_p) = q, p
    ratio = log_q - log_p
    return 0.5 * (ratio.exp() + (mean_p - mean_q).square() / log_p.exp() - 1 - ratio).mean()


def from_normal(q: Gaussian) -> Float[Tensor, ""]:
    """KL(q || N(0, 1)), the mean over all numbers."""
    mean, log = q
    return 0.5 * (log.exp() + mean.square() - 1 - log).mean()


def contrast(
    texts: Float[Tensor, "m d"],
    motions: Float[Tensor, "b d"],
    temperature: float,
    alike: Bool[Tensor, "n b"] | None = None,
) -> Float[Tensor, ""]:
    """InfoNCE in both directions by cosine similarity (the paper's section 4.2).

    Text i belongs to motion i; texts from b on belong to none: every motion sees them as negatives, and no text sees
    them.

    Args:
        texts: the captions of the motions, then further negatives.
        motions: b of them, b <= m.
        temperature: divides the similarities.
        alike: which texts, the first b (the captions) or more, say the same as a motion's caption: no negatives of the
            motion. That a caption says the same as itself changes nothing.
    """
    count = len(motions)
    logits = F.normalize(texts, dim=-1) @ F.normalize(motions, dim=-1).T / temperature
    if alike is not None:
        hidden = alike & ~torch.eye(len(alike), count, dtype=torch.bool, device=alike.device)
        hidden = F.pad(hidden, (0, 0, 0, len(texts) - len(alike)))
        logits = logits.masked_fill(hidden, -torch.inf)
    own = torch.arange(count, device=logits.device)
    return (F.cross_entropy(logits[:count], own) + F.cross_entropy(logits.T, own)) / 2
