"""What people mention: titles of a catalog as people write them, and its categories."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

CLOSE = 0.84
"""How alike a title must be that is meant, but not spelled so."""
LONGEST = 12
"""Words of a title that are looked for at most."""
ARTICLES = ("the", "a", "an", "la", "le", "les", "il", "el", "der", "die", "das")
QUIET = re.compile(r"\b(?:not|no|never|hate[ds]?|dislike[ds]?|don't|didn't|boring)\b", re.IGNORECASE)
"""A clause with such a word says what someone does not like."""
WORDS = re.compile(r"\w+(?:['\u2019]\w+)*")


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


class Categories:
    """Finds categories of a catalog in what people write: `comedies` means Comedy.

    Args:
        categories: of each item, item k at k.
    """

    def __init__(self, categories: Sequence[Collection[str]]):
        self.items: dict[str, set[int]] = defaultdict(set)
        for item, names in enumerate(categories):
            for name in names:
                self.items[name].add(item)
        self.known = {words: name for name in self.items if (words := _stems(name))}

    def find(self, line: str, titles: Sequence[Mention] = ()) -> dict[str, bool]:
        """Those that a line names outside of its titles, and whether they are wanted."""
        taken = [(m.start, m.start + len(m.said)) for m in titles]
        free = [m for m in WORDS.finditer(line) if not any(a <= m.start() < b for a, b in taken)]
        out = {}
        for a in range(len(free)):
            for b in range(len(free), a, -1):
                name = self.known.get(_stems(line[free[a].start() : free[b - 1].end()]))
                if name is not None:
                    out[name] = not _against(line, free[a].start())
                    break
        return out


def _stems(text: str) -> tuple[str, ...]:
    """The words of a category without the endings of plurals."""
    words = [w.lower().replace("\u2019", "'").removesuffix("'s") for w in WORDS.findall(text)]
    return tuple(re.sub(r"ies$", "y", w) if w.endswith("ies") else re.sub(r"(?<=\w\w)s$", "", w) for w in words)
