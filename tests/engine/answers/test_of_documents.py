"""What runs say of documents."""

import json

import numpy as np
import pytest

from acteme.engine import names
from acteme.engine.encode import encode
from acteme.engine.export import write
from acteme.engine.predict import predict
from acteme.engine.search import search
from acteme.engine.train import train
from acteme.errors import InputError
from acteme.recordings.documents.document import Argument, Document, Event, Ontology
from acteme.recordings.documents.predictions import read_predictions
from acteme.recordings.documents.readers import made
from tests.engine.documents import TOY, trained
from tests.engine.logs import host, table
from tests.engine.logs import trained as logged


def test_arguments_are_said_in_words(tmp_path):
    run, corpus = trained()
    found = list(predict(run, corpus, split="test", batch=2))
    test = corpus.select("test")
    assert [e.recording for e in found] == test.column("name").tolist()
    true = test.told()
    for i, e in enumerate(found):
        words = test[i].text.split()
        assert e.event == test[i].label and e.trigger.words == words[e.trigger.first]
        assert all(s.words == " ".join(words[s.first : s.last + 1]) for s in e.arguments)
        assert [(s.first, s.last) for s in e.arguments] == sorted(map(tuple, true.span[true.document == i].tolist()))
    write(predict(run, corpus, split="test"), tmp_path / "a.jsonl")
    row = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert set(row) == {"recording", "event", "trigger", "arguments"} and set(row["arguments"][0]) == {
        "role", "words", "first", "last", "score"}  # fmt: skip
    write(predict(run, corpus, split="test"), tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "recording,event,trigger,role,words,first,last,score" and len(lines) == 1 + len(true)


def test_the_official_scorers_can_read_what_is_found(tmp_path):
    run, corpus = trained()
    test = corpus.select("test")
    write(predict(run, corpus, split="test"), tmp_path / "a.jsonlines", "rams")
    kinds = [test.spec.classes[k] for k in test.label]
    back = read_predictions(tmp_path / "a.jsonlines", test.column("name").tolist(), test.spec.roles, kinds)
    true = test.told()
    rows = [sorted(map(tuple, np.column_stack([a.document, a.trigger, a.span, a.role]).tolist())) for a in (back, true)]
    assert rows[0] == rows[1]
    with pytest.raises(InputError, match="finds no arguments of events"):
        write(predict(*logged("ranking")), tmp_path / "b.jsonlines", "rams")


def test_documents_are_encoded_as_wholes_and_found_by_name(tmp_path):
    run, corpus = trained()
    made_ = encode(run, corpus, tmp_path / "table", split="test")
    assert made_.rows == 5 and made_.unit == "words"
    rows = made_.open().to_arrow().to_pylist()
    test = corpus.select("test")
    assert [r["label"] for r in rows] == [r.label for r in test]
    assert [r["end"] for r in rows] == test.frames.tolist()
    hits = search(made_, test[0].name, count=4)
    assert len(hits) == 4 and test[0].name not in {h.recording for h in hits}
    with pytest.raises(InputError, match="taken as a whole"):
        search(made_, test[0], start=1, run=run)


def test_types_and_roles_become_those_of_the_run(tmp_path):
    run, corpus = trained()
    kind, role = run.spec.roles[-1]
    new = Event(1, 2, "space.landing", (Argument(0, 1, "ship"),))
    own = Event(1, 2, kind, (Argument(0, 1, role), Argument(2, 3, "weather")))
    ontology = Ontology({"space.landing": {"ship": 1}, kind: {"weather": 1, role: 1}})
    both = made([Document("a", (("Eagle", "landed", "."),), (new,)),
                 Document("b", (("Ann", "acted", "rain"),), (own,))], ontology)  # fmt: skip
    seen = names.fitted(both, run)
    assert seen.column("name").tolist() == ["b"] and seen[0].label == kind
    assert seen.told().role.tolist() == [len(run.spec.roles) - 1, -1]
    assert seen.notes == ("1 of 2 events are of types that the run does not know",)
    assert [s.role for e in predict(run, both) for s in e.arguments] == [role.rpartition("arg")[2].lstrip("0123456789")]
    assert names.fitted(corpus, run) is corpus
    with pytest.raises(InputError, match="knows none of the types"):
        names.fitted(both.select(rows=np.array([0])), run)
    with pytest.raises(InputError, match="has no documents"):
        names.fitted(table(tmp_path, host(20)), run)


def test_documents_without_true_arguments_are_nothing_to_learn_from(tmp_path):
    ontology = Ontology({"life.die": {"victim": 1}})
    bare = made([Document("a", (("Ann", "fell", "."),), (Event(1, 2, "life.die"),), split="train")], ontology)
    with pytest.raises(InputError, match="no recording has a true argument, from which stage 'learn' learns"):
        train(TOY, bare, tmp_path / "r")
    with pytest.raises(InputError, match="no recording has a document, from which stage 'learn' learns"):
        train(TOY, table(tmp_path, host(20)), tmp_path / "r")
    assert not (tmp_path / "r").exists()
