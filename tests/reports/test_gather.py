import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from acteme.engine.run import load
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.reports import gather as module
from acteme.reports.gather import gather, latent_map, shown_rows, with_evaluation
from acteme.reports.page import report
from acteme.reports.projections import projections
from tests.engine.toys import toy, trimmed, untrimmed
from tests.reports.pages import page

QUIET = Settings(progress=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run on untrimmed recordings and one on clips."""
    root = tmp_path_factory.mktemp("runs")
    return {
        "untrimmed": train(toy(), untrimmed(), root / "a", settings=QUIET),
        "clips": train(toy("recognition"), trimmed(24), root / "b", settings=QUIET),
    }


@pytest.fixture(autouse=True)
def toys(monkeypatch, runs):
    """Reports open runs by their folder; the toys are not in the catalog."""
    monkeypatch.setattr("acteme.engine.evaluate.load", lambda run: run if hasattr(run, "entry") else load(run, toy()))


def test_untrimmed_run_is_evaluated_and_shown(runs):
    data = untrimmed()
    found = gather(runs["untrimmed"], data)
    assert not found.notes
    assert [s.name for s in found.stages] == ["encoder", "tagger"]
    encoder = found.stages[0]
    assert [c.name for c in encoder.curves] == ["total", "error", "small", "lr"]
    assert encoder.epochs == 2 and encoder.steps == len(encoder.curves[0].value) > 2
    assert encoder.parameters == 34 * 3 + 3 + 3 * 34 + 34 + 34 + 1 + 1
    assert encoder.about.startswith("A linear auto-encoder of frames") and "`" not in encoder.about
    values = {m.name: m for m in found.metrics}
    written = runs["untrimmed"].evaluation
    assert values["frame_map"].value == written["metrics"]["frame_map"]
    assert sum(m.headline for m in found.metrics) == 4 and values["frame_map"].headline
    assert found.class_rows[0].value >= found.class_rows[1].value and found.class_rows[0].count.endswith(" frames")
    test = data.select(split="test")
    assert [r.name for r in found.replays] == test.column("name").tolist()
    one = found.replays[0]
    np.testing.assert_array_equal(one.skeleton, test[0].arrays["skeleton"])
    assert one.truth == test[0].segments and one.scores.shape == (40, 2) and one.predicted
    assert found.latents.label.min() >= 0 and set(found.latents.recording) == set(test.column("name"))
    assert {title: json.loads(text) for title, text in found.settings.items()}["System"]["encoder"]["width"] == 3


def test_clips_are_shown_with_what_they_are_and_were_taken_for(runs):
    found = gather(runs["clips"], trimmed(24))
    assert found.confusion.sum() == 8 and found.class_rows[0].count == "4 clips, 8 in training"
    one = found.replays[1]
    assert [(s.start, s.end, s.label) for s in one.truth] == [(0.0, pytest.approx(1.2), "high")]
    assert {s.label for r in found.replays for s in r.predicted} == {"low", "high"}
    assert "two action" not in " ".join(m.title for m in found.metrics)


def test_report_writes_one_file_where_it_is_told(runs, tmp_path):
    path = report(runs["untrimmed"], untrimmed(), tmp_path / "deep" / "r.html")
    assert path == tmp_path / "deep" / "r.html" and list(path.parent.iterdir()) == [path]
    assert "<h1>Toy</h1>" in path.read_text(encoding="utf-8")
    assert report(runs["untrimmed"], untrimmed()) == runs["untrimmed"].folder / "report.html"


def test_the_report_of_a_run_works_in_a_browser(runs, look, tmp_path):
    view = look(report(runs["untrimmed"], untrimmed(), tmp_path / "r.html"))
    view.locator(".tracks").focus()
    view.keyboard.press("Shift+ArrowRight")
    assert view.locator(".tracks").get_attribute("aria-valuenow") == "1.00"
    assert "true: low" in view.locator(".tracks").get_attribute("aria-valuetext")


def test_without_data_the_page_says_so(runs):
    (runs["untrimmed"].folder / "evaluation.json").unlink(missing_ok=True)
    found = gather(runs["untrimmed"])
    assert not found.replays and not found.metrics and found.stages
    assert found.notes == ("The run was trained on recordings in memory; give data to see them here.",)


def test_unlabeled_data_is_played_without_metrics(runs):
    (runs["untrimmed"].folder / "evaluation.json").unlink(missing_ok=True)
    bare = [replace(r, segments=(), split="") for r in untrimmed(2)]
    data = Corpus.of(bare, replace(untrimmed().spec, classes=()))
    found = gather(runs["untrimmed"], data)
    assert found.notes == ("The data is not labeled, so nothing was measured.",) and not found.metrics
    assert len(found.replays) == 2 and not found.replays[0].truth and found.replays[0].predicted
    assert (found.latents.label == -1).all()


def test_data_with_other_classes_is_shown_beside_a_note(runs):
    (runs["untrimmed"].folder / "evaluation.json").unlink(missing_ok=True)
    renamed = [
        replace(r, segments=tuple(replace(s, label=s.label.upper()) for s in r.segments), split="")
        for r in untrimmed(2)
    ]
    data = Corpus.of(renamed, replace(untrimmed().spec, classes=("HIGH", "LOW", "low")))
    found = gather(runs["untrimmed"], data)
    assert len(found.notes) == 1 and found.notes[0].startswith(
        "Has other classes than the run: lacks high and adds HIGH, LOW;"
    )
    assert found.replays[0].truth[0].label == "LOW" and found.classes == ("low", "high")
    assert (found.latents.label == -1).all()


def test_long_recordings_are_predicted_and_shown_in_part(runs, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 1.5)
    found = gather(runs["untrimmed"], untrimmed())
    one = found.replays[0]
    assert len(one.skeleton) == 15 and one.duration == 4.0 and len(one.scores) == 15
    assert all(s.end <= 1.5 for s in (*one.truth, *one.predicted))


def test_map_takes_windows_from_all_over(runs, monkeypatch):
    monkeypatch.setattr(module, "WINDOWS", 12)
    data = untrimmed(30)
    m = latent_map(runs["untrimmed"], data, ("high",))
    assert set(m.label.tolist()) == {-1, 0}
    assert len(m.label) == 12 and len(set(m.recording)) >= 2
    numbers = [int(name[1:]) for name in m.recording]
    assert min(numbers) < 5 and max(numbers) > 15
    np.testing.assert_allclose(m.end - m.start, 0.8)


def test_clips_of_every_class_are_shown():
    assert shown_rows(trimmed(40)) == list(range(12))
    rare = trimmed(40).select(rows=np.array([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 1, 3]))
    rows = shown_rows(rare)
    assert len(rows) == 12 and {13, 14} <= set(rows)
    assert shown_rows(untrimmed(9)) == [0, 1, 2, 3]


def test_projections_of_few_equal_or_flat_latents():
    assert list(projections(np.ones((3, 5)))) == ["PCA"]
    assert list(projections(np.ones((30, 5)))) == ["PCA"]
    one = projections(np.arange(4.0)[:, None])["PCA"]
    assert one.shape == (4, 2) and (one[:, 1] == 0).all()
    two = projections(np.random.default_rng(0).normal(size=(30, 5)))
    assert list(two) == ["t-SNE", "PCA"] and all(v.shape == (30, 2) and np.isfinite(v).all() for v in two.values())


def test_undefined_values_stay_undefined():
    found = {
        "task": "segmentation", "protocol": "semi-5", "data": "mocap", "split": "test",
        "metrics": {"frame_map": 0.5, "frame_map_2_actions": None, "f1@25": 0.25, "something_new": 0.1},
        "intervals": {"frame_map": [0.4, 0.6], "f1@25": [None, None]},
        "per_class": {"a": {"average_precision": None, "frames": 0}, "b": {"average_precision": 0.5, "frames": 1200}},
        "confusion": None,
    }  # fmt: skip
    made = with_evaluation(page(), found)
    values = {m.name: m for m in made.metrics}
    assert math.isnan(values["frame_map_2_actions"].value) and not values["frame_map_2_actions"].headline
    assert (values["frame_map"].low, values["frame_map"].high) == (0.4, 0.6) and math.isnan(values["f1@25"].low)
    assert values["f1@25"].title == "F1@25" and values["something_new"].title == "something_new"
    assert [(r.name, r.count) for r in made.class_rows] == [("b", "1,200 frames"), ("a", "0 frames")]
    assert made.evaluated.endswith("with a share of the labels (5), measured on the test split of mocap.")


def test_training_clips_and_the_rare_classes_are_shown():
    found = {
        "task": "recognition", "protocol": "predictions", "data": "stage", "split": "test",
        "metrics": {"top1": 0.5, "top5": None, "mean_class_accuracy": 0.5, "many_shot": 0.8, "few_shot": 0.2},
        "intervals": {},
        "per_class": {"a": {"accuracy": 0.8, "clips": 40, "trained": 1200},
                      "b": {"accuracy": 0.2, "clips": 40, "trained": 0}},
        "confusion": None,
    }  # fmt: skip
    made = with_evaluation(page(), found)
    assert [r.count for r in made.class_rows] == ["40 clips, 1,200 in training", "40 clips, 0 in training"]
    assert [m.name for m in made.metrics if m.headline] == ["top1", "mean_class_accuracy", "few_shot"]
    assert made.metrics[-1].title == "Few-shot accuracy"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a run folder"):
        report(tmp_path)


@pytest.mark.parametrize(
    ("task", "segments", "text", "told"),
    [
        ("retrieval", (Segment(0.0, 1.0, "motion", text="a person waves"), Segment(1.0, 2.0, "motion")), "whole",
         [(0.0, 1.0, "a person waves")]),
        ("retrieval", (), "a person jumps", [(0.0, 2.0, "a person jumps")]),
        ("segmentation", (Segment(0.0, 1.0, "wave", text="a person waves"),), "", [(0.0, 1.0, "wave")]),
        ("recognition", (), "", [(0.0, 2.0, "wave")]),
    ],
)  # fmt: skip
def test_what_the_data_says_is_in_the_words_of_the_predictions(task, segments, text, told):
    run = SimpleNamespace(entry=SimpleNamespace(task=task))
    label = "wave" if not segments and not text else ""
    one = Recording("r", 10.0, {"skeleton": np.zeros((20, 1, 3, 3))}, label=label, segments=segments, text=text)
    assert [(s.start, s.end, s.label) for s in module._told(run, one)] == told
