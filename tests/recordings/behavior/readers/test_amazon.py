"""Amazon reviews of three releases, with their metadata."""

import json

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.check import check
from acteme.recordings.sources import list_data, open_data
from tests.recordings.behavior.readers.told import items, write_objects

STARS = [("ann", "B1", 5.0, 300), ("ann", "B2", 2.0, 100), ("bob", "B1", 4.0, 50), ("ann", "B3", 3.0, 200)]
OLD = [{"reviewerID": u, "asin": i, "reviewerName": "X", "helpful": [0, 1], "reviewText": "no {braces}\n", "overall": s,
        "summary": "so", "unixReviewTime": t, "reviewTime": "01 2, 2014"} for u, i, s, t in STARS]  # fmt: skip
NEW = [{"rating": s, "title": "so", "text": "x", "images": [], "asin": f"child{k}", "parent_asin": i, "user_id": u,
        "timestamp": t * 1000 + 999, "helpful_vote": 0, "verified_purchase": True}
       for k, (u, i, s, t) in enumerate(STARS)]  # fmt: skip


def test_reviews_of_2014_with_metadata_of_python_literals(tmp_path):
    write_objects(tmp_path / "reviews_Toys_5.json.gz", OLD)
    meta = [
        {"asin": "B3", "title": "It's a kite", "description": "Flies 'high'", "price": 7.5, "brand": "Wind",
         "categories": [["Toys", "Kites"], ["Toys", "Outdoor"]], "related": {"also_bought": ["B1"]}},
        {"asin": "B9", "title": "nobody has it", "price": 1.0, "categories": [["Toys"]]},
        {"asin": "B1", "categories": [["Toys"]], "salesRank": {"Toys": 3}},
        {"asin": "B3", "title": "a second time"},
    ]  # fmt: skip
    write_objects(tmp_path / "meta_Toys.json.gz", meta, repr)
    corpus = open_data(f"amazon:{tmp_path}")
    assert items(corpus, "test") == {"ann": ["B2", "B3", "B1"]} and items(corpus, "train")["bob"] == ["B1"]
    assert corpus.arrays["outcome"].tolist() == [2, 3, 5, 4] and corpus.arrays["when"].tolist() == [100, 200, 300, 50]
    films = {row["item"]: row for row in corpus.catalog.to_pylist()}
    assert films["B3"] == {"item": "B3", "title": "It's a kite", "text": "Flies 'high'", "brand": "Wind",
                           "categories": ["Toys", "Kites", "Outdoor"], "price": 7.5}  # fmt: skip
    assert films["B1"]["title"] is None and films["B1"]["categories"] == ["Toys"] and films["B2"]["categories"] is None
    assert "2 of 3 items have no title and no text" in check(f"amazon:{tmp_path}").notes
    json.dumps(films)  # plain values


def test_reviews_of_2018(tmp_path):
    path = write_objects(tmp_path / "Toys_5.json", [{**row, "vote": "2", "style": {"Size:": " 1"}} for row in OLD])
    meta = [
        {"category": ["Toys", "Kites"], "tech1": "", "description": ["Flies.", "High."], "title": "Kite",
         "brand": "Wind", "feature": ["red"], "rank": ["1"], "price": "$1,299.00", "asin": "B3", "also_buy": []},
        {"category": [], "description": [], "title": "Ball", "brand": "", "feature": [], "price": "$2 - $3",
         "asin": "B2", "rank": "5"},
    ]  # fmt: skip
    other = write_objects(tmp_path / "things.jsonl", meta)
    corpus = list_data(f"amazon:{path}?meta={other}&threshold=4")
    told = {row["item"]: row for row in corpus.catalog.to_pylist()}
    assert told["B3"] == {"item": "B3", "title": "Kite", "text": "Flies. High. red", "brand": "Wind",
                          "categories": ["Toys", "Kites"], "price": 1299.0}  # fmt: skip
    assert told["B2"]["price"] is None and told["B2"]["categories"] == [] and told["B2"]["text"] is None
    assert corpus.arrays["outcome"].tolist() == [0, 0, 1, 1]


def test_reviews_of_2023(tmp_path):
    write_objects(tmp_path / "Toys.jsonl", NEW)
    meta = [{"main_category": "Toys", "title": "Kite", "price": price, "store": "Wind", "features": ["red"],
             "description": [], "categories": ["Toys", "Kites", "Toys"], "details": {"a": 1}, "parent_asin": item}
            for item, price in (("B1", 18.99), ("B2", None), ("B3", "from 14.99"))]  # fmt: skip
    write_objects(tmp_path / "meta_Toys.jsonl", meta)
    corpus = list_data(f"amazon:{tmp_path}")
    assert items(corpus, "test") == {"ann": ["B2", "B3", "B1"]}  # the parent, not the child
    assert corpus.arrays["when"].tolist() == [100, 200, 300, 50]  # milliseconds
    assert corpus.catalog["price"].to_pylist() == [18.99, None, None] and not corpus.left_out
    assert corpus.catalog["categories"].to_pylist()[0] == ["Toys", "Kites"]


def test_the_core_is_a_fixed_point(tmp_path):
    rng = np.random.default_rng(0)
    rows = {(f"u{u}", f"i{i}") for u, i in rng.integers(0, [30, 40], (260, 2))}
    chain = {("v0", "j0"), *((f"v{k}", f"j{k + d}") for k in range(6) for d in (0, 1))}  # falls one at a time
    every = sorted(rows | chain)
    path = write_objects(tmp_path / "r.json", [{**OLD[0], "reviewerID": u, "asin": i} for u, i in every])
    left = every
    while True:
        users, things = ([e[k] for e in left] for k in (0, 1))
        now = [e for e in left if users.count(e[0]) >= 4 and things.count(e[1]) >= 4]
        if now == left:
            break
        left = now
    corpus = list_data(f"amazon:{path}?core=4")
    names = corpus.catalog["item"].to_pylist()
    test = corpus.select("test")
    assert sorted((r.subject, names[k - 1]) for r in test for k in r.arrays["item"]) == left and 0 < len(left) < 240
    with pytest.raises(InputError, match="no user and item have 40 events or more; give a lower core"):
        list_data(f"amazon:{path}?core=40")


def test_bad_lines_have_their_place(tmp_path):
    path = tmp_path / "r.json"
    lines = [json.dumps(row) for row in OLD]
    lines[1] = lines[1][:-9]  # cut off
    lines += ["[1, 2]", "", json.dumps({**OLD[0], "overall": "good"}), json.dumps({**OLD[0], "asin": None}),
              "{'asin': __import__('os').system('exit 1')}", json.dumps({**OLD[0], "asin": 12})]  # fmt: skip
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"r.json line 2: is no JSON object of the format .*; mend .* \(and 4 more\)"):
        open_data(f"amazon:{path}")
    corpus = open_data(f"amazon:{path}", skip_bad=True)
    told = [line.split("r.json ")[1].split(";")[0] for line in corpus.left_out]
    assert [line.split(":")[0] for line in told] == ["line 2", "line 5", "line 7", "line 9", "line 8"]
    assert (
        "overall is 'good', not a number" in told[2] and "no object" in told[1] and told[4] == "line 8: asin is empty"
    )
    assert "12" in corpus.catalog["item"].to_pylist() and len(corpus.arrays["item"]) == 4
    (tmp_path / "empty.json").write_text("\n\nno\n")
    with pytest.raises(InputError, match=r"empty.json: has no JSON objects in its first 100 lines"):
        open_data(f"amazon:{tmp_path / 'empty.json'}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"has no .json or .jsonl files of reviews"):
        open_data(f"amazon:{tmp_path / 'folder'}")
    broken = write_objects(tmp_path / "broken.json.gz", OLD)
    broken.write_bytes(broken.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"broken.json.gz: cannot be read"):
        open_data(f"amazon:{broken}")
