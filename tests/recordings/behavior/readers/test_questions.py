"""Questions about items: the files of ELM and of OpenP5."""

import json

import pytest

from acteme.errors import InputError
from acteme.recordings.behavior.readers.questions import elm, openp5

LINES = [
    {"task": "pitch", "prompt": "pitch {item} to me", "items": ["b"], "answer": "see it", "split": "train"},
    {"task": "both", "prompt": "what joins {item} and {item}?", "items": ["a", "e"], "answer": "sea", "split": "test"},
    {"task": "pitch", "prompt": "pitch {item} to me", "items": ["c"], "answer": "see that"},
]


def folder(tmp_path, lines=LINES):
    """Five items, three users, two tasks."""
    users = {"u": "abcd", "v": "bcea", "w": "cdab"}
    rows = [f"{user},{item},{n}" for user, some in users.items() for n, item in enumerate(some)]
    (tmp_path / "events.csv").write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    (tmp_path / "catalog.csv").write_text("item,title\n" + "".join(f"{k},The {k.upper()}\n" for k in "abcde"))
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    return tmp_path


def test_questions_come_with_the_catalog_under_the_numbers_of_items(tmp_path):
    corpus = elm(folder(tmp_path), test=1.0)
    names = corpus.catalog["item"].to_pylist()
    found = [json.loads(e) for row in corpus.catalog["examples"].to_pylist() for e in row]
    by_answer = {e["answer"]: e for e in found}
    assert len(found) == 3 and corpus.spec.items == 5
    assert [names[k - 1] for k in by_answer["sea"]["items"]] == ["a", "e"]
    assert [by_answer[a]["split"] for a in ("see it", "sea", "see that")] == ["train", "test", "test"]
    at = corpus.catalog["examples"].to_pylist()[names.index("a")]
    assert [json.loads(e)["task"] for e in at] == ["both"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": ["z"]}, "line 1: names item 'z', which the log has not; leave the line out"),
        ({"items": ["a", "b"]}, r"has 1 slots \{item\} for 2 items; write a slot for each item"),
        ({"answer": " "}, "has an empty answer"),
        ({"prompt": None}, "has no prompt; write an object with task, prompt, items and answer"),
        ({"split": "dev"}, "has split 'dev'; use train, val or test"),
    ],
)
def test_a_bad_line_is_named(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        elm(folder(tmp_path, [LINES[0] | change]))


def test_files_that_are_not_there_or_no_json(tmp_path):
    with pytest.raises(InputError, match=r"has no events\.csv"):
        elm(tmp_path)
    work = folder(tmp_path)
    (work / "tasks.jsonl").write_text("{no\n")
    with pytest.raises(InputError, match="line 1: is no JSON"):
        elm(work)
    (work / "tasks.jsonl").write_text("\n")
    with pytest.raises(InputError, match="has no questions"):
        elm(work)


def test_prompts_of_openp5(tmp_path):
    (tmp_path / "user_sequence.txt").write_text("u1 1 2 3 4\nu2 2 3 5 1\n")
    (tmp_path / "prompt.txt").write_text(
        "sequential; seen; {dataset} user {user_id} has bought {history}, what next?; {dataset} {target}\n"
        "straightforward; unseen; what suits {user_id}?; {target}\n"
    )
    corpus = openp5(tmp_path)
    found = [json.loads(e) for row in corpus.catalog["examples"].to_pylist() for e in row]
    assert found[0] == {"task": "sequential", "prompt": "user {user} has bought {history}, what next?", "items": [],
                        "answer": "{target}", "split": "seen"}  # fmt: skip
    assert found[1]["split"] == "unseen" and corpus.spec.items == 5
    for bad, message in (("a; b; c\n", "line 1: is no row"), ("s; seen; {x}; {target}\n", "has a slot {x}"),
                         ("s; seen; {history}; y\n", "has no slot {target}")):  # fmt: skip
        (tmp_path / "prompt.txt").write_text(bad)
        with pytest.raises(InputError, match=message):
            openp5(tmp_path)


def test_what_was_given_is_asked_and_kept_by_the_state(tmp_path):
    import torch

    from acteme.recordings.windows import Windows
    from acteme.systems.recommend.ilm import (
        FactorsConfig,
        LanguageConfig,
        QFormerConfig,
        SpeakConfig,
        Speaker,
        TellConfig,
    )

    corpus = elm(folder(tmp_path), test=1.0)
    windows = Windows(frames=3, stride=1, prefixes=True)
    config = SpeakConfig(
        FactorsConfig(4, sweeps=2), TellConfig(new=0, held=0), QFormerConfig(2, 8, 1, 2),
        LanguageConfig("", 40, 8, 1, 2, steps=1), tasks=("given",), windows=windows,
    )  # fmt: skip
    made = Speaker(config, corpus.spec)
    made.consult(corpus.catalog)
    train = corpus.select("train")
    batch = train.cut(windows, *windows.cut(train.frames))
    made.remember(train)
    made.calibrate([])
    assert {a.answer for a in made.asks(batch)[0]} == {"see it"}, "of the training alone"
    assert torch.isfinite(made.losses(batch)["total"])
    assert {task: len(some) for task, some in made.given_questions("test").items()} == {"both": 1, "pitch": 1}
    other = Speaker(config, corpus.spec)
    other.load_state_dict(made.state_dict())
    assert other.given_questions("test") == made.given_questions("test")
