"""What a report shows of documents."""

import pytest

from acteme.engine.run import load
from acteme.reports.content import Piece
from acteme.reports.gather import gather
from acteme.reports.texts import with_texts
from tests.engine.documents import trained


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    """Reports open runs by their folder; the toys are not in the catalog."""
    monkeypatch.setattr("acteme.engine.evaluate.load", lambda run: run if hasattr(run, "entry") else load(run))


def test_documents_are_shown_with_what_was_found(look):
    run, corpus = trained()
    page = gather(run, corpus)
    assert not page.notes and ("Types of events", "3") in page.facts
    test = corpus.select("test")
    assert [t.name for t in page.texts] == test.column("name").tolist()
    for text, own in zip(page.texts, test, strict=True):
        assert " ".join(p.words for p in text.pieces) == " ".join(own.text.split())
        assert all(p.found == p.true for p in text.pieces) and sum(p.trigger for p in text.pieces) == 1
        assert sum(bool(p.found) for p in text.pieces) == len(own.event.arguments)
    assert {r.name for r in page.class_rows} and page.latents.unit == "words" and len(page.latents.label) == 5
    view = look(page)
    assert view.locator(".text").count() == 5
    assert view.locator(".text mark.hit").count() == sum(len(own.event.arguments) for own in test)
    assert view.locator(".text mark.missed, .text mark.wrong").count() == 0


def test_what_is_missed_and_what_is_wrong_is_marked(look, monkeypatch):
    run, corpus = trained()
    build = type(run).module

    def worse(self, stage=None):
        module = build(self, stage)
        module.drop, module.longer = 1, True
        return module

    monkeypatch.setattr(type(run), "module", worse)
    page = gather(run, corpus)
    pieces = [p for t in with_texts(page, run, corpus.select("test")).texts for p in t.pieces]
    assert any(p.true and not p.found for p in pieces) and any(p.found and not p.true for p in pieces)
    assert Piece("x") == Piece("x", False, (), ())
    view = look(page)
    assert view.locator(".text mark.missed").count() == 5 and view.locator(".text mark.wrong").count() > 0
