"""What the streams are shown of a clip: one square about the people, as heatmaps of their joints and as images.

Coordinates are those of a picture: x and y in half widths of the picture from its middle, y downwards. Of positions in
three dimensions the view from the camera's axis is taken, without perspective.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

Places = Float[Tensor, "b t m v 2"]
Scores = Float[Tensor, "b t m v"]

LEAST = 1e-4
"""Joints of less confidence are not drawn."""
MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Crop:
    """A rectangle of each picture, and whether it is seen in a mirror."""

    center: Float[Tensor, "b 2"]
    half: Float[Tensor, "b 2"]
    """Half of its width and of its height."""
    flip: Bool[Tensor, " b"]


def places(x: Float[Tensor, "b t m v c"], confidence: Scores | None) -> tuple[Places, Scores]:
    """Joints in the picture, and their confidence: 0 where a joint is missing, 1 where nothing is said."""
    there = (x != 0).any(-1).to(x)
    xy = x if x.shape[-1] == 2 else x[..., :2] * x.new_tensor([1.0, -1.0])
    return xy, there if confidence is None else confidence * there


def around(xy: Places, score: Scores, padding: float = 0.25) -> Crop:
    """The square about all joints of a clip, wider than they reach by `padding` of that; without joints, all of it."""
    there = score[..., None] > 0
    low = xy.masked_fill(~there, torch.inf).flatten(1, 3).amin(1)
    high = xy.masked_fill(~there, -torch.inf).flatten(1, 3).amax(1)
    seen = there.flatten(1).any(1)[:, None] & (high > low).any(1, keepdim=True)
    half = ((high - low).amax(1, keepdim=True) / 2 * (1 + padding)).expand(-1, 2)
    center = torch.where(seen, (low + high) / 2, 0)
    return Crop(center, torch.where(seen, half, 1), seen.new_zeros(len(seen)))


def random_crop(crop: Crop, area: tuple[float, float] = (0.56, 1.0), flip: float = 0.5, tries: int = 10) -> Crop:
    """A random rectangle of each: `area` of it, sides as 3:4 to 4:3; the first of some draws that fits, else all."""
    b, device, kind = len(crop.center), crop.center.device, crop.center.dtype
    draw = torch.rand(b, tries, 2, device=device, dtype=kind)
    share = area[0] + draw[..., 0] * (area[1] - area[0])
    shape = torch.exp((2 * draw[..., 1] - 1) * 0.2876820724517809)  # log(4 / 3)
    size = torch.stack([(share * shape).sqrt(), (share / shape).sqrt()], -1)
    fits = (size <= 1).all(-1)
    first = fits.to(torch.uint8).argmax(1)
    size = size[torch.arange(b, device=device), first]
    size = torch.where(fits.any(1, keepdim=True), size, 1)
    corner = torch.rand(b, 2, device=device, dtype=kind) * (1 - size)
    center = crop.center + crop.half * (2 * corner + size - 1)
    return Crop(center, crop.half * size, torch.rand(b, device=device) < flip)


def heatmaps(
    xy: Places, score: Scores, crop: Crop, size: int, sigma: float, partner: list[int]
) -> Float[Tensor, "b v t y x"]:
    """A normal distribution about every joint, as high as its confidence; of several persons the greatest value.

    As PYSKL draws them: cut at 3 sigma, pixel i at coordinate i. The memory has the joints last.

    Args:
        xy: joints.
        score: their confidence.
        crop: what is drawn.
        size: pixels of a side.
        sigma: pixels.
        partner: the joint on the other side of each, for the mirror.
    """
    mirrored = crop.flip[:, None, None, None]
    swapped, other = xy[..., partner, :], score[..., partner]
    xy, score = torch.where(mirrored[..., None], swapped, xy), torch.where(mirrored, other, score)
    center, half = (part[:, None, None, None] for part in (crop.center, crop.half))
    at = ((xy - center) / half + 1) * (size / 2)
    x = torch.where(mirrored, size - at[..., 0], at[..., 0])
    score = score * (score >= LEAST)
    wide, high = _bell(x, size, sigma), _bell(at[..., 1], size, sigma) * score[..., None]
    out: Tensor | None = None
    for m in range(xy.shape[2]):
        one = high[:, :, m].mT[:, :, :, None] * wide[:, :, m].mT[:, :, None]
        out = one if out is None else torch.maximum(out, one)
    assert out is not None
    return out.permute(0, 4, 1, 2, 3)


def _bell(at: Float[Tensor, "b t m v"], size: int, sigma: float) -> Float[Tensor, "b t m v size"]:
    """exp(-(i - at)^2 / 2 sigma^2) of the pixels i from int(at - 3 sigma) to int(at + 3 sigma)."""
    pixel = torch.arange(size, device=at.device, dtype=at.dtype)
    at = at[..., None]
    inside = (pixel >= (at - 3 * sigma).trunc()) & (pixel <= (at + 3 * sigma).trunc())
    return torch.exp((pixel - at).square() / (-2 * sigma**2)) * inside


def images(video: UInt8[Tensor, "b t h w 3"], crop: Crop, size: int) -> Float[Tensor, "b 3 t size size"]:
    """Frames of the crop, resized and normalized; black beyond the picture's edges."""
    b, t, h, w, _ = video.shape
    unit = (torch.arange(size, device=video.device, dtype=crop.half.dtype) + 0.5) * (2 / size) - 1
    sign = torch.where(crop.flip, -1.0, 1.0).to(unit)
    x = crop.center[:, :1] + crop.half[:, :1] * unit * sign[:, None]
    y = (crop.center[:, 1:] + crop.half[:, 1:] * unit) * (w / h)
    grid = torch.stack([x[:, None].expand(b, size, size), y[:, :, None].expand(b, size, size)], -1)
    flat = video.permute(0, 1, 4, 2, 3).flatten(0, 1).to(unit)
    seen = F.grid_sample(flat, grid.repeat_interleave(t, 0), align_corners=False).unflatten(0, (b, t))
    mean, deviation = (unit.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return ((seen - mean) / deviation).transpose(1, 2)
