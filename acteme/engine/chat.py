"""Conversation over a catalog with a run that speaks of items: recommendations for titles that someone mentions, and
what the language model answers about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from acteme.engine.answers.recommendations import best, named_parts, reasons
from acteme.engine.answers.words import Words
from acteme.engine.device import device_of
from acteme.engine.mentions import Categories, Mention, Titles
from acteme.engine.names import kept
from acteme.engine.run import Run, load
from acteme.errors import InputError
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.tasks.places import Lists

MOST = 40
"""Tokens of an answer."""
SHOWN = 6
"""Categories that help names."""


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
        given = catalog["categories"].to_pylist() if catalog and "categories" in catalog.column_names else []
        self.categories = Categories([(), *(some or () for some in given)])

    def help(self) -> list[str]:
        """What can be said."""
        kinds = sorted(self.categories.items, key=lambda name: (-len(self.categories.items[name]), name))[:SHOWN]
        of = f", or for a category ({', '.join(kinds)})" if kinds else ""
        return [f"Say which titles you like, or do not like, such as {self._example()}; ask about one{of}; exit ends."]

    def say(self, line: str) -> list[str]:
        """What is answered to a line. InputError where nothing can be."""
        if line.lower().strip(" ?!.") == "help":
            return self.help()
        found = self.titles.find(line)
        self.met.update(m.item for m in found)
        if "?" in line and found:
            return [self._understood(found, {}), *self._answers(line, found)]
        for m in found:
            if m.item in self.liked:
                self.liked.remove(m.item)
            if m.liked:
                self.liked.append(m.item)
        if not self.liked:
            what = "knows none of the titles in this" if not found else "knows nothing yet that is liked"
            raise InputError(what, "chat", "name a title of the catalog, such as " + self._example())
        kinds = self.categories.find(line, found)
        return [self._understood(found, kinds), *self._recommended(kinds)]

    @staticmethod
    def _understood(found: Sequence[Mention], kinds: Mapping[str, bool]) -> str:
        """What a line was taken to say."""
        said = [
            m.title + ("" if m.exact else f" (from '{m.said}')") + ("" if m.liked else " (not liked)") for m in found
        ]
        said += [("" if wanted else "no ") + name for name, wanted in kinds.items()]
        return f"I understand: {'; '.join(said)}." if said else "I know no title in this. By what you liked before:"

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

    def _recommended(self, kinds: Mapping[str, bool]) -> list[str]:
        """What to recommend to who likes these, why, and what the language model says of the first; of the categories
        that are wanted, if any are, and of none that is not."""
        batch = self._history()
        made = self.module.predict(batch)
        items, scores = best(made, Lists.of([sorted(self.met | self._outside(kinds))]), self.count)
        chosen = items[0, np.isfinite(scores[0])]
        if not len(chosen):
            return ["There is nothing of that left." if kinds else "You know all of the catalog."]
        why = reasons(self.module, batch, chosen[None], named_parts(self.run, self.words))[0]
        self.met.update(chosen.tolist())
        names = [self.words.titles[item] or self.words.items[item] for item in chosen.tolist()]
        because = ["; ".join(name for name, part in parts if part > 0) for parts in why]
        out = [f"- {name}" + (f" (for {of})" if of else "") for name, of in zip(names, because, strict=True)]
        said = self.module.reply([self.module.sorted_in(int(chosen[0]))], most=MOST)[0]
        return [*out, *([f"The language model, of {names[0]}: {said}"] if said else [])]

    def _outside(self, kinds: Mapping[str, bool]) -> set[int]:
        """The items that are of no wanted category, or of one that is not."""
        wanted, not_wanted = set[int](), set[int]()
        for name, want in kinds.items():
            (wanted if want else not_wanted).update(self.categories.items[name])
        every = set(range(1, self.run.spec.items + 1))
        return (every - wanted if any(kinds.values()) else set()) | not_wanted

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
