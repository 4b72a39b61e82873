"""Losses of large maps a few samples at a time: the same gradients in the memory of a few samples.

Maps of 288 x 480 fill gigabytes in a batch of eight; on a processor most of a step would go into giving and taking that
memory. So a piece's gradients are computed as soon as its loss is there, and its maps are dropped.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Parts = dict[str, Tensor]


class _Pieces(torch.autograd.Function):
    """Sums of losses whose gradients are known when they are; only the first, the total, passes gradients on."""

    @staticmethod
    def forward(ctx: Any, losses: Callable[[int], Parts], count: int, *weights: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        found: list[Tensor] = []
        grads: list[Tensor | None] = [None] * len(weights)
        for i in range(count):
            with torch.enable_grad():
                parts = losses(i)
                new = torch.autograd.grad(parts["total"], weights, allow_unused=True)
            grads = [b if a is None else a if b is None else a.add_(b) for a, b in zip(grads, new, strict=True)]
            values = [parts[name].detach() for name in parts]
            found = values if not found else [a + b for a, b in zip(found, values, strict=True)]
        ctx.grads = grads
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return (None, None, *(None if g is None else g * total for g in ctx.grads))


def summed(losses: Callable[[int], Parts], names: Sequence[str], count: int, module: nn.Module) -> Parts:
    """The sum of the losses of pieces.

    Args:
        losses: the losses of a piece, by its number; their names are `names`, of which the first is `total`.
        names: see there.
        count: number of pieces.
        module: what is trained.
    """
    weights = [p for p in module.parameters() if p.requires_grad]
    if count == 1 or not torch.is_grad_enabled() or not weights:
        parts = [losses(i) for i in range(count)]
        return {name: torch.stack([p[name] for p in parts]).sum(0) for name in names}
    return dict(zip(names, _Pieces.apply(losses, count, *weights), strict=True))
