"""RecBole atomic files."""

import pytest

from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import items, values

INTER = """user_id:token\titem_id:token\trating:float\ttimestamp:float\tshop:token
u1\tb\t4\t8.5e8\tx
u1\ta\t5\t8.4e8\tx
u2\ta\t1\t3\ty
u1\tc\t2\t8.6e8\tz
"""
ITEM = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tprice:float\tvector:float_seq\t\
pair:token_seq
a\tToy Story\t1995\tAnimation Comedy\t2.5\t0.5 1\tp q
b\t\t1990\t\t\t\t
zz\tNobody\t1990\tDrama\t1\t1 2\tp
"""
USER = "user_id:token\tage:token\nu1\t24\nu9\t70\n"


@pytest.fixture
def folder(tmp_path):
    for kind, text in (("inter", INTER), ("item", ITEM), ("user", USER)):
        (tmp_path / f"films.{kind}").write_text(text)
    return tmp_path


def test_events_items_and_users(folder):
    corpus = open_data(f"recbole:{folder}")
    assert items(corpus, "test") == {"u1": ["a", "b", "c"]} and items(corpus, "train")["u2"] == ["a"]
    assert corpus.arrays["outcome"].tolist() == [5, 4, 2, 1] and corpus.arrays["when"][0] == 840_000_000
    assert corpus.spec.fields == ("shop", "release_year", "age")
    assert values(corpus, "age") == ["24", "24", "24", None] and values(corpus, "shop") == ["x", "x", None, "y"]
    assert values(corpus, "release_year") == ["1995", None, None, "1995"]  # b and c are not in training
    told = {row["item"]: row for row in corpus.catalog.to_pylist()}
    assert told["a"] == {"item": "a", "title": "Toy Story", "release_year": "1995", "price": 2.5, "vector": [0.5, 1.0],
                         "categories": ["Animation", "Comedy"], "pair": ["p", "q"]}  # fmt: skip
    assert told["b"]["title"] is None and told["b"]["categories"] == [] and told["b"]["price"] is None
    assert told["c"]["categories"] is None  # an item that the file of items does not know
    assert "2 of 3 items have no title" in check(f"recbole:{folder}").notes
    assert list_data(f"recbole:{folder / 'films.inter'}?fields=none&threshold=4").arrays["outcome"].tolist() == [
        1,
        1,
        0,
        0,
    ]
    assert list_data(f"recbole:{folder}?fields=age,shop&outcome=rating").spec.fields == ("age", "shop")


def test_parts_are_splits(folder):
    head, *rows = INTER.splitlines(keepends=True)
    (folder / "films.inter").unlink()
    for part, some in (("train", rows[1:3]), ("valid", rows[:1]), ("test", rows[3:])):
        (folder / f"films.{part}.inter").write_text(head + "".join(some))
    corpus = open_data(f"recbole:{folder}")
    assert items(corpus, "train") == {"u1": ["a"], "u2": ["a"]} and items(corpus, "val") == {"u1": ["a", "b"]}
    assert items(corpus, "test") == {"u1": ["a", "b", "c"]} and corpus.spec.fields == ("shop", "release_year", "age")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("inter", "shop:token", "shop", r"films.inter line 1: column 'shop' has no type; write NAME:TYPE"),
        ("inter", "shop:token", "shop:word", r"films.inter line 1: column 'shop' has the type 'word'"),
        ("inter", "user_id", "who", r"films.inter line 1: has no column of users; say which one .* \?user=NAME"),
        ("inter", "u2\ta\t1", "u2\ta\tgood", r"films.inter line 4: rating 'good' is no number"),
        ("inter", "u2\ta\t1", "u2\ta", r"films.inter line 4: 4 cells in 5 columns"),
        ("user", "user_id", "id", r"films.user line 1: has no column 'user_id'"),
        ("item", "b\t\t1990", "b\t1990", r"films.item line 3: 6 cells in 7 columns"),
    ],
)
def test_mistakes(folder, file, old, new, message):
    path = folder / f"films.{file}"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        open_data(f"recbole:{folder}")


def test_mistakes_in_options(folder):
    for option, message in (("fields=size", "has no tokens 'size'; use shop, release_year, age, none"),
                            ("item=movie", "has no column 'movie'; its columns: user_id, item_id")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            open_data(f"recbole:{folder}?{option}")
    (folder / "more.inter").write_text(INTER)
    with pytest.raises(InputError, match=r"has several files of events: films.inter, more.inter; name one of them"):
        open_data(f"recbole:{folder}")


def test_the_film_ratings_that_come_along_are_such_files():
    from acteme.recordings.assets import find

    path = find("recbole", "recbole/dataset_example/ml-100k/ml-100k.inter")
    ours, same = open_data("ml-100k"), list_data(f"recbole:{path}?fields=age")
    assert (same.arrays["item"] == ours.arrays["item"]).all() and same.catalog["title"][0] == ours.catalog["title"][0]
