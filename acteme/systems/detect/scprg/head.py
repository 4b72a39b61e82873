"""What is made of states and attention: a vector for each span, and its role.

A span pools the states of what it and the trigger both attend to, p ~ A_span * A_trigger (STCP over the text, RLIG over
the roles). A_span is a mean of rows of the attention, so the pooled sums of a span are means of those of its tokens:
with M = A * A_trigger, sums over the text are M H, a row a token, and running sums of these rows give any span. So no
map of spans by tokens is ever made, and all that is linear in a token is computed once per token.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.systems.detect.scprg.inputs import Tokens

LENGTHS, LENGTH_WIDTH = 50, 20
"""Rows and width of the table of span lengths."""


@dataclass(frozen=True)
class Pooling:
    """What spans pool."""

    by: Literal["clues", "trigger", "uniform", "none"] = "clues"
    """Weights: what span and trigger both attend to, what the trigger does, equal ones, or nothing is pooled."""
    over: Literal["merged", "separate"] = "merged"
    """One pooling over the whole row, or one over the text and one over the marks of the roles (the paper)."""
    epsilon: float = 1e-5
    """Added to the sum that weights are divided by; 1e-5 is official, 0 makes them sum to 1."""

    def __post_init__(self) -> None:
        if self.epsilon < 0:
            raise InputError(f"epsilon is {self.epsilon}", "pooling", "give 0 or more")


class Head(nn.Module):
    """Vectors of spans and a classifier of roles.

    Args:
        width: of the states (d).
        labels: roles, and the null role at 0.
        pooling: what spans pool.
        boundary: whether starts and ends are classified as well.
        event_vector: whether the classifier sees the state of the type's mark.
        dropout: of the classifier.
    """

    def __init__(
        self, width: int, labels: int, pooling: Pooling, boundary: bool = True, event_vector: bool = True,
        dropout: float = 0.1,
    ):  # fmt: skip
        super().__init__()
        d, self.pooling, self.event_vector = width, pooling, event_vector
        self.transform_start, self.transform_end = nn.Linear(d, d), nn.Linear(d, d)
        self.transform_span = nn.Linear(3 * d, d)
        self.len_embedding = nn.Embedding(LENGTHS, LENGTH_WIDTH)
        inputs = (5 if event_vector else 4) * d + LENGTH_WIDTH
        self.classifier = nn.Sequential(nn.Linear(inputs, d), nn.ReLU(), nn.Dropout(dropout), nn.Linear(d, labels))
        if boundary:
            self.start_classifier, self.end_classifier = nn.Linear(d, 2), nn.Linear(d, 2)
        separate = pooling.over == "separate"
        if separate:
            self.transform_role = nn.Linear(d, d)
        pooled = (3 if separate else 2) * d
        self.begin_extractor, self.end_extractor, self.context_extractor = (nn.Linear(pooled, d) for _ in range(3))
        scale = 0.02 * max(768 / width, 1.0) ** 0.5  # BERT's at its width, and as much at a smaller one
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Embedding):
                nn.init.normal_(layer.weight, std=scale)
            if isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)

    def forward(
        self, h: Float[Tensor, "b l d"], a: Float[Tensor, "b l l"], tokens: Tokens, open_: Int[Tensor, "b r"]
    ) -> Float[Tensor, "s r"]:
        """Logits of some labels for each span.

        Args:
            h: states.
            a: attention, mean over heads.
            tokens: where trigger, type and spans are.
            open_: labels of each row; -1 where there are fewer, whose logits are -1e4.
        """
        d = h.shape[2]
        batch = torch.arange(len(h), device=h.device)
        of, (first, last) = tokens.of, tokens.span.unbind(1)
        size = (last - first + 1)[:, None].to(h)
        weight, base = self._weights(h, a, tokens)
        starts, ends = self.transform_start(h), self.transform_end(h)
        b = torch.tanh(_extracted(self.begin_extractor, starts, self._pooled(weight, starts, base)))
        e = torch.tanh(_extracted(self.end_extractor, ends, self._pooled(weight, ends, base)))
        # of the middle, everything but the division is linear: first the products, then means over the span's tokens
        parts = self.context_extractor.weight.split(d, 1)
        m = _mean(F.linear(h, parts[0]), of, first, last, size) + self.context_extractor.bias
        for (sums, total), w in zip(self._sums(weight, h, base), parts[1:], strict=False):
            m = m + _of(F.linear(sums, w), of, first, last, size) / self._over(_of(total, of, first, last, size))
        begin, end, middle = self.transform_span.weight.split(d, 1)
        span = F.linear(b, begin)[of, first] + F.linear(e, end)[of, last] + F.linear(torch.tanh(m), middle)
        span = span + self.transform_span.bias
        trigger = h[batch, tokens.trigger]
        linear: Any = self.classifier[0]
        final: Any = self.classifier[3]
        into = linear.weight.split([d, d, d, d, LENGTH_WIDTH, *([d] if self.event_vector else [])], 1)
        own = F.linear(trigger, into[1], linear.bias)
        if self.event_vector:
            own = own + F.linear(h[batch, tokens.event], into[5])
        t = trigger[of]
        seen = torch.cat([span, (span - t).abs(), span * t], 1)
        hidden = F.linear(seen, torch.cat([into[0], into[2], into[3]], 1)) + own[of]
        lengths = F.linear(self.len_embedding.weight, into[4])
        hidden = self.classifier[2](self.classifier[1](hidden + lengths[(last - first).clamp(max=LENGTHS - 1)]))
        some, which = open_.clamp(min=0).unique(return_inverse=True)  # the labels that any row of the batch has
        logits = F.linear(hidden, final.weight[some], final.bias[some]).gather(1, which[of])
        return logits.masked_fill(open_[of] < 0, -1e4)

    def boundaries(self, h: Float[Tensor, "b l d"]) -> tuple[Float[Tensor, "b l 2"], Float[Tensor, "b l 2"]]:
        """Logits of whether an argument starts, and ends, at each token."""
        return self.start_classifier(self.transform_start(h)), self.end_classifier(self.transform_end(h))

    def _weights(self, h: Tensor, a: Tensor, tokens: Tokens) -> tuple[list[Tensor], Tensor | None]:
        """Weights (b, l, l) or (b, 1, l) of each pooling, before division; and what is pooled instead of the given
        states by the second (the roles)."""
        batch = torch.arange(len(h), device=h.device)
        to = a[batch, tokens.trigger][:, None]
        if self.pooling.by == "clues":
            weight = a * to
        elif self.pooling.by == "trigger":
            weight = to
        else:
            weight = tokens.mask[:, None].to(a)
        if self.pooling.over == "merged":
            return [weight], None
        text, roles = (weight * some[:, None].to(a) for some in (tokens.body, tokens.role))
        return [text, roles], self.transform_role(h)

    def _sums(self, weight: list[Tensor], h: Tensor, roles: Tensor | None) -> list[tuple[Tensor, Tensor]]:
        """Weighted sums of states, and sums of weights, of each pooling: (b, l or 1, d) and (b, l or 1, 1)."""
        pooled = [h] if roles is None else [h, roles]
        if self.pooling.by == "none":
            return []
        return [(w @ x, w.sum(-1, keepdim=True)) for w, x in zip(weight, pooled, strict=True)]

    def _pooled(self, weight: list[Tensor], h: Tensor, roles: Tensor | None) -> list[Tensor]:
        return [sums / self._over(total) for sums, total in self._sums(weight, h, roles)]

    def _over(self, total: Tensor) -> Tensor:
        """What weights are divided by; 1 where there are none, so that nothing is pooled."""
        return total + self.pooling.epsilon if self.pooling.epsilon else torch.where(total > 0, total, 1.0)


def _extracted(layer: nn.Linear, x: Tensor, pooled: list[Tensor]) -> Tensor:
    """A layer over a state and what is pooled for it; what is not pooled is zero."""
    parts = layer.weight.split(x.shape[2], 1)
    out = F.linear(x, parts[0], layer.bias)
    for p, w in zip(pooled, parts[1:], strict=False):
        out = out + F.linear(p, w)
    return out


def _of(x: Tensor, of: Tensor, first: Tensor, last: Tensor, size: Tensor) -> Tensor:
    """Means over the tokens of spans, of a value per token or of the one that all tokens share."""
    return x[of, 0] if x.shape[1] == 1 else _mean(x, of, first, last, size)


def _mean(x: Tensor, of: Tensor, first: Tensor, last: Tensor, size: Tensor) -> Tensor:
    """Means over the tokens of spans, by running sums."""
    sums = F.pad(x.cumsum(1), (0, 0, 1, 0))
    return (sums[of, last + 1] - sums[of, first]) / size


def focal(
    logits: Float[Tensor, "s r"], target: Int[Tensor, " s"], alpha: float = 10.0, gamma: float = 2.0
) -> Float[Tensor, ""]:
    """Mean of -alpha_y (1 - p_y)^gamma log p_y; alpha_y is 1 for label 0. Null (0) where there are no spans."""
    if not len(logits):
        return logits.sum()
    log = F.log_softmax(logits, -1).gather(1, target[:, None])[:, 0]
    weight = torch.where(target > 0, alpha, 1.0).to(log)
    return -(weight * (1 - log.exp()) ** gamma * log).mean()


def boundary(
    logits: Float[Tensor, "b l 2"], target: Int[Tensor, "b l"], mask: Tensor, positive: float = 10.0
) -> Float[Tensor, ""]:
    """Cross entropy of a start or an end at each token, mean weighted by (1, `positive`)."""
    return F.cross_entropy(logits[mask], target[mask], logits.new_tensor([1.0, positive]))
