"""Contrast: the queue, the momentum update and the InfoNCE losses shared by the contrastive systems.

Sources: He et al., Momentum Contrast for Unsupervised Visual Representation Learning (CVPR 2020), section 3; Chen et
al., A Simple Framework for Contrastive Learning of Visual Representations (ICML 2020), for the loss of two views.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError

PIECE = 2**24
"""Numbers drawn at a time where a queue begins."""


class Queue(nn.Module):
    """The latest keys, as a ring: entry i is `keys[i]`, the next one to be overwritten is `pointer`.

    Args:
        size: number of keys held (K).
        shape: shape of one key, for example (128,) or (30, 128). Keys start as random directions, L2-normalized over
            the last axis.
        dtype: of the keys; half precision halves the memory of long queues.
    """

    keys: Tensor
    pointer: Tensor
    seen: Tensor

    def __init__(self, size: int, *shape: int, dtype: torch.dtype | None = None):
        super().__init__()
        keys = torch.empty(size, *shape, dtype=dtype)
        for part in keys.split(max(1, PIECE // math.prod(shape))):  # drawn at once, it would take four times its memory
            part.copy_(F.normalize(torch.randn(part.shape), dim=-1))
        self.register_buffer("keys", keys)
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Overwrites the oldest entries by `keys` (B, *shape); B may exceed what is left before the ring's end."""
        size = len(self.keys)
        new = keys.detach()[-size:]
        skipped = len(keys) - len(new)
        at = (self.pointer + skipped + torch.arange(len(new), device=keys.device)) % size
        self.keys[at] = new.to(self.keys.dtype)
        self.pointer.copy_((self.pointer + len(keys)) % size)
        self.seen += len(keys)

    def recent(self, count: int) -> Tensor:
        """The `count` most recently enqueued keys (count, *shape), newest last; at most the whole queue."""
        size = len(self.keys)
        if count > size:
            raise InputError(f"{count} recent keys of a queue of {size}", mend="ask for fewer, or enlarge the queue")
        return self.keys[(self.pointer - count + torch.arange(count, device=self.keys.device)) % size]


def info_nce(
    q: Float[Tensor, "b d"], k: Float[Tensor, "b d"], queue: Float[Tensor, "k d"], temperature: float
) -> Float[Tensor, ""]:
    """Cross entropy of [q·k, q·queue] / temperature with the positive first (MoCo, equation 1). Inputs are unit."""
    positive = (q * k).sum(-1, keepdim=True)
    logits = torch.cat([positive, q @ queue.to(q.dtype).T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))


def paired_info_nce(
    one: Float[Tensor, "b d"],
    two: Float[Tensor, "b d"],
    labels: Int[Tensor, " b"] | None = None,
    temperature: float = 1.0,
    similarity: Literal["dot", "cosine"] = "dot",
) -> Float[Tensor, ""]:
    """Two views of each of B things against each other and, as negatives, all views of the others (SimCLR's NT-Xent):

        mean over the 2B views z of  log( sum over candidates c of exp(z.c / t) ) - z.z' / t

    with z' the other view; candidates are all views but z itself. Computed in float32 at least.

    Args:
        one, two: the views.
        labels: views of things with the label of z's own are no candidates, but for z' (a mask of false negatives);
            where all labels are equal, the loss is exactly 0.
        temperature: t.
        similarity: products of the views as they are, or of their directions.
    """
    with torch.autocast(one.device.type, enabled=False):
        z = torch.cat([one, two])
        z = z if z.dtype == torch.float64 else z.float()
        if similarity == "cosine":
            z = F.normalize(z, dim=-1)
        own = torch.arange(len(z), device=z.device)
        if labels is None:
            banned = own[:, None] == own
        else:
            labels = labels.repeat(2)
            banned = labels[:, None] == labels
        other = own.roll(len(one))
        banned[own, other] = False
        return F.cross_entropy((z @ z.T / temperature).masked_fill(banned, -torch.inf), other)


@torch.no_grad()
def momentum_update(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Moves every parameter (not the buffers) of `target` towards `source`: t <- m t + (1 - m) s."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), 1 - momentum)


def frozen(module: nn.Module) -> nn.Module:
    """The module with gradients off, for key encoders and frozen stages."""
    return module.requires_grad_(False)
