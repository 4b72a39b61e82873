"""Subsequences: where the log is cut, and who shares a target."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.recordings.sources import open_data
from acteme.recordings.windows import Windows
from acteme.systems.recommend.icsrec.partners import Subsequences
from tests.systems.recommend.logs import log


def cut(users, length=50, **more) -> Subsequences:
    return Subsequences.of(log(users), Windows(frames=length + 1, stride=1, prefixes=True, **more))


def listed(known: Subsequences, length: int = 50):
    """(items, target) of all."""
    histories = known.histories(np.arange(len(known)), length).tolist()
    return [([i for i in h if i], int(known.item[e])) for h, e in zip(histories, known.end, strict=True)]


def test_segments_of_six_events():
    assert listed(cut([[1, 2, 3, 4, 5, 6]])) == [([1], 2), ([1, 2], 3), ([1, 2, 3], 4)]
    assert len(cut([[1, 2, 3], [4, 5, 6, 7]])) == 1, "three events give none"


def test_segments_of_sixty_events():
    made = listed(cut([list(range(1, 61))]))
    assert len(made) == 57
    assert made[49] == (list(range(1, 51)), 51), "1 to 53 without the two that are held out"
    assert made[-1] == (list(range(8, 58)), 58), "8 to 60"
    assert all(items == list(range(target - len(items), target)) for items, target in made)
    assert [len(items) for items, _ in made] == list(range(1, 51)) + [50] * 7
    assert max(target for _, target in made) == 58, "neither of the last two events is a target"
    assert len(cut([list(range(1, 61))], most=30)) == 30


def test_segments_of_movielens():
    known = Subsequences.of(open_data("ml-100k").select("train"), Windows(frames=51, stride=1, prefixes=True))
    size, own = (np.diff(of, axis=1)[:, 0] for of in (known.target, known.content))
    target = known.item[known.end]
    assert len(known) == 97_171 and size.max() == 570 and len(np.unique(target)) == 1678
    others = size > own
    assert len(np.unique(target[others])) == 1540 and others.mean() == pytest.approx(0.9986, abs=1e-4)
    torch.manual_seed(0)
    partners = known.partners(np.arange(len(known)))
    assert np.array_equal(target[partners], target)
    assert (partners != np.arange(len(known)))[others].all() and others.mean() > 0.9


users = st.lists(st.lists(st.integers(1, 4), min_size=3, max_size=9), min_size=1, max_size=6)


@settings(max_examples=80)
@given(users, st.integers(1, 4), st.integers(0, 9))
def test_partners_have_the_same_target_and_other_items_where_there_are_any(users, length, seed):
    known = cut(users, length)
    made = listed(known, length)
    torch.manual_seed(seed)
    for one, two in enumerate(known.partners(np.arange(len(made)))):
        assert made[two][1] == made[one][1]
        could = [j for j, (items, target) in enumerate(made) if target == made[one][1] and items != made[one][0]]
        assert two in could or not could
        first, last = known.content[one]
        same = {j for j, seen in enumerate(made) if seen == made[one]}
        assert set(known.order[first:last].tolist()) == same


def test_partners_are_drawn_evenly():
    known = cut([[k, 9, 8, 7, 6] for k in range(1, 6)] + [[1, 9, 7, 7, 7]])
    first = next(n for n, seen in enumerate(listed(known)) if seen == ([1], 9))
    torch.manual_seed(0)
    drawn = known.partners(np.full(6000, first))
    assert {tuple(listed(known)[n][0]) for n in np.unique(drawn)} == {(2,), (3,), (4,), (5,)}
    assert np.bincount(drawn)[np.unique(drawn)].min() > 1300
    strangers = np.bincount(known.strangers(6000), minlength=len(known))
    assert strangers.min() > 6000 / len(known) * 0.8


def test_who_is_alone_may_be_its_own_partner():
    known = cut([[1, 2, 5, 5], [3, 4, 5, 5]])
    assert known.partners(np.array([0, 1])).tolist() == [0, 1]


def test_windows_of_a_batch_are_found_again():
    corpus = log([[1, 2, 3, 4, 9, 9], [5, 6, 7, 9, 9], [8, 1, 2, 3, 4, 5, 6, 9, 9]])
    windows = Windows(frames=4, stride=1, prefixes=True)
    known = Subsequences.of(corpus, windows)
    index, start = windows.cut(corpus.frames)
    batch = corpus.cut(windows, index[::-1], start[::-1])
    found = known.find(batch["index"], batch["start"] + batch["mask"].sum(1) - 1)
    assert sorted(found.tolist()) == list(range(len(known)))
    target = batch["item"].gather(1, batch["mask"].sum(1, keepdim=True) - 1)[:, 0]
    assert known.item[known.end[found]].tolist() == target.tolist()
    for row, n in zip(batch["item"].tolist(), found, strict=True):
        items = [i for i in row if i][:-1]
        assert known.histories(np.array([n]), 3)[0].tolist() == [0] * (3 - len(items)) + items


def test_a_selection_of_recordings_is_cut_alone():
    corpus = log([[1, 2, 3, 9, 9], [5, 6, 7, 9, 9]])
    known = Subsequences.of(corpus.select(rows=np.array([1])), Windows(frames=3, stride=1, prefixes=True))
    assert listed(known, 2) == [([5], 6), ([5, 6], 7)]
    assert copy.deepcopy(known) is known
