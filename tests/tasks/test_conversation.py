"""Answers to questions, against loops over them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import conversation
from tests.tasks.data import same

answers = st.lists(st.tuples(st.floats(0, 9), st.integers(1, 6), st.integers(0, 1)), min_size=1, max_size=12)


@given(answers)
def test_equal_the_definitions(rows):
    nats, tokens, exact = map(np.array, zip(*rows, strict=True))
    out = conversation.measure(nats, tokens, exact, resamples=3)
    same(out.metrics["nats"], sum(n for n, _, _ in rows) / sum(t for _, t, _ in rows))
    same(out.metrics["exact"], sum(e for _, _, e in rows) / len(rows))
    if len(rows) == 1:
        assert all(map(math.isnan, out.intervals["nats"]))


def test_questions_are_what_is_drawn_again():
    out = conversation.measure(np.array([2.0, 2.0, 9.0]), np.array([1, 1, 9]), np.ones(3), resamples=400)
    low, high = out.intervals["nats"]
    assert out.metrics["nats"] == pytest.approx(13 / 11) and (low, high) == (1.0, 2.0)


def test_what_cannot_be_measured():
    with pytest.raises(InputError, match="0 questions"):
        conversation.measure(np.zeros(0), np.zeros(0), np.zeros(0))
    with pytest.raises(InputError, match="no tokens"):
        conversation.measure(np.ones(2), np.array([1, 0]), np.ones(2))
