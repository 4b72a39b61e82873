"""Small predictors, batches of walkers, and Y-net's own arithmetic, written plainly."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from acteme.recordings.batch import Batch
from acteme.recordings.spec import Spec
from acteme.systems.anticipate.corridors import AdaptConfig, Adapter, Base, BaseConfig, Config, PredictorConfig

SPEC = Spec(channels=2, fps=2.5, scenes=("yard", "hall"), extents=((0.0, 0.0, 64.0, 48.0),) * 2)


def tiny(**changes) -> PredictorConfig:
    """A predictor of a few hundred weights on a grid of 16 x 16."""
    small = PredictorConfig.small()
    network = replace(small.network, encoder=(4, 4), decoder=(4, 4), sigma=1.0, kernel=5, samples=3, draws=50)
    network = replace(network, **changes.pop("network", {}))
    grid = replace(small.grid, size=(16, 16), **changes.pop("grid", {}))
    endpoints = replace(small.endpoints, past=(8,), decoder=(8,), predictor=(8,), maps=8)
    return replace(small, grid=grid, network=network, endpoints=endpoints, **changes)


def base(**changes) -> Base:
    torch.manual_seed(0)
    return Base(BaseConfig(tiny(**changes), Config.small().base.windows), SPEC)


def adapter(of: Base, spec: Spec = SPEC, **changes) -> Adapter:
    """An adapter of a trained base, in evaluation mode."""
    torch.manual_seed(1)
    made = Adapter(replace(AdaptConfig.small(), predictor=of.config.predictor, **changes), spec)
    made.inherit({"base": of})
    return made.eval()


def batch(count: int = 4, frames: int = 20, seed: int = 0) -> Batch:
    """People who walk straight through two scenes of 64 x 48 pixels."""
    rng = np.random.default_rng(seed)
    begin, step = rng.uniform((12, 10), (50, 38), (count, 1, 2)), rng.normal(0, 0.4, (count, 1, 2))
    position = torch.tensor(begin + step * np.arange(frames)[:, None], dtype=torch.float32)
    return {
        "position": position,
        "mask": torch.ones(count, frames, dtype=torch.bool),
        "frames": torch.full((count,), frames),
        "scene": torch.arange(count) % 2,
        "agent": torch.arange(count) // 2,
        "extent": torch.tensor([[0.0, 0.0, 64.0, 48.0]]).expand(count, 4),
    }


def template_patch(template: torch.Tensor, x: float, y: float, size: tuple[int, int]) -> torch.Tensor:
    """Y-net's way to a map: a piece of a large template around its middle."""
    h, w = size
    a, b = round(x), round(y)
    middle = template.shape[0] // 2
    return template[middle - b : middle + h - b, middle - a : middle + w - a]


def distance_template(side: int) -> torch.Tensor:
    at = torch.arange(side, dtype=torch.float64) - side // 2
    d = torch.hypot(at[:, None], at[None])
    return d / d.max() * 2


def gauss_template(side: int, kernel: int, sigma: float) -> torch.Tensor:
    at = torch.arange(kernel, dtype=torch.float64) - (kernel - 1) / 2
    g = torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * sigma**2))
    out = torch.zeros(side, side, dtype=torch.float64)
    low = side // 2 - kernel // 2
    out[low : low + kernel, low : low + kernel] = g / g.sum()
    return out


def plain_encoder(state: dict, x: torch.Tensor, stages: int) -> list[torch.Tensor]:
    """Y-net's encoder by its official names."""

    def conv(x, name):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    features = [conv(x, "encoder.stages.0.0").relu()]
    for i in range(1, stages):
        x = conv(F.max_pool2d(features[-1], 2), f"encoder.stages.{i}.1").relu()
        features.append(conv(x, f"encoder.stages.{i}.3").relu())
    return [*features, F.max_pool2d(features[-1], 2)]


def plain_decoder(state: dict, name: str, features: list[torch.Tensor]) -> torch.Tensor:
    """One of Y-net's decoders by its official names."""

    def conv(x, layer, padding=1):
        return F.conv2d(x, state[f"{name}.{layer}.weight"], state[f"{name}.{layer}.bias"], padding=padding)

    features = features[::-1]
    x = conv(conv(features[0], "center.0").relu(), "center.2").relu()
    for i, feature in enumerate(features[1:]):
        x = conv(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), f"upsample_conv.{i}")
        x = torch.cat([x, feature], 1)
        x = conv(conv(x, f"decoder.{i}.0").relu(), f"decoder.{i}.2").relu()
    return conv(x, "predictor", 0)


def official_state(past: int, future: int, surfaces: int, encoder, decoder, waypoints: int, seed: int = 0) -> dict:
    """Random weights under Y-net's official names."""
    g = torch.Generator().manual_seed(seed)
    out: dict[str, torch.Tensor] = {"semantic_segmentation.dummy": torch.zeros(1)}

    def conv(name, c_in, c_out, kernel=3):
        out[f"{name}.weight"] = torch.randn(c_out, c_in, kernel, kernel, generator=g) * (2 / (c_in * kernel**2)) ** 0.5
        out[f"{name}.bias"] = torch.randn(c_out, generator=g) * 0.1

    conv("encoder.stages.0.0", surfaces + past, encoder[0])
    for i, (a, b) in enumerate(pairwise(encoder), 1):
        conv(f"encoder.stages.{i}.1", a, b)
        conv(f"encoder.stages.{i}.3", b, b)
    for name, extra in (("goal_decoder", 0), ("traj_decoder", waypoints)):
        skips = [c + extra for c in encoder][::-1]
        conv(f"{name}.center.0", skips[0], 2 * skips[0])
        conv(f"{name}.center.2", 2 * skips[0], 2 * skips[0])
        for i, (c, skip, width) in enumerate(zip([2 * skips[0], *decoder[:-1]], skips, decoder, strict=True)):
            conv(f"{name}.upsample_conv.{i}", c, c // 2)
            conv(f"{name}.decoder.{i}.0", c // 2 + skip, width)
            conv(f"{name}.decoder.{i}.2", width, width)
        conv(f"{name}.predictor", decoder[-1], future, 1)
    return out
