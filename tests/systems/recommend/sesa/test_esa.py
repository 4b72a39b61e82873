"""What is not learned: TF-IDF and explicit semantic analysis."""

import numpy as np
import pytest

from acteme.systems.recommend.sesa.esa import Tfidf, esa, tfidf


def test_concepts_of_one_word_give_the_identity():
    assert np.allclose(esa(["python", "welding", "nursing"], ["Python", "welding welding", "nursing!"]), np.eye(3))


def test_rarity_of_a_word_of_one_of_three_concepts():
    made = Tfidf.of(["a b", "b c", "b"])
    assert made.idf[made.numbers["a"]] == pytest.approx(1.6931, abs=1e-4)
    assert made.idf[made.numbers["b"]] == pytest.approx(1.0)


def test_vectors_by_hand():
    made = Tfidf.of(["a b", "b"])
    rare = np.log(3 / 2) + 1
    expected = np.array([2 * rare, 1.0]) / np.hypot(2 * rare, 1.0)
    assert np.allclose(made.vectors(["a a b z"]).toarray(), expected)
    assert np.allclose(np.linalg.norm(tfidf(["a b", "b"], ["a", "b b", "z"]), axis=1), [1, 1, 0])


def test_similarity_is_the_cosine_of_concept_vectors():
    told = ["red apple", "green apple", "green leaf"]
    a = esa(told, ["apple", "leaf", "nothing known"])
    made = Tfidf.of(told)
    v = made.vectors(told).toarray()
    x = made.vectors(["apple"]).toarray()[0]
    assert np.allclose(a[0], v @ x / np.linalg.norm(v @ x)) and a[2].max() == 0
    assert a[0] @ a[1] == pytest.approx(0.0)


def test_only_the_largest_entries_are_kept():
    told = ["a b c", "a b", "a"]
    whole, some = esa(told, ["a b"]), esa(told, ["a b"], most=1)
    assert (some > 0).sum() == 1 and some[0, whole[0].argmax()] == pytest.approx(1.0)
