"""Histories a line each."""

import pytest

from acteme.errors import InputError
from acteme.recordings.behavior import streams
from acteme.recordings.behavior.readers import histories
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import items


def test_a_line_is_a_user(tmp_path):
    path = tmp_path / "Beauty.txt"
    path.write_text("1 3 1 2 4\n\n2 4 3\t2 \r\n10  2\n")
    corpus = open_data(f"histories:{path}")
    assert items(corpus, "test") == {"1": ["3", "1", "2", "4"], "2": ["4", "3", "2"]}
    assert items(corpus, "train")["10"] == ["2"]
    assert corpus.catalog["item"].to_pylist() == ["1", "2", "3", "4"]  # numbers stay what they are in the file
    assert corpus.arrays["item"].tolist() == [3, 1, 2, 4, 4, 3, 2, 2]
    assert corpus.arrays["when"].tolist() == [0, 1, 2, 3, 0, 1, 2, 0]
    assert "not in the order" not in " ".join(list_data(f"histories:{path}").notes)


def test_names_and_a_catalog(tmp_path):
    path, known = tmp_path / "seq.txt", tmp_path / "items.csv"
    path.write_text("A1 B7 B01\nA2 B7\n")
    known.write_text("item,title\nB7,Kite\n")
    corpus = open_data(f"histories:{path}?catalog={known}")
    assert corpus.catalog.to_pylist() == [{"item": "B7", "title": "Kite"}, {"item": "B01", "title": None}]


def test_a_user_without_items(tmp_path):
    path = tmp_path / "seq.txt"
    path.write_text("1 5\n2\n3 6 5\n")
    with pytest.raises(InputError, match=r"seq.txt line 2: has a user and no items; mend or delete the row"):
        open_data(f"histories:{path}")
    assert open_data(f"histories:{path}", skip_bad=True).arrays["item"].tolist() == [1, 2, 1]
    path.write_bytes(b"1 5\n2 \xff\xfe\n")
    with pytest.raises(InputError, match=r"seq.txt line 2: is not UTF-8 text"):
        open_data(f"histories:{path}")


def test_pieces_make_no_difference_and_long_lines_are_read(tmp_path, monkeypatch):
    path = tmp_path / "seq.txt"
    path.write_text("".join(f"{u} " + " ".join(str(k % 97 + 1) for k in range(n)) + "\n"
                            for u, n in ((1, 100_000), (2, 5), (3, 300))))  # fmt: skip
    whole = list_data(f"histories:{path}")
    assert whole.select("test").frames.tolist() == [100_000, 5, 300] and whole.spec.items == 97
    monkeypatch.setattr(histories, "BLOCK", 30_000)
    monkeypatch.setattr(streams, "BLOCK", 30_000)
    assert (list_data(f"histories:{path}").arrays["item"] == whole.arrays["item"]).all()
