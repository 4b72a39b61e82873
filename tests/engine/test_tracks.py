"""Tracks through the engine: base on many scenes, adaptation in others, evaluation, prediction, latents, files."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from acteme.engine.adapt import adapt, gathered, with_scenes
from acteme.engine.encode import encode
from acteme.engine.evaluate import evaluate
from acteme.engine.export import write
from acteme.engine.inputs import parts
from acteme.engine.predict import predict
from acteme.engine.run import load
from acteme.engine.search import search
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.convert import convert
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.worlds.crowd import crowd
from tests.engine.trained import QUIET, scenes


def test_a_run_adapts_another_to_its_scenes():
    first, second, deploy = scenes()
    assert second.spec.scenes == deploy.spec.scenes != first.spec.scenes
    assert second.done("base") and second.done("adapt") and not first.done("adapt")
    base, led = first.module("base"), second.module("adapt")
    for a, b in zip(base.predictor.parameters(), led.base.parameters(), strict=True):
        assert (a == b).all()


def test_the_evaluation_says_what_adaptation_gained():
    first, second, deploy = scenes()
    found = evaluate(second, deploy)
    m = found.metrics
    assert found.protocol == "predictions" and set(found.per_class) == set(deploy.spec.scenes)
    assert m["ade"] == pytest.approx(np.mean([row["ade"] for row in found.per_class.values()]))
    before = evaluate(first, deploy, split="test")
    assert before.metrics["ade"] == pytest.approx(m["frozen_ade"], rel=1e-4) and "gain" not in before.metrics
    assert before.metrics["cv_ade"] == pytest.approx(m["cv_ade"])
    early = deploy.select("train")
    assert m["human_seconds"] == pytest.approx(early.frames.sum() / 2.5 / 2)
    assert json.loads((second.folder / "evaluation.json").read_text())["metrics"]["gain"] == pytest.approx(m["gain"])
    assert len(found.intervals) == len(m) - 1, "all but the human-seconds"


def test_a_track_goes_on_after_its_end(tmp_path):
    _, second, deploy = scenes()
    test = deploy.select("test")
    found = list(predict(second, test))
    assert [p.recording for p in found] == test.column("name").tolist()
    assert all(p.futures.shape == (1, 12, 2) and p.fps == 2.5 and not p.segments for p in found)
    last = test[0].arrays["position"][-8:]
    window = test.batch(np.array([0]), np.array([test.frames[0] - 8]), 8)
    np.testing.assert_allclose(found[0].futures, second.module("adapt").predict(window).positions[0], atol=1e-3)
    assert np.array_equal(window["position"][0], last)
    (table,) = write(found[:2], tmp_path / "p.csv")
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 24 and float(rows[0]["time"]) == pytest.approx(found[0].duration, abs=1e-3)
    assert float(rows[13]["x"]) == pytest.approx(found[1].futures[0, 1, 0], abs=1e-3)
    (lines,) = write(found[:2], tmp_path / "p.jsonl")
    first = json.loads(lines.read_text().splitlines()[0])
    assert set(first) == {"recording", "duration", "fps", "futures"} and len(first["futures"][0]) == 12


def test_one_recording_and_one_of_a_single_frame():
    _, second, deploy = scenes()
    r = deploy[0]
    (found,) = predict(second, r)
    (again,) = predict(second, replace(r, name="late", arrays={"position": r.arrays["position"][-8:]}))
    np.testing.assert_allclose(found.futures, again.futures, atol=1e-4)
    (once,) = predict(second, replace(r, arrays={"position": r.arrays["position"][:1]}))
    assert np.isfinite(once.futures).all()
    with pytest.raises(InputError, match="its camera 'elsewhere' is no scene of the run; scenes: place000, place001"):
        list(predict(second, replace(r, camera="elsewhere")))
    with pytest.raises(InputError, match="has no position; give tracks"):
        list(predict(second, Recording("x", 2.5, {"skeleton": np.zeros((9, 1, 17, 2))}, camera="place000")))


def test_other_scenes_are_predicted_by_the_base():
    first, second, _ = scenes()
    other = crowd(form="deploy", scenes=1, tracks=6, test=2, seed=5)
    other = replace(other, spec=replace(other.spec, scenes=("new",)))
    other.table["camera"][:] = "new"
    a, b = (np.concatenate([p.futures for p in predict(run, other)]) for run in (first, second))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_another_rate_is_brought_to_the_runs():
    _, second, deploy = scenes()
    r = deploy[0]
    at = np.linspace(0, r.frames - 1, 4 * (r.frames - 1) + 1)
    fast = np.stack([np.interp(at, np.arange(r.frames), r.arrays["position"][:, k]) for k in (0, 1)], 1)
    spec = replace(deploy.spec, fps=10.0)
    corpus = Corpus.of([replace(r, fps=10.0, arrays={"position": fast})], spec)
    made = adapt(corpus, second.spec)
    assert made.column("fps").tolist() == [2.5] and made.spec.scenes == deploy.spec.scenes
    n = min(made.frames[0], r.frames)
    np.testing.assert_allclose(made[0].arrays["position"][:n], r.arrays["position"][:n], atol=1e-3)


def test_scenes_keep_the_numbers_and_extents_of_the_run():
    maps = np.stack([np.full((2, 2), k) for k in range(3)]).astype(np.uint8)
    own = Spec(channels=2, scenes=("c", "a", "b"), extents=tuple((0.0, 0.0, k, k) for k in (1.0, 2.0, 3.0)))
    tracks = [Recording(n, 2.5, {"position": np.ones((3, 2))}, camera=n) for n in "abc"]
    corpus = Corpus.of(tracks, replace(own, fps=2.5), surfaces=maps)
    wanted = Spec(channels=2, fps=2.5, scenes=("b", "z"), extents=((0.0, 0.0, 9.0, 9.0),) * 2)
    made = with_scenes(corpus, wanted)
    assert made.spec.scenes == ("b", "z", "c", "a")
    assert made.spec.extents == ((0, 0, 9, 9), (0, 0, 9, 9), (0, 0, 1, 1), (0, 0, 2, 2))
    batch = made.batch(np.arange(3), np.zeros(3, int), 2)
    assert batch["scene"].tolist() == [3, 0, 2] and batch["extent"][:, 2].tolist() == [2, 9, 1]
    assert batch["surface"][:, 0, 0].tolist() == [1, 2, 0], "maps follow their scenes"
    assert with_scenes(made, wanted) is made
    assert adapt(corpus, wanted).spec.scenes == made.spec.scenes


def test_recordings_of_files_are_gathered_as_a_corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path / "cache"))
    _, second, deploy = scenes()
    table = convert(deploy, tmp_path / "own.csv", "tracks")
    data = f"tracks:{table}"
    (part,) = parts(data)
    made = gathered(part, second.spec, "test")
    assert len(made) == len(deploy.select("test")) and made.spec.scenes[:2] == second.spec.scenes
    assert gathered(part, second.spec, "val") is None
    by_file = {p.recording: p.futures for p in predict(second, data, split="test")}
    by_subject = {r.subject: p.futures for r, p in zip(deploy, predict(second, deploy), strict=True)}
    for name, futures in by_file.items():
        np.testing.assert_allclose(futures, by_subject[name.partition("/")[2].partition("#")[0]], atol=0.05)
    again = open_data(data)
    assert sorted(again.frames) == sorted(deploy.frames) and check(data).good


def test_what_was_converted_is_what_was_there(tmp_path):
    _, _, deploy = scenes()
    kept = open_data(convert(deploy, tmp_path / "corpus", "corpus"))
    assert kept.spec == deploy.spec and np.array_equal(kept.arrays["position"], deploy.arrays["position"])
    for format in ("folder", "ctrgcn"):
        with pytest.raises(InputError, match="has no skeleton; use format corpus or tracks"):
            convert(deploy, tmp_path / "x", format)


def test_latents_of_tracks_can_be_searched(tmp_path):
    _, second, deploy = scenes()
    table = encode(second, deploy, tmp_path / "latents", workers=1)
    rows = table.open().to_arrow().to_pylist()
    assert {r["recording"] for r in rows} == set(deploy.column("name"))
    assert all(r["end"] - r["start"] <= 8.0 + 1e-6 for r in rows)
    found = search(table, 0, count=3)
    assert len(found) == 3 and found[0].similarity >= found[-1].similarity


def test_a_track_that_leaves_its_map_is_noticed():
    tracks = [Recording(f"t{i}", 2.5, {"position": np.full((3, 2), v) + np.arange(3)[:, None]}, camera="yard")
              for i, v in enumerate((3.0, 30.0, -9.0))]  # fmt: skip
    corpus = Corpus.of(tracks, Spec(channels=2, fps=2.5, scenes=("yard",), extents=((0.0, 0.0, 20.0, 10.0),)))
    found = check(corpus)
    assert found.good and "2 tracks leave the map of their scene: t1, t2" in found.warnings
    still = Corpus.of([replace(tracks[0], arrays={"position": np.ones((3, 2))})], corpus.spec)
    assert any("do not move at all: t0" in w for w in check(still).warnings)


def test_training_goes_on_where_it_was(tmp_path):
    """The best weights so far are part of the state: a run that was stopped ends like one that was not."""
    first, second, deploy = scenes()
    run = load(second.folder)
    state = run.module("adapt").state_dict()
    again = train("corridors", deploy, tmp_path / "again", settings=QUIET, stages=["adapt"], start=first)
    for name, value in again.module("adapt").state_dict().items():
        assert (value == state[name]).all(), name
