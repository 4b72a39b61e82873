"""What SESA is held against, in closed form: cosines of TF-IDF vectors, and unsupervised explicit semantic analysis.

ESA (Gabrilovich and Markovitch, 2007): concept c has a text; V (words, C) holds the TF-IDF vectors of these texts,
columns of length 1. A text with TF-IDF vector x has the concept vector a = V^T x, two texts the similarity
cos(a_1, a_2). Axes have names, as in SESA, but nothing is learned.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from acteme.nn.text.words import words


@dataclass(frozen=True)
class Tfidf:
    """Words of some texts with idf(w) = log((1 + N) / (1 + texts that have w)) + 1."""

    numbers: dict[str, int]
    idf: Float[np.ndarray, " w"]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Tfidf":
        """Of N texts: their words and how rare these are."""
        have = Counter(word for text in texts for word in set(words(text)))
        names = sorted(have)
        count = np.array([have[name] for name in names], float)
        return cls({name: k for k, name in enumerate(names)}, np.log((1 + len(texts)) / (1 + count)) + 1)

    def vectors(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """(n, w): how often a text has each word, times its idf; rows of length 1. Other words are left out."""
        counts = [Counter(self.numbers[word] for word in words(text) if word in self.numbers) for text in texts]
        begin = np.cumsum([0, *map(len, counts)])
        column = np.array([k for count in counts for k in count], np.int64)
        value = np.array([n for count in counts for n in count.values()], float) * self.idf[column]
        table = sparse.csr_matrix((value, column, begin), (len(texts), len(self.idf)))
        return _unit(table)


def esa(concepts: Sequence[str], texts: Sequence[str], most: int | None = None) -> Float[np.ndarray, "n c"]:
    """Concept vectors of texts, of length 1, so that products are the similarities.

    Args:
        concepts: the text of each concept.
        texts: what is to be understood; one without a word of the concepts' is all zeros.
        most: keep only so many of the largest entries.
    """
    told = Tfidf.of(concepts)
    found = np.asarray((told.vectors(texts) @ told.vectors(concepts).T).todense())
    if most is not None and most < found.shape[1]:
        least = np.partition(found, -most, 1)[:, [-most]]
        found = np.where(found >= least, found, 0.0)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, length, out=np.zeros_like(found), where=length > 0)


def tfidf(known: Sequence[str], texts: Sequence[str]) -> Float[np.ndarray, "n w"]:
    """TF-IDF vectors of texts, of length 1, by the rarity of words in known texts."""
    return np.asarray(Tfidf.of(known).vectors(texts).todense())


def _unit(table: sparse.csr_matrix) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(table.multiply(table).sum(1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return sparse.diags(scale) @ table
