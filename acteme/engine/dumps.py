"""What the official code of RecSAE writes of latents: activations of test sequences, and titles of cases.

Its test mode writes a table of sequences, separated by tabs: `user_id`, `history`, `indices`, `values`. Cells of the
last three are arrays as NumPy prints them: numbers between blanks, in brackets, over several lines where they are long.
Its repository has a text with up to five titles under a line `[latent_id] N` for each latent (read here: 1,004 latents
up to number 1023, of which 984 have five titles, 13 four, 4 three and 3 two).
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.atomic import write_text
from acteme.engine.concepts import Concept
from acteme.errors import InputError

COLUMNS = ("user_id", "history", "indices", "values")
MARK = "[latent_id] "


@dataclass(frozen=True)
class Activations:
    """Latents of sequences."""

    user: tuple[str, ...]
    history: tuple[Int[np.ndarray, " t"], ...]
    """Item numbers, the latest last."""
    latent: Int[np.ndarray, "n k"]
    value: Float[np.ndarray, "n k"]
    """Activations; zeros are listed, too."""


def read_activations(path: Path | str) -> Activations:
    """The table of the official test mode.

    Raises:
        InputError: it is none, or a row has other than k latents.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", path, "give a table of activations") from error
    if not rows or not set(COLUMNS) <= rows[0].keys():
        raise InputError("is no table of activations", path, f"its columns are {', '.join(COLUMNS)}")
    latent, value = ([_numbers(row[name], path, n) for n, row in enumerate(rows, 1)] for name in COLUMNS[2:])
    sizes = {len(some) for some in (*latent, *value)}
    if len(sizes) > 1:
        raise InputError("has rows of several numbers of latents", path, "write it again")
    history = tuple(_numbers(row["history"], path, n).astype(np.int64) for n, row in enumerate(rows, 1))
    users = tuple(row["user_id"] for row in rows)
    return Activations(users, history, np.stack(latent).astype(np.int64), np.stack(value))


def _numbers(cell: str | None, path: Path, row: int) -> Float[np.ndarray, " n"]:
    found = re.fullmatch(r"\s*\[([^\[\]]*)\]\s*", cell or "")
    try:
        if found is None:
            raise ValueError
        return np.array([float(word) for word in found[1].split()])
    except ValueError as error:
        what = f"row {row} has '{(cell or '')[:30]}' where an array is expected"
        raise InputError(
            what, path, "arrays are numbers between blanks, in brackets; none may be cut by dots"
        ) from error


def read_cases(path: Path | str) -> dict[int, tuple[str, ...]]:
    """Titles of the strongest cases of each latent, the strongest first.

    Raises:
        InputError: it is no such text.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", path, f"give a text with lines '{MARK}N'") from error
    out: dict[int, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines, 1):
        if line.startswith(MARK):
            name = line.removeprefix(MARK).strip()
            if not name.isdecimal() or int(name) in out:
                raise InputError(f"line {number} has latent '{name}'", path, "each has a number of its own")
            current = out[int(name)] = []
        elif line.strip():
            if current is None:
                raise InputError(f"line {number} has a title before any latent", path, f"begin with '{MARK}0'")
            current.append(line.strip())
    return {latent: tuple(titles) for latent, titles in out.items()}


def write_cases(concepts: Sequence[Concept], to: Path | str) -> None:
    """Writes the titles that concepts were made from in that form, by number of the latent."""
    rows = sorted((c for c in concepts if c.cases), key=lambda c: c.latent)
    titles = ("".join(f"{' '.join(title.split())}\n" for title in c.cases) for c in rows)
    write_text(Path(to), "".join(f"{MARK}{c.latent}\n{told}" for c, told in zip(rows, titles, strict=True)))
