"""Rebalanced part mixing: the upper body of one clip with the lower body of another, and whose label it gets."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

_HIPS = ("spine_base", "hip_center", "pelvis", "root", "mid_hip")


@dataclass(frozen=True)
class Mixing:
    """Which clips are mixed, and how. The defaults are the official ones."""

    share: float = 1 / 16
    """Part of the clips of a batch that are mixed with another; 0: none."""
    alpha: float | None = None
    """Share of the label that a mixed clip has of the clip of its upper body; None: that body's share of the joints
    (16 of 25: 0.64 on NTU RGB+D; 11 of 20: 0.55 on NW-UCLA)."""
    rebalance: bool = True
    """A mixed clip of a frequent and a rare class has the rare class's label alone."""
    ratio: float = 3.0
    """How many times as many training clips the frequent class then has."""
    in_turn: bool = False
    """As the official code does: clips are mixed one after the other; the one after a mixed clip is passed over, and a
    mixed clip is nobody's partner any more."""
    scrambled: bool = False
    """As the official code does: the joints of the upper and then those of the lower body, in the places 0 to V - 1."""
    one_alpha: bool = False
    """As the official code does: alpha of the last mixed clip holds for the whole batch (0 where none is mixed)."""


@dataclass(frozen=True)
class Mix:
    """Which clips of a batch are mixed with which."""

    rows: Int[Tensor, " n"]
    """The clips that are mixed, rising."""
    partner: Int[Tensor, " n"]
    """Whose lower body each gets."""
    other: Int[Tensor, " b"]
    """Second class of every clip of the batch; the first where it is not mixed."""
    alpha: Float[Tensor, " b"] | Float[Tensor, ""]
    """How much of each clip is of its first class; one number for all with `one_alpha`."""


def halves(layout: Layout) -> tuple[list[int], list[int]]:
    """Joints of the upper and of the lower body: the legs with the joint between the hips, where there is one.

    Raises:
        InputError: a layout without legs.
    """
    legs = {v for side in ("left", "right") for v in layout.parts.get(f"{side}_leg", ())}
    lower = sorted(legs | {layout.joints.index(name) for name in _HIPS if name in layout.joints})
    if not legs or len(lower) == layout.count:
        raise InputError(f"layout '{layout.name}' has no upper and lower body", "mixing", "set mixing.share to 0")
    return [v for v in range(layout.count) if v not in lower], lower


def draw(config: Mixing, label: Int[Tensor, " b"], counts: Float[Tensor, " k"], alpha: float, generator=None) -> Mix:
    """Chooses floor(share B) clips and a partner for each, any other clip; without a label neither is mixed.

    Args:
        config: how.
        label: of the batch, -1 where there is none.
        counts: training clips of each class.
        alpha: what mixed clips of classes of like size have of the first.
        generator: of the draws; torch's global one unless given.
    """
    b, device = len(label), label.device
    count = int(config.share * b) if b > 1 else 0
    rows = torch.randperm(b, generator=generator, device=device)[:count].sort().values
    if config.in_turn:
        rows = not_after(rows)
        partner = unmixed(rows, b, generator)
    else:
        step = torch.randint(1, max(b, 2), (count,), generator=generator, device=device)
        partner = (rows + step) % b
    both = (label[rows] >= 0) & (label[partner] >= 0)
    rows, partner = rows[both], partner[both]
    first, second = counts[label[rows]], counts[label[partner]]
    share = torch.full_like(first, alpha)
    if config.rebalance:
        share = torch.where(first > config.ratio * second, 0.0, share)
        share = torch.where(second > config.ratio * first, 1.0, share)
    other = label.clone()
    other[rows] = label[partner]
    if config.one_alpha:
        return Mix(rows, partner, other, share[-1] if len(rows) else share.new_zeros(()))
    each = torch.ones(b, dtype=share.dtype, device=device)
    each[rows] = share
    return Mix(rows, partner, other, each)


def not_after(rows: Int[Tensor, " n"]) -> Int[Tensor, " m"]:
    """Of rising rows those that are left where, from the first on, each one that is taken costs its next neighbor."""
    place = torch.arange(len(rows), device=rows.device)
    run = rows - place  # the same for all rows of an unbroken run
    return rows[(place - torch.searchsorted(run, run)) % 2 == 0]


def unmixed(rows: Int[Tensor, " n"], b: int, generator=None) -> Int[Tensor, " n"]:
    """A partner for each row: any of the `b` clips but itself and the rows before it."""
    if not len(rows):
        return rows
    free = torch.ones(len(rows), b, device=rows.device)
    free[:, rows] = (rows > rows[:, None]).float()
    return free.multinomial(1, generator=generator)[:, 0]


def mixed(
    x: Float[Tensor, "b t m v c"], mix: Mix, upper: list[int], lower: list[int], scrambled: bool = False
) -> Float[Tensor, "b t m v c"]:
    """The batch with the lower body of every mixed clip taken from its partner, both as they were; a new tensor."""
    if not len(mix.rows):
        return x
    out, own, theirs = x.clone(), x[mix.rows], x[mix.partner]
    if scrambled:
        out[mix.rows] = torch.cat([own[..., upper, :], theirs[..., lower, :]], -2)
    else:
        own[..., lower, :] = theirs[..., lower, :]
        out[mix.rows] = own
    return out
