"""Heads of spans: the one word that a span is reduced to before spans are compared.

With a parser: the word whose syntactic head lies outside the span. Without one, for English: a rule on words.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from acteme.errors import InputError

ARTICLES = frozenset({"a", "an", "the"})
PREPOSITIONS = (
    "about above across after against along among around as at before behind below beneath beside between beyond by "
    "despite down during for from in inside into like near of off on onto out outside over past since through to "
    "toward towards under until up upon via with within without"
)
LINKS = "who whom whose which that where when and or but nor"
MARKS = ", ; : . ! ? ( ) [ ] { } -- - `` '' \""
BREAKS = frozenset(f"{PREPOSITIONS} {LINKS} {MARKS}".split())
"""Words and marks that end the core of an English noun phrase."""


def parsed_heads(spans: Int[np.ndarray, "n 2"], parents: Int[np.ndarray, " words"]) -> Int[np.ndarray, " n"]:
    """From a dependency parse: upwards from the first word of each span, as long as that stays inside.

    The rule of the scorers of WikiEvents and of head F1 on RAMS (there with spaCy's small English model, words as they
    are). A span that holds several such words, as none of a parse's subtrees does, is given the one above its first.

    Args:
        spans: first and last word.
        parents: syntactic head of each word of the document; a root is its own.

    Raises:
        InputError: a span or a parent outside the document, or a parse that goes round in a circle.
    """
    parents = np.asarray(parents, np.int64)
    if len(parents) and not (parents.min() >= 0 and parents.max() < len(parents)):
        raise InputError(f"a parse of {len(parents)} words names a word outside it", mend="number words from 0")
    _check(spans, len(parents))
    at = np.array(spans[:, 0], np.int64)
    for _ in range(int((spans[:, 1] - spans[:, 0]).max(initial=0)) + 1):
        up = parents[at]
        moves = (up >= spans[:, 0]) & (up <= spans[:, 1]) & (up != at)
        if not moves.any():
            return at
        at = np.where(moves, up, at)
    raise InputError("the syntactic heads of a span go round in a circle", mend="give a tree; roots are their own head")


def ruled_heads(spans: Int[np.ndarray, "n 2"], words: Sequence[str]) -> Int[np.ndarray, " n"]:
    """By a rule for English, where there is no parser: the last word before the first preposition, relative pronoun,
    conjunction or mark behind the span's first word ("the mayor | of Oslo", "the men | who fled"); the last word where
    there is none. Not comparable with heads of a parse, but the same for what is predicted and what is true.
    """
    _check(spans, len(words))
    breaks = np.array([word.lower() in BREAKS for word in words], bool)
    at = np.append(np.flatnonzero(breaks), len(words))
    # a span's leading breaks ("in Oslo") are part of no core: skip to its first other word
    solid = np.append(np.flatnonzero(~breaks), len(words))
    begin = solid[np.searchsorted(solid, spans[:, 0])]
    begin = np.where(begin > spans[:, 1], spans[:, 0], begin)
    stop = at[np.searchsorted(at, begin, side="right")]
    return np.minimum(stop - 1, spans[:, 1])


def without_articles(spans: Int[np.ndarray, "n 2"], words: Sequence[str]) -> Int[np.ndarray, "n 2"]:
    """Spans of more than one word without a leading article, as the scorer of WikiEvents compares them."""
    _check(spans, len(words))
    article = np.array([word.lower() in ARTICLES for word in words], bool)
    out = np.array(spans, np.int64)
    if len(out):
        out[:, 0] += article[out[:, 0]] & (out[:, 0] < out[:, 1])
    return out


def _check(spans: Int[np.ndarray, "n 2"], words: int) -> None:
    bad = (spans[:, 0] < 0) | (spans[:, 1] >= words) | (spans[:, 0] > spans[:, 1])
    if bad.any():
        first, last = spans[int(bad.argmax())]
        raise InputError(f"a span from word {first} to {last} in a document of {words} words")
