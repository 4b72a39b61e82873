"""What graph convolution networks on skeletons share: the normalized input, blocks, and means over joints and persons.

    block: ReLU(time(space(x)) + around(x))

`space` mixes joints and channels, `time` convolves over frames, `around` is the residual way. Padding frames have no
part in anything: they are zeroed before whatever looks at several frames, and left out of every mean and of the batch
statistics. `keep` (n, 1, t, 1) is 1 where a frame exists, or None where all do.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acteme.nn.masked import affine, norm
from acteme.recordings.latents import Latents

Maps = Float[Tensor, "n c t v"]
Keep = Float[Tensor, "n 1 t 1"]


class Encoder(nn.Module):
    """Blocks over a skeleton clip.

    Args:
        blocks: the blocks, in order.
        joints: V.
        persons: M.
        channels: C of the input.
        width: channels of the last block.
        apart: normalize the input alike for all persons, over joints and coordinates (PYSKL); otherwise every person
            has statistics of its own (2s-AGCN, CTR-GCN).
        skip_absent: leave out persons that are all zeros in a clip; the official codes compute them as bodies at the
            origin and average them in.
    """

    def __init__(
        self,
        blocks: Sequence["Block"],
        joints: int,
        persons: int,
        channels: int,
        width: int,
        apart: bool,
        skip_absent: bool,
    ):
        super().__init__()
        self.width, self.apart, self.skip_absent = width, apart, skip_absent
        self.data_bn = nn.BatchNorm1d((1 if apart else persons) * joints * channels)
        self.blocks = nn.ModuleList(blocks)
        self.strides = [block.stride for block in blocks]
        self.stride = math.prod(self.strides)

    def maps(self, x: Float[Tensor, "b t m v c"], mask: Bool[Tensor, "b t"] | None = None) -> "Seen":
        """Features of every joint, person and step of `stride` frames."""
        b, t, m, v, c = x.shape
        there = (x != 0).flatten(3).any(-1).any(1) if self.skip_absent else x.new_ones(b, m, dtype=torch.bool)
        if self.skip_absent and not there.any():
            there = torch.ones_like(there)
        skip = self.skip_absent and not bool(there.all())
        mask = None if mask is None or bool(mask.all()) else mask
        weight = None
        if skip or mask is not None:
            weight = (there[:, :, None] & (there.new_ones(b, 1, t) if mask is None else mask[:, None])).to(x)
        h = x.permute(0, 2, 3, 4, 1)
        if self.apart:
            h = norm(self.data_bn, h.reshape(b * m, v * c, t), None if weight is None else weight.view(b * m, 1, t))
        else:
            weight = None if weight is None else weight.repeat_interleave(v * c, 1)
            h = norm(self.data_bn, h.reshape(b, m * v * c, t), weight)
        h = h.view(b, m, v, c, t).permute(0, 1, 3, 4, 2)
        keep = None if mask is None else mask[:, None].expand(-1, m, -1)[there][:, None, :, None].to(x)
        h = h[there] if skip else h.reshape(b * m, c, t, v)
        for block, stride in zip(self.blocks, self.strides, strict=True):
            h = block(h, keep)
            keep = strided(keep, stride)
        steps = h.new_ones(b, h.shape[2], dtype=torch.bool) if mask is None else mask[:, :: self.stride]
        return Seen(h, keep, there, steps)

    def forward(self, x: Float[Tensor, "b t m v c"], mask: Bool[Tensor, "b t"] | None = None) -> Latents:
        """A token per step, the mean over joints and persons, and the mean over steps."""
        return self.maps(x, mask).pooled()


class Seen:
    """What an encoder saw: features of the persons that were computed, and how they fill a batch.

    Args:
        maps: features (n, d, s, v).
        keep: 1 where a step exists; None where all do.
        there: (b, m) the n persons that were computed.
        steps: (b, s) steps that exist.
    """

    def __init__(self, maps: Maps, keep: Keep | None, there: Bool[Tensor, "b m"], steps: Bool[Tensor, "b s"]):
        self.maps, self.keep, self.there, self.steps = maps, keep, there, steps

    def pooled(self, joints: Sequence[int] | None = None) -> Latents:
        """Means over joints (all, or some of them) and the persons that were computed; then over the steps."""
        h = self.maps if joints is None else self.maps[..., list(joints)]
        h = h.mean(3) if self.keep is None else h.mean(3) * self.keep[..., 0]
        b, m = self.there.shape
        if len(h) == b * m:
            h = h.view(b, m, *h.shape[1:]).mean(1)
        else:
            clip = torch.arange(b, device=h.device)[:, None].expand(b, m)[self.there]
            h = h.new_zeros(b, *h.shape[1:]).index_add(0, clip, h)
            h = h / self.there.sum(1).clamp(min=1)[:, None, None]
        tokens = h.transpose(1, 2)
        return Latents(tokens, tokens.sum(1) / self.steps.sum(1, keepdim=True).clamp(min=1), self.steps)

    def joints(self) -> Float[Tensor, "b d v"]:
        """Features of each joint: means over the steps, then over the persons that were computed."""
        h = time_mean(self.maps, self.keep)
        b, m = self.there.shape
        if len(h) == b * m:
            return h.view(b, m, *h.shape[1:]).mean(1)
        clip = torch.arange(b, device=h.device)[:, None].expand(b, m)[self.there]
        h = h.new_zeros(b, *h.shape[1:]).index_add(0, clip, h)
        return h / self.there.sum(1).clamp(min=1)[:, None, None]


class Block(nn.Module):
    """A unit over joints, a unit over time, and the way around both.

    Args:
        space: called as space(x, keep).
        time: called as time(x, keep); keeps every `stride`-th frame.
        around: the residual way (see `around`); None for none.
        stride: of `time` and `around`.
    """

    def __init__(self, space: nn.Module, time: nn.Module, around: nn.Module | None, stride: int):
        super().__init__()
        self.space, self.time, self.around, self.stride = space, time, around, stride

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        y = self.time(self.space(x, keep), keep)
        if isinstance(self.around, nn.Identity):
            y = y + x
        elif self.around is not None:
            y = y + self.around(x, keep)
        return F.relu(y, inplace=True)


class TemporalConv(nn.Module):
    """Convolution over time, then batch normalization."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(c_in, c_out, (kernel, 1), (stride, 1), (kernel // 2, 0))
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        x = x if keep is None or self.kernel == 1 else x * keep
        return normed(self.conv, self.bn, x, strided(keep, self.stride))


def around(c_in: int, c_out: int, stride: int) -> nn.Module:
    """The residual way: the identity, or a convolution of one frame where shapes differ."""
    return nn.Identity() if c_in == c_out and stride == 1 else TemporalConv(c_in, c_out, 1, stride)


def strided(keep: Keep | None, stride: int) -> Keep | None:
    """`keep` of every `stride`-th frame."""
    return keep if keep is None or stride == 1 else keep[:, :, ::stride]


def time_mean(x: Maps, keep: Keep | None) -> Float[Tensor, "n c v"]:
    """Mean over the frames that exist."""
    return x.mean(2) if keep is None else (x * keep).sum(2) / keep.sum(2).clamp(min=1)


def normed(conv: nn.Conv2d, bn: nn.BatchNorm2d, x: Maps, keep: Keep | None) -> Maps:
    """A convolution and its batch normalization; in evaluation both are one convolution."""
    return norm(bn, scaled(conv, x), keep) if bn.training else scaled(conv, x, *affine(bn))


def scaled(
    conv: nn.Conv2d, x: Maps, scale: Float[Tensor, " d"] | None = None, shift: Float[Tensor, " d"] | None = None
) -> Maps:
    """scale conv(x) + shift as one convolution; where it is one of single frames and joints, as `product`."""
    weight, bias = conv.weight, conv.bias
    if scale is not None and bias is not None and shift is not None:
        weight, bias = weight * scale.view(-1, 1, 1, 1), torch.addcmul(shift, bias, scale)
    if conv.kernel_size != (1, 1):
        return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation)  # type: ignore[arg-type]
    x = x if conv.stride == (1, 1) else x[:, :, :: conv.stride[0]]
    return product(weight.flatten(1), bias, x)  # type: ignore[arg-type]


def joined(branches: Sequence[tuple[nn.Conv2d | None, Maps]], bn: nn.BatchNorm2d, keep: Keep | None) -> Maps:
    """Branches side by side, each a convolution of its input or (None) the input, and the normalization of all."""
    if bn.training:
        return norm(bn, torch.cat([x if conv is None else scaled(conv, x) for conv, x in branches], 1), keep)
    scales, shifts = (
        each.split([conv.out_channels if conv else x.shape[1] for conv, x in branches]) for each in affine(bn)
    )
    outs = [
        torch.addcmul(shift[:, None, None], x, scale[:, None, None]) if conv is None else scaled(conv, x, scale, shift)
        for (conv, x), scale, shift in zip(branches, scales, shifts, strict=True)
    ]
    return torch.cat(outs, 1)


def largest(x: Maps, stride: int) -> Maps:
    """The maximum of every frame and the two beside it, at every `stride`-th frame."""
    if x.requires_grad:
        return F.max_pool2d(x, (3, 1), (stride, 1), (1, 0))
    y = x.clone()  # pooling would look for where the maximum was
    torch.maximum(y[:, :, 1:], x[:, :, :-1], out=y[:, :, 1:])
    torch.maximum(y[:, :, :-1], x[:, :, 1:], out=y[:, :, :-1])
    return y[:, :, ::stride]


def product(weight: Float[Tensor, "d c"], bias: Float[Tensor, " d"], x: Maps) -> Float[Tensor, "n d t v"]:
    """W x + b for every frame and joint. On a processor one product per clip: conv2d would reorder channels before."""
    if x.device.type != "cpu":
        return F.conv2d(x, weight[..., None, None], bias)
    n, c, t, v = x.shape
    flat = torch.baddbmm(bias[:, None], weight.expand(n, -1, -1), x.reshape(n, c, t * v))
    return flat.view(n, -1, t, v)


def fan_out(weight: Tensor, fan: int) -> None:
    """Kaiming's initialization for ReLU over a number of outputs: N(0, 2 / fan)."""
    nn.init.normal_(weight, 0, math.sqrt(2 / fan))


@torch.no_grad()
def fan_out_convs(module: nn.Module) -> None:
    """`fan_out` of every convolution, by its own outputs; biases 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out(part.weight, part.out_channels * part.kernel_size[0])
            if part.bias is not None:
                nn.init.zeros_(part.bias)
