"""What a predictor sees of a batch: observed positions on the grid, their maps, the scene's map, what is to come."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.systems.anticipate.corridors.maps import distance_maps, gauss_maps
from acteme.systems.anticipate.corridors.place import Placement, place, surface_classes, turned


@dataclass(frozen=True)
class Grid:
    """The network's grid and the maps on it."""

    size: tuple[int, int] = (288, 480)
    """Height and width, multiples of 2 to the number of poolings."""
    resize: float | None = None
    """Grid pixels per unit of position (.25 in Y-net); none makes every scene as large as fits."""
    surfaces: int = 12
    """Classes of the scene's map (0 reads none); all channels are zero where the data have no maps."""
    map: Literal["distance", "gauss"] = "distance"
    """Input map of an observed position: its distance (Y-net's code) or a Gaussian (its paper's heat map)."""
    side: int = 1050
    """Side of Y-net's distance template, int(4200 resize): half its diagonal is where the distance map has 2."""
    rounded: bool = True
    """Positions are rounded to whole pixels, as Y-net's templates need it."""
    augment: Literal["none", "flip", "turn"] = "turn"
    """Of training scenes: mirrored left to right at random, or turned by right angles too (Y-net)."""

    def check(self, poolings: int) -> None:
        """Raises InputError where the encoder cannot halve the size so often."""
        step = 2**poolings
        if any(n < step or n % step for n in self.size):
            what = f"size {self.size[0]} x {self.size[1]} is not a multiple of {step}"
            raise InputError(what, "base.predictor.grid.size", "the encoder halves it as often as it has stages")


@dataclass(frozen=True)
class Sight:
    """A batch as a predictor sees it. Positions are pixels of the grid."""

    past: Float[Tensor, "b t 2"]
    """Observed positions."""
    heat: Float[Tensor, "b t h w"]
    """Their maps."""
    surface: Float[Tensor, "u s h w"] | None
    """Maps of the scenes, a channel per class; None where they are not known."""
    which: Tensor
    """(b,) the row of `surface` of each sample."""
    where: Placement
    future: Float[Tensor, "b f 2"]
    """Positions to come; zero where they are not known."""
    known: Bool[Tensor, "b f"]
    """Which of them count: they exist, and lie on the grid."""

    @property
    def size(self) -> tuple[int, int]:
        return self.heat.shape[2], self.heat.shape[3]

    def with_heat(self, heat: Float[Tensor, "b t h w"]) -> "Sight":
        return replace(self, heat=heat)

    def rows(self, rows: slice) -> "Sight":
        """Some of the samples."""
        surface, which = self.surface, self.which[rows]
        if surface is not None:
            used, which = torch.unique(which, return_inverse=True)
            surface = surface[used]
        where = Placement(self.where.matrix[rows], self.where.offset[rows])
        return Sight(self.past[rows], self.heat[rows], surface, which, where, self.future[rows], self.known[rows])


def observed(
    position: Float[Tensor, "b n 2"], mask: Bool[Tensor, "b n"], past: int
) -> tuple[Float[Tensor, "b past 2"], Bool[Tensor, "b"]]:
    """The first `past` positions; someone who was seen for less time comes from before at the first velocity.

    Who was seen in one frame only stood still. The mask says who was seen at all.
    """
    position, mask = position[:, :past], mask[:, :past]
    seen = mask.sum(1)
    if position.shape[1] < past:
        position = torch.cat([position, position.new_zeros(len(position), past - position.shape[1], 2)], 1)
    number = torch.arange(past, device=position.device) - (past - seen)[:, None]
    found = position.gather(1, number.clamp(min=0)[..., None].expand(-1, -1, 2))
    if past > 1:
        step = torch.where((seen > 1)[:, None], position[:, 1] - position[:, 0], 0.0)
        found = found + number.clamp(max=0)[..., None] * step[:, None]
    return found, seen > 0


def see(batch: Batch, grid: Grid, past: int, future: int, training: bool = False) -> Sight:
    """What a predictor sees of a batch.

    Args:
        batch: `position`, `extent`, `mask`; `surface` and `scene` where there are maps.
        grid: see there.
        past: observed steps; the first of each window.
        future: steps to come, after them.
        training: augment.

    Raises:
        InputError: positions are not two-dimensional, or of no scene.
    """
    position, mask = batch["position"].float(), batch["mask"]
    if position.shape[-1] != 2:
        raise InputError(f"positions have {position.shape[-1]} coordinates", "corridors", "give x and y")
    if "extent" not in batch:
        raise InputError("the tracks are of no scene", "corridors", "name the scene of each recording")
    extent, count = batch["extent"], len(position)
    if training and grid.augment != "none":
        mirror = torch.randint(2, (count,), device=position.device)
        quarters = torch.zeros_like(mirror) if grid.augment == "flip" else torch.randint_like(mirror, 4)
        where = turned(extent, grid.size, grid.resize, quarters, mirror)
        own = True
    else:
        where, own = place(extent, grid.size, grid.resize), False
    first, seen = observed(position, mask, past)
    path = where.to_grid(first)
    if grid.map == "distance":
        heat = distance_maps(path, grid.size, grid.side, grid.rounded)
    else:
        heat = gauss_maps(path, grid.size, SPREAD, grid.rounded)
    later = position.new_zeros(count, future, 2)
    there = torch.zeros(count, future, dtype=torch.bool, device=position.device)
    if position.shape[1] > past:
        n = min(future, position.shape[1] - past)
        later[:, :n], there[:, :n] = where.to_grid(position[:, past : past + n]), mask[:, past : past + n]
    limit = later.new_tensor([grid.size[1] - 0.5, grid.size[0] - 0.5])
    known = there & seen[:, None] & ((later >= -0.5) & (later < limit)).all(-1)
    surface, which = None, torch.zeros(count, dtype=torch.long, device=position.device)
    if grid.surfaces and "surface" in batch:
        rows, which = _scenes(batch["scene"], own)
        part = Placement(where.matrix[rows], where.offset[rows])
        surface = surface_classes(batch["surface"][rows], extent[rows], part, grid.size, grid.surfaces)
    return Sight(path, heat, surface, which, where, later, known)


SPREAD = 4.0
"""Standard deviation, in pixels, of input maps that are Gaussians."""


def _scenes(scene: Tensor, own: bool) -> tuple[Tensor, Tensor]:
    """A row of each scene, and the scene of each row; every row is a scene of its own where they are augmented."""
    if own or bool((scene < 0).any()):
        rows = torch.arange(len(scene), device=scene.device)
        return rows, rows
    _, which = torch.unique(scene, return_inverse=True)
    rows = torch.zeros(int(which.max()) + 1, dtype=torch.long, device=scene.device)
    rows[which] = torch.arange(len(scene), device=scene.device)
    return rows, which
