"""Descriptions by a language model: what is asked, how answers are read, how it goes on."""

import json

import pytest

from acteme.engine import describe as module
from acteme.engine.describe import PROMPTS, class_list, describe, read_parts, read_prompts, read_synonyms
from acteme.errors import InputError
from acteme.recordings.descriptions import FIELDS, find, read
from tests.tiny import command

GOOD = "head nods; hand turns the key; arm is bent; hip stays still; leg stays straight; foot rests"


class Model:
    """Answers by a rule; remembers what it was asked."""

    name = "stub"

    def __init__(self, rule):
        self.rule, self.asked = rule, []

    def generate(self, prompts, *, max_tokens=256, temperature=0.0, seed=0, stop=()):
        self.asked += [(list(p), temperature, seed) for p in prompts]
        return [self.rule(p[0].text, p[-1].text, temperature) for p in prompts]


def well(system, label, temperature):
    return GOOD if "hand ..." in system else f"do {label}, perform {label}"


def test_a_good_model_is_asked_twice_per_class(tmp_path):
    model, said = Model(well), []
    made = describe(["open a door", "swim"], tmp_path / "d", model, say=said.append)
    assert [d.label for d in read(tmp_path / "d")] == ["open a door", "swim"]
    assert read(tmp_path / "d")[0].fields == tuple(" " + text.strip() for text in GOOD.split(";"))
    assert made[1].synonyms == ("swim", "do swim", "perform swim") and made[1].origin == "stub"
    assert len(model.asked) == 4 and all(temperature == 0 for _, temperature, _ in model.asked)
    talk = model.asked[0][0]
    assert [m.role for m in talk] == ["system", *["user", "assistant"] * 3, "user"] and talk[-1].text == "open a door"
    assert said[-1].startswith("stub wrote ") and "read it before you train with it" in said[-1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d"], "no progress is left"
    assert find(["swim"], tmp_path / "d")[0].fields == made[1].fields


def test_missing_parts_are_asked_for_one_by_one_and_then_filled_in(tmp_path):
    def rule(system, label, temperature):
        if "hand ..." not in system:
            return "I am sorry, but as a language model I cannot do that"
        _, colon, part = label.partition(": ")
        if not colon:
            return "head nods; hand waves; hand waves; hand waves"
        return {"arm": "arm is lifted", "hip": "stays still", "leg": "leg bends" if temperature else "?!"}.get(part, "")

    model, said = Model(rule), []
    (made,) = describe(["swim"], tmp_path / "d", model, say=said.append)
    assert made.fields == (" head nods", " hand waves", " arm is lifted", " hip stays still", " leg bends",
                           " foot takes part in swim")  # fmt: skip
    assert made.synonyms == ("swim",) and made.origin == "stub (template for foot)"
    assert "swim,stub (template for foot)" in (tmp_path / "d/origin.csv").read_text()
    assert any("of 1 classes some parts could not be read and were filled in: swim" in line for line in said)
    single = [talk for talk, _, _ in model.asked if talk[-1].text == "swim: foot"]
    assert len(single) == 3 and single[0][2].text.startswith("foot ")
    assert {seed for talk, temperature, seed in model.asked if temperature > 0} == {1, 2}


def test_it_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    labels = ["a", "b", "c", "d", "e"]

    def dying(system, label, temperature):
        if label.startswith("e"):
            raise KeyboardInterrupt
        return well(system, label, temperature)

    with pytest.raises(KeyboardInterrupt):
        describe(labels, tmp_path / "d", Model(dying))
    notes = tmp_path / "d.progress.jsonl"
    assert not (tmp_path / "d").exists() and len(notes.read_text().splitlines()) == 4
    notes.write_text(notes.read_text() + '{"mark": "cut o')
    model, said = Model(well), []
    describe(labels, tmp_path / "d", model, say=said.append)
    assert {talk[-1].text for talk, _, _ in model.asked} == {"e"} and said[0] == "4 of 5 classes were described before"
    assert [d.label for d in read(tmp_path / "d")] == labels and not notes.exists()


def test_what_another_model_said_does_not_count(tmp_path):
    def dying(system, label, temperature):
        if label == "b" and "hand ..." not in system:
            raise KeyboardInterrupt
        return well(system, label, temperature)

    (tmp_path / "d.progress.jsonl").write_text(
        json.dumps({"mark": "other", "label": "a", "synonyms": [], "fields": [], "origin": ""}) + "\n[]\n7\n"
    )
    model = Model(well)
    describe(["a"], tmp_path / "d", model)
    assert model.asked


@pytest.mark.parametrize(
    ("answer", "parts"),
    [
        (GOOD, set(FIELDS)),
        ("Sure!\n- **Head:** looks up\n- Hands: grab it\n2. the arm pulls", {"head", "hand", "arm"}),
        ("head ...; hand ...", set()),
        ("head " + "very " * 30 + "high; foot rests", {"foot"}),
        ("headache; handsome; Feet: stand", {"foot"}),
        ("", set()),
    ],
)
def test_parts_are_read_from_what_models_write(answer, parts):
    found = read_parts(answer)
    assert set(found) == parts
    assert all(text.startswith(f" {part} ") and ";" not in text for part, text in found.items())


def test_names_are_read_from_what_models_write():
    assert read_synonyms("Jump, leap , 'hop'.\nmore", "jump") == ("jump", "leap", "hop")
    assert read_synonyms("I cannot help with that, as I am a small language model", "jump") == ("jump",)
    assert read_synonyms("1, 2; 3", "jump") == ("jump",) and read_synonyms("", "jump") == ("jump",)
    assert len(read_synonyms(", ".join("abcdefghijklmnop"), "jump")) == 10


def test_prompts_that_come_along_and_bad_ones(tmp_path):
    asked = read_prompts(PROMPTS)
    assert all(len(read_parts(answer)) == 6 for _, answer in asked["parts"][1])
    assert all(len(read_synonyms(answer, k)) > 3 for k, answer in asked["synonyms"][1])
    for text, message in (
        ("[parts]\nx", "has no section [synonyms]"),
        ("[parts]\nx\n[parts examples]\na => head b\n[synonyms]\ny", "has an example without all parts"),
    ):
        (tmp_path / "p.txt").write_text(text)
        with pytest.raises(InputError) as caught:
            read_prompts(tmp_path / "p.txt")
        assert message in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")


def test_lists_of_classes(tmp_path):
    (tmp_path / "c.txt").write_text("open a door\n\n swim \n")
    assert class_list(str(tmp_path / "c.txt")) == ["open a door", "swim"]
    from acteme.recordings.worlds.stage.rules import on_primitives

    assert class_list("stage?train=1&test=1&classes=2") == list(on_primitives(2, 2, 0).names)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "there is no class to describe"),
        (["a", "b", "a"], "class 'a' is there twice"),
        (["x" * 201], "is too long; give at most 200 letters"),
    ],
)
def test_classes_that_cannot_be(labels, message, tmp_path):
    with pytest.raises(InputError, match=message):
        describe(labels, tmp_path / "d", lambda: pytest.fail("no model is loaded for this"))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_found_before_a_model_is_loaded(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        describe(["swim"], tmp_path / "file/d", lambda: pytest.fail("a model is loaded"))


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("acteme.engine.language.language_model", lambda name, endpoint: Model(well))
    (tmp_path / "c.txt").write_text("swim\nopen a door\n")
    said = command("describe", tmp_path / "c.txt", "--to", tmp_path / "d")
    assert said.code == 0 and "2 of 2 classes" in said.out and (tmp_path / "d/parts.txt").is_file()
    again = command("describe", tmp_path / "c.txt", "--to", tmp_path / "d")
    assert again.code == 2 and "d: is there already; delete it or choose another" in again.err
