"""Conversation over a catalog with a run that speaks of items: recommendations for titles that someone mentions, and
what the language model answers about them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import torch

from acteme.engine.answers.recommendations import best, named_parts, reasons
from acteme.engine.answers.words import Words
from acteme.engine.device import device_of
from acteme.engine.names import kept
from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.tasks.places import Lists

CLOSE = 0.84
"""How alike a title must be that is meant, but not spelled so."""
LONGEST = 12
"""Words of a title that are looked for at most."""
ARTICLES = ("the", "a", "an", "la", "le", "les", "il", "el", "der", "die", "das")
QUIET = re.compile(r"\b(?:not|no|never|hate[ds]?|dislike[ds]?|don't|didn't|boring)\b", re.IGNORECASE)
"""A clause with such a word says what someone does not like."""
WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")
MOST = 40
"""Tokens of an answer."""


@dataclass(frozen=True)
class Mention:
    """A title that someone mentioned."""

    item: int
    title: str
    said: str
    """As it was written."""
    start: int
    """Where in the line."""
    liked: bool

    @property
    def exact(self) -> bool:
        return plain(self.said) == plain(self.title)


def plain(text: str) -> tuple[str, ...]:
    """The words of a title as they are compared: lower case, its article (before, or after a comma) left out."""
    words = [w.lower().replace("\u2019", "'") for w in WORDS.findall(text)]
    if len(words) > 1 and words[0] in ARTICLES:
        return tuple(words[1:])
    if len(words) > 1 and words[-1] in ARTICLES and "," in text:
        return tuple(words[:-1])
    return tuple(words)


class Titles:
    """Finds titles of a catalog in what people write.

    Args:
        titles: of each item, item k at k; empty where there is none.
    """

    def __init__(self, titles: Sequence[str]):
        self.titles, self.known = list(titles), dict[tuple[str, ...], int]()
        self.grams: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for item, title in enumerate(titles):
            words = plain(title)
            if words and words not in self.known:
                self.known[words] = item
                for gram in _grams(" ".join(words)):
                    self.grams[gram].add(words)

    def find(self, line: str) -> list[Mention]:
        """The titles in a line, in order, none within another: those that are written so, then those that are alike.

        A title of a single word counts where it is written with a capital, in quotes, or is all of the line.
        """
        places = [(m.start(), m.end()) for m in WORDS.finditer(line)]
        spans = [(a, a + size) for size in range(min(LONGEST, len(places)), 0, -1)
                 for a in range(len(places) - size + 1)]  # fmt: skip
        taken, found = [False] * len(places), list[Mention]()

        def take(a: int, b: int, item: int) -> None:
            if not any(taken[a:b]):
                taken[a:b] = [True] * (b - a)
                start, end = places[a][0], places[b - 1][1]
                found.append(Mention(item, self.titles[item], line[start:end], start, not _against(line, start)))

        words = {span: plain(line[places[span[0]][0] : places[span[1] - 1][1]]) for span in spans}
        single = {s for s in spans if len(words[s]) == 1}
        bold = {s for s in single if self._stands_out(line, *places[s[0]], *places[s[1] - 1])}
        for some in ([s for s in spans if s not in single], [s for s in spans if s in bold]):
            for span in some:
                if words[span] in self.known:
                    take(*span, self.known[words[span]])
            near = [(self._alike(words[s]), s) for s in some if not any(taken[slice(*s)])]
            for score, span, item in sorted((-v[0], s, v[1]) for v, s in near if v is not None):
                if score <= -CLOSE:
                    take(*span, item)
        return sorted(found, key=lambda m: m.start)

    def _alike(self, words: tuple[str, ...]) -> tuple[float, int] | None:
        """The title that is most alike, and how much."""
        text = " ".join(words)
        if len(text) < 5:
            return None
        shared: dict[tuple[str, ...], int] = defaultdict(int)
        grams = _grams(text)
        for gram in grams:
            for other in self.grams.get(gram, ()):
                shared[other] += 1
        near = sorted(shared, key=lambda o: (-shared[o] / max(len(grams), len(" ".join(o))), o))[:5]
        scores = [(SequenceMatcher(None, text, " ".join(other), autojunk=False).ratio(), other) for other in near]
        score, other = max(scores, default=(0.0, ()))
        return (score, self.known[other]) if other else None

    @staticmethod
    def _stands_out(line: str, start: int, _: int, last: int, end: int) -> bool:
        """Whether a word (with an article before it, maybe) is meant as a title."""
        quoted = start > 0 and line[start - 1] in "\"'\u201c\u2018"
        whole = line.strip(" .!?\"'") == line[start:end]
        return quoted or whole or (last > 0 and line[last].isupper())


def _grams(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[n : n + 3] for n in range(len(padded) - 2)}


def _against(line: str, start: int) -> bool:
    """Whether the clause before a place says that it is not liked."""
    clause = re.split(r"[.;!?]|,? but ", line[:start])[-1]
    return QUIET.search(clause) is not None


@dataclass
class Chat:
    """A conversation: what was liked is remembered.

    Args:
        run: a trained run of a system that speaks of items, or its folder.
        count: items to recommend.

    Raises:
        InputError: the run does not speak, or its catalog has no titles.
    """

    run: Run
    count: int = 3
    liked: list[int] = field(default_factory=list)
    """The items that someone likes, the latest last."""
    met: set[int] = field(default_factory=set)
    """All items that were mentioned or recommended."""

    def __post_init__(self) -> None:
        self.run = load(self.run)
        if self.count < 1:
            raise InputError(f"count is {self.count}", "--count", "give 1 or more")
        speaks = [s for s in self.run.stages if hasattr(self.run.kind(s), "reply")]
        if not speaks:
            raise InputError(f"system '{self.run.entry.slug}' does not speak", self.run.folder, "train ilm")
        self.stage = speaks[-1]
        catalog = kept(self.run, "catalog")
        self.module: Any = self.run.module(self.stage)
        self.corpus = Corpus.of([_person([])], self.run.spec, catalog=catalog)
        self.words = Words(self.corpus)
        if not any(self.words.titles):
            raise InputError("has no titles in its catalog", self.run.folder, "train with a catalog of titles")
        self.titles = Titles(self.words.titles)

    def say(self, line: str) -> list[str]:
        """What is answered to a line. InputError where nothing can be."""
        found = self.titles.find(line)
        out = [f"I understand: {', '.join(map(self._meant, found))}."] if found else []
        self.met.update(m.item for m in found)
        asked = "?" in line
        if asked and found:
            return [*out, *self._answers(line, found)]
        for m in found:
            if m.item in self.liked:
                self.liked.remove(m.item)
            if m.liked:
                self.liked.append(m.item)
        if not self.liked:
            what = "knows none of the titles in this" if not found else "knows nothing yet that is liked"
            raise InputError(what, "chat", "name a title of the catalog, such as " + self._example())
        return [*out, *self._recommended()]

    def _meant(self, m: Mention) -> str:
        said = "" if m.exact else f" (from '{m.said}')"
        return f"{m.title}{said}{'' if m.liked else ', not liked'}"

    def _example(self) -> str:
        return next(t for t in self.words.titles if t)

    def _answers(self, line: str, found: Sequence[Mention]) -> list[str]:
        """The language model's answer to a question, in which titles are soft tokens."""
        prompt, end = "", 0
        for m in found:
            prompt += line[end : m.start].replace("{", "(").replace("}", ")") + "{item}"
            end = m.start + len(m.said)
        prompt += line[end:].replace("{", "(").replace("}", ")")
        (said,) = self.module.reply([self.module.asked(prompt, [m.item for m in found])], most=MOST)
        return [said or "I do not know."]

    def _recommended(self) -> list[str]:
        """What to recommend to who likes these, why, and what the language model says of the first."""
        batch = self._history()
        made = self.module.predict(batch)
        items, scores = best(made, Lists.of([sorted(self.met)]), self.count)
        chosen = items[0, np.isfinite(scores[0])]
        if not len(chosen):
            return ["You know all of the catalog."]
        why = reasons(self.module, batch, chosen[None], named_parts(self.run, self.words))[0]
        self.met.update(chosen.tolist())
        out = []
        for item, parts in zip(chosen.tolist(), why, strict=True):
            because = ", ".join(name for name, part in parts if part > 0)
            out.append(
                f"- {self.words.titles[item] or self.words.items[item]}" + (f" (for {because})" if because else "")
            )
        said = self.module.reply([self.module.described(int(chosen[0]))], most=MOST)[0]
        return [*out, *([f"The first: {said}"] if said else [])]

    def _history(self) -> Batch:
        """What is liked, as a history."""
        person = Corpus.of([_person(self.liked)], self.run.spec)
        batch = person.batch(np.zeros(1, np.int64), np.zeros(1, np.int64), len(self.liked))
        return to_device(batch, device_of(self.module))


def _person(items: Sequence[int]) -> Recording:
    """Someone who likes items."""
    return Recording("you", 1.0, {"item": np.array(items or [0], np.int32)}, subject="you")


@torch.no_grad()
def converse(chat: Chat, lines: Iterable[str]) -> Iterator[str]:
    """Answers line by line; a line that nothing can be answered to gets one clear line."""
    for line in lines:
        line = line.strip()
        if line in ("exit", "quit"):
            return
        if not line:
            continue
        try:
            yield from chat.say(line)
        except InputError as error:
            yield str(error)
