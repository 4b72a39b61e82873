"""Who says what a latent stands for, and judges cases by what was said: the items' tags, or a language model."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from acteme.engine.language import LanguageModel, Message
from acteme.errors import InputError
from acteme.tasks.inspection import ACTIVE, LEVELS, lift

SHOWN = 10
"""Latest items of a history that an interpreter is shown."""
EXAMPLE = (
    "Cases:\n1. had: Alien; The Shining -> next: Poltergeist (level 9)\n2. had: Psycho -> next: Carrie (level 8)",
    "Horror films of the seventies and eighties.",
)
"""What an answer looks like."""


@dataclass(frozen=True)
class Case:
    """A sequence, and the item that is recommended to it."""

    history: tuple[str, ...]
    """Titles, the latest last."""
    title: str
    """Of the recommended item."""
    item: int
    """Its number."""
    level: int
    """How active the latent is, 0 to 10; not shown to who judges."""


class Interpreter(Protocol):
    """Names concepts, and judges by them."""

    @property
    def name(self) -> str:
        """Who it is."""

    def name_all(self, cases: Sequence[Sequence[Case]]) -> list[str]:
        """A concept for each latent, from its strongest cases; empty where nothing can be said."""

    def judge_all(self, concepts: Sequence[str], cases: Sequence[Sequence[Case]]) -> list[list[bool]]:
        """Of each latent's further cases, whether the concept takes the latent for active."""


class Tags:
    """The tag of the catalog with the highest lift; it takes a latent for active where the item has the tag.

    Args:
        tags: names of the tags.
        has: (items + 1, tags), which items have which; row 0 is padding.
        share: of each tag among the items of all training events.
    """

    name = "tags"

    def __init__(self, tags: Sequence[str], has: Bool[np.ndarray, "items1 t"], share: Float[np.ndarray, " t"]):
        self.tags, self.has, self.share = list(tags), has, share

    def name_all(self, cases: Sequence[Sequence[Case]]) -> list[str]:
        out = []
        for some in cases:
            score = lift(self.has[[c.item for c in some]], self.share) if some else np.zeros(1)
            out.append(self.tags[int(score.argmax())] if score.max() > 0 else "")
        return out

    def judge_all(self, concepts: Sequence[str], cases: Sequence[Sequence[Case]]) -> list[list[bool]]:
        number = {tag: k for k, tag in enumerate(self.tags)}
        return [[c in number and bool(self.has[case.item, number[c]]) for case in some]
                for c, some in zip(concepts, cases, strict=True)]  # fmt: skip


class Reader:
    """A language model that reads titles: it writes a sentence, and grades cases from 0 to 10 by that sentence."""

    def __init__(self, model: LanguageModel):
        self.model = model

    @property
    def name(self) -> str:
        return self.model.name

    def name_all(self, cases: Sequence[Sequence[Case]]) -> list[str]:
        system = (
            "A hidden unit of a recommender is active in the cases below. Say in one short sentence what the "
            "recommended items have in common. Answer with that sentence only."
        )
        prompts = []
        for some in cases:
            told = "\n".join(f"{k}. {_line(case)} (level {case.level})" for k, case in enumerate(some, 1))
            example, answer = EXAMPLE
            prompts.append([Message("system", system), Message("user", example), Message("assistant", answer),
                            Message("user", f"Cases:\n{told}")])  # fmt: skip
        answers = self.model.generate(prompts, max_tokens=60, stop=("\n",))
        return [answer.partition(".")[0].strip(" \"'*") for answer in answers]

    def judge_all(self, concepts: Sequence[str], cases: Sequence[Sequence[Case]]) -> list[list[bool]]:
        system = (
            f"A hidden unit of a recommender stands for a concept. Grade from 0 (not at all) to {LEVELS} (fully) how "
            "well the recommended item fits the concept. Answer with a number only."
        )
        prompts = [
            [Message("system", system), Message("user", f"Concept: {concept}\nCase: {_line(case)}\nGrade:")]
            for concept, some in zip(concepts, cases, strict=True)
            for case in some
        ]
        answers = iter(self.model.generate(prompts, max_tokens=4, stop=("\n",)) if prompts else [])
        return [[_grade(next(answers)) > ACTIVE for _ in some] for some in cases]


def _line(case: Case) -> str:
    """A case as it is shown: nothing in it tells the level."""
    had = "; ".join(case.history[-SHOWN:]) or "nothing"
    return f"had: {had} -> next: {case.title}"


def _grade(answer: str) -> int:
    """The first number of an answer, 0 where there is none."""
    found = re.search(r"\d+", answer)
    return min(int(found[0]), LEVELS) if found else 0


def tags_of(catalog: pa.Table) -> tuple[list[str], Bool[np.ndarray, "items1 t"]]:
    """Tags of a catalog's items: categories, and the decade where the year is known.

    Raises:
        InputError: it has neither.
    """
    rows: list[list[str]] = [[] for _ in range(catalog.num_rows)]
    if "categories" in catalog.column_names:
        rows = [list(some or []) for some in catalog["categories"].to_pylist()]
    if "year" in catalog.column_names:
        for row, year in zip(rows, catalog["year"].to_pylist(), strict=True):
            if year is not None and np.isfinite(year):
                row.append(f"{int(year) // 10 * 10}s")
    names = sorted({tag for row in rows for tag in row})
    if not names:
        raise InputError("has neither categories nor years", "catalog", "give a language model: --model smollm2")
    number = {tag: k for k, tag in enumerate(names)}
    has = np.zeros((catalog.num_rows + 1, len(names)), bool)
    for k, row in enumerate(rows, 1):
        has[k, [number[tag] for tag in row]] = True
    return names, has


def titles_of(catalog: pa.Table) -> list[str]:
    """A title for each item number; its name where it has none. Number 0 is empty."""
    names = [str(name) for name in catalog["item"].to_pylist()]
    titles = catalog["title"].to_pylist() if "title" in catalog.column_names else [None] * len(names)
    return ["", *(title or name for title, name in zip(titles, names, strict=True))]
