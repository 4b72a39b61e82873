"""Events as features: the values of all fields in one space of numbers, sorted by how often they occur in training."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.spec import Spec

KINDS = ("click", "rating", "ranking")
"""What is foretold: the probability of outcomes that are 0 or 1, a number, or which item was chosen where the data says
nothing but that."""


class Features(nn.Module):
    """Numbers of an event's features, 0 for the most frequent of all, and what its outcome is.

    Counting is over training events alone. Values that none of them has, the unknown value of each field among them,
    come last.

    Args:
        spec: fields and the number of their values; items are a field before them where there are items.
        kind: see `KINDS`; empty to see it from the data.
        item: the field whose value is drawn anew to have something that was not chosen.

    Raises:
        InputError: events have no fields.
    """

    def __init__(self, spec: Spec, kind: str, item: str):
        super().__init__()
        self.names = (*(("item",) if spec.items else ()), *spec.fields)
        self.sizes = (*((spec.items + 1,) if spec.items else ()), *spec.sizes)
        self.items = bool(spec.items)
        if not self.names:
            raise InputError("events have no fields", "data", "give events with categories, such as user and item")
        self.field = self.names.index(item) if item in self.names else -1
        self.total = sum(self.sizes)
        starts = torch.tensor([0, *self.sizes[:-1]]).cumsum(0)
        self.register_buffer("start", starts, persistent=False)
        self.register_buffer("number", torch.arange(self.total))
        self.register_buffer("count", torch.zeros(self.total, dtype=torch.int64))
        self.register_buffer("kind", torch.tensor(KINDS.index(kind) if kind else -1))
        self.start: Tensor
        self.number: Tensor
        self.count: Tensor
        self.kind: Tensor

    def __len__(self) -> int:
        return self.total

    @property
    def foretells(self) -> str:
        """One of `KINDS`."""
        kind = int(self.kind)
        return KINDS[kind] if kind >= 0 else KINDS[0]

    @property
    def counted(self) -> bool:
        """Whether `calibrate` was called, here or where the weights come from."""
        return bool(self.count.any())

    def plain(self, batch: Batch) -> Int[Tensor, "b t f"]:
        """The values of all events' fields, each field's behind those of the fields before it."""
        field = batch["field"]
        if self.items:
            field = torch.cat([batch["item"][..., None], field], -1)
        return field + self.start

    def last(self, batch: Batch, plain: Int[Tensor, "b t f"]) -> Int[Tensor, "b f"]:
        """Those of the last event of each window."""
        return plain[torch.arange(len(plain), device=plain.device), batch["frames"] - 1]

    def forward(self, batch: Batch) -> Int[Tensor, "b f"]:
        """The features of the last event of each window."""
        return self.number[self.last(batch, self.plain(batch))]

    def outcome(self, batch: Batch) -> Float[Tensor, " b"]:
        """How it turned out."""
        found = batch["outcome"]
        return found[torch.arange(len(found), device=found.device), batch["frames"] - 1]

    def unchosen(self, batch: Batch) -> Int[Tensor, "b f"]:
        """The last events with another item, drawn as often as items occur in training."""
        plain = self.last(batch, self.plain(batch)).clone()
        start, size = int(self.start[self.field]), self.sizes[self.field]
        drawn = torch.multinomial(self.count[start : start + size].float(), len(plain), replacement=True)
        plain[:, self.field] = drawn + start
        return self.number[plain]

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> float:
        """Counts values, sorts them, sees what is to be foretold, and returns the mean outcome (0 where there is none).

        Raises:
            InputError: there are no outcomes and no field of items, or outcomes do not fit what was asked for.
        """
        total, events, binary = 0.0, 0, True
        for batch in batches:
            values = self.last(batch, self.plain(batch)).flatten()
            self.count += torch.bincount(values, minlength=len(self))
            events += len(batch["frames"])
            if "outcome" in batch:
                outcome = self.outcome(batch)
                total += float(outcome.double().sum())
                binary = binary and bool(((outcome == 0) | (outcome == 1)).all())
                known = True
            else:
                known = False
        if int(self.kind) < 0:
            self.kind.fill_(KINDS.index(("click" if binary else "rating") if known else "ranking"))
        kind = self.foretells
        if kind == "ranking" and self.field < 0:
            what = "the data has no outcomes, and no field 'item' that could have been chosen otherwise"
            raise InputError(what, "data", "give a column outcome, or name the field: network.item=NAME")
        if kind != "ranking" and not known:
            raise InputError("the data has no outcomes", "data", "give a column outcome, or network.outcome=ranking")
        if kind == "click" and not binary:
            what = "outcomes are not all 0 or 1"
            raise InputError(what, "data", "give a threshold, or network.outcome=rating")
        order = torch.argsort(self.count, descending=True, stable=True)
        self.number[order] = torch.arange(len(self), device=order.device)
        return total / max(events, 1)

    @property
    def sorted_count(self) -> Int[Tensor, " n"]:
        """How often each feature occurs in training, by its number: falling."""
        out = torch.empty_like(self.count)
        out[self.number] = self.count
        return out


def loss(kind: str, scores: Float[Tensor, " b"], outcome: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """Squared error of ratings, binary cross entropy of clicks."""
    if kind == "rating":
        return F.mse_loss(scores, outcome)
    return F.binary_cross_entropy_with_logits(scores, outcome)


def preference(chosen: Float[Tensor, " b"], other: Float[Tensor, " b"]) -> Float[Tensor, ""]:
    """-log sigma(chosen - other) (BPR; Rendle et al., 2009)."""
    return F.softplus(other - chosen).mean()
