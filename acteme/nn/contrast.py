"""Momentum contrast: the queue, the momentum update and the InfoNCE loss shared by the contrastive systems.

Source: He et al., Momentum Contrast for Unsupervised Visual Representation Learning (CVPR 2020), section 3.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
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


@torch.no_grad()
def momentum_update(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Moves every parameter (not the buffers) of `target` towards `source`: t <- m t + (1 - m) s."""
    torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), 1 - momentum)


def frozen(module: nn.Module) -> nn.Module:
    """The module with gradients off, for key encoders and frozen stages."""
    return module.requires_grad_(False)
