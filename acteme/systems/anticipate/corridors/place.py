"""Where a scene lies on the network's grid: positions, in pixels or metres, to grid pixels and back."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError


@dataclass(frozen=True)
class Placement:
    """A similarity (turned by right angles and mirrored, in augmentation) of each sample: grid = matrix x + offset."""

    matrix: Float[Tensor, "b 2 2"]
    offset: Float[Tensor, "b 2"]

    def to_grid(self, position: Float[Tensor, "b ... 2"]) -> Float[Tensor, "b ... 2"]:
        """Grid coordinates (x, y) of positions."""
        flat = position.flatten(1, -2)
        return (flat @ self.matrix.mT + self.offset[:, None]).view_as(position)

    def from_grid(self, grid: Float[Tensor, "b ... 2"]) -> Float[Tensor, "b ... 2"]:
        """Positions, at the original resolution, of grid coordinates."""
        flat = grid.flatten(1, -2) - self.offset[:, None]
        scale = self.matrix.square().sum(1).mean(-1)  # the matrix is a rotation or reflection, times a factor
        return (flat @ self.matrix / scale[:, None, None]).view_as(grid)


def place(extent: Float[Tensor, "b 4"], size: tuple[int, int], resize: float | None = None) -> Placement:
    """Puts scenes in the grid's upper left corner; the rest of the grid is padding.

    Args:
        extent: left, top, right and bottom of each scene, in units of its positions.
        size: height and width of the grid.
        resize: grid pixels per unit; None makes each scene as large as fits.

    Raises:
        InputError: a scene is empty, or larger than the grid at this `resize`.
    """
    wide, high = (extent[:, 2:] - extent[:, :2]).unbind(1)
    if not bool(((wide > 0) & (high > 0)).all()):
        raise InputError("a scene has no extent", "corridors", "give the scene's size, or tracks that move")
    if resize is None:
        scale = torch.minimum(size[1] / wide, size[0] / high)
    else:
        scale = torch.full_like(wide, resize)
        if bool((wide * resize > size[1] + 0.5).any() or (high * resize > size[0] + 0.5).any()):
            what = f"a scene of {float(wide.max()):g} by {float(high.max()):g} does not fit {size[1]} by {size[0]}"
            raise InputError(f"{what} pixels at {resize:g} per unit", "corridors", "set a larger size, or resize=none")
    matrix = scale[:, None, None] * torch.eye(2, device=extent.device)
    return Placement(matrix, -scale[:, None] * extent[:, :2])


def turned(
    extent: Float[Tensor, "b 4"], size: tuple[int, int], resize: float | None, quarters: Int[Tensor, " b"],
    mirror: Int[Tensor, " b"],
) -> Placement:  # fmt: skip
    """The placement of scenes that are turned by so many quarters and then mirrored left to right where `mirror` is 1.

    A scene that lies on its side is placed anew, so that it fits the grid.
    """
    center = (extent[:, :2] + extent[:, 2:]) / 2
    half = (extent[:, 2:] - extent[:, :2]) / 2
    half = torch.where((quarters % 2 == 1)[:, None], half.flip(1), half)
    upright = place(torch.cat([-half, half], 1), size, resize)
    cos, sin = (torch.tensor(v, device=extent.device)[quarters] for v in ((1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 0.0, -1.0)))
    sign = 1.0 - 2.0 * mirror
    turn = torch.stack([torch.stack([sign * cos, -sign * sin], 1), torch.stack([sin, cos], 1)], 1)
    matrix = upright.matrix @ turn
    # The first and the last pixel change places along a mirrored axis: x becomes (width - 1) - x.
    pixel = (turn.sum(2) < 0).to(extent.dtype)
    offset = upright.offset - (matrix @ center[:, :, None])[..., 0] - pixel
    return Placement(matrix, offset)


def surface_classes(
    surface: Int[Tensor, "b r c"], extent: Float[Tensor, "b 4"], where: Placement, size: tuple[int, int], classes: int
) -> Float[Tensor, "b s h w"]:
    """The scene's map on the grid, a channel per class: 1 where the nearest pixel has it, 0 off the scene.

    Class 255 stands for nothing.

    Raises:
        InputError: a class that the network has no channel for.
    """
    rows, columns = surface.shape[1:]
    ys, xs = torch.meshgrid(*(torch.arange(n, device=surface.device, dtype=torch.float32) for n in size), indexing="ij")
    grid = torch.stack([xs, ys], -1).expand(len(surface), *size, 2)
    share = (where.from_grid(grid) - extent[:, None, None, :2]) / (extent[:, 2:] - extent[:, :2])[:, None, None]
    column, row = (share[..., 0] * columns).floor().long(), (share[..., 1] * rows).floor().long()
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    flat = row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1)
    found = surface.flatten(1).long().gather(1, flat.flatten(1)).view(len(surface), *size)
    found = torch.where(inside, found, 255)
    known = found[found != 255]
    if len(known) and int(known.max()) >= classes:
        what = f"a scene's map has class {int(known.max())} where the network reads {classes} classes"
        raise InputError(what, "corridors", f"set base.predictor.grid.surfaces={int(known.max()) + 1}")
    return (found[:, None] == torch.arange(classes, device=surface.device)[:, None, None]).float()
