"""What a run says, held against what is so: prompts about users, consistency, plain text, popularity."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch

from acteme.engine import spoken
from acteme.engine.evaluate import evaluate
from acteme.engine.measures import conversation
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.systems.recommend.ilm import AlignConfig, Config, SpeakConfig, Speaker
from tests.systems.recommend.ilm.cases import FACTORS, LANGUAGE, QFORMER, TELL, WINDOWS, corpus

FORMS = [
    ("sequential", "seen", "user {user} has seen {history} , what next ?", "it is {target}"),
    ("straightforward", "seen", "what suits {user} ?", "{target}"),
    ("sequential", "unseen", "after {history} comes", "{target}"),
]


def with_forms():
    """The small log, with prompts about users."""
    log = corpus()
    names = ("task", "split", "prompt", "answer")
    rows = [json.dumps(dict(zip(names, form, strict=True)) | {"items": []}) for form in FORMS]
    asked = {"task": "pitch", "prompt": "pitch {item}", "answer": "see it .", "split": "test"}
    rows += [json.dumps(asked | {"items": [k]}) for k in (2, 5)]
    examples = pa.array([rows] + [[]] * (log.spec.items - 1), pa.list_(pa.string()))
    return replace(log, catalog=log.catalog.append_column("examples", examples))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    tell = replace(TELL, new=0.25, held=0.125)
    align = AlignConfig(FACTORS, tell, QFORMER, bert="", words=90, space=8, pairs="none", windows=WINDOWS)
    speak = SpeakConfig(
        FACTORS, tell, QFORMER, replace(LANGUAGE, words=90), tasks=("prompts", "genres"), windows=WINDOWS
    )
    short = [replace(s, recipe=replace(s.recipe, batch=8)) for s in (align, speak)]
    folder = tmp_path_factory.mktemp("spoken") / "run"
    return train("ilm", with_forms(), folder, config=Config(*short), settings=Settings(steps=1, progress=False))


def test_users_are_asked_about_in_forms_seen_and_unseen(run):
    found = evaluate(run, with_forms())
    names = [f"{name}_{split}" for name in ("hr@5", "hr@10", "ndcg@5", "ndcg@10", "nats", "exact")
             for split in ("seen", "unseen")]  # fmt: skip
    assert set(names) <= set(found.metrics) and all(np.isfinite(found.metrics[n]) for n in names)
    assert found.metrics["perplexity"] == found.metrics["perplexity_before"] > 1, "it was frozen"
    module = run.module("speak")
    assert [f["prompt"] for f in module.forms("unseen")] == [FORMS[2][2]]
    asks = [a for _ in range(20) for a in module.asks(_batch())[0] if a.task in ("sequential", "straightforward")]
    assert {a.prompt for a in asks} == {FORMS[0][2], FORMS[1][2]}, "training asks in the seen forms alone"
    assert all(a.answer.startswith("it is Film ") for a in asks if a.history) and all(a.user >= 0 for a in asks)


def _batch():
    log = with_forms().select("train")
    return log.cut(WINDOWS, *WINDOWS.cut(log.frames))


def test_the_answer_that_is_likeliest_stands_first(run, monkeypatch):
    """A model that knows what comes next has every hit, one that knows the second likeliest half of DCG."""
    from acteme.engine.measures import Asked

    log = with_forms()
    module, test = run.module("speak"), log.select("test")
    wanted = {"it": [int(one.arrays["item"][-1]) for one in test], "at": 0, "place": 0}

    def ranked(asks, users, tree, width):
        rows = []
        for _ in asks:
            target = wanted["it"][wanted["at"]]
            wanted["at"] += 1
            others = [leaf for leaf in tree.leaves if leaf != target][: width - 1]
            others.insert(wanted["place"], target)
            rows.append(others)
        return torch.tensor(rows), torch.zeros(len(rows), width)

    every = SimpleNamespace(leaves={k: [k] for k in range(25)})
    monkeypatch.setattr(module, "answers", lambda form: (every, range(25)))
    monkeypatch.setattr(module, "ranked", ranked)
    asked = Asked(run, module, "speak", test, lambda: log.select("train"), "questions", resamples=1)
    found = spoken.by_forms(asked, "unseen").metrics
    assert found["hr@5"] == found["ndcg@10"] == 1
    wanted |= {"at": 0, "place": 6}
    found = spoken.by_forms(asked, "unseen").metrics
    assert found["hr@5"] == 0 and found["hr@10"] == 1 and found["ndcg@10"] == pytest.approx(1 / np.log2(8))
    assert spoken._stands([[[4], [2, 3]], [[1]]], np.array([3, 2]), 9)[0].tolist() == [1, 8]
    assert spoken._stands([[[4], [2, 3]], [[1]]], np.array([3, 2]), 9)[1].tolist() == [1, 0]


def test_without_forms_or_titles(run):
    from acteme.engine.measures import Asked

    module, test = run.module("speak"), with_forms().select("test")
    asked = Asked(run, module, "speak", test, lambda: test, "questions", resamples=1)
    module.told.answers.zero_()
    module.told._read.clear()
    with pytest.raises(InputError, match=r"^prompts: none of the items to be found has a title; give a catalog with"):
        spoken.by_forms(asked, "seen")
    module.told.examples = module.told.examples[:0]
    module.told._read.clear()
    assert spoken.by_forms(asked, "seen") is None


def test_what_is_said_is_held_against_the_items_texts_and_vectors(run, monkeypatch):
    found = evaluate(run, with_forms(), protocol="consistency")
    groups = {name.rpartition("_")[2] for name in found.metrics if name.startswith("consistency")}
    assert groups == {"catalogue", "new"}, "questions that came with the data are no task of this run"
    module = load(run.folder).module("speak")
    told = module.told

    def own(asks, users=None, most=0):
        return [told.text(a.items[0]) for a in asks]

    def measured():
        from acteme.engine.measures import Asked

        log = with_forms()
        asked = Asked(run, module, "speak", log.select("test"), lambda: log.select("train"), "consistency", resamples=1)
        return conversation.measure(asked).metrics

    monkeypatch.setattr(module, "reply", own)
    right = measured()
    assert right["consistency_text_new"] == pytest.approx(1, abs=1e-5)
    assert right["consistency_vector_new"] == pytest.approx(right["consistency_vector_read_new"], abs=1e-9)
    assert right["consistency_text_others_new"] < 0.95
    monkeypatch.setattr(module, "reply", lambda asks, users=None, most=0: ["The bank fell on Monday."] * len(asks))
    wrong = measured()
    assert wrong["consistency_text_new"] < right["consistency_text_others_new"]
    assert wrong["consistency_vector_catalogue"] < right["consistency_vector_catalogue"]
    with pytest.raises(InputError, match=r"^stage 'align': does not speak; measure the stage speak"):
        evaluate(run, with_forms(), protocol="consistency", stage="align")


def test_popular_items_and_rare_ones_are_told_apart(run):
    assert conversation._thirds(np.array([3, 3, 3])) == {}
    parts = conversation._thirds(np.array([5, 1, 9, 2, 8, 4]))
    assert parts["rare"].tolist() == [False, True, False, True, False, False]
    assert parts["frequent"].tolist() == [False, False, True, False, True, False]
    log = with_forms()
    train_, module = log.select("train"), run.module("speak")
    from acteme.engine.measures import Asked

    asked = Asked(run, module, "speak", log.select("test"), lambda: train_, "questions", resamples=1)
    asks = [a for some in module.questions("catalogue").values() for a in some]
    count = [sum(int((one.arrays["item"] == a.items[0]).sum()) for one in train_) for a in asks]
    assert conversation._events(asked, asks).tolist() == count
    known = {("catalogue", "genres"): (np.arange(len(asks)),) * 3}
    for third, (some, events) in conversation._by_popularity(asked, {"catalogue": {"genres": asks}}, known).items():
        assert [count[n] for n in some[0][0]] == events.tolist(), third


def test_plain_text_is_read_otherwise_once_the_language_model_is_trained():
    from tests.systems.recommend.ilm.cases import batch, speaker

    for free in (False, True):
        made = speaker(train_llm=free)
        assert float(made.plain_before) == pytest.approx(made.plain())
        optimizer = torch.optim.Adam([p for p in made.parameters() if p.requires_grad], 1e-2)
        made.losses(batch())["total"].backward()
        optimizer.step()
        moved = abs(made.plain() - float(made.plain_before))
        assert moved > 1e-3 if free else moved == 0


def test_numbers_in_place_of_items_are_of_no_user():
    made = Speaker(
        SpeakConfig(FACTORS, TELL, QFORMER, LANGUAGE, "text", tasks=("prompts",), train_llm=True), corpus().spec
    )
    made.consult(with_forms().catalog)
    with pytest.raises(
        InputError, match=r"^speak.encoder=text: has no number for a user; leave out prompts with \{user_"
    ):
        made.check_tasks()
    whole = Config(speak=SpeakConfig(encoder="text"))
    with pytest.raises(InputError, match=r"numbers in place of items leave nothing to train; set speak.train_llm=true"):
        whole.check()  # before anything is trained


def test_all_that_is_measured_has_words(run):
    from acteme.reports.words import is_rate, title_and_meaning

    log = with_forms()
    metrics = evaluate(run, log).metrics | evaluate(run, log, protocol="consistency").metrics
    assert all(title_and_meaning(name)[1] for name in metrics), [n for n in metrics if not title_and_meaning(n)[1]]
    assert title_and_meaning("hr@5_unseen")[0] == "HR@5, unseen forms" and title_and_meaning("hr@5")[0] == "HR@5"
    assert not any(is_rate(n) for n in metrics if n.startswith(("nats", "perplexity"))) and is_rate("hr@5_seen")


def test_the_report_shows_exact_answers_by_kind_of_question(run):
    from acteme.reports.page import report

    evaluate(run, with_forms())
    page = report(run, with_forms()).read_text()
    assert "Exact answers to each kind of question" in page and "genres, catalogue" in page and ">By question<" in page
