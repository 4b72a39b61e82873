"""What fields say where their number is 0: values that are too rare in the training to have one, or not there at all.

Systems know all of them as the unknown value. People want to read them, and a run that learned from other data may have
numbers for some. They are rows of a table, `position` (in the corpus's arrays), `field` and `value`, by position.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

MOST = 1_000_000
"""Cells that are kept: logs of any length fit into memory. Those that come later read as nothing."""
SCHEMA = pa.schema([("position", pa.int64()), ("field", pa.string()), ("value", pa.string())])


class Gathering:
    """Takes cells as they come."""

    def __init__(self) -> None:
        self.parts: list[pa.Table] = []
        self.count = 0

    def add(self, field: str, position: Int[np.ndarray, " n"], value: pa.Array, of: Int[np.ndarray, " n"]) -> None:
        """Cells of one field at positions: the values `of` an array. Empty ones say nothing and are left out."""
        some = slice(MOST - self.count)
        columns = [pa.array(position[some], pa.int64()), pa.array([field] * len(position[some]), pa.string()),
                   value.take(pa.array(of[some], pa.int64()))]  # fmt: skip
        cells = pa.table(columns, schema=SCHEMA).filter(pc.field("value") != "")
        if len(cells):
            self.parts.append(cells)
            self.count += len(cells)

    def table(self) -> pa.Table:
        """All of them."""
        return in_order(pa.concat_tables([SCHEMA.empty_table(), *self.parts]))


def in_order(cells: pa.Table) -> pa.Table:
    """By position, and the fields of an event by name."""
    return cells.sort_by([("position", "ascending"), ("field", "ascending")]).combine_chunks()


def moved(cells: pa.Table, position: Int[np.ndarray, " n"], kept: Bool[np.ndarray, " n"] | None = None) -> pa.Table:
    """The cells at other positions, those of `kept` only."""
    there = cells.set_column(0, "position", pa.array(np.asarray(position, np.int64)))
    return in_order(there if kept is None else there.filter(pa.array(kept)))


def permuted(cells: pa.Table, pieces: Iterable[tuple[int, np.ndarray]]) -> pa.Table:
    """The cells where an order puts them: `pieces` are where each begins, and the old positions in it."""
    old, cell = np.unique(cells["position"].to_numpy(), return_inverse=True)
    if not len(old):
        return cells
    new = np.empty_like(old)
    for first, order in pieces:
        place = np.searchsorted(old, order).clip(max=len(old) - 1)
        here = np.flatnonzero(old[place] == order)
        new[place[here]] = first + here
    return moved(cells, new[cell])


def cut(cells: pa.Table, start: Int[np.ndarray, " p"], length: Int[np.ndarray, " p"]) -> pa.Table:
    """The cells within stretches of the arrays, which are copied one after the other."""
    old = cells["position"].to_numpy()
    base, by = np.cumsum(length) - length, np.argsort(start, kind="stable")
    piece = by[np.searchsorted(start[by], old, "right") - 1]
    kept = (old >= start[piece]) & (old < start[piece] + length[piece])
    return moved(cells, old - start[piece] + base[piece], kept)
