"""Events written for a data set: by rules, by a model, again after an interruption."""

import json
from dataclasses import replace

import pytest

from acteme.engine.clauses import parsed, prompt, taken_apart, write_events
from acteme.errors import InputError
from acteme.recordings.skeleton.readers.humanml3d import humanml3d
from acteme.recordings.worlds.sequences import sequences
from acteme.recordings.worlds.stage import stage
from tests.recordings.skeleton.readers.cases import CASES


class Model:
    """Answers as it was told, and remembers what it was asked."""

    name = "told"

    def __init__(self, *answers: str):
        self.answers, self.asked = list(answers), []

    def generate(self, prompts, *, max_tokens=256, temperature=0.0, seed=0, stop=()):
        self.asked += prompts
        return [self.answers.pop(0) for _ in prompts]


def test_rules_write_a_file_for_every_caption_that_its_reader_finds(tmp_path):
    CASES["humanml3d text"].files(tmp_path)
    lines = "a man waves, then sits.#a/DET#0.0#0.0\nhe waves#he/PRON#0.05#0.15\n"
    (tmp_path / "texts" / "000001.txt").write_text(lines)
    assert write_events(f"humanml3d:{tmp_path}", tmp_path / "event_texts") == 2
    r = humanml3d(tmp_path).items[0].read()
    assert [s.events for s in r.segments] == [("a man waves", "a man sits"), ("he waves",)]
    assert write_events(f"humanml3d:{tmp_path}", tmp_path / "event_texts") == 0, "what is there is kept"


def test_a_model_is_asked_and_its_nonsense_replaced_by_rules(tmp_path):
    model = Model("1. a man bends\n2. a man waves.", "Sure, here it is:\n")
    found = taken_apart(["a man bends while waving", "a man jumps, then sits."], model)
    assert found == [("a man bends", "a man waves"), ("a man jumps", "a man sits")]
    assert "Caption: a man bends while waving" in model.asked[0] and "{caption}" not in model.asked[0]
    assert prompt().count("{caption}") == 1


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        ("a man walks\na man sits", ("a man walks", "a man sits")),
        ("- he jumps.\n\n* she waves", ("he jumps", "she waves")),
        ("1) one\n10: ten", ("one", "ten")),
        ('"he jumps"', ("he jumps",)),
        ("", ()),
        ("\n".join(["x"] * 13), ()),
        ("word " * 40, ()),
    ],
)
def test_answers(answer, events):
    assert parsed(answer) == events


def test_a_world_and_many_captions(tmp_path):
    corpus = sequences(train=20, test=0, fps=5.0, unseen=0.0)
    model = Model(*(["a person x"] * 20))
    assert write_events(corpus, tmp_path / "e", model) == 20
    assert json.loads((tmp_path / "e" / "train00003_0.json").read_text()) == {"events": ["a person x"]}


def test_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_events(sequences(train=1, test=0, unseen=0.0, fps=5.0), tmp_path / "file")
    with pytest.raises(InputError, match="no recording has a caption"):
        mute = stage(train=1, test=0, classes=2, form="untrimmed", seconds=(2.0, 3.0))
        write_events(replace(mute, texts=()), tmp_path / "e")
