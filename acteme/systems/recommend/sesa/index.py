"""Sparse concept vectors and an index of them: of a vector of thousands of concepts a few are large."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix
from torch import Tensor


class Sparse(NamedTuple):
    """The largest concepts of some vectors, largest first; of fewer the rest is concept 0 with value 0."""

    concept: Int[Tensor, "n k"]
    value: Float[Tensor, "n k"]

    def dense(self, concepts: int) -> Float[Tensor, "n c"]:
        """The vectors again, with zeros for what was left out."""
        out = torch.zeros(len(self.value), concepts, dtype=self.value.dtype, device=self.value.device)
        return out.scatter_add_(1, self.concept, self.value)


def sparse(vectors: Float[Tensor, "n c"], most: int = 50, least: float = 0.05) -> Sparse:
    """The `most` largest concepts of each vector, as far as they are `least` or more."""
    value, concept = vectors.topk(min(most, vectors.shape[1]), -1)
    kept = value >= least
    return Sparse(concept.where(kept, 0), value.where(kept, 0.0))


@dataclass(frozen=True)
class Index:
    """Vectors of jobs, only what is not zero of them: a matrix in rows.

    Memory and the cost of a query follow the concepts that are kept, not those that there are.
    """

    rows: csr_matrix
    """(items, C)."""
    bias: float

    @classmethod
    def of(cls, table: Float[Tensor, "items c"], most: int = 50, least: float = 0.05, bias: float = 0.0) -> "Index":
        """From dense vectors, of which the largest concepts are kept."""
        concept, value = (x.cpu().numpy() for x in sparse(table, most, least))
        kept = value > 0
        begin = np.append(0, np.cumsum(kept.sum(1)))
        return cls(csr_matrix((value[kept], concept[kept], begin), tuple(table.shape)), bias)

    def scores(self, query: Float[Tensor, "n c"]) -> Float[Tensor, "n items"]:
        """Scores of all jobs for queries, which have the weights of concepts in them."""
        found = self.rows @ np.ascontiguousarray(query.cpu().numpy().T)
        return torch.from_numpy(found.T) + self.bias
