"""The world `newsroom`: short reports of one event each, whose arguments are told by words elsewhere in the report.

Every person in a report has a name and a number ("Alder 417"). Names are shared by all roles, so a name tells nothing;
numbers are drawn anew for each report and only link places of the same report. What role someone has is said by a
clue, "417 had paid", in the same sentence or some sentences away; or (`local`) by a word right before the name
("as-buyer Alder 417"). Others are there who have no role: some with a clue that says nothing ("417 was silent"), some
with none.

Of the three roles of a type the last is the companion of the second: with `joint` its clue is a vague one ("417 was
near"), which is its clue only in reports where the second role is filled; elsewhere it says nothing. So who knows the
other roles of the event knows more.

The type of the event is told by its trigger; the words of a clue say the same role in all types that have it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acteme.errors import InputError
from acteme.recordings.corpus import Corpus
from acteme.recordings.documents.document import Argument, Document, Event, Mention, Ontology
from acteme.recordings.documents.readers import made
from acteme.recordings.worlds.bodies import check_counts, generator

TRIGGERS: dict[str, tuple[str, ...]] = {
    "trade.sale": ("sold", "sale", "purchase"),
    "trade.gift": ("donated", "gift", "donation"),
    "justice.arrest": ("arrested", "arrest", "detention"),
    "justice.trial": ("tried", "trial", "hearing"),
    "conflict.attack": ("attacked", "attack", "raid"),
    "conflict.rescue": ("rescued", "rescue", "liberation"),
    "office.hire": ("hired", "appointment", "nomination"),
    "office.dismissal": ("dismissed", "dismissal", "resignation"),
}
"""Words that tell each type of event."""
ROLES: dict[str, tuple[str, str, str]] = {
    "trade.sale": ("seller", "buyer", "broker"),
    "trade.gift": ("giver", "receiver", "broker"),
    "justice.arrest": ("officer", "suspect", "lawyer"),
    "justice.trial": ("judge", "suspect", "lawyer"),
    "conflict.attack": ("attacker", "victim", "helper"),
    "conflict.rescue": ("rescuer", "victim", "helper"),
    "office.hire": ("employer", "worker", "adviser"),
    "office.dismissal": ("employer", "worker", "adviser"),
}
"""Roles of each type; the third is the companion of the second."""
CLUES: dict[str, tuple[str, ...]] = {
    "seller": ("got the money", "had owned it"), "buyer": ("had paid", "took it home"),
    "broker": ("kept a share", "knew both sides"), "giver": ("gave freely", "asked for nothing"),
    "receiver": ("was grateful", "accepted it"), "officer": ("showed a badge", "wore the uniform"),
    "suspect": ("denied everything", "was led away"), "lawyer": ("read the files", "asked for bail"),
    "judge": ("spoke the verdict", "opened the session"), "attacker": ("had fired first", "fled at night"),
    "victim": ("was in danger", "needed a doctor"), "helper": ("brought bandages", "held the door"),
    "rescuer": ("broke the lock", "came with ropes"), "employer": ("signed the letter", "owned the firm"),
    "worker": ("cleared the desk", "had the skills"), "adviser": ("praised the plan", "wrote the memo"),
}  # fmt: skip
"""What is said of someone with a role, wherever in the report."""
LOCAL: dict[str, str] = {role: f"as-{role}" for role in CLUES}
"""What may stand right before the name of someone with a role."""
NOTHING = ("was silent", "looked away", "arrived late", "had no comment")
"""What is said of someone without a role."""
VAGUE = ("was near", "stood aside")
"""What is said of a companion, or of someone without a role where there is nobody to accompany."""
NAMES = (
    "Alder", "Aspen", "Birch", "Cedar", "Cypress", "Elder", "Hazel", "Hawthorn", "Holly", "Juniper", "Laurel",
    "Linden", "Maple", "Myrtle", "Oakley", "Olive", "Rowan", "Sorrel", "Willow", "Yarrow", "Amber", "Basil", "Bryony",
    "Clover", "Daisy", "Fern", "Flint", "Heath", "Iris", "Jasper", "Lark", "Marlow", "Perry", "Quill", "Reed",
    "Robin", "Sage", "Stone", "Thorn", "Wren",
)  # fmt: skip
"""Names of people; every fourth has a second word."""
FILLER = (
    "the", "a", "this", "that", "on", "in", "at", "with", "from", "over", "under", "before", "after", "while",
    "during", "reporters", "said", "sources", "officials", "town", "market", "river", "morning", "evening", "street",
    "office", "city", "council", "weather", "traffic", "report", "week", "month", "people", "several", "many", "new",
    "old", "large", "small", "quiet", "busy", "long", "short", "early", "late", "again", "still", "there", "here",
)  # fmt: skip
COMPANION = 2


@dataclass(frozen=True)
class Newsroom:
    """What the world gives: documents of three splits, and their ontology."""

    documents: tuple[Document, ...]
    ontology: Ontology

    def split(self, name: str) -> tuple[Document, ...]:
        return tuple(d for d in self.documents if d.split == name)


@dataclass(frozen=True)
class Dials:
    """What a world is made of; see `newsroom`."""

    train: int = 2000
    val: int = 200
    test: int = 500
    types: int = 8
    sentences: int = 5
    filler: tuple[int, int] = (4, 9)
    filled: float = 0.8
    distance: int | None = None
    local: float = 0.2
    joint: float = 0.5
    others: int = 2
    numbers: int = 900
    tagged: bool = False
    clues: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises InputError where a dial is out of its range."""
        check_counts(0, train=self.train, val=self.val, test=self.test, others=self.others)
        check_counts(1, sentences=self.sentences, types=self.types)
        least, most = self.filler
        near = self.distance is None or 0 <= self.distance < self.sentences
        for name, good, mend in (
            ("types", self.types <= len(ROLES), f"give at most {len(ROLES)}"),
            ("filler", 1 <= least <= most <= 200, "give two numbers in order, from 1 to 200"),
            ("filled", 0 <= self.filled <= 1, "give a probability"),
            ("distance", near, "give fewer than there are sentences"),
            ("local", 0 <= self.local <= 1, "give a share"),
            ("joint", 0 <= self.joint <= 1, "give a share"),
            ("numbers", 3 + self.others <= self.numbers <= 900, "give at least one for each person, and at most 900"),
            ("others", self.others <= len(NAMES) - 3, f"give at most {len(NAMES) - 3}"),
        ):
            if not good:
                raise InputError(f"{name} is {getattr(self, name)}", "newsroom", mend)
        if not self.train + self.val + self.test:
            raise InputError("the world was asked for no reports", "newsroom", "ask for at least one")


def newsroom(
    *,
    train: int = 2000,
    val: int = 200,
    test: int = 500,
    types: int = 8,
    sentences: int = 5,
    filler: tuple[int, int] = (4, 9),
    filled: float = 0.8,
    distance: int | None = None,
    local: float = 0.2,
    joint: float = 0.5,
    others: int = 2,
    numbers: int = 900,
    tagged: bool = False,
    clues: bool = True,
    seed: int = 0,
) -> Corpus:
    """Reports of one event each; a recording is a report, a frame a word.

    Args:
        train: number of reports of the training.
        val: number of reports of the validation.
        test: number of reports of the test.
        types: types of events, at most 8.
        sentences: sentences of a report; the trigger is in the middle one.
        filler: least and greatest number of words that say nothing in each sentence.
        filled: probability that a role is filled.
        distance: sentences between an argument and its clue; None draws 0, 1 or 2 for each.
        local: share of the arguments whose role is told by a word right before their name instead of a clue.
        joint: share of the companions (the third roles) whose clue is vague; with it above 0, companions occur only
            where the second role is filled.
        others: people without a role in each report.
        numbers: how many different numbers there are, from 100 on; fewer are easier to learn, and link no worse.
        tagged: the number belongs to the span of who bears it, so that the link begins in the span itself.
        clues: whether clues are there; without them, the same reports have words that say nothing in their places.
        seed: everything follows from it.

    Raises:
        InputError: a dial out of its range.
    """
    dials = Dials(
        train, val, test, types, sentences, filler, filled, distance, local, joint, others, numbers, tagged, clues, seed
    )
    world = reports(dials)
    return made(world.documents, world.ontology)


def reports(dials: Dials) -> Newsroom:
    """The documents of a world."""
    kinds = list(ROLES)[: dials.types]
    written: list[Document] = []
    for part, (split, count) in enumerate((("train", dials.train), ("val", dials.val), ("test", dials.test))):
        rng = generator(dials.seed, part)
        for n in range(count):
            kind = kinds[int(rng.integers(dials.types))]
            written.append(_report(rng, f"{split}{n:05d}", split, kind, dials))
    return Newsroom(tuple(written), Ontology({kind: dict.fromkeys(ROLES[kind], 1) for kind in kinds}))


def _report(rng: np.random.Generator, name: str, split: str, kind: str, dials: Dials) -> Document:
    """One report: pieces (runs of words that stay together) are dealt to sentences and shuffled within them."""
    middle = dials.sentences // 2
    pieces: list[list[_Piece]] = [[] for _ in range(dials.sentences)]
    trigger = _Piece((TRIGGERS[kind][int(rng.integers(3))],), "trigger")
    pieces[middle].append(trigger)
    for who in _people(rng, kind, dials):
        at, there = _places(rng, dials)
        before = (LOCAL[who.role],) if who.role and who.local else ()
        pieces[at].append(_Piece((*before, *who.name, who.tag), "person", who, len(before), abs(there - at)))
        if who.clue:
            said = (who.tag, *who.clue.split())
            instead = _filler(rng, len(said))  # drawn in any case, so that all else is the same without clues
            pieces[there].append(_Piece(said if dials.clues else instead, "clue"))
    sentences, events, mentions, arguments, count = [], [], [], [], 0
    for some in pieces:
        some += [_Piece((word,)) for word in _filler(rng, int(rng.integers(dials.filler[0], dials.filler[1] + 1)))]
        words: list[str] = []
        for k in rng.permutation(len(some)).tolist():
            start = count + len(words) + some[k].skip
            words += some[k].words
            if some[k].what == "trigger":
                events.append((start, start + 1))
            if (who := some[k].who) is not None:
                end = start + len(who.name) + dials.tagged
                mentions.append(Mention(who.tag, start, end, "PER", "NAM"))
                if who.role:
                    arguments.append(
                        Argument(start, end, who.role, mention=who.tag, clue=0 if who.local else some[k].clue)
                    )
        sentences.append((*words, "."))
        count += len(words) + 1
    event = Event(*events[0], kind, tuple(arguments))
    return Document(name, tuple(sentences), (event,), tuple(mentions), (), split, name)


@dataclass(frozen=True)
class _Person:
    """Someone in a report."""

    name: tuple[str, ...]
    tag: str
    role: str
    local: bool
    clue: str


@dataclass(frozen=True)
class _Piece:
    """Words that stay together."""

    words: tuple[str, ...]
    what: str = ""
    who: _Person | None = None
    skip: int = 0
    """Words of it before the span that is annotated."""
    clue: int = -1
    """Sentences from here to the clue."""


def _people(rng: np.random.Generator, kind: str, dials: Dials) -> Iterator[_Person]:
    """Who has a role in an event, and who else is there. The same draws are made whatever the share of clues."""
    chosen = rng.permutation(len(NAMES))
    count = min(dials.numbers, len(NAMES))
    tags = (100 + rng.choice(dials.numbers, count, replace=False)).astype(str).tolist()
    filled = rng.random(3) < dials.filled
    if dials.joint > 0:
        filled[COMPANION] &= filled[COMPANION - 1]
    number = 0
    for n, role in enumerate(ROLES[kind]):
        local, vague, said = rng.random(), rng.random(), int(rng.integers(2))
        if not filled[n]:
            continue
        soft = n == COMPANION and vague < dials.joint
        plain = local < dials.local and not soft
        clue = "" if plain else (VAGUE if soft else CLUES[role])[said]
        yield _Person(_name(int(chosen[number])), tags[number], role, plain, clue)
        number += 1
    for _ in range(dials.others):
        kept, vague, said = rng.random(), rng.random(), int(rng.integers(4))
        clue = NOTHING[said] if kept < 2 / 3 else ""
        if dials.joint > 0 and not filled[COMPANION - 1] and vague < 0.5:
            clue = VAGUE[said % 2]
        yield _Person(_name(int(chosen[number])), tags[number], "", False, clue)
        number += 1


def _name(number: int) -> tuple[str, ...]:
    return (NAMES[number], "Jr") if number % 4 == 3 else (NAMES[number],)


def _places(rng: np.random.Generator, dials: Dials) -> tuple[int, int]:
    """Sentences of a person and of the clue, as far apart as the dial says."""
    far = dials.distance if dials.distance is not None else int(rng.integers(min(3, dials.sentences)))
    pairs = [(a, b) for a in range(dials.sentences) for b in (a - far, a + far) if 0 <= b < dials.sentences]
    return pairs[int(rng.integers(len(pairs)))]


def _filler(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    return tuple(FILLER[k] for k in rng.integers(len(FILLER), size=count).tolist())
