"""What is wrong with rows of a log: the first ones in words, the others counted."""

from collections.abc import Iterable
from pathlib import Path

from acteme.errors import InputError

SHOWN = 20
"""Rows that are described."""


class Problems:
    """Bad rows as they are met; they are left out of the log."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def note(self, what: str, path: Path, rows: Iterable[int], mend: str) -> None:
        """The same thing is wrong with some rows of a file."""
        for row in rows:
            self.count += 1
            if self.count <= SHOWN:
                self.lines.append(str(InputError(what, f"{path} line {row}", mend)))

    def told(self) -> tuple[str, ...]:
        """A line for each of the first bad rows, and one for the rest."""
        rest = self.count - len(self.lines)
        return (*self.lines, f"and {rest} more rows like these") if rest else tuple(self.lines)
