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
LONGEST = 80
"""Characters of a title that a language model is shown."""
ASKED, SAID = "What do the recommended items have in common?", "They are "
EXAMPLE = (
    Message("user", f"Cases:\n1. Alien: 0; The Shining: 0; Poltergeist: 9\n2. Psycho: 0; Carrie: 8\n{ASKED}"),
    Message("assistant", f"{SAID}horror films of the seventies and eighties."),
)
"""How cases are named."""
JUDGED = (
    Message("user", "Concept: Horror films of the seventies and eighties\nCase: Alien: 0; Poltergeist:"),
    Message("assistant", "9"),
    Message("user", "Concept: Horror films of the seventies and eighties\nCase: Psycho: 0; Annie Hall:"),
    Message("assistant", "0"),
)
"""How cases are judged."""


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
    """A language model that reads titles: it writes a sentence, and tells levels of cases, 0 to 10, by that sentence.

    It sees a case as the items of the history at level 0, and last the one that is recommended: with its level where a
    concept is to be found, without where the level is to be told.
    """

    def __init__(self, model: LanguageModel):
        self.model = model

    @property
    def name(self) -> str:
        return self.model.name

    def name_all(self, cases: Sequence[Sequence[Case]]) -> list[str]:
        system = (
            "A hidden unit of a recommender is active in the cases below. Each lists items with the level of the unit, "
            f"0 to {LEVELS}; the last item is recommended. Say in one short sentence what the recommended items have "
            "in common. Answer with that sentence only."
        )
        prompts = []
        for some in cases:
            told = "\n".join(f"{k}. {_line(case)} {case.level}" for k, case in enumerate(some, 1))
            prompts.append([Message("system", system), *EXAMPLE, Message("user", f"Cases:\n{told}\n{ASKED}")])
        answers = self.model.generate(prompts, max_tokens=60, stop=("\n",)) if prompts else []
        return [_sentence(answer) for answer in answers]

    def judge_all(self, concepts: Sequence[str], cases: Sequence[Sequence[Case]]) -> list[list[bool]]:
        system = (
            f"A hidden unit of a recommender stands for a concept. Tell its level, from 0 (the last item does not fit "
            f"the concept) to {LEVELS} (it fits fully). Answer with a number only."
        )
        prompts = [
            [Message("system", system), *JUDGED, Message("user", f"Concept: {concept}\nCase: {_line(case)}")]
            for concept, some in zip(concepts, cases, strict=True)
            for case in some
        ]
        answers = iter(self.model.generate(prompts, max_tokens=4, stop=("\n",)) if prompts else [])
        return [[_grade(next(answers)) > ACTIVE for _ in some] for some in cases]


def _line(case: Case) -> str:
    """A case as it is shown, up to where the level of the recommended item stands."""
    return "".join(f"{_short(title)}: 0; " for title in case.history[-SHOWN:]) + f"{_short(case.title)}:"


def _short(title: str) -> str:
    """A title on one line."""
    title = " ".join(title.split())
    return title if len(title) <= LONGEST else title[: LONGEST - 1] + "…"


def _sentence(answer: str) -> str:
    """What stands before the first full stop, without the sign of a list, quotation marks, and the example's start."""
    told = re.sub(r"^\W*(?:\d+[.)]\s+)?", "", answer).partition(".")[0].strip(" \"'*")
    told = told.removeprefix(SAID)
    return told[:1].upper() + told[1:]


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
