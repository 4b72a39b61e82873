"""What prediction and encoding are given."""

import pickle

import numpy as np
import pytest

from acteme.engine.inputs import dealt, parts
from acteme.errors import DataWarning, InputError
from acteme.recordings.corpus import Corpus
from tests.engine.toys import SPEC, untrimmed


def names(found, split=None):
    return [r.name for p in found for r in p.read(split)]


def test_a_mapped_corpus_in_pieces(tmp_path):
    corpus = Corpus.build(iter(untrimmed(20)), SPEC, tmp_path / "c")
    found = dealt(parts(corpus), 2)
    assert [len(p) for p in found] == [2] * 10 and names(found) == [f"r{i}" for i in range(20)]
    assert [len(p) for p in dealt(parts(corpus), 1)] == [20]
    assert len(pickle.dumps(found[0])) < 2000
    assert names(parts(tmp_path / "c", "test"), "test") == [f"r{i}" for i in range(2, 20, 3)]


def test_pieces_of_a_corpus_in_memory_hold_only_their_recordings():
    (whole,) = parts(untrimmed(20))
    found = list(whole.cut(8))
    assert [len(p) for p in found] == [8, 8, 4] and names(found) == [f"r{i}" for i in range(20)]
    assert len(pickle.dumps(found[2])) < 0.6 * len(pickle.dumps(found[0]))


def test_a_recording_and_mixtures():
    corpus = untrimmed(3)
    assert names(parts(corpus[1])) == ["r1"]
    assert names(parts([corpus[2], corpus])) == ["r2", "r0", "r1", "r2"]
    assert names(parts(corpus[1]), "test") == []


def test_files_that_cannot_be_read_are_left_out_where_that_is_wished(tmp_path):
    for name in ("a", "b", "c"):
        np.save(tmp_path / f"{name}.npy", np.ones((5, 1, 17, 2), np.float32))
    rows = [f"{n}.npy,10,x" for n in ("a", "b", "c", "d")]
    (tmp_path / "annotations.csv").write_text("\n".join(["file,fps,label", *rows]))
    (tmp_path / "acteme.toml").write_text('layout = "coco17"')
    (tmp_path / "b.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"d\.npy"):
        parts(tmp_path)
    with pytest.warns(DataWarning) as told:
        assert names(parts(f"{tmp_path}?skip_bad=true")) == ["a", "c"]
    assert [("b.npy" in str(w.message), "d" in str(w.message)) for w in told] == [(False, True), (True, True)]


def test_nothing_is_refused():
    with pytest.raises(InputError, match="there is nothing to read"):
        parts([])
    with pytest.raises(InputError, match="no such path"):
        parts("nowhere/at/all.npy")
