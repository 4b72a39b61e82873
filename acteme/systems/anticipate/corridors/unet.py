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


def convolve(x: Float[Tensor, "b c h w"], weights: Weights) -> Float[Tensor, "b d h w"]:
    """A convolution that keeps the size; weights (d, c, k, k), or (b, d, c, k, k) for each sample's own."""
    weight, bias = weights
    pad = weight.shape[-1] // 2
    if not pad:  # one matrix product over all pixels
        y = x.permute(0, 2, 3, 1)
        if weight.ndim == 4:
            return F.linear(y, weight[..., 0, 0], bias).permute(0, 3, 1, 2)
        y = torch.baddbmm(bias[:, None], y.flatten(1, 2), weight[..., 0, 0].mT)
        return y.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)
    if weight.ndim == 4:
        return F.conv2d(x, weight, bias, padding=pad)
    b, d = weight.shape[:2]
    y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), weight.flatten(0, 1), None, padding=pad, groups=b)
    return y.view(b, d, *x.shape[2:]) + bias[:, :, None, None]


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
        only: slice | None = None,
    ) -> Float[Tensor, "n maps h w"]:
        """Logits of the maps.

        Args:
            features: of the encoder, the finest first; b samples.
            goals: goal maps at the same scales, (k b, goals, h, w): k alternatives for all samples, one after the
                other. What depends on the features alone is computed once for all of them.
            head: replaces weights of the last layers, by the names in `head_names`.
            only: which maps; all unless given.
        """
        copies = len(goals[0]) // len(features[0]) if len(goals) else 1
        own = {name: _copied(weights, copies) for name, weights in {**self.head(), **(head or {})}.items()}
        x = self._join(None, features[-1], goals[-1] if len(goals) else None, self.center.one.weights, copies)
        x = F.relu_(self.center.two(x))
        last = len(self.stages) - 1
        for i, (narrow, stage) in enumerate(zip(self.narrow, self.stages, strict=True)):
            assert isinstance(stage, Pair)
            at = last - i
            x = narrow(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
            one, two = (own["one"], own["two"]) if i == last else (stage.one.weights, stage.two.weights)
            x = self._join(x, features[at], goals[at] if len(goals) else None, one, copies)
            x = F.relu_(convolve(x, two))
        weight, bias = own["last"]
        if only is not None:
            weight, bias = weight[..., only, :, :, :], bias[..., only]
        return convolve(x, (weight, bias))

    def _join(self, up: Tensor | None, features: Tensor, goal: Tensor | None, weights: Weights, copies: int) -> Tensor:
        """ReLU of a convolution of what comes from below, the features and the goal maps, side by side."""
        weight, bias = weights
        if copies == 1 or weight.ndim == 5:
            features = features if copies == 1 else features.repeat(copies, 1, 1, 1)
            parts = [p for p in (up, features, goal) if p is not None]
            return F.relu_(convolve(torch.cat(parts, 1) if len(parts) > 1 else parts[0], weights))
        before, after = 0 if up is None else up.shape[1], weight.shape[1] - self.goals
        shared = F.conv2d(features, weight[:, before:after], bias, padding=1)
        moving = [p for p in (up, goal) if p is not None]
        weight = torch.cat([weight[:, :before], weight[:, after:]], 1)
        y = F.conv2d(torch.cat(moving, 1) if len(moving) > 1 else moving[0], weight, padding=1)
        return F.relu_((y.unflatten(0, (copies, -1)) + shared).flatten(0, 1))

    def head(self) -> dict[str, Weights]:
        """The layers that a scene may have of its own: `last` is the prediction head, all three the last stage."""
        stage = self.stages[-1]
        assert isinstance(stage, Pair)
        return {"one": stage.one.weights, "two": stage.two.weights, "last": self.last.weights}


def _copied(weights: Weights, copies: int) -> Weights:
    """Weights of b samples for k copies of them, one after the other; shared ones as they are."""
    weight, bias = weights
    if weight.ndim == 4 or copies == 1:
        return weights
    return weight.repeat(copies, 1, 1, 1, 1), bias.repeat(copies, 1)
