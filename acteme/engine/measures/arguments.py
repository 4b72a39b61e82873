"""Arguments of events: spans of a document with their roles, by the rules of two official scorers.

Protocols:

- `rams`: a true argument is found once, by the same words and the same name of a role (scorer of RAMS 1.0; TSAR and
  SCPRG score WikiEvents so, too);
- `wikievents`: sets, without leading articles; one of several mentions of an entity will do for the coreferent F1
  (scorer of WikiEvents).

Besides whole spans, their heads are compared: those of a parse where spaCy and its small English model are installed
(`head_f1`, as in published tables), else those of a rule (`ruled_head_f1`, comparable among runs only). Where the data
says which mentions speak of the same entity, `coref_f1`. By sentences between trigger and argument, `f1_at-2` to
`f1_at+2`. Intervals are over sources, of which several documents may be.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.annotations import Arguments
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.columns import words_in
from acteme.recordings.documents.document import role_name
from acteme.recordings.windows import Windows
from acteme.tasks import arguments, heads
from acteme.tasks.outcome import Outcome

T = TypeVar("T")
PROTOCOLS = ("rams", "wikievents")
CLASSES = False
"""Whether the data must have the classes of the run."""
MODEL = "en_core_web_sm"
"""The parser of the official scorers."""
MOST = 16
"""Documents that are read at a time."""


def measure(asked: Asked) -> Outcome:
    """All metrics of the protocol; InputError where the data has no documents."""
    corpus = asked.corpus
    true, (names, number) = corpus.told(), by_name(corpus)
    found = joined(list(predicted(asked.module, corpus, asked.windows, min(asked.batch, MOST))))
    words = [words_of(corpus, i) for i in range(len(corpus))]
    sides = [replace(a, role=np.append(number, -1)[a.role]) for a in (found, true)]
    mentions = corpus.coreferent()
    if asked.protocol == "wikievents":
        sides = [arguments.reduced(a, lambda s, d: heads.without_articles(s, words[d])) for a in sides]
        for d in np.unique(mentions[:, 0]).tolist():
            mine = mentions[:, 0] == d
            mentions[mine, 1:3] = heads.without_articles(mentions[mine, 1:3], words[d])
    parse = parser()
    sentence = [np.asarray(r.arrays["sentence"]) for r in corpus]
    source = corpus.column("subject")
    alone = np.char.add("\n", corpus.column("name"))
    out = arguments.measure(
        sides[0],
        sides[1],
        len(corpus),
        names,
        head=_heads(words, parse),
        mentions=mentions if len(mentions) else None,
        sentence=sentence,
        recording=np.unique(np.where(source == "", alone, source), return_inverse=True)[1],
        rule="any" if asked.protocol == "wikievents" else "multiset",
        resamples=asked.resamples,
    )
    if parse is not None:
        return out
    return replace(out, metrics=_ruled(out.metrics), intervals=_ruled(out.intervals))


def _ruled(values: Mapping[str, T]) -> dict[str, T]:
    """The same, with names that say by what heads were found."""
    return {name.replace("head_", "ruled_head_"): value for name, value in values.items()}


@torch.no_grad()
def predicted(module: nn.Module, corpus: Corpus, windows: Windows, batch: int) -> Iterator[Arguments]:
    """The arguments that a module finds, some documents at a time; `document` is the position in the corpus."""
    for a in range(0, len(corpus), batch):
        index = np.arange(a, min(a + batch, len(corpus)))
        made = to_device(corpus.cut(windows, index, np.zeros(len(index), np.int64)), device_of(module))
        found = module.predict(made)  # type: ignore[operator]
        yield replace(found, document=found.document + a)


def joined(parts: Sequence[Arguments]) -> Arguments:
    """Arguments, one behind the other."""
    names = ("document", "trigger", "span", "role", "score")
    return Arguments(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def by_name(corpus: Corpus) -> tuple[list[str], Int[np.ndarray, " roles"]]:
    """Names of roles, which are what is compared, and the number of the name of each role."""
    if not corpus.spec.roles:
        raise InputError("the data has no roles of events", "arguments", "give documents, see docs/data.md")
    names, number = np.unique([role_name(role) for _, role in corpus.spec.roles], return_inverse=True)
    return names.tolist(), number


def words_of(corpus: Corpus, i: int) -> list[str]:
    """The words of a document."""
    recording = corpus[i]
    return words_in(recording.text.encode(), recording.arrays["word"])


def _heads(
    words: Sequence[Sequence[str]], parse: Callable[[Sequence[str]], Int[np.ndarray, " n"]] | None
) -> Callable[[Int[np.ndarray, "n 2"], int], Int[np.ndarray, " n"]]:
    if parse is None:
        return lambda spans, d: heads.ruled_heads(spans, words[d])
    parents = cache(lambda d: parse(words[d]))
    return lambda spans, d: heads.parsed_heads(spans, parents(d))


@cache
def parser() -> Callable[[Sequence[str]], Int[np.ndarray, " n"]] | None:
    """What gives the syntactic head of each word; None where spaCy or its model is not installed."""
    if not all(importlib.util.find_spec(name) for name in ("spacy", MODEL)):
        return None
    import spacy

    model: Any = spacy.load(MODEL, disable=["ner", "lemmatizer"])

    def parse(words: Sequence[str]) -> Int[np.ndarray, " n"]:
        made = model(spacy.tokens.Doc(model.vocab, words=list(words)))
        return np.array([token.head.i for token in made])

    return parse
