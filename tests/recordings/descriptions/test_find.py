"""Which class is described by which line."""

import pytest

from acteme.errors import InputError
from acteme.recordings.descriptions import FIELDS, find, read
from acteme.recordings.descriptions.find import DATA
from acteme.recordings.skeleton.readers.names import NTU120, NWUCLA10, PKU51
from acteme.recordings.skeleton.readers.pybullet import CLIPS
from acteme.recordings.worlds.stage.rules import on_halves, on_micro, on_primitives, on_rhythm

PUBLISHED = {"ntu": NTU120, "pku": PKU51, "nwucla": NWUCLA10, "mocap": tuple(CLIPS)}


@pytest.mark.parametrize("data", PUBLISHED)
def test_published_classes_are_described_whole(data):
    for name, d in zip(PUBLISHED[data], find(PUBLISHED[data]), strict=True):
        assert all(text.startswith(f" {part} ") for part, text in zip(FIELDS, d.fields, strict=True)), name
        assert len(set(d.synonyms)) >= 4 and d.synonyms[0] == d.label
        assert all(2 <= len(text.split()) <= 14 for text in d.fields), name


def test_files_that_come_along_agree():
    for folder in DATA.iterdir():
        found = read(folder)
        assert all(len(d.synonyms) > 3 for d in found), folder.name
    labels = [d.label for folder in DATA.iterdir() for d in read(folder)]
    assert len(set(labels)) == len(labels) == 145
    assert len({(d.fields, d.label) for d in find(NTU120)}) == 120
    fields = [d.fields for d in find(NTU120)]
    assert len(set(fields)) == 120, "no two actions have the same movement"


@pytest.mark.parametrize(
    "rules",
    [
        on_primitives(40, 2, 0),
        on_primitives(40, 4, 1),
        on_primitives(24, 1, 0),
        on_rhythm(20),
        on_halves(24, 0),
        on_micro(20, "place"),
        on_micro(20, "both"),
    ],
)
def test_classes_of_the_stage_are_described_by_their_names(rules):
    found = find(rules.names)
    assert len({d.fields for d in found}) == len(found), "different rules, different words"
    for about, d in zip(rules.parts, found, strict=True):
        free = ["freely" in text for text in d.fields]
        head, arms, legs, torso = about[0], about[1:3].any(), about[3:5].any(), about[5]
        assert free == [not head, not arms, not arms, not torso, not legs, not legs]
        assert not any("_" in text or ":" in text for text in (*d.fields, *d.synonyms))


@pytest.mark.parametrize(
    ("name", "label", "field", "said"),
    [
        ("right_arm:wave+legs:still", "waves the right arm and keeps the left arm still and keeps the right leg still "
         "and keeps the left leg still", "hand", "right hand waves beside the head and left hand keeps still"),
        ("arms:poke+legs:lift", "pokes with the right arm and pokes with the left arm and lifts the right leg and "
         "lifts the left leg", "foot", "right foot rises from the floor and left foot rises from the floor"),
        ("head:slow:far", "tilts the head from side to side slightly and slowly while held forward", "head",
         "head tilts from side to side slightly and slowly while held forward"),
        ("torso:any:close", "leans from side to side slightly while held straight", "hip",
         "hip and torso lean from side to side slightly while held straight"),
        ("head+torso:fast:opposite", "head and torso move fast and in turns", "head", "head moves fast and in turns"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_class_of_the_stage(name, label, field, said):
    (found,) = find([name])
    assert found.label == label and found.fields[FIELDS.index(field)] == f" {said}"


@pytest.mark.parametrize(
    "name", ["legs:still+arms:wave", "arms:wave+legs:fly", "head:any:together", "left_leg:slow:far", "head:slow",
             "head", "head:still", "arms:wave", "+", ":", "head:slow:far:out"],
)  # fmt: skip
def test_names_that_only_resemble_those_of_the_stage(name):
    with pytest.raises(InputError, match="has no description"):
        find([name])


def test_names_are_compared_by_letters_and_digits():
    assert find(["Drink_Water"])[0].label == "drink water"


def test_own_descriptions_come_first_and_others_fill_in(tmp_path):
    (tmp_path / "mine.txt").write_text("throw; head q\nspin plates; head w")
    found = find(["spin plates", "throw", "jump"], tmp_path / "mine.txt")
    assert [d.fields[0] for d in found[:2]] == [" head w", " head q"] and found[2].label == "jump"


def test_lines_by_their_order(tmp_path):
    (tmp_path / "mine.txt").write_text("x; head q\ny; head w")
    assert [d.label for d in find(["a", "b"], tmp_path / "mine.txt", "order")] == ["x", "y"]
    with pytest.raises(InputError, match="describes 2 classes, the data has 3; give a line per class"):
        find(["a", "b", "c"], tmp_path / "mine.txt", "order")


def test_classes_that_nobody_describes(tmp_path):
    with pytest.raises(InputError) as caught:
        find(["walk", "juggle", "head:fly"])
    assert str(caught.value) == (
        "descriptions: class 'juggle' (and 1 more) has no description; "
        "write one, or let a language model: acteme describe DATA --to FOLDER"
    )
    with pytest.raises(InputError, match="there is no class to describe"):
        find([])
