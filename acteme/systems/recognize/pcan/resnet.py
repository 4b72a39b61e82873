"""A 3D residual network of bottlenecks, stage by stage, of frames or of heatmaps ("slow only" of SlowFast).

Maps (N, C, T, H, W) lie in memory with the channels last. No kernel spans both time and space, so that every
convolution is one of images, over (H, W) of N T images or over (T, H W) of N, on the same memory: 1.2 to 1.8 times as
fast on a processor as one over three axes. Weights lie in memory as the maps do, or each step would copy them and their
gradients.

Sources: Feichtenhofer et al., SlowFast Networks (ICCV 2019); Duan et al., Revisiting Skeleton-based Action Recognition
(CVPR 2022), for heatmaps.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Maps = Float[Tensor, "n c t h w"]


class Unit(nn.Module):
    """Convolution over space (1, k, k) or over time (k, 1, 1), batch normalization, and ReLU where wanted.

    Args:
        c_in: channels.
        c_out: channels.
        kernel: (1, k, k) or (k, 1, 1).
        stride: over space.
    """

    def __init__(self, c_in: int, c_out: int, kernel: tuple[int, int, int] = (1, 1, 1), stride: int = 1):
        super().__init__()
        t, h, w = kernel
        self.conv = nn.Conv3d(c_in, c_out, kernel, (1, stride, stride), (t // 2, h // 2, w // 2), bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.conv.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Maps, relu: bool = True) -> Maps:
        weight, bias, bn = self.conv.weight, None, self.bn
        (n, _, t, h, w), stride = x.shape, self.conv.stride[1]
        places = n * t * (h // stride) * (w // stride)
        fold = not bn.training and places > weight[0].numel()  # where it has fewer numbers than the maps
        if fold:  # the normalization is part of the convolution
            mean, var = bn.running_mean, bn.running_var
            assert mean is not None and var is not None
            scale = bn.weight * (var + bn.eps).rsqrt()
            weight, bias = weight * scale.view(-1, 1, 1, 1, 1), bn.bias - mean * scale
        over_time = weight.shape[2] > 1
        if over_time:
            y = F.conv2d(x.flatten(3), weight.squeeze(4), bias, padding=(weight.shape[2] // 2, 0))
        elif weight.shape[3] == 1 and places < len(weight):  # for few places conv2d would reorder all weights
            seen = frames(x)[..., ::stride, ::stride].permute(0, 2, 3, 1)
            y = F.linear(seen, weight.flatten(1), bias).permute(0, 3, 1, 2)
        else:
            y = F.conv2d(frames(x), weight.squeeze(2), bias, stride, weight.shape[3] // 2)
        y = y if fold else bn(y)
        y = F.relu(y, inplace=True) if relu else y
        return y.unflatten(3, (h, w)) if over_time else y.unflatten(0, (n, t)).transpose(1, 2)


class Bottleneck(nn.Module):
    """Three units and the way around them.

    Args:
        c_in: channels.
        planes: channels within; four times as many come out.
        inflated: the first unit spans three frames.
        stride: over space.
    """

    def __init__(self, c_in: int, planes: int, inflated: bool, stride: int = 1):
        super().__init__()
        self.conv1 = Unit(c_in, planes, (3, 1, 1) if inflated else (1, 1, 1))
        self.conv2 = Unit(planes, planes, (1, 3, 3), stride)
        self.conv3 = Unit(planes, 4 * planes)
        self.downsample = None if c_in == 4 * planes and stride == 1 else Unit(c_in, 4 * planes, stride=stride)

    def forward(self, x: Maps) -> Maps:
        y = self.conv3(self.conv2(self.conv1(x)), relu=False)
        return F.relu(y + (x if self.downsample is None else self.downsample(x, relu=False)), inplace=True)


class Path(nn.Module):
    """A stem and stages; the planes of stage i are 2^i times the first ones.

    Args:
        c_in: channels of the input.
        planes: of the stem and the first stage.
        blocks: of each stage.
        inflated: which stages span time.
        strides: of each stage, over space.
        stem: stride of the stem's convolution and of its pooling.
        beside: channels that come to the input of each stage from elsewhere.
    """

    def __init__(
        self,
        c_in: int,
        planes: int,
        blocks: Sequence[int],
        inflated: Sequence[bool],
        strides: Sequence[int],
        stem: int,
        beside: Sequence[int],
    ):
        super().__init__()
        self.pool, c = stem, planes
        self.conv1 = Unit(c_in, planes, (1, 7, 7), stem)
        self.stages: list[str] = []
        for i, (count, wide, stride, more) in enumerate(zip(blocks, inflated, strides, beside, strict=True)):
            made = []
            for block in range(count):
                made.append(Bottleneck(c + more * (block == 0), planes << i, wide, stride if block == 0 else 1))
                c = 4 * planes << i
            self.stages.append(f"layer{i + 1}")
            self.add_module(self.stages[-1], nn.Sequential(*made))
        self.width = c

    def begin(self, x: Maps) -> Maps:
        """The stem: convolution over 7 x 7, and the maximum over 3 x 3."""
        y = self.conv1(x.contiguous(memory_format=torch.channels_last_3d))
        return F.max_pool2d(frames(y), 3, self.pool, 1).unflatten(0, (len(y), -1)).transpose(1, 2)

    def stage(self, i: int, x: Maps) -> Maps:
        """Stage i, counted from 0."""
        return self.get_submodule(self.stages[i])(x)


def frames(x: Maps) -> Float[Tensor, "nt c h w"]:
    """Every frame as an image of its own."""
    return x.transpose(1, 2).flatten(0, 1)
