"""What processes of a host did, one row each, whatever recorded it: strace, psutil or auditd."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Text = Any
"""An array of str objects."""


@dataclass(frozen=True)
class Calls:
    """Columns of the same length. A text is empty, and a number -1, where it is not known or there is none."""

    time: Float[np.ndarray, " n"]
    """Seconds: since 1970 in UTC, or since the midnight before the recording where it names no day."""
    pid: Int[np.ndarray, " n"]
    user: Text
    program: Text
    """Path or name of what the process runs: what it last executed, and inherits from the process that started it."""
    parent: Text
    """The same of the process that started it."""
    call: Text
    """System call, or the kind of what was seen."""
    path: Text
    """Of the file that it is about; absolute wherever that could be found out."""
    mode: Text
    """How a file is opened: `r`, `w` or `rw`, then `c` (created), `t` (emptied), `a` (appended to), `d` (a folder)."""
    error: Text
    """Name of the error (ENOENT), or of what else came of it: `unfinished` where the recording ends before."""
    address: Text
    """The other side's IP address, or `unix` of a socket of the same host."""
    port: Int[np.ndarray, " n"]
    """The other side's port."""

    def __len__(self) -> int:
        return len(self.time)

    def select(self, keep: np.ndarray) -> "Calls":
        """The rows that `keep` (a mask or indices) names."""
        return Calls(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})


def columns(rows: Iterable[Mapping[str, Any]]) -> Calls:
    """Rows that name what they know, as columns."""
    listed = list(rows)
    kinds: dict[str, tuple[Any, Any]] = {"time": (np.float64, 0.0), "pid": (np.int64, -1), "port": (np.int32, -1)}
    out = {}
    for f in fields(Calls):
        kind, missing = kinds.get(f.name, (object, ""))
        column = np.empty(len(listed), kind)
        column[:] = [row.get(f.name, missing) for row in listed]
        out[f.name] = column
    return Calls(**out)


def join(parts: Iterable[Calls]) -> Calls:
    """Several recordings as one, in the order of time (of the same time in the order given)."""
    some = list(parts)
    one = Calls(**{f.name: np.concatenate([getattr(part, f.name) for part in some]) for f in fields(Calls)})
    return one.select(np.argsort(one.time, kind="stable"))
