"""A run of CAR through the engine: protocols, predictions, tables that texts search, and bad input."""

import json
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from acteme.engine.encode import encode
from acteme.engine.evaluate import evaluate
from acteme.engine.export import write
from acteme.engine.measures import Asked, retrieval
from acteme.engine.predict import predict
from acteme.engine.run import Run
from acteme.engine.search import search
from acteme.engine.segmenter import Rules
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.spec import Spec
from acteme.recordings.worlds.mocap import mocap
from acteme.recordings.worlds.sequences import sequences
from acteme.systems.describe.car import AlignConfig, Config, align
from acteme.systems.describe.car.networks import Network
from tests.engine.trained import QUIET


@cache
def aligned() -> tuple[Run, Corpus]:
    """A run that begins to know its training captions, and its data."""
    data = sequences(train=40, test=40, unseen=0.0, fps=8.0, noise=0.0)
    small = AlignConfig.small()
    config = replace(small, words=16, network=Network(width=16, hidden=32, layers=1, heads=2, dropout=0.0),
                     weights=replace(small.weights, recons=0.0),
                     recipe=replace(small.recipe, epochs=40, batch=20, lr=1e-2))  # fmt: skip
    with mock.patch.object(align, "sample", lambda mean, log: mean):  # noise that takes long to learn away
        return train("car", data, Path(tempfile.mkdtemp()) / "run", config=Config(config), settings=QUIET), data


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    run, corpus = aligned()
    return encode(run, corpus, tmp_path_factory.mktemp("table") / "t", workers=1)


def test_all_is_recall_and_chronology_of_the_similarities():
    run, corpus = aligned()
    found = evaluate(run, corpus, split="train")
    module = run.module()
    part = corpus.select("train")
    motions = module.encode(part.cut(run.config.align.windows, np.arange(40), np.zeros(40, int))).pooled
    texts = module.encode_texts([" ".join(part[i].segments[0].events) for i in range(40)])
    s = (texts / texts.norm(dim=-1, keepdim=True)) @ (motions / motions.norm(dim=-1, keepdim=True)).T
    own = s.diagonal()[:, None]
    assert found.metrics["t2m_r@1"] == pytest.approx(((s > own).sum(1) < 1).float().mean().item(), abs=0.03)
    assert found.metrics["m2t_r@5"] == pytest.approx(((s > own.T).sum(0) < 5).float().mean().item(), abs=0.03)
    assert found.metrics["m2t_r@5"] > 0.3, "it learned"
    low, high = found.intervals["t2m_r@1"]
    assert low < found.metrics["t2m_r@1"] <= high, "of many resamples"
    assert {"car", "car_half", "car_original"} <= set(found.metrics) and found.task == "retrieval"
    written = json.loads((run.folder / "evaluation.json").read_text())
    assert written["protocol"] == "all" and written["metrics"]["car"] == found.metrics["car"]


def test_other_protocols():
    run, corpus = aligned()
    plain = evaluate(run, corpus, protocol="all").metrics
    alike = evaluate(run, corpus, protocol="threshold").metrics
    assert all(alike[f"{d}_r@{k}"] >= plain[f"{d}_r@{k}"] for d in ("t2m", "m2t") for k in (1, 5)), "equal texts count"
    assert evaluate(run, corpus, protocol="car").metrics["car"] == plain["car"]
    among = evaluate(run, corpus, protocol="distractors").metrics
    assert set(among) == {n for n in plain if n.startswith("m2t")} and among["m2t_r@1"] <= plain["m2t_r@1"]
    batches = evaluate(run, corpus, protocol="guo").metrics
    assert batches["m2t_r@10"] >= plain["m2t_r@10"] and "car" not in batches
    with pytest.raises(InputError, match="names no recordings that are unlike"):
        evaluate(run, corpus, protocol="nsim")
    marked = replace(corpus, table=corpus.table | {"factor:nsim": (np.arange(80) % 2).astype(float)})
    assert evaluate(run, marked, protocol="nsim").metrics["m2t_r@10"] >= plain["m2t_r@10"]


def test_data_without_captions_or_events():
    run, corpus = aligned()
    mute = replace(corpus, texts=(), events=(), table=corpus.table | {"text": np.full(80, "")})
    with pytest.raises(InputError, match="no recording has a caption to compare with"):
        evaluate(run, mute)
    with pytest.raises(InputError, match="no recording has a caption, from which stage 'align' learns"):
        train("car", mute, run.folder.parent / "mute", config=run.config, settings=QUIET)
    single = replace(corpus, texts=("a person walks",) * 80, events=())
    assert not any(n.startswith("car") for n in evaluate(run, single).metrics)
    for protocol in ("car", "distractors"):
        with pytest.raises(InputError, match="no caption tells of two events"):
            evaluate(run, single, protocol=protocol)


def test_other_classes_do_not_matter_and_rules_tell_events():
    run, corpus = aligned()
    other = replace(corpus, spec=replace(corpus.spec, classes=("clip",)), events=())
    assert evaluate(run, other).metrics["car"] == evaluate(run, corpus).metrics["car"], "rules find the same events"


def test_one_shuffle_per_recording_by_a_fixed_seed():
    _, corpus = aligned()
    found, _ = retrieval.first_captions(corpus.select("test"))
    rows, texts = retrieval.reordered(found, needed=True)
    assert (rows, texts) == retrieval.reordered(found, needed=True) and rows == list(range(40))
    assert all(t != " ".join(c.events) for t, c in zip(texts, found, strict=True))


def test_a_caption_beyond_the_first_window_is_seen_where_it_is():
    run, _ = aligned()
    rng, spec = np.random.default_rng(0), Spec("mocap15", 15, 1, 3, ("motion",), 10.0)
    x = rng.normal(size=(50, 1, 15, 3)).cumsum(0).astype(np.float32)
    late = Segment(3.0, 5.0, "motion", text="a person walks")
    long = Corpus.of([Recording("long", 10.0, {"skeleton": x}, segments=(late,))], spec)
    own = Corpus.of([Recording("own", 10.0, {"skeleton": x[30:]})], spec)
    align = replace(run.config.align, windows=replace(run.config.align.windows, limit=32))
    asked = Asked(replace(run, config=replace(run.config, align=align)), run.module(), "align", long, lambda: long)
    alone = run.module().encode(own.cut(align.windows, np.zeros(1, int), np.zeros(1, int))).pooled
    found, _ = retrieval.first_captions(long)
    torch.testing.assert_close(retrieval.latents(asked, long, found), alone, atol=1e-5, rtol=1e-4)


def test_orders_that_read_alike_are_no_other_order():
    same = retrieval.Caption("x", ("walk", "walk walk"), 0.0, 1.0)
    assert retrieval.reordered([same], needed=False) == ([], [])


def test_predictions_are_captions_with_times(tmp_path):
    run, corpus = aligned()
    known = {" ".join(corpus[i].segments[0].events) for i in range(40)}
    found = list(predict(run, corpus.select("train"), workers=1))
    assert len(found) == 40
    for p in found:
        assert p.segments and all(s.label in known and s.start == 0 and s.end <= p.duration + 1e-6 for s in p.segments)
        scores = [s.score for s in p.segments]
        assert scores == sorted(scores, reverse=True) and len(scores) <= 5
    hits = [p.segments[0].label == " ".join(corpus[i].segments[0].events) for i, p in enumerate(found)]
    assert np.mean(hits) > 0.1
    strict = list(predict(run, corpus.select("train"), workers=1, rules=Rules(threshold=0.999)))
    assert sum(len(p.segments) for p in strict) < sum(len(p.segments) for p in found)
    write(iter(found), tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert row["segments"][0]["label"] == found[0].segments[0].label


def test_a_long_recording_gets_captions_window_by_window():
    run, _ = aligned()
    long = mocap(train=1, test=0, layout="mocap15", fps=10.0, seconds=(20.0, 25.0))
    (p,) = predict(run, long, workers=1)
    starts = sorted({s.start for s in p.segments})
    assert len(starts) > 5 and max(s.end for s in p.segments) == pytest.approx(p.duration)
    assert run.clip < 6, "windows are as long as a typical captioned stretch"


def test_a_text_finds_motions(table):
    run, corpus = aligned()
    query = " ".join(corpus[3].segments[0].events)
    module = run.module()
    vector = module.encode_texts([module.phrase(query)])[0].numpy()
    rows = table.open().to_arrow().to_pylist()
    vectors = np.array([r["vector"] for r in rows])
    near = (vectors @ vector) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(vector)
    hits = search(table, "A person " + query.removeprefix("a person ") + ".", count=3)
    assert [h.recording for h in hits] == [rows[i]["recording"] for i in np.argsort(-near)[:3]]
    assert hits[0].similarity == pytest.approx(near.max(), abs=1e-5) and not hits[0].text


def test_a_motion_finds_texts(table):
    _, corpus = aligned()
    assert table.texts == 80
    hits = search(table, corpus[5], count=4, texts=True)
    assert len({h.text for h in hits}) == 4 and all(h.text for h in hits)
    assert [h.similarity for h in hits] == sorted((h.similarity for h in hits), reverse=True)
    same = search(table, 5, count=4, texts=True)
    assert [h.text for h in same] == [h.text for h in hits]
    own = search(table, corpus[5].segments[0].text, count=1, texts=True)
    assert own[0].similarity > 0.99, "a text finds captions, too"
    assert {h.split for h in search(table, corpus[5], split="test", texts=True)} == {"test"}


def test_queries_that_are_no_text(table, tmp_path):
    from acteme.engine.search import _is_text

    assert _is_text("waves") and _is_text("a person jumps, then waves. twice")
    assert _is_text("walk " * 1000), "no file has so long a name"
    assert not any(map(_is_text, ("walk.bvh", "data/walk", "mocap?train=1", "mocap", "ntu60:x")))
    for nothing in ("", " "):
        with pytest.raises(InputError, match="query: is empty"):
            search(table, nothing)
    with pytest.raises(InputError, match="a text has no times"):
        search(table, "a person waves", start=0.0)
    with pytest.raises(InputError, match="there is no such path"):
        search(table, "walks.bvh")


def test_tables_of_runs_that_read_no_text(tmp_path):
    from tests.engine.trained import segmenting

    run, corpus = segmenting()
    plain = encode(run, corpus, tmp_path / "t", workers=1)
    assert plain.texts == 0
    with pytest.raises(InputError, match="holds no captions"):
        search(plain, 0, texts=True)
    with pytest.raises(InputError, match="there is no such path"):
        search(plain, "a person waves", run=run)
