"""Your own log: files, columns and the catalog."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data, open_data

TEXT = "user,item,timestamp\nu,a,3\nu,b,1\nu,c,2\n"


def items(corpus):
    names = corpus.catalog["item"].to_pylist()
    return [names[k - 1] for k in corpus.arrays["item"]]


@pytest.mark.parametrize("kind", ["log.csv", "log.tsv", "log.csv.gz", "log.parquet", "folder"])
def test_kinds_of_files(tmp_path, kind):
    path = tmp_path / kind
    if kind == "log.parquet":
        pq.write_table(pa.table({"user": [7, 7, 7], "item": pa.array(["a", "b", "c"]).dictionary_encode(),
                                 "timestamp": pa.array([3, 1, 2], pa.timestamp("s"))}), path)  # fmt: skip
    elif kind == "folder":
        path.mkdir()
        (path / "1.csv").write_text("user,item,timestamp\nu,a,3\n")
        (path / "2.csv").write_text("item,user,timestamp\nb,u,1\nc,u,2\n")
        (path / "notes.md").write_text("not a table")
    elif kind == "log.csv.gz":
        path.write_bytes(gzip.compress(TEXT.encode()))
    else:
        path.write_text(TEXT if kind == "log.csv" else TEXT.replace(",", "\t"))
    corpus = open_data(f"events:{path}")
    assert items(corpus) == ["b", "c", "a"] and corpus.arrays["when"].tolist() == [1, 2, 3]


def test_a_file_that_joins_a_folder_is_noticed(tmp_path):
    (tmp_path / "1.csv").write_text(TEXT)
    assert len(open_data(f"events:{tmp_path}").arrays["item"]) == 3
    (tmp_path / "2.csv").write_text(TEXT)
    assert len(open_data(f"events:{tmp_path}").arrays["item"]) == 6
    (tmp_path / "2.csv").write_text(TEXT + "v,a,1\n")
    assert len(open_data(f"events:{tmp_path}").arrays["item"]) == 7


def test_without_times_the_file_is_in_order(tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id\nu,a\nv,b\nu,c\n")
    corpus = list_data(f"events:{tmp_path / 'log.csv'}")
    assert items(corpus) == ["a", "c", "b"] and corpus.arrays["when"].tolist() == [0, 1, 0]
    assert corpus.notes == ("there is no column of times: events are in the order of the file",
                            "2 of 2 users have fewer than 3 events: they are for training only")  # fmt: skip


def test_columns_by_option(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("who,what,at,kind,more,score\nu,a,1,k,m,0.5\n")
    corpus = list_data(f"events:{path}?user=who&item=what&time=at&outcome=score&fields=kind")
    assert corpus.spec.fields == ("kind",) and corpus.spec.items == 1 and corpus.arrays["outcome"].tolist() == [0.5]
    single = list_data(f"events:{path}?time=at")
    assert single.spec.fields == ("who", "what", "kind", "more", "score") and single.spec.items == 0
    for option in ("user=me", "fields=kind,none"):
        with pytest.raises(InputError, match=r"has no column '(me|none)'; its columns: who, what"):
            list_data(f"events:{path}?{option}")


def test_a_catalog(tmp_path):
    (tmp_path / "log.csv").write_text(TEXT)
    (tmp_path / "items.csv").write_text("item,title,categories,price,brand\nc,Cap,x|y,1.5,q\na,,,,\nz,Zip,,2,\n")
    corpus = list_data(f"events:{tmp_path / 'log.csv'}?catalog={tmp_path / 'items.csv'}")
    assert corpus.catalog.to_pylist() == [
        {"item": "a", "title": None, "categories": [], "price": None, "brand": ""},
        {"item": "b", "title": None, "categories": None, "price": None, "brand": None},
        {"item": "c", "title": "Cap", "categories": ["x", "y"], "price": 1.5, "brand": "q"},
    ]
    (tmp_path / "items.csv").write_text("name\nc\n")
    with pytest.raises(InputError, match=r"items.csv: has no column 'item'"):
        list_data(f"events:{tmp_path / 'log.csv'}?catalog={tmp_path / 'items.csv'}")


@pytest.mark.parametrize(
    ("name", "held", "message"),
    [
        ("log.csv", b"", "is empty"),
        ("log.csv", b"user,user\n", "has two columns 'user'"),
        (
            "log.csv",
            b"\xef\xbb\xbfuser;item\na;b\n",
            "line 1: has one column, 'user;item', with semicolons in its name; put commas between cells",
        ),
        ("log.tsv", b"user,item\na,b\n", "has one column, 'user,item', with commas in its name; put tabs"),
        ("log.csv", b"user,item\na,b\na,\xff\n", "line 3: is not UTF-8 text"),
        ("log.csv", b"user,timestamp\n", "has neither items nor fields"),
        ("log.json", b"{}", "cannot tell what a '.json' file holds"),
        ("log.parquet", b"PAR1", "is no Parquet file"),
        ("log.csv.gz", gzip.compress(b"user,item\na,b\n", mtime=0)[:-9], "cannot be read"),
    ],
)
def test_files_that_are_none(tmp_path, name, held, message):
    (tmp_path / name).write_bytes(held)
    with pytest.raises(InputError, match=message):
        list_data(f"events:{tmp_path / name}")


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match=r"give a table with a row per event"):
        list_data(f"events:{tmp_path}")
