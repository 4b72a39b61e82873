"""Captions taken apart: the order of time, the same subject in every clause, and orders that differ."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.recordings.clauses import VERBS, decompose, gerund, present, shuffled

CASES = {
    "a person walks forward, then jumps, and then waves.":
        ("a person walks forward", "a person jumps", "a person waves"),
    "A man waves before sitting down, then he stands up.": ("a man waves", "a man sits down", "a man stands up"),
    "before sitting down, the man waves his left hand": ("the man waves his left hand", "the man sits down"),
    "after jumping, a person runs in a circle": ("a person jumps", "a person runs in a circle"),
    "After he jumps, the man walks away": ("the man jumps", "the man walks away"),
    "a person sits down after walking forward": ("a person walks forward", "a person sits down"),
    "a person walks forward and sits down.": ("a person walks forward", "a person sits down"),
    "a person waves his hands and arms": ("a person waves his hands and arms",),
    "a person waves both arms and legs, turns around, and walks back.":
        ("a person waves both arms and legs", "a person turns around", "a person walks back"),
    "the man kicks with his right leg, followed by a punch":
        ("the man kicks with his right leg", "the man does a punch"),
    "someone picks something up and places it on a table. he then walks away.":
        ("someone picks something up", "someone places it on a table", "someone walks away"),
    "two people walk toward each other and shake hands":
        ("two people walk toward each other", "two people shake hands"),
    "person crouches after running and then stands up": ("person runs", "person crouches", "person stands up"),
    "a person first raises his arm, then lowers it": ("a person raises his arm", "a person lowers it"),
    "a person bends over. the person kicks back": ("a person bends over", "a person kicks back"),
    "a figure walks in a circle while waving his hand": ("a figure walks in a circle while waving his hand",),
    "he jumps after a while": ("he jumps after a while",),
    "walks forward then jumps": ("walks forward", "jumps"),
    "a person is walking forward.": ("a person is walking forward",),
    "jump": ("jump",),
    " . ": (),
    "": (),
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_decompose(text):
    assert decompose(text) == CASES[text]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["a person", "walks", "then", "and", "after", "before", "jumping", ",", ".", "he"])))
def test_anything_gives_clauses_without_connectives_at_their_start(words):
    found = decompose(" ".join(words))
    assert all(c and c == " ".join(c.split()) for c in found) or len(found) == 1
    if len(found) > 1:
        assert not any(c.split()[0] in ("then", "and") for c in found)


def test_forms_of_verbs():
    pairs = {
        "walk": ("walks", "walking"), "wave": ("waves", "waving"), "sit": ("sits", "sitting"),
        "lie": ("lies", "lying"), "catch": ("catches", "catching"), "carry": ("carries", "carrying"),
        "squat": ("squats", "squatting"), "bow": ("bows", "bowing"), "tiptoe": ("tiptoes", "tiptoeing"),
        "mimic": ("mimics", "mimicking"), "go": ("goes", "going"), "play": ("plays", "playing"),
        "swing": ("swings", "swinging"),
    }  # fmt: skip
    assert {v: (present(v), gerund(v)) for v in pairs} == pairs
    assert len(set(map(gerund, VERBS))) == len(VERBS)


def draw(seed: int):
    source = random.Random(seed)
    return lambda n: source.sample(range(n), n)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from("abc"), max_size=6), st.integers(0, 5))
def test_an_order_that_reads_differently_and_holds_the_same(clauses, seed):
    other = shuffled(clauses, draw(seed))
    assert sorted(other) == sorted(clauses)
    assert (other != clauses) == (len(set(clauses)) > 1)


def test_shuffling_ends_where_all_are_the_same():
    assert shuffled(["a", "a"], draw(0)) == ["a", "a"] and shuffled(["a"], draw(0)) == ["a"]
    assert {tuple(shuffled(["a", "b", "c"], draw(s))) for s in range(80)} == {
        ("a", "c", "b"), ("b", "a", "c"), ("b", "c", "a"), ("c", "a", "b"), ("c", "b", "a")}  # fmt: skip
