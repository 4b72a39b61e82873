"""Words, and the vocabulary that is part of the state."""

from copy import deepcopy

import torch

from acteme.nn.text.words import BYTES, UNKNOWN, Vocabulary, words


def test_words_are_lower_case_with_the_names_of_languages():
    assert words("Writes C++, C# and F#; isn't_it 3D") == ["writes", "c++", "c#", "and", "f#", "isn", "t", "it", "3d"]
    assert words("Straße, naïve!") == ["straße", "naïve"] and words(" -- ") == []


def test_frequent_words_come_first_and_rare_ones_are_unknown():
    made = Vocabulary(3)
    made.build(["b b b a a c c d", "a"], 2)
    assert made.table() == {"a": 2, "b": 3, "c": 4}, "by number, then by name; no room for more"
    made.build(["b b b a a c c d"], 3)
    assert made.table() == {"b": 2}
    assert made.ids(["B x", "", "b b b"], 2).tolist() == [[2, UNKNOWN], [UNKNOWN, 0], [2, 2]]


def test_too_long_a_word_stays_unknown():
    made = Vocabulary(4)
    made.build(["é" * BYTES, "x" * BYTES], 1)
    assert list(made.table()) == ["x" * BYTES]


def test_the_vocabulary_travels_with_the_state():
    made, other = Vocabulary(4), Vocabulary(4)
    made.build(["naïve words"], 1)
    assert other.table() == {}
    other.load_state_dict(made.state_dict())
    assert other.table() == made.table() == deepcopy(made).table() != {}
    assert torch.equal(other.ids(["words"], 5), made.ids(["words"], 5))
