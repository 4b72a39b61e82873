"""Embeddings of items, categories and positions: for attention and for representation, of targets and of behaviors."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.systems.recommend.dare.variants import Design

Use = Literal["attention", "representation"]
Side = Literal["target", "behavior"]
KINDS = ("item", "category", "position")
USES: tuple[Use, ...] = ("attention", "representation")
SIDES: tuple[Side, ...] = ("target", "behavior")
SETS: dict[int, dict[tuple[Use, Side], str]] = {
    n: {(use, side): name(use, side) for use in USES for side in SIDES}
    for n, name in {
        1: lambda use, side: "shared",
        2: lambda use, side: use,
        3: lambda use, side: use if use == "representation" else f"{use}_{side}",
        4: lambda use, side: f"{use}_{side}",
    }.items()
}
"""Name of the set of tables that each use of either side reads, by the number of sets."""


@dataclass(frozen=True)
class Widths:
    """Numbers of an embedding."""

    item: int = 16
    """Of an item."""
    category: int = 16
    """Of its category."""
    position: int = 16
    """Of how many events ago it was."""

    def of(self, kind: str) -> int:
        return getattr(self, kind)


@dataclass(frozen=True)
class Events:
    """Targets (B, C) or behaviors (B, T) by number."""

    item: Int[Tensor, "b n"]
    category: Int[Tensor, "b n"]
    position: Int[Tensor, "b n"]
    """Events ago: 1 for the newest behavior, 0 for a target."""

    def at(self, index: Int[Tensor, "b m"]) -> "Events":
        """The events at these places of each row."""
        return Events(*(getattr(self, kind).gather(1, index) for kind in KINDS))


class Rescale(torch.autograd.Function):
    """One table as two, for attention and representation; backwards the sum of their gradients, that of attention
    first made as large as that of representation: g = a |r| / |a| + r, by the norms of whole tables."""

    @staticmethod
    def forward(ctx, table: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def,override]
        return table.view_as(table), table.view_as(table)

    @staticmethod
    def backward(ctx, attention: Tensor, representation: Tensor) -> Tensor:  # type: ignore[no-untyped-def,override]
        size = attention.norm()
        factor = torch.where(size > 0, representation.norm() / size, 0.0)
        return attention * factor + representation


Weights = dict[tuple[Use, Side], dict[str, Tensor]]
"""The table that each use of either side reads, by kind."""


class Tables(nn.Module):
    """All tables of a model, and the linear maps behind them where there are any.

    Args:
        design: which sets and maps there are.
        rows: of the tables of items, categories and positions.
        attention, representation: widths of the embeddings; the same wherever tables are shared.
        sparse: gradients hold the rows that occur only.
    """

    def __init__(self, design: Design, rows: tuple[int, int, int], attention: Widths, representation: Widths,
                 sparse: bool = False):  # fmt: skip
        super().__init__()
        self.design, self.sparse = design, sparse
        self.kinds = KINDS if design.position else KINDS[:2]
        self.widths: dict[Use, Widths] = {"attention": attention, "representation": representation}
        self.sets = nn.ModuleDict()
        for (use, _), name in SETS[design.sets].items():
            if name not in self.sets:
                sizes = zip(KINDS, rows, strict=True)
                self.sets[name] = nn.ModuleDict(
                    {kind: nn.Embedding(n, self.widths[use].of(kind), sparse=sparse) for kind, n in sizes
                     if kind in self.kinds}
                )  # fmt: skip
        self.maps = nn.ModuleDict()
        if design.project:
            for side in SIDES:
                for use in USES:
                    self.maps[f"{use}_{side}"] = self._maps(use)

    def _maps(self, use: Use) -> nn.Module:
        if self.design.project == "whole":
            return nn.Linear(self.width(use), self.width(use))
        sizes = {kind: self.widths[use].of(kind) for kind in self.kinds}
        return nn.ModuleDict({kind: nn.Linear(size, size, bias=False) for kind, size in sizes.items()})

    def width(self, use: Use) -> int:
        """Of all embeddings of an event together."""
        return sum(self.widths[use].of(kind) for kind in self.kinds)

    def weights(self, apart: bool = False) -> Weights:
        """The tables; `apart` gives attention a view of its own of tables that it shares, so that its gradient can be
        told from that of representation."""
        out: Weights = {}
        names = SETS[self.design.sets]
        for kind in self.kinds:
            tables = {name: self.sets[name][kind].weight for name in self.sets}  # type: ignore[index]
            for (use, side), name in names.items():
                out.setdefault((use, side), {})[kind] = tables[name]
            if self.design.sets == 1 and (apart or self.design.rescaled):
                table = tables["shared"]
                views = (table.view_as(table), table.view_as(table)) if apart else Rescale.apply(table)
                for use, view in zip(USES, views, strict=True):
                    for side in SIDES:
                        out[use, side][kind] = view
        return out

    def embed(self, weights: Weights, use: Use, side: Side, events: Events) -> Float[Tensor, "b n d"]:
        """Embeddings of events, one behind the other: item, category, position."""
        read = weights[use, side]
        parts = {kind: F.embedding(getattr(events, kind), read[kind], sparse=self.sparse) for kind in self.kinds}
        maps = self.maps[f"{use}_{side}"] if self.design.project else None
        if isinstance(maps, nn.ModuleDict):
            parts = {kind: maps[kind](part) for kind, part in parts.items()}
        whole = torch.cat(list(parts.values()), -1)
        return maps(whole) if isinstance(maps, nn.Linear) else whole
