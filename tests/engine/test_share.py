"""Corpora on their way to other processes."""

import pickle

import numpy as np

from acteme.engine.share import share
from acteme.recordings.corpus import Corpus
from tests.engine.toys import SPEC, untrimmed


def test_memory_mapped_corpora_travel_as_a_path(tmp_path):
    corpus = Corpus.build(iter(untrimmed(6)), SPEC, tmp_path / "c").select("test")
    sent = pickle.dumps(share(corpus))
    assert len(sent) < 1000
    again = pickle.loads(sent).open()
    assert len(again) == 2 and [r.name for r in again] == [r.name for r in corpus]
    np.testing.assert_array_equal(again[1].arrays["skeleton"], corpus[1].arrays["skeleton"])


def test_corpora_in_memory_travel_as_they_are():
    corpus = untrimmed(3).select("train")
    again = pickle.loads(pickle.dumps(share(corpus))).open()
    assert [r.name for r in again] == [r.name for r in corpus]
