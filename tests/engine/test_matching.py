"""Runs that match people and jobs: trained, measured and asked why."""

from dataclasses import replace

import numpy as np
import pytest

from acteme.engine.evaluate import evaluate
from acteme.engine.measures.matching import asked_for, known_pairs
from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.behavior.readers.esco import esco
from acteme.systems.recommend.sesa import Config, MatchConfig, NetworkConfig, SkillsConfig

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


def test_people_without_jobs_cannot_be_measured(run, corpus):
    part = corpus.select("test")
    none = replace(part, arrays={"item": np.zeros_like(part.arrays["item"])})
    with pytest.raises(InputError, match="nobody has a job that goes with them"):
        evaluate(run, none)
    none = replace(corpus, arrays={"item": np.zeros_like(corpus.arrays["item"])})
    with pytest.raises(InputError, match="no recording has a job, from which stage 'match' learns"):
        train("sesa", none, run.folder.parent / "none", settings=QUIET)
