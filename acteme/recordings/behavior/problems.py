"""What is wrong with rows of a log: the first ones in words, the others counted."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from acteme.errors import InputError

SHOWN = 20
"""Rows that are described."""


class Problems:
    """Bad rows as they are met; they are left out of the log."""

    def __init__(self) -> None:
        self.errors: list[InputError] = []
        self.count = 0

    @property
    def lines(self) -> list[str]:
        """The first bad rows, a line each."""
        return [str(error) for error in self.errors]

    def refuse(self) -> None:
        """Raises InputError of the first bad row, where no row may be left out."""
        if self.errors:
            raise self.errors[0]

    def note(self, what: str, path: Path, rows: Iterable[int], mend: str) -> None:
        """The same thing is wrong with some rows of a file."""
        for row in rows:
            self.count += 1
            if self.count <= SHOWN:
                self.errors.append(InputError(what, f"{path} line {row}", mend))

    def cells(self, path: Path, rows: np.ndarray, bad: np.ndarray, name: str, column: pa.Array, what: str,
              mend: str) -> None:  # fmt: skip
        """Notes bad cells of a column with what they hold: the first ones in words, the rest by number.

        Args:
            path: the file.
            rows: line of each row in it.
            bad: which rows have a bad cell.
            name: of the column.
            column: its cells.
            what: what is wrong.
            mend: what helps.
        """
        for i in np.flatnonzero(bad)[:SHOWN]:
            held = column[int(i)].as_py()
            shown = "" if held in (None, "") else f" '{str(held)[:40]}'"
            self.note(f"{name}{shown} {what}", path, [int(rows[i])], mend)
        self.count += max(0, int(bad.sum()) - SHOWN)

    def told(self) -> tuple[str, ...]:
        """A line for each of the first bad rows, and one for the rest."""
        rest = self.count - len(self.errors)
        return (*self.lines, f"and {rest} more rows like these") if rest else tuple(self.lines)
