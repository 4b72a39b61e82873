"""Sorting within users and the k-core equal plain loops, whatever the size of the pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.recordings.behavior import order, spool

EVENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(-3, 3)), max_size=60)


@pytest.fixture(params=[1, 3, 1 << 22])
def step(request, monkeypatch):
    monkeypatch.setattr(spool, "STEP", request.param)
    monkeypatch.setattr(order, "STEP", request.param)


@pytest.mark.parametrize("piece", [1, 3, 1000])
@given(events=EVENTS)
def test_the_order_is_that_of_a_stable_sort(piece, events):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "STEP", piece)
        patch.setattr(order, "STEP", piece)
        user, _, time = np.array(events, np.int64).reshape(-1, 3).T
        got = order.sorted_by(user, time, 5)
        wanted = sorted(range(len(events)), key=lambda i: (events[i][0], events[i][2]))
        assert got.tolist() == wanted
        np.testing.assert_array_equal(order.taken(user, got), user[wanted])


@pytest.mark.parametrize("piece", [2, 1000])
@given(events=EVENTS, least=st.integers(1, 4))
def test_the_core_is_the_fixed_point_of_dropping_one_at_a_time(piece, events, least):
    left = list(range(len(events)))
    while True:
        few = [i for i in left if any(sum(events[j][k] == events[i][k] for j in left) < least for k in (0, 1))]
        if not few:
            break
        left = [j for j in left if j != few[0]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "STEP", piece)
        user, item, _ = np.array(events, np.int64).reshape(-1, 3).T
        got = order.core(user, item, 5, 6, least)
    assert np.flatnonzero(got).tolist() == left


def test_one_pass_is_not_enough_for_a_core():
    user = np.array([0, 0, 1, 1, 2, 2, 3])  # user 3 takes item 2 below two, which takes user 2, and so on
    item = np.array([0, 1, 0, 1, 1, 2, 2])
    assert order.core(user, item, 4, 3, 2).tolist() == [True] * 4 + [False] * 3


def test_a_history_longer_than_a_block(step):
    rng = np.random.default_rng(0)
    user, time = np.repeat([1, 0, 2], [40, 3, 30]), rng.integers(0, 9, 73)
    at = rng.permutation(73)
    user, time = user[at], time[at]
    np.testing.assert_array_equal(order.sorted_by(user, time, 4), np.lexsort((time, user)))


def test_whole_numbers_that_meet_fractions():
    column = spool.Spool(np.int64)
    column.append(np.array([2**53, 3]))
    column.append(np.array([0.5]))
    assert column.array().tolist() == [2.0**53, 3.0, 0.5] and column.array().dtype == np.float64


def test_times_far_apart_and_fractions_are_sorted_too():
    far = np.array([2**62, -(2**62), 0, 2**62, 5], np.int64)
    assert order.sorted_by(np.array([1, 1, 0, 1, 0]), far, 2).tolist() == [2, 4, 1, 0, 3]
    assert order.sorted_by(np.array([0, 0, 0]), np.array([0.5, 0.25, 0.5]), 1).tolist() == [1, 0, 2]


@pytest.mark.parametrize("piece", [2, 1000])
def test_chosen_rows(piece, monkeypatch):
    monkeypatch.setattr(spool, "STEP", piece)
    kept = np.array([True, False, False, False, True, True, False])
    for values in (np.arange(7, dtype=np.int32), np.arange(14, dtype=np.float32).reshape(7, 2)):
        got = order.chosen(values, kept)
        np.testing.assert_array_equal(got, values[kept])
        assert got.dtype == values.dtype
    assert len(order.chosen(np.arange(7), np.zeros(7, bool))) == 0
