"""What a report shows of logs."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from acteme.engine.answers.words import Words
from acteme.engine.predict import predict
from acteme.engine.run import load
from acteme.reports.gather import gather
from acteme.reports.logs import groups
from acteme.reports.page import render
from tests.engine.logs import host, table, trained


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """Reports open runs by their folder; the toys are not in the catalog."""
    monkeypatch.setattr("acteme.engine.evaluate.load", lambda run: run if hasattr(run, "entry") else load(run))


def test_users_are_shown_with_what_they_did_were_offered_and_chose(look):
    run, corpus = trained("ranking")
    page = gather(run, corpus)
    assert not page.notes and ("Items", "12") in page.facts and ("Fields", "category, channel") in page.facts
    assert [m.name for m in page.metrics if m.headline] == ["mrr", "hr@5", "hr@10", "ndcg@10"]
    assert len(page.users) == 6
    test, words = corpus.select("test"), Words(corpus)
    for user in page.users:
        own = next(r for r in test if r.subject == user.name)
        told = [words.items[k] for k in own.arrays["item"].tolist()]
        assert user.history == tuple(told[:-1][-10:]) and user.came == told[-1] and user.events == len(told) - 1
        assert not {o.title for o in user.offers} & set(told[:-1])
        place, total = user.place.removeprefix("place ").split(" of ")
        assert int(total) == 12 - len(set(told[:-1]))
        marked = [n for n, o in enumerate(user.offers, 1) if o.came]
        assert marked == ([int(place)] if int(place) <= 8 else [])
    assert page.latents.unit == "events" and len(page.latents.label) == 30 and "30 users" in page.latents_about
    assert page.classes and page.latents.label.max() < len(page.classes)
    view = look(page)
    assert view.locator(".person").count() == 6 and view.locator("svg.map circle").count() == 30


def test_events_are_shown_with_their_chance_and_what_came(look):
    run, corpus = trained("clicks", "click")
    page = gather(run, corpus)
    assert page.columns == ("Time", "Chance", "User", "Item", "category", "channel", "Came")
    scores = [e.score for e in page.events]
    assert scores == sorted(scores, reverse=True) and len(scores) == 24
    chance = {j.user: j.value for j in predict(run, corpus, split="test")}
    assert all(e.score == pytest.approx(chance[e.cells[0][0]], abs=1e-6) and e.came in "01" for e in page.events)
    view = look(page)
    assert view.locator("table.events tbody tr").count() == 24
    assert view.locator("table.events thead th").last.inner_text() == "Came"


def test_odd_events_are_shown_once_with_what_does_not_fit(look):
    run, corpus = trained("anomalies")
    page = gather(run, corpus)
    assert page.events_title == "Odd events" and "Label" not in render(page).partition("<tbody>")[0]
    combinations = [tuple(cell for cell, _ in e.cells) for e in page.events]
    assert len(set(combinations)) == len(combinations) == 8
    assert all(sum(marked for _, marked in e.cells) == 2 for e in page.events)
    kinds = {f"{n} exchanged, {draw}" for n in (1, 2, 3) for draw in ("uniform", "marginal")}
    assert {r.name for r in page.class_rows} == kinds
    assert page.classes and set(page.classes) <= {"p0", "p1", "p2", "p3"}
    view = look(page)
    assert view.locator("mark").count() == 16


def test_new_values_are_shown_as_such(tmp_path):
    run, corpus = trained("anomalies")
    rows = host(40, seed=5).splitlines()
    rows[-1] = "39,p9,c0,f0"
    page = gather(run, corpus.select("test"))
    assert "of the test split" in page.events_about and "of the test split" in page.latents_about
    other = table(tmp_path, "\n".join(rows) + "\n")
    page = gather(run, other)
    assert [value for e in page.events for value, _ in e.cells if "new" in value] == ["p9 (new)"]
    assert "of the data" in page.events_about and "of the data" in page.latents_about, "all of another log"
    rows[5] = "4,p8,c0,f0"
    page = gather(run, table(tmp_path, "\n".join(rows) + "\n", "?rare=2"))
    assert [value for e in page.events for value, _ in e.cells if "p8" in value] == ["p8 (new)"]


def test_groups_are_the_kinds_of_items_that_stand_out(tmp_path):
    corpus = table(tmp_path, "user,item,timestamp\na,x,1\na,y,2\na,z,3\nb,y,1\nb,y,2\nb,w,3\n").select("test")
    known = corpus.catalog.append_column("categories", pa.array([["war"], ["war", "fun"], None, ["fun"]]))
    some, last = np.arange(2), corpus.frames - 1
    names, label, what = groups(replace(corpus, catalog=known), some, last)
    assert names == ("fun", "war") and label.tolist() == [1, 0] and "kind of items" in what
    assert groups(corpus, some, last)[1].tolist() == [-1, -1]  # nothing is known of the items


def test_what_was_left_out_is_said(tmp_path):
    run, _ = trained("ranking")
    rows = "".join(f"u{u},{i},{t},kind0,web\n" for u in range(4) for t, i in enumerate(("i1", "i2", "new", "i3", "i4")))
    page = gather(run, table(tmp_path, "user,item,timestamp,category,channel\n" + rows))
    assert any("4 of 20 events are left out, of items that the run does not know: new" in note for note in page.notes)
