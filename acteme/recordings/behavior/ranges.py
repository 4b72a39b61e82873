"""Numbers as categories: ranges of a column, named by their ends."""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from acteme.recordings.behavior.codes import number

NAME = re.compile(r"(?:above (\S+))?(?: ?\bup to (\S+))?")


@dataclass(frozen=True)
class Ranges:
    """Ranges that share their ends; the lowest and the highest have only one."""

    ends: Float[np.ndarray, " k"]
    """In rising order; a number that is one belongs to the range below it."""

    @classmethod
    def of(cls, values: pa.Array, count: Int[np.ndarray, " n"], bins: int) -> "Ranges | None":
        """Up to so many ranges in which about equally many numbers are: they are cut at quantiles. None where values
        are no numbers, or no more than that.

        Args:
            values: different texts.
            count: how often each occurs.
            bins: ranges.
        """
        found = numbers(values)
        if found is None or len(found) <= max(bins, 1):
            return None
        some = pc.not_equal(values, "").to_numpy(zero_copy_only=False)
        value, place = np.unique(found, return_inverse=True)
        before = np.cumsum(np.bincount(place, count[some]))
        at = np.searchsorted(before, before[-1] * np.arange(1, bins) / bins)
        return cls(value[np.unique(at.clip(max=len(value) - 2))])

    @classmethod
    def read(cls, names: pa.Array) -> "Ranges | None":
        """The ranges that names tell of, some of which may be missing; None where any name is of something else."""
        found = [NAME.fullmatch(name) for name in names.to_pylist()]
        told = numbers(pa.array([end for match in found if match for end in match.groups() if end], pa.string()))
        return cls(np.unique(told)) if all(found) and told is not None and len(told) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all ranges, from the lowest."""
        told = [np.format_float_positional(end, trim="-") for end in self.ends]
        inner = (f"above {a} up to {b}" for a, b in pairwise(told))
        return (f"up to {told[0]}", *inner, f"above {told[-1]}")

    def named(self, column: pa.Array) -> pa.Array:
        """Texts with the name of its range in the place of every number."""
        value, bad = number(column)
        name = pa.array(self.names, pa.string()).take(pa.array(np.searchsorted(self.ends, value)))
        return pc.if_else(pa.array(bad), column, name)


def numbers(values: pa.Array) -> Float[np.ndarray, " n"] | None:
    """The texts that say anything, as numbers; None where one of them is none, or nothing is said."""
    some = values.filter(pc.not_equal(values, ""))
    value, bad = number(some)
    return None if bad.any() or not len(some) else value.astype(np.float64)
