"""Labels of two levels from training to a submission: what is measured, predicted and written."""

import csv
import json

import numpy as np
import pytest

from acteme.engine.evaluate import evaluate
from acteme.engine.export import write
from acteme.engine.predict import predict
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.recordings.worlds.stage import stage
from acteme.reports import words
from acteme.systems.recognize.pcan import Config
from acteme.tasks import hierarchy
from tests.tiny import command

DATA = {"rule": "micro", "classes": 20, "train": 40, "test": 40, "frames": (20, 30)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    corpus = stage(**DATA)
    settings = Settings(steps=3, progress=False)
    return train("pcan", corpus, tmp_path_factory.mktemp("runs") / "run", config=Config.small(), settings=settings)


def test_both_levels_are_measured(run):
    corpus = stage(**DATA)
    found = evaluate(run, corpus)
    module, test = run.module("recognize"), corpus.select("test")
    batch = test.batch(np.arange(40), np.zeros(40, int), 30)
    said = module.predict(batch)
    scores, groups = said.scores.detach().numpy(), said.groups.detach().numpy()
    wanted = hierarchy.measure(scores, test.label, corpus.spec.classes, corpus.spec.groups, groups)
    assert found.metrics == pytest.approx(wanted.metrics) and "f1_mean" in found.metrics
    assert all(words.title_and_meaning(name)[1] for name in found.metrics)
    stored = json.loads((run.folder / "evaluation.json").read_text())
    assert set(stored["intervals"]) == set(stored["metrics"]) and "f1" in stored["per_class"]["head:slow:close"]


def test_latents_are_measured_at_both_levels(run):
    assert "group_f1_macro" in evaluate(run, stage(**DATA), protocol="linear").metrics


def test_predictions_and_the_submission(run, tmp_path):
    corpus = stage(**DATA).select("test")
    found = list(predict(run, [corpus[i] for i in range(3)], scores=True, workers=1))
    assert all(p.scores.shape == (len(p.scores), 20) and p.groups.shape == (len(p.scores), 5) for p in found)
    assert all({s.label for s in p.segments} <= set(corpus.spec.classes) for p in found)
    assert next(predict(run, [corpus[0]], workers=1)).groups is None, "only if asked for"
    write(found, tmp_path / "p.csv", "ma52")
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["vid"] for r in rows] == [f"{p.recording}.mp4" for p in found]
    assert rows[0]["action_pred_1"] == str(found[0].scores[0].argmax())
    assert sorted(int(rows[0][f"body_pred_{n}"]) for n in range(1, 6)) == [0, 1, 2, 3, 4]


def test_the_command_writes_a_submission(run, tmp_path):
    corpus = stage(**DATA).select("test", np.arange(2)).save(tmp_path / "corpus")
    for words_ in (("--to", tmp_path / "a.csv", "--format", "ma52"), ("--to", tmp_path / "a.ma52")):
        said = command("predict", run.folder, tmp_path / "corpus", *words_, "--workers", "1")
        assert said.code == 0, said.err
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "a.ma52").read_text()
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + len(corpus)
