"""The descriptions of the classes of a data set, wherever they come from."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from acteme.errors import InputError
from acteme.recordings.descriptions.files import Description, read

DATA = Path(__file__).parent / "data"
"""Descriptions that come along: a folder per data set."""
COMMAND = "acteme describe"
"""The command that writes descriptions of classes that have none."""


def find(classes: Sequence[str], source: str | Path = "", by: Literal["name", "order"] = "name") -> list[Description]:
    """A description of each class, in order.

    Args:
        classes: names of the classes.
        source: a folder or file of descriptions; those that come along unless given, and for what it does not describe.
        by: whether a line of `source` is for the class of its name, or for the class of its place.

    Raises:
        InputError: no class, a class that nobody describes, or a file of another number of lines than classes.
    """
    if not classes:
        raise InputError("there is no class to describe", "classes", "give labeled recordings")
    own = read(Path(source).expanduser()) if source else []
    if by == "order":
        if len(own) != len(classes):
            what = f"describes {len(own)} classes, the data has {len(classes)}"
            raise InputError(what, source or "descriptions", "give a line per class, or match by name")
        return own
    known = {**_shipped(), **_by_key(own)}
    out = [known.get(key(name)) or _from_stage(name) for name in classes]
    missing = [name for name, found in zip(classes, out, strict=True) if found is None]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(
            f"class '{missing[0]}'{more} has no description",
            source or "descriptions",
            f"write one, or let a language model: {COMMAND} DATA --to FOLDER",
        )
    return [d for d in out if d is not None]


def key(name: str) -> str:
    """What is compared of a name: its letters and digits."""
    return " ".join(re.findall(r"[^\W_]+", name.casefold()))


@cache
def _shipped() -> dict[str, Description]:
    return {k: d for folder in sorted(DATA.iterdir()) for k, d in _by_key(read(folder)).items()}


def _by_key(descriptions: Iterable[Description]) -> dict[str, Description]:
    return {key(d.label): d for d in descriptions}


def _from_stage(name: str) -> Description | None:
    """A class of the world `stage`, whose name says what it is."""
    from acteme.recordings.worlds.stage.words import described

    found = described(name)
    return None if found is None else Description(found[0][0], found[0], found[1], "the world stage")
