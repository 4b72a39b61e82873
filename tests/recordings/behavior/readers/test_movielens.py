"""MovieLens in each of its layouts; the facts of the one that comes along."""

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.sources import list_data, open_data

RATINGS = [("1", "10", 3, 100), ("2", "10", 4, 50), ("1", "30", 5, 90), ("1", "20", 1, 100), ("2", "7", 2, 50)]


@pytest.fixture(scope="module")
def corpus():
    return open_data("ml-100k")


def test_counts(corpus):
    assert len(corpus.arrays["item"]) == 100_000 and corpus.spec.items == 1682 == len(corpus.catalog)
    assert [len(corpus.select(s)) for s in ("train", "val", "test")] == [943] * 3
    frames = corpus.select("test").frames
    assert (frames.min(), np.median(frames), frames.max()) == (20, 65, 737)
    stars = np.bincount(np.asarray(corpus.arrays["outcome"]).astype(int))
    assert stars[1:].tolist() == [
        6110,
        11370,
        27145,
        34174,
        21201,
    ]
    often = np.bincount(corpus.arrays["item"])
    assert (often >= 5).sum() == 1349 and (often >= 10).sum() == 1152


def test_ties_stay_in_the_order_of_the_file(corpus):
    when, test = np.asarray(corpus.arrays["when"]), corpus.select("test")
    end = test.column("offset") + test.frames - 1
    assert round(100 * (when[end] == when[end - 1]).mean(), 1) == 44.0
    inside = np.ones(100_000, bool)
    inside[test.column("offset")] = False
    assert (np.diff(when) >= 0)[inside[1:]].all()
    assert ((np.diff(when) == 0) & inside[1:]).sum() == 50_561


def test_popularity_is_as_measured_elsewhere(corpus):
    test = corpus.select("test")
    items = np.asarray(corpus.arrays["item"])
    hits = gain = 0.0
    known = corpus.select("val")
    popular = np.zeros(1683)
    for begin, frames in zip(known.column("offset"), known.frames, strict=True):
        popular += np.bincount(items[begin : begin + frames], minlength=1683)
    popular[0] = -np.inf
    for begin, frames in zip(test.column("offset"), test.frames, strict=True):
        history = items[begin : begin + frames]
        score, own = popular.copy(), popular[history[-1]]
        score[history[:-1]] = -np.inf
        rank = 1 + (score > own).sum() + ((score == own).sum() - 1) / 2
        hits, gain = hits + (rank <= 10), gain + (rank <= 10) / np.log2(rank + 1)
    assert (round(hits / 943, 4), round(gain / 943, 4)) == (0.0859, 0.0443)


def test_catalog(corpus):
    films = {row["item"]: row for row in corpus.catalog.to_pylist()}
    assert films["1"] == {"item": "1", "title": "Toy Story", "categories": ["Animation", "Children's", "Comedy"],
                          "year": 1995.0}  # fmt: skip
    assert sum(row["year"] is not None and bool(row["categories"]) for row in films.values()) == 1679
    assert films["267"]["categories"] == [] == films["1373"]["categories"]  # said to be unknown


def values(corpus, field):
    known = dict.fromkeys([0], "?")
    known |= {v["number"]: v["value"] for v in corpus.values.to_pylist() if v["field"] == field}
    return [known[int(k)] for k in corpus.arrays["field"][:, corpus.spec.fields.index(field)]]


def test_fields_of_films_and_people(corpus):
    assert corpus.spec.fields == ("category", "genre", "year", "age", "gender", "occupation")
    assert corpus.spec.sizes == (96, 19, 72, 62, 3, 22)
    told, item = np.asarray(corpus.arrays["field"]), np.asarray(corpus.arrays["item"])
    who = np.repeat(np.arange(943), corpus.select("test").frames)
    for by, some in ((item, told[:, :3]), (who, told[:, 3:])):
        first = np.unique(by, return_index=True)[1]
        assert (some == some[first][np.unique(by, return_inverse=True)[1]]).all()  # the same at all events
    rows = np.flatnonzero(item == corpus.catalog["item"].to_pylist().index("1") + 1)
    assert {values(corpus, "category")[k] for k in rows[:5]} == {"1990s Animation"}
    a = int(corpus.select("test").column("offset")[corpus.select("test").column("subject").tolist().index("1")])
    assert [values(corpus, f)[a] for f in ("age", "gender", "occupation")] == ["24", "M", "technician"]
    assert set(np.bincount(np.asarray(corpus.arrays["outcome"]).astype(int), minlength=6)[1:]) != {0}


def test_ratings_by_themselves():
    flat = list_data("ml-100k?flat=true")
    assert flat.spec.fields[:2] == ("user", "item") and len(flat.spec.fields) == 8 and flat.catalog is None
    assert flat.column("split").tolist() == ["train", "val", "test"]
    assert flat.frames.tolist() == [70_000, 20_000, 10_000] and flat.spec.items == 0
    assert np.bincount(np.asarray(flat.arrays["outcome"]).astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    part = list_data("ml-100k?flat=true&fields=age,year&threshold=4&val=0.05&test=0.05&seed=7&rare=100")
    assert part.spec.fields == ("user", "item", "age", "year") and part.frames.tolist() == [90_000, 5_000, 5_000]
    assert np.bincount(np.asarray(part.arrays["outcome"]).astype(int)).tolist() == [44_625, 55_375]
    often = np.bincount(part.arrays["field"][:90_000, 1])
    assert often[1:].min() >= 100 and (np.diff(often[1:]) <= 0).all()  # the most frequent value of training is 1
    # the draw scatters: a tenth of each user's ratings, not their last ones
    share = [np.isin(part.arrays["field"][90_000:, 0], [k]).sum() / (often_k + 1) for k, often_k in
             enumerate(np.bincount(part.arrays["field"][:90_000, 0])[1:50], 1)]  # fmt: skip
    assert 0.05 < np.mean(share) < 0.2
    with pytest.raises(InputError, match="core and flat are asked for together"):
        list_data("ml-100k?flat=true&core=5")


def test_a_core(tmp_path):
    corpus = list_data("ml-100k?core=10")
    assert np.bincount(corpus.arrays["item"])[1:].min() >= 10 and corpus.spec.items <= 1152


@pytest.mark.parametrize("layout", ["100k", "1m", "20m"])
def test_layouts(tmp_path, layout):
    if layout == "100k":
        (tmp_path / "u.data").write_text("".join("\t".join(map(str, r)) + "\n" for r in RATINGS))
        marks = "|".join("1" if k in (1, 18) else "0" for k in range(19))
        (tmp_path / "u.item").write_bytes(f"10|Café (1994)|01-Jan-1994||http://x|{marks}\n".encode("latin-1"))
    elif layout == "1m":
        (tmp_path / "ratings.dat").write_text("".join("::".join(map(str, r)) + "\n" for r in RATINGS))
        (tmp_path / "movies.dat").write_bytes("10::Café (1994)::Action|Western\n".encode("latin-1"))
    else:
        rows = "".join(",".join(map(str, r)) + "\n" for r in RATINGS)
        (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + rows)
        (tmp_path / "movies.csv").write_text("movieId,title,genres\n10,Café (1994),Action|Western\n")
    people = {
        "100k": ("u.user", "|", ("1", "24", "M", "artist", "0")),
        "1m": ("users.dat", "::", ["1", "M", "24", "artist", "0"]),
    }
    if layout in people:
        name, mark, cells = people[layout]
        (tmp_path / name).write_text(mark.join(cells) + "\n")
    corpus = list_data(f"movielens:{tmp_path}?threshold=3")
    known = ("category", "genre", "year", *(("age", "gender", "occupation") if layout in people else ()))
    assert corpus.spec.fields == known
    assert values(corpus, "category") == ["?", "1990s Action", "?", "1990s Action", "?"]
    if layout in people:
        assert values(corpus, "age") == ["24", "24", "24", "?", "?"]
        assert list_data(f"movielens:{tmp_path}?fields=zip,genre").spec.fields == ("zip", "genre")
    with pytest.raises(InputError, match="has no field 'size'; use category, genre, year"):
        list_data(f"movielens:{tmp_path}?fields=size")
    bare = list_data(f"movielens:{tmp_path}?fields=none")
    assert bare.spec.fields == () and "field" not in bare.arrays
    flat = list_data(f"movielens:{tmp_path}?fields=none&flat=true&val=0&test=0")
    assert flat.spec.fields == ("user", "item") and flat.frames.tolist() == [5]
    assert corpus.catalog.to_pylist() == [
        {"item": "10", "title": "Café", "categories": ["Action", "Western"], "year": 1994.0},
        *({"item": k, "title": None, "categories": None, "year": None} for k in ("30", "20", "7")),
    ]
    assert corpus.arrays["item"].tolist() == [2, 1, 3, 1, 4] and corpus.arrays["outcome"].tolist() == [1, 1, 0, 1, 0]
    assert corpus.column("name").tolist() == ["1/train", "2/train", "1/val", "1/test"]


def test_half_stars_and_mistakes(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,0.5,9\n1,2,good,9\n")
    with pytest.raises(InputError, match=r"ratings.csv line 3: rating 'good' is no number"):
        open_data(f"ml-20m:{tmp_path}")
    assert open_data(f"ml-20m:{tmp_path}", skip_bad=True).arrays["outcome"].tolist() == [0.5]
    (tmp_path / "ratings.csv").unlink()
    with pytest.raises(InputError, match=r"has none of the files"):
        open_data(f"ml-20m:{tmp_path}")
