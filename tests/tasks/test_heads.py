"""Heads of spans against a walk up the tree, and by the rule for English."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.tasks import heads


def walk(parents, first, last):
    at = first
    while first <= parents[at] <= last and parents[at] != at:
        at = parents[at]
    return at


@given(st.integers(1, 12), st.integers(0, 2**32))
def test_parsed_heads_equal_a_walk(words, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(words)
    parents = np.empty(words, np.int64)
    for i, word in enumerate(order):
        parents[word] = order[rng.integers(0, i)] if i else word
    first = rng.integers(0, words, 6)
    spans = np.column_stack([first, np.minimum(first + rng.integers(0, 5, 6), words - 1)])
    assert heads.parsed_heads(spans, parents).tolist() == [walk(parents, a, b) for a, b in spans]


@pytest.mark.parametrize(
    ("text", "head"),
    [("the old mayor of Oslo", "mayor"), ("men who fled", "men"), ("Paris , France", "Paris"), ("three dogs", "dogs"),
     ("in Oslo", "Oslo"), ("of", "of"), ("John and Mary", "John"), ("the president 's car", "car")],
)  # fmt: skip
def test_ruled_heads(text, head):
    words = ["He", *text.split(), "saw"]
    at = heads.ruled_heads(np.array([[1, len(words) - 2]]), words)
    assert words[at[0]] == head


def test_articles_go_but_not_alone():
    words = ["The", "man", "a"]
    assert heads.without_articles(np.array([[0, 1], [2, 2], [0, 0]]), words).tolist() == [[1, 1], [2, 2], [0, 0]]
    assert heads.without_articles(np.zeros((0, 2), int), words).shape == (0, 2)


def test_what_has_no_head():
    with pytest.raises(InputError, match="from word 1 to 4 in a document of 3 words"):
        heads.ruled_heads(np.array([[0, 1], [1, 4]]), ["a"] * 3)
    with pytest.raises(InputError, match="parse of 2 words names a word outside"):
        heads.parsed_heads(np.array([[0, 1]]), np.array([0, 5]))
    with pytest.raises(InputError, match="round in a circle"):
        heads.parsed_heads(np.array([[0, 1]]), np.array([1, 0]))
