"""ReChorus files."""

import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import items, values

FILES = {
    "train.csv": "user_id\titem_id\ttime\tc_hour_c\n1\t3\t20\tnoon\n1\t2\t10\tnight\n2\t1\t5\tnoon\n",
    "dev.csv": "user_id\titem_id\ttime\tneg_items\tc_hour_c\n1\t1\t30\t[2, 4,5]\tnoon\n",
    "test.csv": "user_id\titem_id\ttime\tneg_items\tc_hour_c\n1\t4\t40\t[2, 3, 5]\tdawn\n2\t2\t9\t[]\tnoon\n",
    "item_meta.csv": "item_id\ti_category\ti_price_f\tr_complement\n1\t7\t2.5\t[2, 3]\n2\t8\t\t[]\n3\t7\t1\t[]\n",
    "user_meta.csv": "user_id\tu_age\n1\t30s\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_files_are_splits_and_items_keep_their_numbers(folder):
    corpus = open_data(f"rechorus:{folder}")
    assert corpus.catalog["item"].to_pylist() == ["1", "2", "3", "4"]
    assert items(corpus, "train") == {"1": ["2", "3"], "2": ["1"]} and items(corpus, "val") == {"1": ["2", "3", "1"]}
    assert items(corpus, "test") == {"1": ["2", "3", "1", "4"], "2": ["1", "2"]}
    assert corpus.arrays["item"].tolist() == [2, 3, 1, 4, 1, 2]
    assert corpus.spec.fields == ("c_hour_c", "i_category", "u_age")
    assert values(corpus, "i_category") == ["8", "7", "7", None, "7", "8"]  # 4 is not in item_meta.csv
    assert values(corpus, "c_hour_c") == ["night", "noon", "noon", None, "noon", "noon"]
    assert values(corpus, "u_age") == ["30s"] * 4 + [None] * 2
    assert corpus.catalog["i_price_f"].to_pylist() == [2.5, None, 1.0, None]
    notes = list_data(f"rechorus:{folder}").notes
    assert notes[0] == "neg_items has 0 to 3 candidates for each event: they are not used, every item is ranked"


INFO = 'item_id\ttitle\tprice\n4\tOat "bran" flakes, 32-Ounce\t1\n2\tGreen tea\t\n3\t \t2\n9\tNobody\'s\t3\n'


@pytest.mark.parametrize("meta", [True, False])
def test_titles_of_items(folder, meta):
    (folder / "item_info.csv").write_text(INFO)
    if not meta:
        (folder / "item_meta.csv").unlink()
    corpus = open_data(f"rechorus:{folder}")
    assert corpus.catalog["item"].to_pylist() == ["1", "2", "3", "4"]
    assert corpus.catalog["title"].to_pylist() == [None, "Green tea", None, 'Oat "bran" flakes, 32-Ounce']
    assert ("i_price_f" in corpus.catalog.column_names) == meta
    assert corpus.spec.fields == (("c_hour_c", "i_category", "u_age") if meta else ("c_hour_c", "u_age"))
    (folder / "item_info.csv").write_text(INFO.replace("title", "name"))
    with pytest.raises(InputError, match=r"item_info.csv line 1: has no column 'title'; write item_id and title"):
        open_data(f"rechorus:{folder}")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("test.csv", "[2, 3, 5]", "[2, 3", r"test.csv line 2: neg_items '\[2, 3' is no list; write it as \[3, 1, 2\]"),
        ("test.csv", "[2, 3, 5]", "[__import__('os')]", r"test.csv line 2: neg_items .* is no list"),
        ("dev.csv", "user_id", "user", r"dev.csv line 1: has no column 'user_id'"),
        ("train.csv", "\t20", "\tlate", r"train.csv line 2: time 'late' is no time"),
        ("item_meta.csv", "item_id", "item", r"item_meta.csv line 1: has no column 'item_id'"),
    ],
)
def test_mistakes(folder, file, old, new, message):
    (folder / file).write_text(FILES[file].replace(old, new))
    with pytest.raises(InputError, match=message):
        open_data(f"rechorus:{folder}")


def test_a_folder_without_them(tmp_path):
    with pytest.raises(InputError, match=r"has no train.csv; give the folder with"):
        open_data(f"rechorus:{tmp_path}")
