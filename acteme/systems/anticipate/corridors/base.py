"""The predictor, and the first stage, `base`, that trains it on many scenes."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Trajectories
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.anticipate.corridors.official import official_names
from acteme.systems.anticipate.corridors.predictors import EndpointNet, Endpoints, Network, YNet
from acteme.systems.anticipate.corridors.sight import Grid, Sight, see


@dataclass(frozen=True)
class PredictorConfig:
    """What predicts."""

    kind: Literal["maps", "endpoint"] = "maps"
    """Y-net's maps, or an endpoint and the path to it (PECNet behind an encoder of maps)."""
    past: int = 8
    """Observed steps (H)."""
    future: int = 12
    """Predicted steps (F)."""
    grid: Grid = field(default_factory=Grid)
    """The grid and the maps on it."""
    network: Network = field(default_factory=Network)
    """Encoder, decoders, targets, sampling."""
    endpoints: Endpoints = field(default_factory=Endpoints)
    """The predictor of endpoints."""

    @classmethod
    def small(cls) -> "PredictorConfig":
        """Half of the channels on a twelfth of the grid's height, without maps of scenes."""
        return cls(
            grid=Grid(size=(24, 32), surfaces=0, side=57, rounded=False, augment="flip"),
            network=Network(encoder=(16, 32, 32), decoder=(32, 32, 16), sigma=1.5, kernel=11, total=False, scale=100.0),
            endpoints=Endpoints(past=(128, 64), decoder=(256, 128), predictor=(256, 128), unit=3.0),
        )

    def check(self) -> None:
        """Raises InputError where settings do not fit each other."""
        network = self.network
        self.grid.check(len(network.encoder))
        if len(network.encoder) != len(network.decoder):
            raise InputError("encoder and decoder differ in their number of stages", "base.predictor.network")
        if self.past < 1 or self.future < 2:
            what = f"{self.past} steps are seen and {self.future} predicted"
            raise InputError(what, "base.predictor", "give at least 1 and 2")
        steps = network.waypoints
        if not steps or list(steps) != sorted(set(steps)) or steps[0] < 0 or steps[-1] >= self.future:
            what, last = f"waypoints are {', '.join(map(str, steps)) or 'none'}", self.future - 1
            raise InputError(what, "base.predictor.network.waypoints", f"give steps from 0 to {last}, in order")


def check_windows(windows: Windows, predictor: PredictorConfig, stage: str) -> None:
    """Raises InputError where windows are not as long as past and future together, or these do not fit."""
    predictor.check()
    wanted = predictor.past + predictor.future
    if windows.frames != wanted:
        what = f"windows of {windows.frames} frames for {predictor.past} seen and {predictor.future} predicted steps"
        raise InputError(what, f"{stage}.windows.frames", f"set it to {wanted}")


class Predictor(nn.Module):
    """A network with what it sees and how its predictions are read. Nothing of the data decides a weight."""

    def __init__(self, config: PredictorConfig):
        super().__init__()
        self.config = config
        self.net: YNet | EndpointNet
        if config.kind == "maps":
            self.net = YNet(config.grid, config.network, config.past, config.future)
        else:
            self.net = EndpointNet(config.grid, config.network, config.endpoints, config.past, config.future)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def see(self, batch: Batch, training: bool = False) -> Sight:
        """What the network sees of a batch, augmented in training."""
        sight = see(batch, self.config.grid, self.config.past, self.config.future, training)
        return sight.with_heat(sight.heat.contiguous(memory_format=torch.channels_last))

    @staticmethod
    def read(sight: Sight, paths: Tensor, goals: Tensor) -> Trajectories:
        """Predictions on the grid as trajectories at the original resolution."""
        return Trajectories(sight.where.from_grid(paths), sight.where.from_grid(goals))


@dataclass(frozen=True)
class BaseConfig:
    """The base predictor. The defaults are those of Y-net for trajectories of 8 and 12 steps, unimodal."""

    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    """What predicts."""
    windows: Windows = field(default_factory=lambda: Windows(frames=20, stride=20))
    """Past and future together."""
    recipe: Recipe = field(default_factory=lambda: Recipe("adam", 1e-4, epochs=300, batch=8, drop_last=False))
    """How it is optimized."""

    @classmethod
    def small(cls) -> "BaseConfig":
        """Learns on two processor cores in two or three minutes."""
        recipe = Recipe("adam", 4e-3, epochs=3, batch=32, schedule="cosine", warmup=100)
        return cls(PredictorConfig.small(), Windows(frames=20, stride=4), recipe)


class Base(nn.Module):
    """Predicts where people go from where they were, on any scene.

    Args:
        config: see `BaseConfig`.
        spec: of the data; nothing of it decides a weight, so that the predictor can be used on other scenes.
    """

    def __init__(self, config: BaseConfig, spec: Spec):
        super().__init__()
        check_windows(config.windows, config.predictor, "base")
        self.config = config
        self.predictor = Predictor(config.predictor)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The network's own: see `YNet.losses` and `EndpointNet.losses`."""
        return self.predictor.net.losses(self.predictor.see(batch, self.training), {})

    @torch.no_grad()
    def predict(self, batch: Batch) -> Trajectories:
        """What follows the first `past` steps of each window, at the original resolution."""
        sight = self.predictor.see(batch)
        return self.predictor.read(sight, *self.predictor.net.predict(sight, {}))

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The observed part of each window as one vector."""
        return encoded(self.predictor.net.latents(self.predictor.see(batch), {}))

    @staticmethod
    def official_state_dict(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Y-net's official weights by our names, for `network.form="ynet"`; its segmentation network is left out."""
        return {f"predictor.net.{name}": value for name, value in official_names(state).items()}


def encoded(latents: Tensor) -> Latents:
    """A vector per window as latents of one token."""
    mask = torch.ones(len(latents), 1, dtype=torch.bool, device=latents.device)
    return Latents(latents[:, None], latents, mask)
