"""Two tables of embeddings: a dense one under the soft selection layer, and what is left of it, stored sparsely."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.systems.recommend.dnis.space import Space, block_sizes, full, group_sizes, weights

VALUE = 4
"""Bytes of a value."""


class SoftTable(nn.Module):
    """Embeddings e_i alpha_l(i), elementwise, l(i) being the block of feature i (the soft selection layer).

    alpha is no parameter but a buffer: no optimizer of the weights can move it.

    Args:
        count: features, the most frequent first.
        width: dimensions (K).
        groups: groups that dimensions are selected in.
        blocks: see `space.block_sizes`.
        space: what selections there are.
    """

    def __init__(self, count: int, width: int, groups: int, blocks: tuple[float, ...], space: Space):
        super().__init__()
        if width < 1 or not blocks or not 1 <= groups <= width:
            what = f"{width} dimensions in {groups} groups, and {len(blocks)} blocks"
            raise InputError(what, "network", "give at least one of each, and no more groups than dimensions")
        self.space, self.sizes = space, block_sizes(count, blocks)
        self.shape = (len(self.sizes), groups)
        block = torch.arange(len(self.sizes)).repeat_interleave(torch.tensor(self.sizes))
        self.register_buffer("block", block, persistent=False)
        group = torch.arange(groups).repeat_interleave(torch.tensor(group_sizes(width, groups)))
        self.register_buffer("group", group, persistent=False)
        self.register_buffer("alpha", full(space, *self.shape))
        self.block: Tensor
        self.group: Tensor
        self.alpha: Tensor
        self.weight = nn.Parameter(torch.empty(count, width))
        nn.init.xavier_normal_(self.weight)
        self.merged: tuple[tuple[int, ...], Tensor] | None = None

    def selection(self, alpha: Float[Tensor, "*alpha"]) -> Float[Tensor, "l k"]:
        """How much each block has of each dimension."""
        return weights(self.space, alpha, *self.shape)[:, self.group]

    def forward(self, ids: Int[Tensor, "b f"], alpha: Float[Tensor, "*alpha"] | None = None) -> Float[Tensor, "b f k"]:
        """Embeddings of features, with another alpha where one is given.

        Where nothing is learned they are looked up in the product of table and selection, which is kept.
        """
        if alpha is None and not self.training and not torch.is_grad_enabled():
            return F.embedding(ids, self._product())
        chosen = self.selection(self.alpha if alpha is None else alpha)
        return F.embedding(ids, self.weight) * F.embedding(self.block[ids], chosen)

    @torch.no_grad()
    def dense(self) -> Float[Tensor, "n k"]:
        """The table with the selection in it: what is pruned, for alpha and E alone could shrink and grow at will."""
        return self.weight * self.selection(self.alpha)[self.block]

    def _product(self) -> Float[Tensor, "n k"]:
        state = (self.weight._version, self.weight.data_ptr(), self.alpha._version, self.alpha.data_ptr())
        if self.merged is None or self.merged[0] != state:
            self.merged = state, self.dense()
        return self.merged[1]

    def footprint(self) -> dict[str, float]:
        """See `SparseTable.footprint`; zeros take room."""
        left, all_of = int(self.dense().count_nonzero()), self.weight.numel()
        return {"table_values": left, "table_share": left / all_of, "table_bytes": all_of * VALUE, "index_bytes": 0,
                "dense_bytes": all_of * VALUE}  # fmt: skip


@torch.no_grad()
def kept(table: Float[Tensor, "n k"], keep: float, threshold: float | None = None) -> tuple[Bool[Tensor, "n k"], float]:
    """Which entries of a table stay: those that are not smaller in size than the threshold, and not 0.

    Without a threshold it is the sorted |E| at floor((1 - keep) N K): as many entries stay, more where some tie.

    Returns:
        the mask, and the threshold.

    Raises:
        InputError: `keep` is no share.
    """
    if not 0 < keep <= 1:
        raise InputError(f"{keep:g} of the table is to stay", "prune.keep", "give a share above 0 and up to 1")
    size = table.abs()
    if threshold is None:
        at = min(int((1 - keep) * table.numel() + 1e-9), table.numel() - 1)
        threshold = size.flatten().sort().values[at].item()
    return (size >= threshold) & (size > 0), threshold


class SparseTable(nn.Module):
    """Rows of a pruned table: their values end to end, the dimension of each, and where each row begins.

    The values are parameters: training it again moves what is left and nothing else.

    Args:
        count: features.
        width: dimensions; up to 256 of them are numbered in a byte.
    """

    def __init__(self, count: int, width: int):
        super().__init__()
        self.width = width
        self.values = nn.Parameter(torch.zeros(0))
        self.register_buffer("column", torch.zeros(0, dtype=torch.uint8 if width <= 256 else torch.int32))
        wide = torch.int32 if count * width < 1 << 31 else torch.int64
        self.register_buffer("row", torch.zeros(count + 1, dtype=wide))
        self.column: Tensor
        self.row: Tensor

    @torch.no_grad()
    def fill(self, table: Float[Tensor, "n k"], mask: Bool[Tensor, "n k"]) -> None:
        """Takes the entries of a table under a mask."""
        self.values = nn.Parameter(table[mask].clone())
        self.column = mask.nonzero()[:, 1].to(self.column.dtype)
        self.row = F.pad(mask.sum(1).cumsum(0), (1, 0)).to(self.row.dtype)

    def forward(self, ids: Int[Tensor, "b f"]) -> Float[Tensor, "b f k"]:
        """Embeddings of features, zero where nothing is left."""
        flat = ids.flatten()
        first = self.row[flat].long()
        count = self.row[flat + 1] - first
        where = torch.repeat_interleave(count)
        at = torch.arange(len(where), device=ids.device) + (first - count.cumsum(0) + count)[where]
        place = where * self.width + self.column[at].long()
        out = self.values.new_zeros(len(flat) * self.width).scatter(0, place, self.values[at])
        return out.view(*ids.shape, self.width)

    @torch.no_grad()
    def dense(self) -> Float[Tensor, "n k"]:
        """The table with its zeros."""
        return self(torch.arange(len(self.row) - 1, device=self.row.device))

    def footprint(self) -> dict[str, float]:
        """`table_values` that are left, the share of the table that they are, and bytes: of the values, of what says
        where they belong, and of the whole table if it were stored as it is."""
        all_of, index = (len(self.row) - 1) * self.width, self.column.nbytes + self.row.nbytes
        left = len(self.values)
        return {"table_values": left, "table_share": left / all_of, "table_bytes": left * VALUE, "index_bytes": index,
                "dense_bytes": all_of * VALUE}  # fmt: skip

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        if f"{prefix}values" in state_dict:  # how many are left is known from what is read
            left = len(state_dict[f"{prefix}values"])
            if len(self.values) != left:
                self.values = nn.Parameter(self.values.new_zeros(left))
                self.column = self.column.new_zeros(left)
        super()._load_from_state_dict(state_dict, prefix, *rest)
