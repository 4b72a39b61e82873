"""Protocols, their metrics and what is written; splits, other data, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from acteme.engine.evaluate import evaluate
from acteme.engine.loader import Loader
from acteme.engine.measures.recognition import clip_scores
from acteme.engine.segmenter import Rules
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.recording import Recording
from acteme.recordings.windows import Windows
from tests.engine import toys
from tests.engine.toys import SPEC, trimmed, untrimmed
from tests.engine.trained import recognizing, segmenting


def test_predictions_of_a_segmenting_run():
    run, corpus = segmenting()
    made = evaluate(run, corpus)
    assert (made.task, made.protocol, made.data, made.split) == ("segmentation", "predictions", "data", "test")
    assert made.metrics["frame_map"] == 1.0 and made.metrics["frame_accuracy"] == 1.0
    written = json.loads((run.folder / "evaluation.json").read_text())
    assert written == run.evaluation and written["metrics"]["frame_map"] == 1.0
    assert written["protocol"] == "predictions" and set(written["per_class"]) == {"low", "high"}
    low, high = written["intervals"]["frame_accuracy"]
    assert low <= 1.0 <= high


def test_only_the_split_counts():
    run, corpus = segmenting()
    spoiled = replace(corpus, arrays={**corpus.arrays, "frame_labels": 1 - corpus.arrays["frame_labels"]})
    offset, frames = corpus.table["offset"], corpus.table["frames"]
    for row in np.flatnonzero(corpus.table["split"] == "test"):
        at = slice(offset[row], offset[row] + frames[row])
        spoiled.arrays["frame_labels"][at] = corpus.arrays["frame_labels"][at]
    assert evaluate(run, spoiled).metrics["frame_accuracy"] == 1.0
    assert evaluate(run, spoiled, split="train").metrics["frame_accuracy"] < 0.1


def test_predictions_of_a_recognizing_run():
    run, corpus = recognizing()
    made = evaluate(run, corpus)
    assert made.metrics["top1"] == 1.0 and np.asarray(made.confusion).tolist() == [[4, 0], [0, 4]]


@pytest.mark.parametrize("protocol", ["linear", "knn", "knn-3", "semi-10", "finetune", "transfer"])
def test_protocols_for_latents_of_clips(protocol):
    run, corpus = recognizing()
    made = evaluate(run, corpus, protocol=protocol, recipe=Recipe(epochs=20, batch=8, lr=0.01, drop_last=False))
    assert made.metrics["top1"] == 1.0 and made.protocol == protocol


@pytest.mark.parametrize("protocol", ["predictions", "linear", "knn"])
def test_classes_are_told_apart_by_their_training_clips(protocol):
    run, corpus = recognizing()[0], trimmed(90)
    train = corpus.column("split") == "train"
    keep = ~train | (corpus.label == 0) | (np.cumsum(train & (corpus.label == 1)) <= 5)
    corpus = corpus.select(rows=keep)
    made = evaluate(run, corpus, protocol=protocol)
    assert [row["trained"] for row in made.per_class.values()] == [30, 5]
    assert made.metrics["medium_shot"] == made.metrics["few_shot"] == 1.0 and "many_shot" not in made.metrics
    other = evaluate(replace(run, data="elsewhere"), corpus, protocol=protocol)
    assert ("trained" in other.per_class["low"]) == (protocol != "predictions"), "what it learned from is not known"


@pytest.mark.parametrize("protocol", ["linear", "finetune", "semi-50"])
def test_protocols_for_latents_of_frames(protocol):
    run, corpus = segmenting()
    recipe = Recipe(epochs=10, batch=8, lr=0.01, drop_last=False)
    assert evaluate(run, corpus, protocol=protocol, recipe=recipe).metrics["frame_accuracy"] > 0.9


def test_latents_that_know_nothing_are_at_chance():
    run, corpus = recognizing()
    rng = np.random.default_rng(0)
    mixed = replace(corpus, table={**corpus.table, "label": rng.permutation(corpus.table["label"])})
    for protocol in ("linear", "knn"):
        assert evaluate(run, mixed, protocol=protocol).metrics["top1"] < 0.95


def test_a_frozen_encoder_stays_and_its_weights_on_disk_too(monkeypatch):
    run, corpus = recognizing()
    before = run.weights("encoder").read_bytes()
    evaluate(run, corpus, protocol="finetune", recipe=Recipe(epochs=2, batch=4))
    assert run.weights("encoder").read_bytes() == before


def test_tuning_needs_gradients_through_encode(monkeypatch):
    run, corpus = recognizing()
    encode = toys.Encoder.encode
    monkeypatch.setattr(toys.Encoder, "encode", torch.no_grad()(encode))
    with pytest.raises(InputError, match="passes no gradients"):
        evaluate(run, corpus, protocol="finetune")


def test_other_data_is_converted_and_evaluated_whole():
    run, _ = segmenting()
    other = untrimmed(2, frames=80, seed=5, spec=replace(SPEC, fps=20.0))
    other.table["split"][:] = ""
    assert evaluate(run, other).metrics["frame_accuracy"] > 0.9


@pytest.mark.parametrize("rules", [Rules(smooth=0.5), Rules(shortest=100.0)])
def test_rules_change_the_segments_that_are_measured(rules):
    run, corpus = segmenting()
    made = evaluate(run, corpus, rules=rules)
    assert made.metrics["event_map@0.5"] == (0.0 if rules.shortest else 1.0)
    assert made.metrics["frame_map"] == 1.0


def test_what_is_refused(tmp_path):
    run, corpus = segmenting()
    with pytest.raises(InputError, match="trained on recordings in memory; say which data"):
        evaluate(run)
    with pytest.raises(InputError, match="evaluated on the data it was trained on; name other data"):
        known = replace(run, data=str(tmp_path / "c"))
        corpus.save(tmp_path / "c")
        evaluate(known, protocol="transfer")
    with pytest.raises(InputError, match=r"there is no protocol 'best'.*known: predictions, linear"):
        evaluate(run, corpus, protocol="best")
    with pytest.raises(InputError, match="there is no protocol 'linear-3'"):
        evaluate(run, corpus, protocol="linear-3")
    with pytest.raises(InputError, match="nearest neighbors need clips"):
        evaluate(run, corpus, protocol="knn")
    with pytest.raises(InputError, match="the data has no split 'val'"):
        evaluate(run, corpus, split="val")
    with pytest.raises(
        InputError, match=r"^has other classes than the run: lacks high and adds a, b, c and 1 more; eval"
    ):
        evaluate(run, replace(corpus, spec=replace(SPEC, classes=("low", "a", "b", "c", "d"))))
    with pytest.raises(InputError, match="has the classes of the run in another order"):
        evaluate(run, replace(corpus, spec=replace(SPEC, classes=("high", "low"))))
    with pytest.raises(InputError, match="no recording has a single label; give trimmed clips"):
        evaluate(recognizing()[0], corpus)
    bare = replace(corpus, segments=corpus.segments.select(corpus.segments.recording < 0))
    with pytest.raises(InputError, match="no recording has a label; give labeled ones, or another --split"):
        evaluate(recognizing()[0], bare)


def test_a_share_of_the_labels_trains_on_that_share(monkeypatch):
    seen = []
    sweep = Loader.sweep
    monkeypatch.setattr(Loader, "sweep", lambda self: seen.append(self.corpus) or sweep(self))
    recipe = Recipe(epochs=1, batch=4, drop_last=False)
    evaluate(recognizing()[0], trimmed(60), protocol="semi-10", recipe=recipe)
    evaluate(segmenting()[0], untrimmed(30, seed=1), protocol="semi-10", recipe=recipe)
    assert np.bincount(seen[0].label).tolist() == [2, 2] and len(seen[1]) == 2


def test_scores_of_a_recording_are_the_mean_over_its_windows():
    run, _ = recognizing()
    module = run.module("tagger")
    corpus = untrimmed(3, frames=20)
    got = clip_scores(module, corpus, Windows(frames=8, stride=4), 2)
    whole = module.predict(corpus.batch(np.array([1]), np.array([0]), 8)).scores.softmax(1)
    starts = [0, 4, 8, 12]
    each = [module.predict(corpus.batch(np.array([1]), np.array([s]), 8)).scores.softmax(1) for s in starts]
    torch.testing.assert_close(torch.tensor(got[1]).float(), torch.cat(each).mean(0))
    assert not torch.allclose(torch.tensor(got[1]).float(), whole[0])


def test_a_recording_of_one_frame():
    run, corpus = segmenting()
    x = np.ones((1, 1, 17, 2), np.float32)
    one = type(corpus).of([Recording("one", 10.0, {"skeleton": x}, label="high", split="test")], SPEC)
    assert evaluate(run, one).metrics["frame_accuracy"] == 1.0


def test_what_a_model_costs_stands_beside_what_it_is_worth(monkeypatch):
    run, corpus = segmenting()
    monkeypatch.setattr(toys.Tagger, "footprint", lambda self: {"table_values": 12.0}, raising=False)
    made = evaluate(run, corpus)
    assert made.metrics["table_values"] == run.evaluation["metrics"]["table_values"] == 12.0
    assert made.metrics["frame_map"] == 1.0 and "table_values" not in made.intervals
