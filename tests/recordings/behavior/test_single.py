"""Events without users: a recording for each split."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.behavior import single, spool, streams
from acteme.recordings.behavior.single import Counts, Shares
from acteme.recordings.sources import list_data, open_data


def made(tmp_path, text, options=""):
    path = tmp_path / "log.csv"
    path.write_text(text)
    return list_data(f"events:{path}{options}")


def names(corpus, split):
    known = {(v["field"], v["number"]): v["value"] for v in corpus.values.to_pylist()}
    rows = corpus.select(split)[0].arrays["field"]
    return [tuple(known.get((f, int(k)), "?") for f, k in zip(corpus.spec.fields, row, strict=True)) for row in rows]


TEXT = "program,port\n" + "".join(f"{p},{q}\n" for p, q in
                                  zip("aabbacaazb", (80, 80, 22, 80, 80, 80, 22, 80, 80, 9), strict=True))  # fmt: skip


def test_the_last_events_are_the_test(tmp_path):
    corpus = made(tmp_path, TEXT)
    assert dict(zip(corpus.column("split").tolist(), corpus.frames.tolist(), strict=True)) == {
        "train": 8, "val": 1, "test": 1}  # fmt: skip
    assert names(corpus, "train")[:4] == [("a", "80"), ("a", "80"), ("b", "22"), ("b", "80")]
    assert names(corpus, "val") == [("?", "80")] and names(corpus, "test") == [("b", "?")]  # z and 9: not in training
    assert corpus.spec.sizes == (4, 3) and corpus.catalog is None and "item" not in corpus.arrays
    rare = made(tmp_path, TEXT, "?rare=2")
    assert names(rare, "train")[5] == ("?", "80") and rare.spec.sizes == (3, 3)


def test_in_the_order_of_time(tmp_path):
    text = "kind,time,label\n" + "".join(f"k{t},{t},{t}\n" for t in (3, 1, 2, 9, 4, 5, 8, 6, 7, 0))
    corpus = made(tmp_path, text, "?val=0.2&test=0.3")
    assert corpus.arrays["when"].tolist() == list(range(10)) == corpus.arrays["outcome"].tolist()
    assert corpus.frames.tolist() == [5, 2, 3]
    assert names(corpus, "test") == [("?",)] * 3


def test_pieces_make_no_difference(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    text = "kind,shop,time\n" + "".join(f"k{a},s{b},{t}\n" for a, b, t in rng.integers(0, [9, 50, 30], (300, 3)))
    whole = made(tmp_path, text, "?rare=3&shuffle=true&seed=4")
    monkeypatch.setattr(spool, "STEP", 7)
    monkeypatch.setattr(streams, "BLOCK", 64)
    small = made(tmp_path, text, "?rare=3&shuffle=true&seed=4")
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(small.arrays[name], array)
    assert small.values == whole.values and small.frames.tolist() == [240, 30, 30]
    other = made(tmp_path, text, "?rare=3&shuffle=true&seed=5")
    assert (np.asarray(other.arrays["when"]) != np.asarray(whole.arrays["when"])).any()


def test_bad_rows_are_noted_once(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("kind,time\na,1\na,\na\n" + "b,2\n" * 5)
    corpus = open_data(f"events:{path}", skip_bad=True)
    assert sorted(line.split("log.csv ")[1].split(";")[0] for line in corpus.left_out) == [
        "line 3: time is no time", "line 4: 1 cell in 2 columns"]  # fmt: skip
    assert corpus.frames.sum() == 6


def test_given_splits(tmp_path):
    corpus = made(tmp_path, "kind,split\na,test\nb,train\nc,dev\nb,train\n")
    assert corpus.column("split").tolist() == ["train", "val", "test"] and corpus.frames.tolist() == [2, 1, 1]
    with pytest.raises(InputError, match="no events for training"):
        made(tmp_path, "kind,split\na,test\n")


def test_shares():
    with pytest.raises(InputError, match="let some be for training"):
        Shares(0.5, 0.5)
    assert np.bincount(Shares(0, 0).of(5, None), minlength=3).tolist() == [5, 0, 0]


def test_counts_are_merged_when_many(monkeypatch):
    import pyarrow as pa

    some = Counts()
    for k in range(70):
        some.add(pa.array([f"v{k}-{i}" for i in range(1000)] + ["often"]))
    assert len(some.known) >= 1 << 16  # merged along the way
    assert some.frequent(2).to_pylist() == ["often"] and len(some.frequent(1)) == 70_001
    assert single.Counts().frequent(1).to_pylist() == []
