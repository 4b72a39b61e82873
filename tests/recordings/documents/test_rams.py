import copy
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.documents.document import Ontology, role_name
from acteme.recordings.documents.rams import (
    read_meta,
    read_multiplicities,
    read_rams,
    write_unified,
)  # fmt: skip
from tests.recordings.documents.samples import RAMS, write


def test_spans_end_one_past_their_last_word(tmp_path: Path) -> None:
    (d,) = read_rams(write(tmp_path / "dev.jsonlines", RAMS))
    event = d.events[0]
    assert (d.name, d.split, d.source, event.type) == ("nw_1", "val", "paper/1", "life.die.n/a")
    assert d.words[event.start : event.end] == ("shot",)
    found = [(" ".join(d.words[a.start : a.end]), a.role, a.slot) for a in event.arguments]
    assert found == [
        ("Rebels", "killer", "evt089arg01killer"), ("the old mayor", "victim", "evt089arg02victim"),
        ("old mayor", "victim", "evt089arg02victim"), ("the old mayor", "target", "evt089arg03target"),
    ]  # fmt: skip
    assert [d.distance(event, a) for a in event.arguments] == [-1, 0, 0, 0]
    assert [(m.start, m.end) for m in d.mentions] == [(0, 1), (5, 8)]


@pytest.mark.parametrize(
    "role, name, official",
    [("evt089arg02place", "place", "place"), ("evt002arg03target", "target", ""), ("Killer", "Killer", "Killer")],
)
def test_names_of_roles(role: str, name: str, official: str) -> None:
    assert role_name(role) == name and role_name(role, official=True) == official


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (d,) = read_rams(write(tmp_path / "dev.jsonlines", RAMS))
    d = replace(d, clusters=(("0-1", "5-8"),))
    write_unified([d], tmp_path / "again.jsonl")
    assert list(read_rams(tmp_path / "again.jsonl")) == [d]
    assert next(read_rams(tmp_path / "again.jsonl", split="test")).split == "test"


def test_an_argument_outside_of_a_window_keeps_its_place(tmp_path: Path) -> None:
    line = {**RAMS, "gold_evt_links": [[[4, 4], [-3, -2], "place"], [[4, 4], [11, 12], "place"]]}
    (d,) = read_rams(write(tmp_path / "a.jsonl", line))
    assert [(a.start, a.end, d.inside(a)) for a in d.events[0].arguments] == [(-3, -1, False), (11, 13, False)]


def broken(**changes: object) -> dict[str, object]:
    return {**copy.deepcopy(RAMS), **changes}


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"doc_key": "a", ', "is not JSON"),
        ("[1, 2]", "is not a JSON object"),
        (broken(sentences=[["a", 3]]), "sentences are not lists of words"),
        (broken(sentences=[[]]), "has no words"),
        (broken(doc_key=7), "'doc_key' is not a text"),
        (broken(evt_triggers=[]), "has 0 triggers"),
        (broken(evt_triggers=[[4, 40, [["t", 1.0]]]]), "the trigger spans words 4 up to 41, the document has 12"),
        (broken(evt_triggers=[[True, 4, [["t", 1.0]]]]), "is not a whole number"),
        (broken(gold_evt_links=[[[3, 3], [0, 0], "r"]]), "belongs to a trigger at [3, 3]"),
        (broken(gold_evt_links=[[[4, 4], [2, 1], "r"]]), "ends at word 1, before its start 2"),
        (broken(ent_spans=[[9, 80, []]]), "a mention spans"),
        ({"doc_key": "a"}, "has no 'sentences'"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: object, message: str) -> None:
    path = write(tmp_path / "train.jsonlines", RAMS, "", line)
    with pytest.raises(InputError) as error:
        list(read_rams(path))
    assert message in str(error.value) and str(error.value).startswith(f"{path}, line 3: ")


def test_multiplicities(tmp_path: Path) -> None:
    path = write(tmp_path / "event_role_multiplicities.txt", "life.die.n/a victim 1 killer 1 place 2", "", "a.b.c x 3")
    ontology = read_multiplicities(path)
    assert ontology.types == {"life.die.n/a": {"victim": 1, "killer": 1, "place": 2}, "a.b.c": {"x": 3}}
    assert ontology.pairs[3] == ("a.b.c", "x")
    for text, message in (("a.b x", "without a count"), ("a.b x 0", "count above 0"), ("a x 1 x 2", "a second time")):
        with pytest.raises(InputError, match=message):
            read_multiplicities(write(tmp_path / "m.txt", text))
    with pytest.raises(InputError, match="names no type"):
        read_multiplicities(write(tmp_path / "m.txt"))


def test_two_roles_of_one_name_are_two_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "meta.json", [["meet", ["evt023arg01participant", "evt023arg02participant"]]])
    ontology = read_meta(path)
    assert len(ontology.pairs) == 2
    with pytest.raises(InputError, match="is not a list of"):
        read_meta(write(tmp_path / "bad.json", {"meet": 3}))


def test_an_ontology_of_documents(tmp_path: Path) -> None:
    documents = list(read_rams(write(tmp_path / "dev.jsonlines", RAMS)))
    ontology = Ontology.of(documents)
    assert ontology.types["life.die.n/a"]["evt089arg02victim"] == 2  # two overlapping spans
    assert ontology.unknown(documents) == {}
    named = read_multiplicities(write(tmp_path / "m.txt", "life.die.n/a victim 1 killer 1"))
    assert [named.number("life.die.n/a", a) for a in documents[0].events[0].arguments] == [1, 0, 0, -1]
    assert named.unknown(documents) == {("life.die.n/a", "evt089arg03target"): 1}


def test_documents_may_come_without_arguments(tmp_path: Path) -> None:
    """As those do whose arguments are to be found: they are documents all the same."""
    line = {name: value for name, value in RAMS.items() if name not in ("gold_evt_links", "ent_spans")}
    path = write(tmp_path / "new.jsonl", line)
    (d,) = read_rams(path)
    assert d.events[0].arguments == () and d.events[0].type == "life.die.n/a"
    shown = Console(width=1000)  # the path of the file must not be broken
    with shown.capture() as text:
        shown.print(check(f"documents:{path}"))
    assert "12 words each" in text.get() and "skeleton" not in text.get() and "no problems" in text.get()
