"""Tables of labelled events without users, as anomaly detection has them."""

import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data

TRAIN = "srcIp,dstPort,proto,label,count\n10.0.0.1,53,17,1,3\n10.0.0.2,OTHER,6,1,1\n10.0.0.1,443,6,1,2\n"
TEST = "srcIp,dstPort,proto,label\n10.0.0.1,53,6,-1\n10.0.0.9,53,17,1\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    (tmp_path / "test.csv").write_text(TEST)
    return tmp_path


def test_files_named_after_splits(folder):
    corpus = list_data(f"events:{folder}?count=count&normal=1")
    assert corpus.spec.fields == ("srcIp", "dstPort", "proto") and corpus.spec.sizes == (3, 4, 3)
    train, test = corpus.select("train")[0], corpus.select("test")[0]
    assert train.arrays["field"].tolist() == [[1, 1, 1]] * 3 + [[2, 3, 2]] + [[1, 2, 2]] * 2
    assert test.arrays["field"].tolist() == [[1, 1, 2], [0, 1, 1]] and test.arrays["outcome"].tolist() == [1, 0]
    assert not train.arrays["outcome"].any()


def test_a_count_is_a_field_unless_named(tmp_path):
    (tmp_path / "log.csv").write_text(TRAIN)
    plain = list_data(f"events:{tmp_path / 'log.csv'}?val=0&test=0")
    assert plain.spec.fields[-1] == "count" and plain.frames.tolist() == [3]
    assert plain.arrays["outcome"].tolist() == [1, 1, 1]


def test_counts_that_are_none(folder):
    (folder / "train.csv").write_text(TRAIN.replace("1,3\n", "1,many\n").replace("1,2\n", "1,-2\n"))
    corpus = list_data(f"events:{folder}?count=count")
    assert corpus.select("train").frames.tolist() == [1] and len(corpus.left_out) == 2
    assert "line 2: count is no whole number; give how many events the row stands for" in corpus.left_out[0]
    with pytest.raises(InputError, match="has no column 'counts'"):
        list_data(f"events:{folder}?count=counts")
    (folder / "train.csv").write_text(TRAIN.replace("srcIp", "user"))
    (folder / "test.csv").unlink()
    with pytest.raises(InputError, match="rows stand for several events"):
        list_data(f"events:{folder}?count=count")
