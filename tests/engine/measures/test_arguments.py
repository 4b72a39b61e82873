"""Arguments of events against what is true."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from acteme.engine.evaluate import evaluate
from acteme.engine.measures import Asked, arguments
from acteme.recordings.annotations import Arguments
from acteme.recordings.documents.document import Argument, Document, Event, Mention, Ontology
from acteme.recordings.documents.readers import made
from tests.engine.documents import Reader, news, trained


def asked(module, corpus, protocol="rams"):
    run, _ = trained()
    return Asked(run, module, "learn", corpus, lambda: corpus, protocol)


def test_what_is_found_is_compared_document_by_document():
    run, corpus = trained()
    test = corpus.select("test")
    module = Reader(run.config.learn, run.spec)
    out = arguments.measure(asked(module, test))
    assert out.metrics["f1"] == out.metrics["identification_f1"] == 1 and out.metrics["ruled_head_f1"] == 1
    assert "head_f1" not in out.metrics and set(out.per_class) <= {r.rpartition("arg")[2] for _, r in test.spec.roles}
    true = test.told()
    module.drop = 1  # of every document the first argument
    out = arguments.measure(asked(module, test))
    left = len(true) - len(np.unique(true.document))
    assert out.metrics["recall"] == pytest.approx(left / len(true)) and out.metrics["precision"] == 1
    module.drop, module.longer = 0, True
    out = arguments.measure(asked(module, test))
    assert out.metrics["f1"] == 0 and 0 <= out.metrics["ruled_head_f1"] <= 1
    batches = list(arguments.predicted(module, test, run.config.learn.windows, 3))
    assert [b.document.min() for b in batches] == [0, 3] and arguments.joined(batches).document.max() == 4


def small():
    """Two windows of one source; the seller is spoken of twice in the first."""
    words = (("The", "mayor", "of", "Oslo", "sold", "it", "."), ("He", "gave", "the", "car", "to", "Ann", "."))
    ontology = Ontology({"sale": {"seller": 1, "thing": 1}})
    mentions = (Mention("a", 0, 4), Mention("b", 7, 8))
    first = Event(4, 5, "sale", (Argument(0, 4, "seller"), Argument(9, 11, "thing")))
    second = Event(4, 5, "sale", (Argument(5, 6, "thing"),))
    one = Document("d0", words, (first,), mentions, (("a", "b"),), "test", "paper")
    two = Document("d1", words[:1], (second,), (), (), "test", "paper")
    return made([one, two], ontology)


class Says(nn.Module):
    """What it is told to say: document, first word, last word, role."""

    def __init__(self, rows):
        super().__init__()
        self.rows = np.array(rows)

    def predict(self, batch):
        r = self.rows
        return Arguments(r[:, 0], np.tile([4, 4], (len(r), 1)), r[:, 1:3], r[:, 3])


def test_rules_differ_in_articles_and_mentions():
    corpus = small()
    said = Says([(0, 1, 3, 0), (0, 10, 10, 1), (1, 5, 5, 1)])  # "mayor of Oslo", "car", "it"
    plain = arguments.measure(asked(said, corpus))
    assert plain.metrics["f1"] == pytest.approx(1 / 3) and plain.metrics["ruled_head_f1"] == 1
    assert plain.metrics["f1_at+0"] == pytest.approx(1 / 2) and plain.metrics["f1_at+1"] == 0
    assert np.isnan(plain.intervals["f1"]).all()  # one source: nothing to resample
    bare = arguments.measure(asked(said, corpus, "wikievents"))
    assert bare.metrics["f1"] == 1
    other = Says([(0, 7, 7, 0), (1, 5, 5, 1)])  # "He", who is the mayor
    for protocol in ("rams", "wikievents"):
        out = arguments.measure(asked(other, corpus, protocol))
        assert out.metrics["f1"] == pytest.approx(2 / 5) and out.metrics["coref_f1"] == pytest.approx(4 / 5)


def test_heads_of_a_parse_are_taken_where_there_is_a_parser(monkeypatch):
    class Token:
        def __init__(self, i):
            self.head = types.SimpleNamespace(i=i)

    def load(name, disable):
        assert name == "en_core_web_sm"

        # every word hangs on the one before it: the head of a span is its first word
        def model(words):
            return [Token(max(k - 1, 0)) for k in range(len(words))]

        model.vocab = None
        return model

    spacy = types.SimpleNamespace(load=load, tokens=types.SimpleNamespace(Doc=lambda vocab, words: words))
    monkeypatch.setitem(sys.modules, "spacy", spacy)
    monkeypatch.setattr(arguments.importlib.util, "find_spec", lambda name: True)
    arguments.parser.cache_clear()
    try:
        out = arguments.measure(asked(Says([(0, 0, 1, 0)]), small()))
    finally:
        arguments.parser.cache_clear()
    assert out.metrics["head_f1"] == pytest.approx(2 / 4) and out.metrics["f1"] == 0
    assert not any("ruled" in name for name in (*out.metrics, *out.intervals))


def test_a_run_is_measured_on_its_data():
    run, corpus = trained()
    found = evaluate(run, corpus)
    assert found.protocol == "rams" and found.metrics["f1"] == 1
    assert evaluate(run, corpus, protocol="wikievents").metrics["f1"] == 1
    other = news(types=2)
    assert torch.tensor(evaluate(run, other).metrics["f1"]) == 1
