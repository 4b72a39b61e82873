"""The world `shop`: its law, its splits, its two geometries."""

from itertools import pairwise

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.sources import open_data
from acteme.recordings.windows import Windows
from acteme.recordings.worlds.shop import shop

SMALL = {"train": 30, "val": 4, "test": 6, "history": 12, "shown": 5, "categories": 6, "items": 3, "groups": 3}


def test_splits_and_views():
    corpus = shop(**SMALL)
    assert [len(corpus.select(s)) for s in ("train", "val", "test")] == [30, 20, 30]
    assert (corpus.select("train").frames == 17).all()
    test = corpus.select("test")
    assert test.frames[:5].tolist() == [13, 14, 15, 16, 17] and len(set(test.column("subject"))) == 6
    assert not set(test.column("subject")) & set(corpus.select("train").column("subject"))
    outcome = corpus.arrays["outcome"].reshape(40, 17)
    assert (outcome[:, :12] == 1).all() and set(np.unique(outcome[:, 12:])) == {0.0, 1.0}
    index, start = Windows(frames=13, stride=1, prefixes=True, most=5).cut(corpus.select("train").frames)
    assert len(index) == 150 and start.min() == 0


def test_what_an_item_is():
    corpus = shop(**SMALL)
    item, category = corpus.arrays["item"], corpus.arrays["field"][:, 0]
    assert np.array_equal((item - 1) // 3 + 1, category) and corpus.spec.sizes == (7,) and corpus.spec.items == 18
    group = corpus.catalog["group"].to_numpy().reshape(6, 3)
    assert (group == group[:, :1]).all() and np.bincount(group[:, 0].astype(int)).tolist() == [2, 2, 2]
    assert corpus.catalog["categories"].to_pylist()[4] == ["c001"]


def test_the_law():
    """Observed clicks against the chances that the docstring gives."""
    dials = SMALL | {"train": 3000, "val": 0, "test": 0}
    corpus = shop(**dials, offset=0.0, base=-1.0, gain=1.5, decay=0.8, tastes=3)
    item, outcome = (corpus.arrays[n].reshape(3000, 17) for n in ("item", "outcome"))
    group = corpus.catalog["group"].to_numpy()
    taste = np.stack([corpus.catalog[f"taste{t}"].to_numpy() for t in range(3)], 1)
    assert set(np.unique(taste)) == {-1.0, 1.0}
    u, g, chance = taste[item - 1], group[item - 1], np.zeros((3000, 5))
    for k in range(5):
        t = 12 + k
        for ago in range(1, 13):
            i = t - ago
            same = (g[:, i] == g[:, t]) * outcome[:, i]
            chance[:, k] += 1.5 * 0.8 ** (ago - 1) * same * (u[:, i] * u[:, t]).sum(1) / 3**0.5
    chance = 1 / (1 + np.exp(1.0 - chance))
    clicked = outcome[:, 12:]
    edges = np.linspace(0, 1, 6)
    for low, high in pairwise(edges):
        of = (chance >= low) & (chance < high)
        assert abs(clicked[of].mean() - chance[of].mean()) < 4 * 0.5 / of.sum() ** 0.5


def likeness(corpus) -> tuple[float, float]:
    """Mean agreement of tastes within and between groups."""
    one = slice(None, None, SMALL["items"])
    group = corpus.catalog["group"].to_numpy()[one]
    taste = np.stack([corpus.catalog[f"taste{t}"].to_numpy()[one] for t in range(4)], 1)
    same, agree = group[:, None] == group, taste @ taste.T / 4
    off = ~np.eye(len(group), dtype=bool)
    return float(agree[same & off].mean()), float(agree[~same].mean())


def test_groups_and_tastes_are_independent_unless_aligned():
    dials = SMALL | {"categories": 48, "groups": 4, "train": 1, "val": 0, "test": 0}
    apart = np.mean([likeness(shop(**dials, seed=s)) for s in range(12)], 0)
    assert abs(apart[0] - apart[1]) < 0.05
    within, between = likeness(shop(**dials, aligned=True))
    assert within > 0.3 and between < 0


def test_everything_follows_from_the_seed():
    a, b, c = shop(**SMALL), shop(**SMALL), shop(**SMALL, seed=1)
    assert all(np.array_equal(a.arrays[n], b.arrays[n]) for n in a.arrays)
    assert not np.array_equal(a.arrays["item"], c.arrays["item"])


def test_it_is_a_source(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTEME_CACHE", str(tmp_path))
    text = "shop?" + "&".join(f"{k}={v}" for k, v in SMALL.items()) + "&aligned=true"
    corpus = open_data(text)
    assert corpus.catalog is not None and "group" in corpus.catalog.column_names
    assert np.array_equal(corpus.arrays["item"], shop(**SMALL, aligned=True).arrays["item"])


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"groups": 9, "categories": 4}, "categories is 4; it must be at least 9"),
        ({"decay": 1.5}, "decay is 1.5; give a number from 0 to 1"),
        ({"concentration": 0.0}, "concentration is 0.0"),
        ({"history": 0}, "history is 0"),
    ],
)
def test_wrong_dials(dials, message):
    with pytest.raises(InputError, match=message):
        shop(**dials)
