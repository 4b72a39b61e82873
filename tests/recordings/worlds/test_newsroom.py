import inspect
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from acteme.errors import InputError
from acteme.recordings.documents.columns import document
from acteme.recordings.documents.document import Argument, Document
from acteme.recordings.documents.rams import read_rams, write_unified
from acteme.recordings.worlds.newsroom import CLUES, LOCAL, NOTHING, ROLES, VAGUE, Dials, newsroom, reports


def clue_sentences(d: Document, argument: Argument) -> list[int]:
    """Sentences that say something of who bears the argument's number, other than its own mention."""
    own = argument.end  # the number follows the name
    return [d.sentence(k) for k, word in enumerate(d.words) if word == argument.mention and k != own]


def small(**dials: object):
    return reports(Dials(**{"train": 60, "val": 0, "test": 0, "seed": 3} | dials))  # type: ignore[arg-type]


def test_every_role_is_told_by_its_clue() -> None:
    told = 0
    for d in small().documents:
        event = d.events[0]
        assert d.sentence(event.start) == 2 and event.end == event.start + 1
        roles = [a.role for a in event.arguments]
        assert len(set(roles)) == len(roles) and set(roles) <= set(ROLES[event.type])
        for a in event.arguments:
            assert d.words[a.end] == a.mention
            if places := clue_sentences(d, a):
                at = next(k for k, w in enumerate(d.words) if w == a.mention and k != a.end)
                said = " ".join(d.words[at + 1 : at + 4])
                known = (*CLUES[a.role], *VAGUE) if a.role == ROLES[event.type][2] else CLUES[a.role]
                assert any(said.startswith(clue) for clue in known)
                assert abs(places[0] - d.sentence(a.start)) == a.clue
                told += 1
            else:
                assert d.words[a.start - 1] == LOCAL[a.role] and a.clue == 0
    assert told > 60


@pytest.mark.parametrize("distance", [0, 1, 4])
def test_the_clue_is_as_far_as_the_dial_says(distance: int) -> None:
    documents = small(distance=distance, local=0.0).documents
    assert {a.clue for d in documents for a in d.events[0].arguments} == {distance}


def test_local_syntax_tells_all_or_nothing() -> None:
    assert not any(set(LOCAL.values()) & set(d.words) for d in small(local=0.0).documents)
    for d in small(local=1.0, joint=0.0).documents:
        assert all(not clue_sentences(d, a) for a in d.events[0].arguments)


def test_a_companion_comes_only_with_the_second_role() -> None:
    alone, vague = 0, [0, 0]
    for d in small(train=150, joint=1.0, filled=0.6).documents:
        kind, roles = d.events[0].type, [a.role for a in d.events[0].arguments]
        assert ROLES[kind][2] not in roles or ROLES[kind][1] in roles
        soft = any(clue in " ".join(d.words) for clue in VAGUE)
        if soft:
            vague[ROLES[kind][2] in roles] += 1
            assert (ROLES[kind][1] in roles) == (ROLES[kind][2] in roles)
    assert min(vague) > 10  # the same words with a companion and with nobody to accompany
    for d in small(joint=0.0, filled=0.5).documents:
        alone += ROLES[d.events[0].type][2:] == tuple(a.role for a in d.events[0].arguments)
    assert alone


def test_without_clues_all_else_is_the_same() -> None:
    said = {w for clues in CLUES.values() for c in clues for w in c.split()}
    said |= {w for c in (*NOTHING, *VAGUE) for w in c.split()}
    with_, without = small(local=0.0).documents, small(local=0.0, clues=False).documents
    for a, b in zip(with_, without, strict=True):
        assert a.events == b.events and list(map(len, a.sentences)) == list(map(len, b.sentences))
        changed = {x for x, y in zip(a.words, b.words, strict=True) if x != y}
        assert changed and all(w in said or w.isdecimal() for w in changed)


def test_names_tell_nothing_and_numbers_are_new() -> None:
    documents = small(train=400).documents
    by_role: dict[str, set[str]] = {}
    for d in documents:
        numbers = [m.id for m in d.mentions]
        assert len(set(numbers)) == len(numbers)
        for a in d.events[0].arguments:
            by_role.setdefault(a.role, set()).add(d.words[a.start])
    assert all(len(names) > 15 for role, names in by_role.items() if role in ("buyer", "victim", "suspect"))


def test_a_tagged_span_holds_its_number() -> None:
    for d, plain in zip(small(tagged=True).documents, small().documents, strict=True):
        assert d.sentences == plain.sentences  # the words are the same
        for a, b in zip(d.events[0].arguments, plain.events[0].arguments, strict=True):
            assert (a.start, a.end, a.role, a.clue) == (b.start, b.end + 1, b.role, b.clue)
            assert d.words[a.end - 1] == a.mention
        assert {(m.start, m.end - 1) for m in d.mentions} == {(m.start, m.end) for m in plain.mentions}


def test_splits_and_seeds() -> None:
    world = small(val=2, test=3)
    assert [len(world.split(s)) for s in ("train", "val", "test")] == [60, 2, 3]
    assert small(val=2, test=3).documents == world.documents != small(val=2, test=3, seed=4).documents
    assert small(test=3, train=1).split("test") == world.split("test")
    assert world.ontology.unknown(world.documents) == {}


def test_the_readers_read_it(tmp_path: Path) -> None:
    world = small()
    write_unified(world.documents, tmp_path / "train.jsonl")
    again = list(read_rams(tmp_path / "train.jsonl"))
    assert [d.sentences for d in again] == [d.sentences for d in world.documents]
    spans = [
        [[(a.start, a.end, a.role) for a in d.events[0].arguments] for d in some] for some in (again, world.documents)
    ]
    assert spans[0] == spans[1]


@pytest.mark.parametrize(
    "dials", [{"types": 9}, {"filler": (5, 2)}, {"distance": 5}, {"local": 2.0}, {"joint": -1.0}, {"train": 0},
              {"others": 99}, {"filled": 1.5}, {"sentences": 0}]
)  # fmt: skip
def test_dials_out_of_their_range(dials: dict[str, object]) -> None:
    with pytest.raises(InputError):
        small(**dials)


def test_as_recordings_it_is_the_same() -> None:
    world, corpus = small(val=2), newsroom(train=60, val=2, test=0, seed=3)
    for d, r in zip(world.documents, corpus, strict=True):
        again = document(r)
        event = d.events[0]
        plain = replace(event, arguments=tuple(replace(a, mention="", clue=-1) for a in event.arguments))
        assert (again.name, again.sentences, again.split, again.events) == (d.name, d.sentences, d.split, (plain,))
    dials = inspect.signature(newsroom).parameters
    assert {name: p.default for name, p in dials.items()} == {f.name: f.default for f in fields(Dials)}


def test_every_dial_is_in_the_docstring() -> None:
    for dial in inspect.signature(newsroom).parameters:
        assert re.search(rf"^ +{dial}: ", inspect.getdoc(newsroom) or "", re.M), dial
