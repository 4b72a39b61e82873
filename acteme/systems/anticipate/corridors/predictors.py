"""The predictors that a corridor can lead: Y-net's U-Net with one decoder or two, and a predictor of endpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.systems.anticipate.corridors.maps import distance_maps, map_loss, patches, pooled, softargmax
from acteme.systems.anticipate.corridors.sample import goals_of, waypoints_of
from acteme.systems.anticipate.corridors.sight import Grid, Sight
from acteme.systems.anticipate.corridors.unet import Decoder, Encoder, Weights

Head = dict[str, Weights]
"""Weights that replace a predictor's own, by name; with a leading axis where every sample has its own."""


@dataclass(frozen=True)
class Network:
    """Y-net's network, targets and sampling."""

    form: Literal["unimodal", "ynet"] = "unimodal"
    """One decoder whose maps are the prediction (Latent Corridors), or a goal and a trajectory decoder (Y-net)."""
    encoder: tuple[int, ...] = (32, 32, 64, 64, 64)
    """Channels of the encoder's stages; there is a pooling for each."""
    decoder: tuple[int, ...] = (64, 64, 64, 32, 32)
    """Channels of the decoder's stages, the coarsest first."""
    waypoints: tuple[int, ...] = (11,)
    """Y-net: steps that the trajectory decoder is told, in order; the last is the goal."""
    sigma: float = 4.0
    """Standard deviation of the target maps, in pixels."""
    kernel: int = 31
    """Side of the square outside of which a target map is zero."""
    total: bool = True
    """Target maps sum to one (Y-net); otherwise their peak is one."""
    scale: float = 1000.0
    """Factor of the loss."""
    temperature: float = 1.0
    """Y-net: logits are divided by it before goals are drawn."""
    samples: int = 20
    """Y-net: goals, and so futures, per person (K)."""
    paths: int = 1
    """Y-net: futures per goal, where there are several waypoints."""
    ttst: bool = True
    """Y-net: goals are the centers of clusters of many draws, and the map's mean."""
    draws: int = 10_000
    """Y-net: how many draws are clustered."""
    threshold: float = 0.002
    """Y-net: share of a map's highest value below which no pixel is drawn (TTST)."""
    cws: bool = True
    """Y-net: earlier waypoints are drawn near the way to the goal (with several waypoints)."""
    cws_sigma: float = 6.0
    """Y-net: distance over the standard deviation along that way."""
    cws_ratio: float = 2.0
    """Y-net: standard deviation along it over that across it."""
    cws_rotate: bool = True
    """Y-net: turn these Gaussians by a right angle, as the official setting does."""
    piece: int = 1 << 22
    """Numbers in the largest maps that a processor works on at a time: of larger batches, so many samples at a time."""


class YNet(nn.Module):
    """Encoder, and one or two decoders."""

    def __init__(self, grid: Grid, network: Network, past: int, future: int):
        super().__init__()
        self.network, self.grid = network, grid
        widths, goals = network.encoder, len(network.waypoints)
        self.encoder = Encoder(grid.surfaces, past, widths)
        self.goal = Decoder(widths, network.decoder, future)
        self.path = Decoder(widths, network.decoder, future, goals) if network.form == "ynet" else None

    def head(self) -> Head:
        """The last layers of the decoders, by name."""
        parts = {"goal": self.goal} | ({"path": self.path} if self.path is not None else {})
        return {f"{name}.{layer}": w for name, part in parts.items() for layer, w in part.head().items()}

    def features(self, sight: Sight) -> list[Tensor]:
        return self.encoder(sight.heat, sight.surface, sight.which)

    def latents(self, sight: Sight, head: Head) -> Float[Tensor, "b d"]:
        """Mean and maximum of the coarsest features; no head has a part in it."""
        x = self.features(sight)[-1]
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)

    def forward(self, what: str, sight: Sight, head: Head, *more: Any) -> Any:
        """One of `losses`, `predict` and `latents`, so that it can be called with other weights."""
        return getattr(self, what)(sight, head, *more)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the losses."""
        return ("total",) if self.path is None else ("total", "goal", "path")

    def shares(self, sight: Sight) -> Float[Tensor, "b 2 f"]:
        """Share of each map in the losses of the goal's and of the path's decoder."""
        known = sight.known.float()
        told = sight.known[:, self.network.waypoints].all(1)  # teacher forcing needs all true waypoints
        both = torch.stack([known, known * told[:, None]], 1)
        return both / both.sum((0, 2), keepdim=True).clamp(min=1)

    def losses(self, sight: Sight, head: Head, shares: Float[Tensor, "b 2 f"]) -> dict[str, Tensor]:
        """Binary cross entropy between predicted maps and Gaussians around the true positions, times `scale`."""
        n = self.network
        features = self.features(sight)
        flat, value = patches(sight.future, sight.size, n.sigma, n.kernel, n.total, self.grid.rounded)
        goal = n.scale * map_loss(self.goal(features, head=_part(head, "goal")), flat, value, shares[:, 0])
        if self.path is None:
            return {"total": goal}
        maps = self.waypoint_maps(sight.future[:, n.waypoints], sight.size)
        logits = self.path(features, maps, head=_part(head, "path"))
        path = n.scale * map_loss(logits, flat, value, shares[:, 1])
        return {"total": goal + path, "goal": goal, "path": path}

    def waypoint_maps(self, xy: Float[Tensor, "n v 2"], size: tuple[int, int]) -> list[Tensor]:
        """Distance maps of waypoints at every scale."""
        maps = pooled(distance_maps(xy, size, self.grid.side, self.grid.rounded), len(self.network.encoder))
        return [each.to(memory_format=torch.channels_last) for each in maps]

    def predict(
        self, sight: Sight, head: Head, samples: int | None = None
    ) -> tuple[Float[Tensor, "b k f 2"], Float[Tensor, "b k 2"]]:
        """Futures, and the goal that each was drawn for (its end, in the unimodal form).

        Args:
            sight: what is seen.
            head: weights that replace others.
            samples: how many goals are drawn, with one path to each, other than is configured; one is the map's mean.
        """
        n, features = self.network, self.features(sight)
        if self.path is None:
            path = softargmax(self.goal(features, head=_part(head, "goal")).float())[:, None]
            return path, path[:, :, -1]
        points = self.waypoints(sight, features, head, samples or n.samples, 1 if samples else n.paths)
        futures, own = [], _part(head, "path")
        shared = self.path.shared(features, own) if len(points) > 1 else None
        h, w = sight.size
        each = max(1, n.piece // (len(sight.heat) * n.decoder[-1] * h * w)) if points.device.type == "cpu" else 4
        for some in points.split(each):
            maps = self.waypoint_maps(some.flatten(0, 1), (h, w))
            logits = self.path(features, maps, own, shared)
            futures.append(softargmax(logits.float()).unflatten(0, (len(some), -1)))
        return torch.cat(futures).transpose(0, 1), points[:, :, -1].transpose(0, 1)

    def waypoints(
        self, sight: Sight, features: Sequence[Tensor], head: Head, samples: int, paths: int
    ) -> Float[Tensor, "k b v 2"]:
        """Waypoints, the goal last, of all alternatives: so many paths to each of so many samples of the goal.

        Of a single alternative every waypoint is the mean of its own map, or near the way to the goal (CWS).
        """
        n = self.network
        logits = self.goal(features, head=_part(head, "goal"))[:, list(n.waypoints)].float()
        chance = torch.sigmoid(logits / n.temperature)
        goal = softargmax(logits[:, -1:])[:, 0]
        goals = goals_of(chance[:, -1], goal, samples, n.ttst, n.draws, n.threshold).transpose(0, 1)
        if len(n.waypoints) == 1:
            return goals[:, :, None]
        goals = goals.repeat(paths, 1, 1)
        if n.cws:
            last = sight.past[:, -1]
            return waypoints_of(chance, goals, last, paths, n.cws_sigma, n.cws_ratio, n.cws_rotate)
        means = softargmax(logits[:, :-1]).unbind(1)
        before = [goals_of(chance[:, i], mean, samples * paths, False, 0, 0.0) for i, mean in enumerate(means)]
        return torch.cat([torch.stack(before, 2).transpose(0, 1), goals[:, :, None]], 2)


@dataclass(frozen=True)
class Endpoints:
    """The predictor of endpoints: PECNet (Mangalam et al., ECCV 2020) behind an encoder of maps."""

    latent: int = 16
    """Size of the endpoint's latent variable."""
    width: int = 16
    """Size of the encodings of the past and of the endpoint."""
    past: tuple[int, ...] = (512, 256)
    """Hidden widths of the encoder of the past."""
    endpoint: tuple[int, ...] = (8, 16)
    """Hidden widths of the endpoint's encoder."""
    posterior: tuple[int, ...] = (8, 50)
    """Hidden widths of the latent variable's encoder."""
    decoder: tuple[int, ...] = (1024, 512, 1024)
    """Hidden widths of the endpoint's decoder."""
    predictor: tuple[int, ...] = (1024, 512, 256)
    """Hidden widths of the predictor of the path."""
    cells: tuple[int, int] = (3, 5)
    """Rows and columns that the coarsest features are averaged to."""
    maps: int = 64
    """Size of the encoding of the maps."""
    unit: float = 10.0
    """Grid pixels that count as one."""
    sigma: float = 1.3
    """Standard deviation of the latent variable when endpoints are drawn."""
    samples: int = 1
    """Futures per person (K); one takes the latent variable's mean."""


class EndpointNet(nn.Module):
    """An endpoint from the past and the maps, by a conditional variational autoencoder; then the path to it."""

    def __init__(self, grid: Grid, network: Network, endpoints: Endpoints, past: int, future: int):
        super().__init__()
        e = self.endpoints = endpoints
        self.future = future
        self.encoder = Encoder(grid.surfaces, past, network.encoder)
        self.view = nn.Linear(network.encoder[-1] * e.cells[0] * e.cells[1], e.maps)
        known = e.width + e.maps
        self.past = _layers(2 * past, *e.past, e.width)
        self.end = _layers(2, *e.endpoint, e.width)
        self.posterior = _layers(known + e.width, *e.posterior, 2 * e.latent)
        self.decoder = _layers(known + e.latent, *e.decoder, 2)
        self.predictor = _layers(known + e.width, *e.predictor, 2 * (future - 1))

    def head(self) -> Head:
        """The last layers of the endpoint's decoder and of the path's predictor."""
        layers = {"goal.last": self.decoder[-1], "path.last": self.predictor[-1]}
        return {name: (layer.weight, layer.bias) for name, layer in layers.items() if isinstance(layer, nn.Linear)}

    def known(self, sight: Sight) -> Float[Tensor, "b d"]:
        """Encoding of the past and the maps."""
        x = self.encoder(sight.heat, sight.surface, sight.which)[-1]
        maps = torch.relu(self.view(F.adaptive_avg_pool2d(x, self.endpoints.cells).flatten(1)))
        way = (sight.past - sight.past[:, -1:]) / self.endpoints.unit
        return torch.cat([self.past(way.flatten(1)), maps], 1)

    def latents(self, sight: Sight, head: Head) -> Float[Tensor, "b d"]:
        """The encoding of the past and the maps; no head has a part in it."""
        return self.known(sight)

    def forward(self, what: str, sight: Sight, head: Head, *more: Any) -> Any:
        """One of `losses`, `predict` and `latents`, so that it can be called with other weights."""
        return getattr(self, what)(sight, head, *more)

    parts = ("total", "endpoint", "path", "divergence")

    def shares(self, sight: Sight) -> Float[Tensor, " b"]:
        """Share of each sample in the loss."""
        weight = sight.known.all(1).float()
        return weight / weight.sum().clamp(min=1)

    def losses(self, sight: Sight, head: Head, shares: Float[Tensor, " b"]) -> dict[str, Tensor]:
        """Squared error of the endpoint and of the path, and the latent variable's divergence from its prior.

        Only who is seen to the end of the window counts.
        """
        e, known = self.endpoints, self.known(sight)
        way = (sight.future - sight.past[:, -1:]) / e.unit
        true = way[:, -1]
        mean, log = self.posterior(torch.cat([known, self.end(true)], 1)).chunk(2, 1)
        z = mean + torch.exp(log / 2) * torch.randn_like(mean)
        end = self.finish(self.decoder, torch.cat([known, z], 1), head.get("goal.last"))
        path = self.between(known, true, head)
        divergence = -0.5 * (1 + log - mean.square() - log.exp()).sum(1)
        parts = {
            "endpoint": ((end - true).square().mean(1) * shares).sum(),
            "path": ((path - way[:, :-1]).square().mean((1, 2)) * shares).sum(),
            "divergence": (divergence * shares).sum(),
        }
        return {"total": parts["endpoint"] + parts["path"] + parts["divergence"], **parts}

    def between(self, known: Tensor, end: Float[Tensor, "b 2"], head: Head) -> Float[Tensor, "b f1 2"]:
        """The path to an endpoint, without it."""
        x = self.finish(self.predictor, torch.cat([known, self.end(end)], 1), head.get("path.last"))
        return x.view(len(x), self.future - 1, 2)

    def predict(
        self, sight: Sight, head: Head, samples: int | None = None
    ) -> tuple[Float[Tensor, "b k f 2"], Float[Tensor, "b k 2"]]:
        """Futures and their endpoints; see `YNet.predict`."""
        e, known = self.endpoints, self.known(sight)
        futures, samples = [], samples or e.samples
        for _ in range(samples):
            z = known.new_zeros(len(known), e.latent)
            if samples > 1:
                z = torch.randn_like(z) * e.sigma
            end = self.finish(self.decoder, torch.cat([known, z], 1), head.get("goal.last"))
            way = torch.cat([self.between(known, end, head), end[:, None]], 1)
            futures.append(way * e.unit + sight.past[:, -1:])
        paths = torch.stack(futures, 1)
        return paths, paths[:, :, -1]

    @staticmethod
    def finish(layers: nn.Sequential, x: Tensor, last: Weights | None) -> Tensor:
        """The layers, with another last one where it is given."""
        if last is None:
            return layers(x)
        weight, bias = last
        x = layers[:-1](x)
        return F.linear(x, weight, bias) if weight.ndim == 2 else torch.einsum("bc,bdc->bd", x, weight) + bias


def _layers(*widths: int) -> nn.Sequential:
    """A perceptron with ReLU between its layers."""
    parts: list[nn.Module] = []
    for a, b in pairwise(widths):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def _part(head: Head, name: str) -> Head | None:
    """The weights that concern a decoder."""
    own = {key.partition(".")[2]: value for key, value in head.items() if key.startswith(f"{name}.")}
    return own or None
