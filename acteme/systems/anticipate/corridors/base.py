"""The predictor, and the first stage, `base`, that trains it on many scenes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Trajectories
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.anticipate.corridors.official import official_names
from acteme.systems.anticipate.corridors.pieces import summed
from acteme.systems.anticipate.corridors.predictors import EndpointNet, Endpoints, Head, Network, YNet
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


Lead: TypeAlias = Callable[[Sight, slice], tuple[Sight, Head, dict[str, Tensor]]]
"""From what is seen of some rows: what the network is given, the head, and weights that replace the network's."""


def plain(sight: Sight, rows: slice) -> tuple[Sight, Head, dict[str, Tensor]]:
    """The network as it is."""
    return sight, {}, {}


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

    def taught(self, batch: Batch) -> bool:
        """Whether somebody of a batch is somewhere on the map after the observed steps."""
        return bool(self.see(batch).known.any())

    def nothing(self, stage: str) -> InputError:
        """What is said where nobody is."""
        what = f"no track goes on, on its scene's map, after {self.config.past} samples"
        return InputError(what, stage, "give longer tracks, or correct the scenes' size")

    def pieces(self, sight: Sight) -> list[slice]:
        """Rows that are worked on at a time: as many as `network.piece` allows on a processor, else all."""
        count, network = len(sight.past), self.config.network
        size = count
        if sight.heat.device.type == "cpu":
            widest = max(network.encoder[0], network.decoder[-1])
            size = max(1, network.piece // (widest * sight.heat[0, 0].numel()))
        return [slice(a, a + size) for a in range(0, count, size)]

    def losses(self, sight: Sight, owner: nn.Module, lead: Lead = plain) -> dict[str, Tensor]:
        """The network's losses.

        Args:
            sight: what is seen.
            owner: what is trained.
            lead: what the network is given of some rows in place of what is seen there, how it is called, and with
                which head.
        """
        shares, pieces = self.net.shares(sight), self.pieces(sight)

        def losses(i: int) -> dict[str, Tensor]:
            part, head, weights = lead(sight.rows(pieces[i]), pieces[i])
            return functional_call(self.net, weights, ("losses", part, head, shares[pieces[i]]))

        return summed(losses, self.net.parts, len(pieces), owner)

    def predict(self, sight: Sight, lead: Lead = plain, samples: int | None = None) -> Trajectories:
        """Trajectories at the original resolution; see `losses`. `samples`: other than is configured."""
        found = []
        for rows in self.pieces(sight):
            part, head, weights = lead(sight.rows(rows), rows)
            found.append(functional_call(self.net, weights, ("predict", part, head, samples)))
        paths, goals = (torch.cat(column) for column in zip(*found, strict=True))
        return Trajectories(sight.where.from_grid(paths), sight.where.from_grid(goals))

    def latents(self, sight: Sight, lead: Lead = plain) -> Latents:
        """The observed part of each window as one vector, a token."""
        found = []
        for rows in self.pieces(sight):
            part, head, weights = lead(sight.rows(rows), rows)
            found.append(functional_call(self.net, weights, ("latents", part, head)))
        pooled = torch.cat(found)
        return Latents(pooled[:, None], pooled, torch.ones(len(pooled), 1, dtype=torch.bool, device=pooled.device))


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

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Only looks whether there is anything to learn. Raises InputError where there is nothing."""
        if not any(self.predictor.taught(batch) for batch in batches):
            raise self.predictor.nothing("base")

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The network's own: see `YNet.losses` and `EndpointNet.losses`."""
        return self.predictor.losses(self.predictor.see(batch, self.training), self)

    @torch.no_grad()
    def predict(self, batch: Batch) -> Trajectories:
        """What follows the first `past` steps of each window, at the original resolution."""
        return self.predictor.predict(self.predictor.see(batch))

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The observed part of each window as one vector."""
        return self.predictor.latents(self.predictor.see(batch))

    @staticmethod
    def official_state_dict(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Y-net's official weights by our names, for `network.form="ynet"`; its segmentation network is left out."""
        return {f"predictor.net.{name}": value for name, value in official_names(state).items()}
