"""Collaborative vectors: a matrix factorization of who had what, by weighted alternating least squares.

Source: Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback Datasets (ICDM 2008). Of an event of user
u with item i and rating r_ui (0 where there is none) the preference is 1 and the confidence

    c_ui = 1 + alpha r_ui / (largest rating),

of all other pairs the preference is 0 and the confidence 1. With item vectors Y the best user vector is closed:

    x_u = (Y^T Y + sum_i (c_ui - 1) y_i y_i^T + lambda I)^-1  sum_i c_ui y_i,

over the items of u. So a user who was never trained on has a vector, too, and a score is a sum over the user's items:
y_i^T x_u = sum_j c_uj y_i^T W_u y_j, with W_u the inverse: which item a recommendation comes from (section 5 there).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus

CELLS = 1 << 21
"""Numbers of vectors that are gathered at a time."""


@dataclass(frozen=True)
class FactorsConfig:
    """Settings of the collaborative vectors."""

    width: int = 256
    """Numbers of a vector."""
    alpha: float = 10.0
    """How much more a rated pair counts than one that is not there."""
    regularization: float = 5.0
    """Weight of the squared length of vectors."""
    sweeps: int = 12
    """Times that all users' and all items' vectors are solved for."""


class Factors(nn.Module):
    """Vectors of all items, and of whoever has a history of items.

    Args:
        config: settings.
        items: of the catalog.
    """

    table: Float[Tensor, "rows d"]
    gram: Float[Tensor, "d d"]
    item_shift: Float[Tensor, " d"]
    item_scale: Float[Tensor, " d"]
    user_shift: Float[Tensor, " d"]
    user_scale: Float[Tensor, " d"]
    largest: Float[Tensor, ""]

    def __init__(self, config: FactorsConfig, items: int):
        super().__init__()
        if not items:
            raise InputError("has no items", "data", "give a log with items, such as ml-100k")
        self.config, d = config, config.width
        self.register_buffer("table", torch.zeros(items + 1, d))
        self.register_buffer("gram", torch.zeros(d, d))
        for whose in ("item", "user"):
            self.register_buffer(f"{whose}_shift", torch.zeros(d))
            self.register_buffer(f"{whose}_scale", torch.ones(d))
        self.register_buffer("largest", torch.ones(()))

    # --- learning ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def fit(self, corpus: Corpus) -> None:
        """Factorizes who has what, of all events of recordings."""
        device = self.table.device
        user, item, value = (x.to(device) for x in seen_pairs(corpus, len(self.table)))
        if not len(user):
            raise InputError("holds no events of items", "data", "give a log with a history for each user")
        self.largest.fill_(float(value.max().clamp(min=1e-6)))
        confidence = 1 + self.config.alpha * value / self.largest
        users = torch.unique(user, return_inverse=True)[1]
        count, d = int(users.max()) + 1, self.config.width
        to_user, to_item = Ragged.of(users, count), Ragged.of(item, len(self.table))
        y = torch.randn(len(self.table), d, device=self.table.device) / d**0.5
        y[0] = 0
        x = y[:0]
        for _ in range(self.config.sweeps):
            x = self.solve(y, to_user, item, confidence, count)
            y = self.solve(x, to_item, users, confidence, len(self.table))
        self.table.copy_(y)
        self.gram.copy_(y.T @ y)
        known = torch.unique(item)
        self._standardize("item", y[known])
        self._standardize("user", self.solve(y, to_user, item, confidence, count))

    def solve(self, other: Float[Tensor, "m d"], own: "Ragged", at: Int[Tensor, " e"], confidence: Float[Tensor, " e"],
              count: int) -> Float[Tensor, "n d"]:  # fmt: skip
        """The best vectors of one side, given those of the other; of who has no event it is 0.

        Args:
            other: vectors of the other side.
            own: which events belong to each vector.
            at: row of `other` of each event.
            confidence: of each event.
            count: vectors to find.
        """
        d = other.shape[1]
        out = other.new_zeros(count, d)
        base = other.T @ other + self.config.regularization * torch.eye(d, device=other.device)
        for rows, events, mask in own.pieces(CELLS // d):
            y = other[at[events]] * mask[..., None]
            c = confidence[events]
            a = base + (y * (c - 1)[..., None]).mT @ y
            out[rows] = torch.linalg.solve(a, (y * c[..., None]).sum(1))
        return out

    def _standardize(self, whose: str, vectors: Float[Tensor, "n d"]) -> None:
        scale = vectors.std(0, unbiased=False)
        getattr(self, f"{whose}_shift").copy_(vectors.mean(0))
        getattr(self, f"{whose}_scale").copy_(torch.where(scale > 1e-6, scale, 1.0))

    # --- vectors -----------------------------------------------------------------------------------------------------

    def items(self, item: Int[Tensor, "*n"]) -> Float[Tensor, "*n d"]:
        """Vectors of items as the encoder takes them: mean 0 and variance 1 over the catalog."""
        return (self.table[item] - self.item_shift) / self.item_scale

    def users(self, raw: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Folded-in vectors as the encoder takes them: mean 0 and variance 1 over the users of the training."""
        return (raw - self.user_shift) / self.user_scale

    def confidence(self, batch: Batch) -> Float[Tensor, "b t"]:
        """c_ui of each event; 0 where there is none."""
        value = batch["outcome"] if "outcome" in batch else torch.ones_like(batch["item"], dtype=self.table.dtype)
        present = batch["mask"] & (batch["item"] > 0)
        return (1 + self.config.alpha * value.clamp(min=0) / self.largest) * present

    @torch.no_grad()
    def fold(self, batch: Batch) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d t"]]:
        """Vectors of users by their histories, and what each event adds to them: x = sum over t."""
        c = self.confidence(batch)
        y = self.table[batch["item"]] * (c > 0)[..., None]
        d = self.table.shape[1]
        base = self.gram + self.config.regularization * torch.eye(d, device=y.device)
        a = base + (y * (c - 1).clamp(min=0)[..., None]).mT @ y
        parts = torch.linalg.solve(a, (y * c[..., None]).mT)
        return parts.sum(-1), parts


def seen_pairs(corpus: Corpus, rows: int) -> tuple[Int[Tensor, " e"], Int[Tensor, " e"], Float[Tensor, " e"]]:
    """User, item and rating (1 where there are none) of each distinct pair; the latest rating counts."""
    at, place = every_event(corpus)
    item = torch.from_numpy(corpus.arrays["item"][at].astype(np.int64))
    key = torch.from_numpy(np.cumsum(place == 0) - 1) * rows + item
    rated = "outcome" in corpus.arrays
    value = torch.from_numpy(corpus.arrays["outcome"][at].astype(np.float32)) if rated else torch.ones(len(key))
    key, value = key[item > 0], value[item > 0]
    order = torch.argsort(key, stable=True)
    key, value = key[order], value[order]
    last = torch.ones(len(key), dtype=torch.bool)
    last[:-1] = key[1:] != key[:-1]
    key, value = key[last], value[last]
    return key // rows, key % rows, value.clamp(min=0)


def every_event(corpus: Corpus) -> tuple[Int[np.ndarray, " e"], Int[np.ndarray, " e"]]:
    """Where all events of recordings stand in its arrays, and the place of each in its recording, from 0."""
    frames = corpus.frames
    place = np.arange(frames.sum()) - np.repeat(np.cumsum(frames) - frames, frames)
    return np.repeat(corpus.column("offset"), frames) + place, place


@dataclass(frozen=True)
class Ragged:
    """Events by whom they belong to."""

    order: Int[Tensor, " e"]
    """Events, one owner's behind another's."""
    first: Int[Tensor, " n"]
    """Where each owner's begin."""
    size: Int[Tensor, " n"]

    @classmethod
    def of(cls, owner: Int[Tensor, " e"], count: int) -> "Ragged":
        size = torch.bincount(owner, minlength=count)
        return cls(torch.argsort(owner, stable=True), F.pad(size.cumsum(0), (1, 0))[:-1], size)

    def pieces(self, cells: int) -> Iterator[tuple[Int[Tensor, " r"], Int[Tensor, "r t"], Bool[Tensor, "r t"]]]:
        """Owners with about equally many events, these padded, and which exist; about `cells` at a time."""
        by_size = torch.argsort(self.size)
        by_size = by_size[self.size[by_size] > 0]
        size, a = self.size[by_size].tolist(), 0
        while a < len(size):
            b = a + 1
            while b < len(size) and (b - a + 1) * size[b] <= cells:
                b += 1
            rows = by_size[a:b]
            step = torch.arange(size[b - 1], device=rows.device)
            mask = step < self.size[rows][:, None]
            yield rows, self.order[(self.first[rows][:, None] + step).where(mask, 0)], mask
            a = b
