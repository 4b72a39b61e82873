"""Maps of positions: distance and Gaussian maps as input, Gaussian targets, and positions read off predicted maps.

Y-net cuts its maps out of a large template around each position, one at a time; here they are computed at their places,
so that positions on and beyond the border need no care. Positions are (x, y) in pixels of the grid.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def offsets(
    xy: Float[Tensor, "b n 2"], size: tuple[int, int], rounded: bool
) -> tuple[Float[Tensor, "b n 1 w"], Float[Tensor, "b n h 1"]]:
    """Columns minus x and rows minus y, of positions that are rounded to whole pixels first (Y-net) or not."""
    xy = xy.round() if rounded else xy
    columns, rows = (torch.arange(n, device=xy.device, dtype=xy.dtype) for n in (size[1], size[0]))
    return (columns - xy[..., :1])[..., None, :], (rows - xy[..., 1:])[..., None]


def distance_maps(
    xy: Float[Tensor, "b n 2"], size: tuple[int, int], side: int, rounded: bool = True
) -> Float[Tensor, "b n h w"]:
    """2 |u - x| / r: the distance of every pixel u, where r is half the diagonal of Y-net's template of `side` pixels.

    0 at the position, 2 at the template's first corner.
    """
    dx, dy = offsets(xy, size, rounded)
    scale = 2 / (math.sqrt(2) * (side // 2))
    return torch.add(dx.mul(scale).square(), dy.mul(scale).square()).sqrt_()


def gauss_maps(
    xy: Float[Tensor, "b n 2"], size: tuple[int, int], sigma: float, rounded: bool = True
) -> Float[Tensor, "b n h w"]:
    """exp(-|u - x|^2 / (2 sigma^2)): 1 at the position."""
    dx, dy = offsets(xy, size, rounded)
    return torch.exp(dx.square() / (-2 * sigma**2)) * torch.exp(dy.square() / (-2 * sigma**2))


def pooled(maps: Float[Tensor, "b n h w"], levels: int) -> list[Float[Tensor, "b n ..."]]:
    """The maps at 1, 1/2, 1/4, ... of their size, each the mean of 2 x 2 pixels of the one before."""
    out = [maps]
    for _ in range(levels):
        out.append(F.avg_pool2d(out[-1], 2))
    return out


def patches(
    xy: Float[Tensor, "b n 2"], size: tuple[int, int], sigma: float, kernel: int, total: bool, rounded: bool = True
) -> tuple[Tensor, Tensor]:
    """Gaussian targets as patches: flat pixel numbers and values, both (b, n, kernel^2).

    Args:
        xy: true positions.
        size: height and width of the map.
        sigma: standard deviation in pixels.
        kernel: side of the square outside of which the target is zero.
        total: whether the kernel sums to one (Y-net); otherwise its peak is one.
        rounded: see `offsets`.

    Pixels beyond the border have value 0 (and the number of some pixel within).
    """
    reach = torch.arange(kernel, device=xy.device) - kernel // 2
    whole = xy.round()
    shift = (whole - xy)[..., None] * (0.0 if rounded else 1.0)
    at = whole.long()[..., None] + reach  # (b, n, 2, kernel)
    value = torch.exp((reach + shift).square() / (-2 * sigma**2))
    if total:
        value = value / torch.exp(reach.to(xy.dtype).square() / (-2 * sigma**2)).sum()
    limit = torch.tensor([size[1], size[0]], device=xy.device)[:, None]
    value = value * ((at >= 0) & (at < limit))
    at = at.clamp(min=0).minimum(limit - 1)
    flat = at[..., 1, :, None] * size[1] + at[..., 0, None, :]
    return flat.flatten(2), (value[..., 1, :, None] * value[..., 0, None, :]).flatten(2)


def target_maps(
    xy: Float[Tensor, "b n 2"], size: tuple[int, int], sigma: float, kernel: int, total: bool, rounded: bool = True
) -> Float[Tensor, "b n h w"]:
    """The targets of `patches` as whole maps."""
    flat, value = patches(xy, size, sigma, kernel, total, rounded)
    out = torch.zeros(*xy.shape[:2], size[0] * size[1], device=xy.device, dtype=value.dtype)
    return out.scatter_add_(2, flat, value).view(*xy.shape[:2], *size)


class _CrossEntropy(torch.autograd.Function):
    """Mean binary cross entropy of maps whose targets are zero but for a patch: one pass over the logits each way."""

    @staticmethod
    def forward(ctx, logits: Tensor, flat: Tensor, value: Tensor, weight: Tensor) -> Tensor:  # type: ignore[override]
        rows, columns = flat.div(logits.shape[3], rounding_mode="floor"), flat.remainder(logits.shape[3])
        b = torch.arange(logits.shape[0], device=logits.device)[:, None, None]
        n = torch.arange(logits.shape[1], device=logits.device)[:, None]
        there = logits[b, n, rows, columns].to(value.dtype)
        free = F.softplus(logits).sum((2, 3), dtype=value.dtype)
        ctx.save_for_backward(logits, rows, columns, value, weight)
        return ((free - (there * value).sum(2)) * weight).sum() / (logits.shape[2] * logits.shape[3])

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        logits, rows, columns, value, weight = ctx.saved_tensors
        weight = weight * (grad / (logits.shape[2] * logits.shape[3]))
        b = torch.arange(logits.shape[0], device=logits.device)[:, None, None]
        n = torch.arange(logits.shape[1], device=logits.device)[:, None]
        out = torch.sigmoid(logits).mul_(weight[..., None, None].to(logits.dtype))
        out.index_put_((b, n, rows, columns), (-value * weight[..., None]).to(logits.dtype), accumulate=True)
        return out, None, None, None


def map_loss(
    logits: Float[Tensor, "b n h w"], flat: Tensor, value: Tensor, weight: Float[Tensor, "b n"]
) -> Float[Tensor, ""]:
    """Weighted sum of the binary cross entropy (mean over pixels) between maps and the targets of `patches`.

    Equals `binary_cross_entropy_with_logits(logits, target_maps(...))` where all weights are 1 / (b n).

    Args:
        logits: predicted maps.
        flat: pixel numbers of the targets' patches.
        value: their values.
        weight: of each map; 0 leaves it out.
    """
    return _CrossEntropy.apply(logits, flat, value, weight)


def softargmax(logits: Float[Tensor, "b n h w"]) -> Float[Tensor, "b n 2"]:
    """Mean position (x, y) under the softmax over all pixels of a map."""
    h, w = logits.shape[2:]
    p = torch.exp(logits - logits.amax((2, 3), keepdim=True))
    return mean_position(p, torch.arange(w, device=p.device), torch.arange(h, device=p.device))


def mean_position(p: Float[Tensor, "b n h w"], xs: Tensor, ys: Tensor) -> Float[Tensor, "b n 2"]:
    """Mean position under weights that need not sum to one; pixels have the coordinates `xs` and `ys`."""
    by_column, by_row = p.sum(2), p.sum(3)
    total = by_row.sum(-1).clamp(min=torch.finfo(p.dtype).tiny)
    mean = torch.stack([(by_column * xs).sum(-1), (by_row * ys).sum(-1)], -1)
    return mean / total[..., None]
