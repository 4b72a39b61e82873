"""Conversation: what a run answers about items it has never answered about, and what it recommends.

Protocols:

- `questions`: nats of a token and exact answers, over items whose text was seen but no answer (`catalogue`), items
  that nothing was said of (`new`), and questions of the split that came with the data; where users have histories, the
  ranking of their last items as well. Of the split `val`, the items that are held for choosing when to stop; of
  `train`, those with answers;
- `ranking`: the ranking alone, of all items that a user has not met.

A ranking is by products of vectors, which a stage's `predict` gives (see there), not by the language model.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from acteme.engine.measures import Asked, ranking
from acteme.errors import InputError
from acteme.tasks import conversation
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("questions", "ranking")
CLASSES = False
"""Whether the data must have the classes of the run."""
GROUPS = {"train": ("taught",), "val": ("validation",)}
"""The items that belong to a split; the others' to the test."""


def measure(asked: Asked) -> Outcome:
    """Answers over all questions, by group and by task, and the ranking.

    Raises:
        InputError: there is no question to ask and nobody to recommend to.
    """
    out = Outcome({})
    if asked.kind == "questions" and hasattr(asked.module, "questions"):
        out = _answers(asked)
    able = bool((asked.corpus.frames > 1).any())
    if able and (asked.kind == "ranking" or hasattr(asked.module, "predict")):
        found = ranking.measure(replace(asked, protocol="full"))
        out.metrics.update(found.metrics)
        out.intervals.update(found.intervals)
    if not out.metrics:
        raise InputError("there is nothing to ask and nobody to recommend to", "conversation",
                         "name tasks that the catalog has answers for, or give histories")  # fmt: skip
    return out


def _answers(asked: Asked) -> Outcome:
    module: Any = asked.module
    split = str(asked.corpus.column("split")[0]) if len(asked.corpus) else ""
    sets = {name: module.questions(name) for name in GROUPS.get(split, ("catalogue", "new"))}
    sets["given"] = module.given_questions(split or "test")
    known: dict[tuple[str, str], tuple[np.ndarray, ...]] = {}
    read: dict[tuple[str, str], tuple[np.ndarray, ...]] = {}
    for group, by_task in sets.items():
        for task, questions in by_task.items():
            known[group, task] = answered(module, questions, asked.batch)
            read[group, task] = answered(module, questions, asked.batch, read=True)
    out = Outcome({})
    if not known:
        return out
    every = _measured(list(known.values()), asked.resamples)
    out.metrics.update(every.metrics)
    out.intervals.update(every.intervals)
    for group in sets:
        some = [values for (g, _), values in known.items() if g == group]
        if some:
            found = _measured(some, asked.resamples)
            out.metrics.update({f"{name}_{group}": value for name, value in found.metrics.items()})
            out.intervals.update({f"{name}_{group}": value for name, value in found.intervals.items()})
    out.metrics["nats_read"] = _measured(list(read.values()), 1).metrics["nats"]
    for (group, task), values in known.items():
        row = _measured([values], 1).metrics
        out.per_class[f"{task}, {group}"] = row | {
            "nats_read": _measured([read[group, task]], 1).metrics["nats"], "questions": float(len(values[0]))
        }  # fmt: skip
    return out


def _measured(parts: Sequence[tuple[np.ndarray, ...]], resamples: int) -> Outcome:
    nats, tokens, exact = (np.concatenate(column) for column in zip(*parts, strict=True))
    return conversation.measure(nats, tokens, exact, resamples)


@torch.no_grad()
def answered(module: Any, questions: Sequence[Any], batch: int, read: bool = False) -> tuple[np.ndarray, ...]:
    """Nats, tokens and exactness of each answer.

    Args:
        module: what answers (`known`).
        questions: of one kind.
        batch: questions at a time.
        read: from the items' texts in place of their vectors: what could be had at most.
    """
    found = [module.known(questions[a : a + batch], read=read) for a in range(0, len(questions), batch)]
    return tuple(np.concatenate([part.cpu().numpy() for part in column]) for column in zip(*found, strict=True))
