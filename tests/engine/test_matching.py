"""Runs that match people and jobs: trained, measured and asked why."""

import json
from dataclasses import replace

import numpy as np
import pytest

from acteme.engine.evaluate import evaluate
from acteme.engine.measures.matching import asked_for, known_pairs
from acteme.engine.predict import predict
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.tables import told
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.behavior.readers.esco import esco
from acteme.reports.gather import gather
from acteme.systems.recommend.sesa import Config, MatchConfig, NetworkConfig, SkillsConfig
from tests.recordings.behavior.samples import CONCEPTS, PAIRS, write_skills
from tests.tiny import command

NETWORK = NetworkConfig(vocabulary=800, length=30, embedding=12, width=8, listed=64)
QUIET = Settings(progress=False)


@pytest.fixture(scope="module")
def corpus():
    return esco(members=4, held=1)


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    base = Config(SkillsConfig(NETWORK), MatchConfig(NETWORK))
    quick = [replace(s.recipe, epochs=2, batch=32, lr=5e-3) for s in (base.skills, base.match)]
    config = Config(replace(base.skills, recipe=quick[0]), replace(base.match, recipe=quick[1]))
    return train("sesa", corpus, tmp_path_factory.mktemp("sesa") / "run", config=config, settings=QUIET)


def test_both_directions_and_the_skills_are_measured(run, corpus):
    found = evaluate(run, corpus, split="known").metrics
    assert found["job_concept_ap"] > 1.5 * found["job_concept_base"], "skills of jobs that were trained are learned"
    assert {"mrr", "hr@1", "hr@10", "ndcg@10", "auc", "job_mrr", "job_hr@10", "deletion"} <= set(found)
    assert 0.5 < found["auc"] <= 1 and found["deletion"] > 1
    assert found["profile_concept_base"] < 0.15
    new = evaluate(run, corpus, split="test").metrics
    assert {"mrr", "map@10", "auc", "profile_concept_gap"} <= set(new) and new["job_concept_ap"] < found[
        "job_concept_ap"
    ]


def test_a_run_is_whole_without_its_data(run, corpus):
    module, again = run.module("match"), load(run.folder).module("match")
    part = corpus.select("test")
    batch = part.cut(run.config.match.windows, np.arange(3), np.zeros(3, np.int64))
    a, b = module.predict(batch), again.predict(batch)
    assert (a.query == b.query).all() and (a.table == b.table).all() and len(a.table) == corpus.spec.items


def test_pairs_of_a_selection(corpus):
    part = corpus.select("test")
    pairs, goes = known_pairs(part)
    assert len(pairs) == len(part) == 44 and goes.all() and len(np.unique(pairs[:, 1])) == 11
    asks = asked_for(corpus)
    assert asks.shape == (67, 126) and asks.sum(1).min() >= 4
    assert not asked_for(replace(corpus, catalog=None)).any()


def test_people_get_jobs_with_the_skills_that_speak_for_them(run, corpus):
    part = corpus.select("test").select(rows=np.arange(3))
    found = list(predict(run, part, count=4))
    assert [a.recording for a in found] == part.column("name").tolist()
    module = run.module("match")
    for answer, person in zip(found, part, strict=True):
        assert len(answer.items) == 4 and list(answer.scores) == sorted(answer.scores, reverse=True)
        job = corpus.catalog["item"].to_pylist().index(answer.items[0]) + 1
        assert answer.scores[0] == pytest.approx(module.score(job, person.text), abs=1e-5)
        assert [name for name, _ in answer.reasons[0]] == [name for name, _ in module.explain(job, person.text, most=3)]
    line = told(found[0])["recommended"][0]
    assert set(line["because"]) <= set(corpus.spec.classes) and len(line["because"]) == 3


def test_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    pairs = "".join(f"{job}\t{p}\t{label}\t{'test' if p in ('p5', 'p6') else 'train'}\n"
                    for job, p, label in (*PAIRS, ("j2", "p5", 1)))  # fmt: skip
    data = f"skills:{write_skills(tmp_path / 'own', pairs=pairs)}"
    monkeypatch.setattr(Config, "small", staticmethod(lambda: Config(SkillsConfig(NETWORK), MatchConfig(NETWORK))))
    run = tmp_path / "run"
    made = command("train", "sesa", data, "--small", "--epochs", "2", "--run", run)
    assert made.code == 0, made.err
    assert command("evaluate", run).code == 0 and load(run).evaluation["metrics"]["auc"] >= 0
    asked = command("predict", run, data, "--split", "test", "--count", "2")
    rows = [json.loads(line) for line in asked.out.splitlines()]
    assert [r["recording"] for r in rows] == ["p5", "p6"] and all(len(r["recommended"]) == 2 for r in rows)
    assert set(rows[0]["recommended"][0]["because"]) == set(CONCEPTS)
    # someone new, of whom nothing but a text is known, and another list of concepts
    other = write_skills(tmp_path / "other", concepts="cooking\npython\nwelding\nnursing\n", pairs="j1\tp1\n")
    asked = command("predict", run, f"skills:{other}?val=0&test=0&known=0", "--format", "csv")
    lines = asked.out.splitlines()
    assert lines[0] == "user,rank,item,title,score,because" and len(lines) == 1 + 6 * 4 and "p5,1,j" in asked.out
    assert command("report", run).code == 0 and "Looking for something new." in (run / "report.html").read_text()
    shown = gather(load(run)).users
    assert [u.name for u in shown] == ["p5", "p6"] and all(o.because for u in shown for o in u.offers)


def test_people_without_jobs_cannot_be_measured(run, corpus):
    part = corpus.select("test")
    none = replace(part, arrays={"item": np.zeros_like(part.arrays["item"])})
    with pytest.raises(InputError, match="nobody has a job that goes with them"):
        evaluate(run, none)
    none = replace(corpus, arrays={"item": np.zeros_like(corpus.arrays["item"])})
    with pytest.raises(InputError, match="no recording has a job, from which stage 'match' learns"):
        train("sesa", none, run.folder.parent / "none", settings=QUIET)
