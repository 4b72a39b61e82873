"""Conversation: how well answers to questions about items are known.

`nats` is -log p of a token of the right answers, in the mean over tokens (of one answer after the other: e^nats is the
perplexity); `exact` is the share of questions whose answer is, to its end, what the model finds likeliest.
"""

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.intervals import percentiles, resampled, resampled_ratios
from acteme.tasks.outcome import Outcome


def measure(
    nats: Float[np.ndarray, " n"],
    tokens: Int[np.ndarray, " n"],
    exact: Float[np.ndarray, " n"],
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """Nats of a token and exact answers.

    Args:
        nats: -log p of each answer, over all its tokens.
        tokens: of each answer.
        exact: 1 where an answer is found.
        resamples, seed: of the bootstrap over questions.

    Raises:
        InputError: there is no question, or an answer has no tokens.
    """
    nats, tokens, exact = (np.asarray(x, float) for x in (nats, tokens, exact))
    if not len(nats) or nats.shape != tokens.shape or nats.shape != exact.shape:
        raise InputError(f"{len(nats)} questions with {len(tokens)} answers", "conversation", "give an answer for each")
    if (tokens < 1).any():
        raise InputError("an answer has no tokens", "conversation", "leave it out")
    below = np.stack([tokens, np.ones_like(tokens)], 1)
    above = np.stack([nats, exact], 1)
    values = above.sum(0) / below.sum(0)
    names = ("nats", "exact")
    spread = [(float("nan"), float("nan"))] * 2
    if len(nats) > 1:
        drawn = resampled(lambda counts: resampled_ratios(counts, above, below), len(nats), resamples, seed)
        spread = [percentiles(column) for column in drawn.T]
    return Outcome({n: float(v) for n, v in zip(names, values, strict=True)}, dict(zip(names, spread, strict=True)))
