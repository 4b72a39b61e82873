"""Batch normalization that leaves padding and absent persons out of its statistics, and as a scale and a shift."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def norm(bn: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor, weight: Tensor | None) -> Tensor:
    """Batch normalization whose batch statistics count only where `weight` (0 or 1, broadcast to x) is 1."""
    if weight is None or not bn.training:
        return bn(x)
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    count = weight.expand_as(x).sum(axes)
    mean = (x * weight).sum(axes) / count.clamp(min=1)
    var = ((x - mean.view(shape)).square() * weight).sum(axes) / count.clamp(min=1)
    with torch.no_grad():
        rate = float(bn.momentum or 0.0) * (count > 0).to(bn.running_mean)  # type: ignore[arg-type]
        bn.running_mean.lerp_(mean.to(bn.running_mean), rate)  # type: ignore[union-attr, arg-type]
        unbiased = var * count / (count - 1).clamp(min=1)
        bn.running_var.lerp_(unbiased.to(bn.running_var), rate)  # type: ignore[union-attr, arg-type]
        bn.num_batches_tracked.add_(1)  # type: ignore[union-attr]
    scale = bn.weight * (var + bn.eps).rsqrt()
    return (x - mean.view(shape)) * scale.view(shape) + bn.bias.view(shape)


def affine(bn: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Float[Tensor, " c"], Float[Tensor, " c"]]:
    """What a normalization does in evaluation: scale and shift of every channel, to be made part of what is before."""
    scale = bn.weight * (bn.running_var + bn.eps).rsqrt()  # type: ignore[operator, union-attr]
    return scale, bn.bias - bn.running_mean * scale  # type: ignore[operator]
