"""Y-net's encoder and decoder (Mangalam et al., ICCV 2021): a U-Net whose decoder may see goal maps at every scale."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Weights = tuple[Tensor, Tensor]
"""Weight and bias of a convolution; with a leading axis where every sample has its own."""


class Layer(nn.Conv2d):
    """A convolution with a bias that keeps the size."""

    bias: Tensor

    def __init__(self, c_in: int, c_out: int, kernel: int = 3):
        super().__init__(c_in, c_out, kernel, padding=kernel // 2)

    @property
    def weights(self) -> Weights:
        return self.weight, self.bias


class Pair(nn.Module):
    """Two layers, each with ReLU."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__()
        self.one, self.two = Layer(c_in, c_out), Layer(c_out, c_out)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return F.relu_(self.two(F.relu_(self.one(x))))


def convolve(
    x: Float[Tensor, "n c h w"], weight: Tensor, bias: Tensor | None = None, copies: int = 1
) -> Float[Tensor, "n d h w"]:
    """A convolution that keeps the size.

    Args:
        x: n = k b maps.
        weight: (d, c, k, k), or (b, d, c, k, k) for each sample's own.
        bias: (d), or (b, d).
        copies: how often each of b samples is there, one round of all after the other (k).
    """
    pad, own = weight.shape[-1] // 2, weight.ndim == 5
    if own and copies > 1:
        weight, bias = weight.repeat(copies, 1, 1, 1, 1), None if bias is None else bias.repeat(copies, 1)
    if not pad:  # one matrix product over all pixels
        y = x.permute(0, 2, 3, 1)
        if not own:
            return F.linear(y, weight[..., 0, 0], bias).permute(0, 3, 1, 2)
        flat, weight = y.flatten(1, 2), weight[..., 0, 0].mT
        y = flat @ weight if bias is None else torch.baddbmm(bias[:, None], flat, weight)
        return y.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
    if not own:
        return F.conv2d(x, weight, bias, padding=pad)
    b, d = weight.shape[:2]
    y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight.flatten(0, 1), None, padding=pad, groups=b)
    y = y.view(b, d, *x.shape[2:])
    return y if bias is None else y + bias[:, :, None, None]


class Encoder(nn.Module):
    """Conv-ReLU, then stages of pooling and two Conv-ReLU, then a pooling: feature maps at 1, 1/2, ..., 1/2^n.

    Args:
        surfaces: channels of the scene's map, which come first.
        observed: channels of the observed positions' maps.
        widths: channels of each stage.
    """

    def __init__(self, surfaces: int, observed: int, widths: Sequence[int]):
        super().__init__()
        self.surfaces = surfaces
        self.first = Layer(surfaces + observed, widths[0])
        self.stages = nn.ModuleList(Pair(a, b) for a, b in pairwise(widths))

    def forward(
        self,
        observed: Float[Tensor, "b t h w"],
        surface: Float[Tensor, "u s h w"] | None = None,
        which: Tensor | None = None,
    ) -> list[Tensor]:
        """Features, the finest first.

        Args:
            observed: maps of the observed positions.
            surface: maps of the scenes; a map is convolved once however many people walk there. None: unknown, zeros.
            which: the scene of each sample, an index of `surface`.
        """
        weight = self.first.weight
        x = F.conv2d(observed, weight[:, self.surfaces :], self.first.bias, padding=1)
        if surface is not None and which is not None and self.surfaces:
            ground = F.conv2d(surface, weight[:, : self.surfaces], padding=1)
            x = x + (ground if len(ground) == 1 else ground[which])
        features = [F.relu_(x)]
        for stage in self.stages:
            features.append(stage(F.max_pool2d(features[-1], 2)))
        return [*features, F.max_pool2d(features[-1], 2)]


class Decoder(nn.Module):
    """From the coarsest features up: bilinear x2, Conv to half the channels, the skip's features, two Conv-ReLU.

    Args:
        encoder: widths of the encoder.
        widths: channels of each stage, the coarsest first.
        maps: predicted maps.
        goals: goal maps that are seen at every scale; none in the goal decoder.
    """

    def __init__(self, encoder: Sequence[int], widths: Sequence[int], maps: int, goals: int = 0):
        super().__init__()
        skips = [c + goals for c in encoder][::-1]
        middle = skips[0]
        inward = [2 * middle, *widths[:-1]]
        self.goals = goals
        self.center = Pair(middle, 2 * middle)
        self.narrow = nn.ModuleList(Layer(c, c // 2) for c in inward)
        self.stages = nn.ModuleList(
            Pair(c // 2 + skip, width) for c, skip, width in zip(inward, skips, widths, strict=True)
        )
        self.last = Layer(widths[-1], maps, 1)

    def forward(
        self,
        features: Sequence[Tensor],
        goals: Sequence[Tensor] = (),
        head: dict[str, Weights] | None = None,
        shared: Sequence[Tensor] | None = None,
    ) -> Float[Tensor, "n maps h w"]:
        """Logits of the maps.

        Args:
            features: of the encoder, the finest first; b samples.
            goals: goal maps at the same scales, (k b, goals, h, w): k alternatives for all samples, one after the
                other.
            head: replaces weights of the last layers, by the names in `head`.
            shared: what `shared` gives, where it is used for goals again.

        A stage's first layer is applied to what comes from below, to the features and to the goals one by one, and the
        results are added: nothing is copied side by side, and no layer has one channel more than a processor likes.
        """
        copies = len(goals[0]) // len(features[0]) if len(goals) else 1
        shared, own = shared or self.shared(features, head), {**self.head(), **(head or {})}
        x: Tensor | None = None
        for i, stage in enumerate([self.center, *self.stages]):
            assert isinstance(stage, Pair)
            at = len(self.stages) - i
            (one, _), two = (own["one"], own["two"]) if not at else (stage.one.weights, stage.two.weights)
            before, after = self._columns(i)
            parts = []
            if x is not None:
                x = self.narrow[i - 1](F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
                parts.append(convolve(x, one[..., :before, :, :], copies=copies))
            if len(goals):
                parts.append(convolve(goals[at], one[..., after:, :, :], copies=copies))
            x = F.relu_(convolve(_together(shared[i], parts, copies), *two, copies))
        assert x is not None
        return convolve(x, *own["last"], copies)

    def shared(self, features: Sequence[Tensor], head: dict[str, Weights] | None = None) -> list[Tensor]:
        """What the decoder's first convolutions make of the features, whatever the goals: the coarsest first."""
        own, out = {**self.head(), **(head or {})}, []
        for i, stage in enumerate([self.center, *self.stages]):
            assert isinstance(stage, Pair)
            before, after = self._columns(i)
            weight, bias = own["one"] if i == len(self.stages) else stage.one.weights
            out.append(convolve(features[len(self.stages) - i], weight[..., before:after, :, :], bias))
        return out

    def _columns(self, number: int) -> tuple[int, int]:
        """Which input channels of a stage's first layer are features: what comes from below stands before them."""
        layer = (self.center if number == 0 else self.stages[number - 1]).one
        below = self.narrow[number - 1].out_channels if number else 0
        assert isinstance(layer, Layer) and isinstance(below, int)
        return below, layer.in_channels - self.goals

    def head(self) -> dict[str, Weights]:
        """The layers that a scene may have of its own: `last` is the prediction head, all three the last stage."""
        stage = self.stages[-1]
        assert isinstance(stage, Pair)
        return {"one": stage.one.weights, "two": stage.two.weights, "last": self.last.weights}


def _together(shared: Tensor, parts: Sequence[Tensor], copies: int) -> Tensor:
    """ReLU of what b samples share and parts for k copies of them, one after the other; the parts are used up."""
    if not parts:
        return F.relu(shared)
    total = parts[0] if len(parts) == 1 else parts[0].add_(parts[1])
    return F.relu_(total.add_(shared) if copies == 1 else (total.unflatten(0, (copies, -1)) + shared).flatten(0, 1))
