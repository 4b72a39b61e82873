"""The world of sequences: contents, orders, captions, and what the two splits may share."""

from itertools import combinations

import numpy as np
import pytest

from acteme.errors import InputError
from acteme.recordings.clauses import decompose
from acteme.recordings.corpus import Corpus
from acteme.recordings.skeleton.readers.pybullet import CLIPS
from acteme.recordings.worlds.sequences import SAYINGS, sequences

FEW = {"train": 150, "test": 60, "fps": 10.0, "manner": 0.5}


@pytest.fixture(scope="module")
def few() -> Corpus:
    return sequences(**FEW)


def contents(corpus: Corpus) -> list[tuple[int, ...]]:
    return [tuple(int(r.factors[f"action{i}"]) for i in (1, 2, 3) if f"action{i}" in r.factors) for r in corpus]


def test_pairs_of_the_test_never_occur_in_training(few):
    seen = {frozenset(p) for c in contents(few.select("train")) for p in combinations(c, 2)}
    for c in contents(few.select("test")):
        assert any(frozenset(p) not in seen for p in combinations(c, 2))
    assert {len(c) for c in contents(few)} == {2, 3} and all(len(set(c)) == len(c) for c in contents(few))
    unseen = 15 * 14 // 2 - len({frozenset(p) for c in contents(sequences(train=1500, test=0, fps=5.0)) for p in
                                 combinations(c, 2)})  # fmt: skip
    assert unseen == 21, "a fifth of all pairs"


def test_usual_orders_and_their_exceptions():
    def orders(reordered):
        corpus = sequences(train=400, test=0, fps=5.0, actions=(2, 2), reordered=reordered)
        found: dict[frozenset[int], list[tuple[int, ...]]] = {}
        for c in contents(corpus):
            found.setdefault(frozenset(c), []).append(c)
        return found

    assert all(len(set(v)) == 1 for v in orders(0.0).values())
    both = [len(set(v)) == 2 for v in orders(1.0).values() if len(v) > 3]
    assert np.mean(both) > 0.7


def test_captions_say_what_happens_in_order(few):
    connectives = set()
    for r, content in zip(few, contents(few), strict=True):
        (segment,) = r.segments
        assert segment.text == r.text and (segment.start, segment.end) == (0.0, pytest.approx(r.duration))
        assert len(segment.events) == len(content)
        for event, action in zip(segment.events, content, strict=True):
            said = event.removeprefix("a person ").split()
            lemmas = [s.split() for s in SAYINGS[CLIPS[action]]]
            assert any(said[1 : len(m)] == m[1:] and said[0][:2] == m[0][:2] for m in lemmas)
        found = decompose(segment.text)
        assert found == segment.events, segment.text
        connectives |= {w for w in ("then", "and then", "before", "after") if f" {w} " in segment.text}
    assert connectives == {"then", "and then", "before", "after"}


def test_backwards_is_the_same_the_other_way_round(few):
    back = sequences(**FEW, backwards=True)
    for a, b, c, d in zip(contents(few), contents(back), few, back, strict=True):
        assert a == b[::-1] and c.segments[0].events == d.segments[0].events[::-1]
    np.testing.assert_array_equal(few.frames, back.frames)
    assert not np.array_equal(few.arrays["skeleton"], back.arrays["skeleton"])


def test_the_seed_decides_everything_and_bodies_are_those_of_one_split(few):
    again = sequences(**FEW)
    np.testing.assert_array_equal(few.arrays["skeleton"], again.arrays["skeleton"])
    assert few.texts == again.texts and few.texts != sequences(**FEW, seed=1).texts
    assert not set(few.select("train").column("subject")) & set(few.select("test").column("subject"))
    assert few.arrays["skeleton"].shape[1:] == (1, 15, 3)


@pytest.mark.parametrize(
    ("dials", "message"),
    [
        ({"actions": (1, 2)}, "actions is"),
        ({"reordered": 1.5}, "reordered is 1.5"),
        ({"manner": -0.1}, "manner is -0.1"),
        ({"unseen": 1.0}, "unseen is 1.0"),
        ({"unseen": 0.999}, "leave pairs for training"),
        ({"seconds": (2.0, 1.0)}, "seconds is"),
        ({"fps": 1.0}, "fps is 1.0"),
        ({"train": -1}, "train is -1"),
        ({"bodies": 0}, "bodies is 0"),
        ({"train": 0, "test": 0}, "no recordings"),
    ],
)
def test_dials_out_of_range(dials, message):
    with pytest.raises(InputError, match=message):
        sequences(**({"train": 2, "test": 2} | dials))
