"""Documents that report events: words, events with a trigger and arguments, mentions of entities.

A span is `start` and `end`, word positions counted over the whole document, `end` one past the last word, whatever the
files say: RAMS counts the last word in, WikiEvents does not. Spans may overlap, and one span may have several roles.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, repeat

from acteme.errors import InputError


@dataclass(frozen=True, slots=True)
class Argument:
    """A span with the role that it plays in an event."""

    start: int
    """First word; in a window of a longer document it may be negative or beyond the end (see `inside`)."""
    end: int
    """One past the last word."""
    role: str
    """Name of the role: what is scored."""
    slot: str = ""
    """Identifier of the role in the ontology where that is finer than its name: in RAMS a meeting has two
    `participant`. Empty where it is the name."""
    mention: str = ""
    """Identifier of the mention of an entity that it is, where the data names one."""
    clue: int = -1
    """Sentences between it and what tells its role, where a world knows them; -1 where nobody does."""


@dataclass(frozen=True)
class Event:
    """What happens: the words that say so, of which type it is, and who or what takes part."""

    start: int
    """First word of the trigger."""
    end: int
    """One past the last word of the trigger."""
    type: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A span that speaks of an entity."""

    id: str
    """Unique within the document."""
    start: int
    end: int
    type: str = ""
    """Class of the entity (PER, ORG, ...), where it is known."""
    kind: str = ""
    """Name, common noun or pronoun, where it is known."""


@dataclass(frozen=True)
class Document:
    """Sentences of words, and what is annotated in them."""

    name: str
    """Unique within its data set."""
    sentences: tuple[tuple[str, ...], ...]
    events: tuple[Event, ...] = ()
    mentions: tuple[Mention, ...] = ()
    clusters: tuple[tuple[str, ...], ...] = ()
    """Identifiers of the mentions that speak of the same entity."""
    split: str = ""
    """`train`, `val`, `test`, or empty."""
    source: str = ""
    """Where the text comes from; several documents (one for each event) may share it."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(chain.from_iterable(self.sentences))

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """First word of each sentence, and the number of words: one number more than sentences."""
        return tuple(accumulate(map(len, self.sentences), initial=0))

    def sentence(self, word: int) -> int:
        """Number of the sentence that a word stands in."""
        if not 0 <= word < self.bounds[-1]:
            raise IndexError(word)
        return bisect_right(self.bounds, word) - 1

    def inside(self, argument: Argument) -> bool:
        """Whether a span lies in the document: of a window of a longer one it may not, and then cannot be found."""
        return 0 <= argument.start < argument.end <= len(self.words)

    def distance(self, event: Event, argument: Argument) -> int:
        """Sentences from the trigger to the argument, negative to the left; both must lie inside."""
        return self.sentence(argument.start) - self.sentence(event.start)

    def cluster(self, mention: str) -> tuple[str, ...]:
        """The mentions of the entity that a mention speaks of: itself alone where nothing else is known."""
        return next((some for some in self.clusters if mention in some), (mention,))


@dataclass(frozen=True)
class Ontology:
    """Which roles each type of event has, and how often each can be filled."""

    types: Mapping[str, Mapping[str, int]]
    """Type to role (its identifier, which may be its name) to the greatest number of its arguments, 0 where that is not
    known; in the order of the file."""

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(type, role) of each global role number: roles of the same name of two types are two roles."""
        return tuple((kind, role) for kind, roles in self.types.items() for role in roles)

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        return {pair: k for k, pair in enumerate(self.pairs)}

    @classmethod
    def of_pairs(cls, types: Iterable[str], pairs: Iterable[tuple[str, str]], most: Iterable[int] = ()) -> "Ontology":
        """From names of types and (type, role) pairs, each with the greatest number of its arguments.

        Raises:
            InputError: a pair of a type that there is not.
        """
        out: dict[str, dict[str, int]] = {kind: {} for kind in types}
        for (kind, role), count in zip(pairs, chain(most, repeat(0)), strict=False):
            if kind not in out:
                raise InputError(f"role '{role}' is of a type '{kind}', which there is not", mend="name its type")
            out[kind][role] = count
        return cls(out)

    def number(self, kind: str, argument: Argument) -> int:
        """Global number of the role of an argument of an event of type `kind`; -1 where the ontology has none."""
        by_name = self.numbers.get((kind, argument.role), -1)
        return self.numbers.get((kind, argument.slot), by_name)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> "Ontology":
        """The roles that occur, each as often as it occurs at most in one event; ordered by name."""
        most: dict[str, dict[str, int]] = {}
        for event in chain.from_iterable(d.events for d in documents):
            roles = most.setdefault(event.type, {})
            names = [a.slot or a.role for a in event.arguments]
            for role in names:
                roles[role] = max(roles.get(role, 0), names.count(role))
        return cls({kind: dict(sorted(most[kind].items())) for kind in sorted(most)})

    def unknown(self, documents: Iterable[Document]) -> dict[tuple[str, str], int]:
        """The (type, role) pairs that the documents have and the ontology has not, with their counts."""
        found = ((event.type, a) for d in documents for event in d.events for a in event.arguments)
        return dict(Counter((kind, a.slot or a.role) for kind, a in found if self.number(kind, a) < 0))


def role_name(role: str, official: bool = False) -> str:
    """The name in a role's identifier: `place` of `evt089arg02place`; a plain name stays.

    Args:
        role: the identifier.
        official: cut as the code of TSAR and SCPRG does, at every "arg": nothing is left of `evt002arg03target`.
    """
    if official:
        parts = role.split("arg")
        return re.sub(r"^\d+", "", parts[1]) if len(parts) == 2 else "" if len(parts) > 2 else role
    return re.sub(r"^evt\d+arg\d+", "", role) or role


def check_span(start: object, end: object, count: int, what: str, where: str) -> tuple[int, int]:
    """A span of a document of `count` words, `end` one past the last. Raises InputError where it is none."""
    whole = all(isinstance(x, int) and not isinstance(x, bool) for x in (start, end))
    if not (isinstance(start, int) and isinstance(end, int) and whole and 0 <= start < end <= count):
        told = f"{what} spans words {start!r} up to {end!r}"[:120]
        raise InputError(f"{told}, the document has {count}", where, "correct the span or leave the document out")
    return start, end
