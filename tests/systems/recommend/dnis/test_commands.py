"""The commands on a log of ratings: train with a choice, evaluate, prune further, and what is refused."""

import json
from dataclasses import replace

import pytest

from acteme.engine.evaluate import evaluate
from acteme.engine.predict import predict
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.sources import open_data
from acteme.systems.recommend.dnis import Search
from tests.systems.recommend.dnis.data import QUIET, ratings, small


def test_a_log_from_training_to_a_smaller_table(tmp_path):
    corpus = ratings(tmp_path)
    run = train("dnis", corpus, tmp_path / "r", config=small(3), settings=replace(QUIET, best="-mse"))
    scores = json.loads((run.stage_folder("search") / "validation.json").read_text())["scores"]
    assert list(scores) == ["0", "1", "2"] and all(v < 0 for v in scores.values())
    told = next(predict(run, corpus.select("test")))
    assert told.kind == "rating", "not a probability"
    made = evaluate(run, corpus)
    assert made.protocol == "ratings" and made.metrics["mse"] < made.metrics["constant_mse"]
    assert made.metrics["table_share"] == pytest.approx(0.5, abs=0.01)
    config = replace(run.config, prune=replace(run.config.prune, keep=0.1))
    tiny = train("dnis", corpus, tmp_path / "s", config=config, settings=QUIET, stages=("prune",), start=run)
    found = evaluate(tiny, corpus).metrics
    assert found["table_share"] == pytest.approx(0.1, abs=0.01) and found["table_bytes"] < made.metrics["table_bytes"]
    took = [run.seconds(stage) for stage in run.stages]  # warm and search are taken with the time that they took
    assert made.metrics["training_seconds"] == pytest.approx(sum(took)) and tiny.seconds("search") == took[1] > 0
    assert found["training_seconds"] == pytest.approx(took[0] + took[1] + tiny.seconds("prune"))
    assert found["dense_bytes"] == made.metrics["dense_bytes"] and found["mse"] != made.metrics["mse"]


def test_of_users_histories_alpha_learns_from_what_training_has_not_seen(tmp_path, monkeypatch):
    rows = [f"u{u},f{(u * 3 + t) % 7},{t},{(u + t) % 5 + 1},d{u % 2}" for u in range(6) for t in range(8)]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(["user,item,timestamp,rating,device", *rows]) + "\n")
    corpus, seen = open_data(f"events:{path}"), []
    respond = Search.respond
    monkeypatch.setattr(Search, "respond", lambda self, batch: seen.append(batch) or respond(self, batch))
    train("dnis", corpus, tmp_path / "r", config=small(2), settings=QUIET)
    assert len(seen) == 4 and all(batch["when"].tolist() == [[6.0]] * 6 for batch in seen)


def test_users_and_items_are_fields_where_asked_for(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("user,item,timestamp,click\n" + "".join(f"u{t % 3},f{t % 4},{t},{t % 2}\n" for t in range(40)))
    with pytest.raises(InputError, match=r"the data has no field, .* are fields with \?fields=user,item"):
        train("dnis", f"events:{path}", tmp_path / "r", config=small(1), settings=QUIET)
    corpus = open_data(f"events:{path}?fields=user,item&shuffle=true")
    assert corpus.spec.fields == ("user", "item") and corpus.spec.sizes == (4, 5)
    run = train("dnis", corpus, tmp_path / "r", config=small(1), settings=QUIET)
    assert evaluate(run, corpus).protocol == "outcomes"
    path.write_text("user,item\n" + "".join(f"u{t % 3},f{t % 4}\n" for t in range(40)))
    run = train("dnis", f"events:{path}?fields=user,item", tmp_path / "s", config=small(1), settings=QUIET)
    made = evaluate(run, f"events:{path}?fields=user,item")
    assert made.protocol == "full" and 0 < made.metrics["mrr"] <= 1 and "table_share" in made.metrics
    with pytest.raises(InputError, match="the data has no outcomes, and no field 'item'"):
        path.write_text(path.read_text().replace("item", "film"))
        train("dnis", f"events:{path}?fields=user,film", tmp_path / "t", config=small(1), settings=QUIET)


def test_a_log_without_validation_events_is_refused_before_it_is_trained(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("viewer,film,rating\na,x,1\nb,y,2\nc,x,3\n")
    with pytest.raises(InputError, match="the data has no split 'val'"):
        train("dnis", f"events:{path}?val=0&test=0.3", tmp_path / "r", config=small(1), settings=QUIET)
    assert not (tmp_path / "r").exists()
