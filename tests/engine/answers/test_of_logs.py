"""What runs say of logs."""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from acteme.engine.answers.recommendations import best
from acteme.engine.answers.words import moment
from acteme.engine.encode import encode
from acteme.engine.export import stream, write
from acteme.engine.predict import predict
from acteme.engine.search import search
from acteme.errors import DataWarning, InputError
from acteme.recordings.annotations import Preferences
from acteme.tasks.places import Lists
from tests.engine.logs import host, shop, table, trained
from tests.tiny import command


def test_recommendations_are_new_items_by_falling_score():
    run, corpus = trained("ranking")
    found = list(predict(run, corpus, count=4))
    assert len(found) == 30 and all(len(r.items) == 4 for r in found)
    known = corpus.catalog["item"].to_pylist()
    for r in found:
        whole = next(x for x in corpus if x.name == r.recording)
        assert r.user == whole.subject and whole.split == "test"
        assert not set(r.items) & {known[k - 1] for k in whole.arrays["item"]}
        assert list(r.scores) == sorted(r.scores, reverse=True) and r.titles == ("",) * 4
    module = run.module()
    last = corpus.select("test")[3].arrays["item"][-5:]
    with torch.no_grad():
        scores = module.items.weight[torch.from_numpy(last).long()].mean(0) @ module.items.weight.T
    scores[0] = -torch.inf
    scores[torch.from_numpy(corpus.select("test")[3].arrays["item"]).long()] = -torch.inf
    wanted = next(r for r in found if r.user == str(corpus.select("test")[3].subject))
    assert wanted.items == tuple(known[k - 1] for k in scores.argsort(descending=True)[:4])


def test_fewer_items_where_a_user_has_met_the_others():
    made = Preferences(torch.ones(2, 1), torch.tensor([[3.0], [1], [2]]), torch.tensor([0.0, 5, 0]))
    items, scores = best(made, Lists.of([[1], []]), 5)
    assert items[0, :2].tolist() == [2, 3] and scores[0].tolist() == [6, 2, -np.inf]
    assert items[1].tolist() == [2, 1, 3]


@dataclass(frozen=True)
class Reasons:
    names: list
    parts: torch.Tensor


def test_reasons_are_said_in_words(tmp_path, monkeypatch):
    run, corpus = trained("ranking")

    def reasons(module, batch, items, most=2):
        parts = torch.stack([items.float(), -items.float()], -1)
        return Reasons([[(f"i{k}", "no") for k in row] for row in items.tolist()], parts)

    monkeypatch.setattr(type(run.module()), "reasons", reasons, raising=False)
    known = corpus.catalog["item"].to_pylist()
    write(predict(run, corpus, count=2), tmp_path / "r.jsonl")
    first = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])["recommended"][0]
    k = known.index(first["item"]) + 1
    assert first["because"] == {f"i{k}": k}, "what speaks against it is no reason"
    write(predict(run, corpus, count=1), tmp_path / "r.csv")
    rows = (tmp_path / "r.csv").read_text().splitlines()
    assert rows[0].endswith(",because") and rows[1].endswith(f"i{k}")


def test_recommendations_as_files(tmp_path):
    run, corpus = trained("ranking")
    write(predict(run, corpus, count=2), tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["user", "rank", "item", "title", "score"] and len(rows) == 61
    assert [r[1] for r in rows[1:3]] == ["1", "2"]
    write(predict(run, corpus, split="val"), tmp_path / "r.jsonl")
    row = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])
    assert set(row) == {"recording", "user", "recommended"} and set(row["recommended"][0]) == {"item", "score"}
    assert row["recording"].endswith("/val") and len(row["recommended"]) <= 10
    for format in ("vtt", "eaf", "ma52"):
        with pytest.raises(InputError, match="no segments with times; use jsonl or csv"):
            write(predict(run, corpus), tmp_path / f"x.{format}", format)


def test_every_event_has_its_chance(tmp_path, capsys):
    run, corpus = trained("clicks", "click")
    found = list(predict(run, corpus))
    assert len(found) == sum(len(r.arrays["item"]) - 1 for r in corpus.select("test"))
    assert all(0 < j.value < 1 and j.kind == "probability" for j in found)
    held = list(predict(run, corpus, split="test"))
    every = {(j.recording, j.event): j.value for j in found}
    assert len(held) == 30 and all(j.value == pytest.approx(every[j.recording, j.event], abs=1e-6) for j in held)
    write(held, tmp_path / "c.csv")
    head = (tmp_path / "c.csv").read_text().splitlines()[0]
    assert head == "recording,user,event,time,item,title,probability"
    write(held, tmp_path / "c.jsonl")
    row = json.loads((tmp_path / "c.jsonl").read_text().splitlines()[0])
    assert row["time"] == str(int(corpus.select("test")[0].arrays["when"][-1])) and "title" not in row


def test_events_keep_their_numbers_where_others_are_left_out(tmp_path):
    run, _ = trained("clicks", "click")
    rows = [f"a,{item},{k},kind0,web,0" for k, item in enumerate(["i1", "new", "i2", "i3", "new"])]
    table(tmp_path, "\n".join(["user,item,timestamp,category,channel,click", *rows]) + "\n")
    with pytest.warns(DataWarning, match="2 of 5 events are left out, of items that the run does not know: new$"):
        found = list(predict(run, tmp_path / "log.csv"))
    assert [(j.event, j.item, j.time) for j in found] == [(2, "i2", "2"), (3, "i3", "3")]


def test_events_by_falling_oddity_in_words(tmp_path):
    run, corpus = trained("anomalies")
    found = list(predict(run, corpus, split="test"))
    assert len(found) == 40 and [o.score for o in found] == sorted((o.score for o in found), reverse=True)
    first = found[0]
    assert [name for name, _ in first.fields] == list(corpus.spec.fields) and len(first.pair) == 2
    words = dict(first.fields)
    assert words["program"].startswith("p") and words["folder"].startswith("f")
    assert [o.event for o in predict(run, corpus, split="test", count=3)] == [o.event for o in found[:3]]
    odd = host(40, seed=5).splitlines()
    odd[20] = "19,p0,c7,f3"
    seen = list(predict(run, table(tmp_path, "\n".join(odd) + "\n", "?val=0&test=0"), count=1))
    assert [(o.event, dict(o.fields)["call"]) for o in seen] == [(19, "c7")] and seen[0].pair == ("program", "call")
    write(seen, tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text().splitlines()[1].endswith("p0,c7,f3,program + call,")
    write(seen, tmp_path / "o.jsonl")
    assert json.loads((tmp_path / "o.jsonl").read_text())["fields"]["folder"] == "f3"


def test_new_values_are_told(tmp_path):
    run, _ = trained("anomalies")
    log = host(40, seed=5).splitlines()
    log[-1] = "39,p9,c0,f9"
    for options in ("?val=0&test=0", "?rare=9&val=0.3&test=0.3"):
        found = list(predict(run, table(tmp_path, "\n".join(log) + "\n", options)))
        last = next(o for o in found if dict(o.fields)["program"] == "p9")
        assert set(last.new) == {"program", "folder"} and dict(last.fields)["folder"] == "f9"
        assert sum(bool(o.new) for o in found) == 1 and not any("?" in value for o in found for _, value in o.fields)
        scores = [o.score for o in found]
        assert len(found) == 40 and scores == sorted(scores, reverse=True), "whatever the splits of the other log"
    write([last], tmp_path / "o.csv")
    head, row = (tmp_path / "o.csv").read_text().splitlines()
    assert head.endswith(",program,call,folder,pair,new") and row.endswith(",program + folder")
    write([last], tmp_path / "o.jsonl")
    assert json.loads((tmp_path / "o.jsonl").read_text())["new"] == ["program", "folder"]


def test_times_are_dates_or_steps():
    assert moment(12) == "12" and moment(1717180200) == "2024-05-31 18:30:00" and moment(10**15) == str(10**15)


def test_users_are_encoded_and_found(tmp_path):
    run, corpus = trained("ranking")
    made = encode(run, corpus, tmp_path / "table")
    assert made.rows == 30 and made.unit == "events" and made.width == 4
    rows = made.open().to_arrow().to_pylist()
    first = corpus.select("test")[0]
    mine = next(r for r in rows if r["recording"] == first.name)
    module = run.module()
    with torch.no_grad():
        mean = module.items.weight[torch.from_numpy(first.arrays["item"][-5:]).long()].mean(0)
    assert np.allclose(mine["vector"], mean, atol=1e-6) and mine["end"] == len(first.arrays["item"])
    hits = search(made, str(first.subject), count=5)
    assert len(hits) == 5 and all(h.recording != first.name for h in hits)
    # people of one taste are alike
    assert sum(int(h.recording[1:].split("/")[0]) % 2 == int(str(first.subject)[1:]) % 2 for h in hits) >= 4
    assert search(made, first.name, count=5) == hits
    said = command("search", tmp_path / "table", str(first.subject), "--count", "2")
    assert said.code == 0 and " s " not in said.out
    own = "\n".join(["user,item,timestamp,category,channel", *(x for x in shop().splitlines() if x.startswith("u3,"))])
    table(tmp_path, own + "\n")
    near = search(made, f"events:{tmp_path / 'log.csv'}", count=5, run=run)
    assert {h.recording: h.similarity for h in near}["u3/test"] == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="are none"):
        search(made, f"events:{tmp_path / 'log.csv'}", start=9, run=run)


def test_events_are_encoded_one_by_one(tmp_path):
    run, corpus = trained("anomalies")
    made = encode(run, corpus, tmp_path / "table", split="test")
    assert made.rows == 40
    rows = made.open().to_arrow().to_pylist()
    assert [r["start"] for r in rows] == list(range(40)) and rows[7]["end"] == 8


def test_a_number_of_items_below_one_is_refused():
    run, corpus = trained("ranking")
    with pytest.raises(InputError, match="count is 0"):
        predict(run, corpus, count=0)
    out = io.StringIO()
    stream(predict(run, corpus, count=1), out, "csv")
    assert len(out.getvalue().splitlines()) == 31
