"""Conversation: what a run answers about items it has never answered about, and what it recommends.

Protocols:

- `questions`: nats of a token and exact answers, over items whose text was seen but no answer (`catalogue`), items
  that nothing was said of (`new`), and questions of the split that came with the data (`given`); over the third of the
  questions of each kind whose items have the fewest, and that whose items have the most events in training (`rare`,
  `frequent`; of several items the rarest counts); the perplexity of the language model on plain text, now and before it
  was trained (a frozen one must have the same). Where prompts about users came with the data and the run was trained on
  them: what comes next, asked in forms that training has seen and in others (see `engine.spoken.by_forms`). Where users
  have histories, the ranking of their last items as well. Of the split `val`, the items that are held for choosing when
  to stop; of `train`, those with answers;
- `consistency`: whether what the run says of items goes with them (see `engine.spoken.consistency`);
- `ranking`: the ranking alone, of all items that a user has not met.

A ranking is by products of vectors, which a stage's `predict` gives (see there), but for prompts about users, where
the language model's own answers are ranked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Int

from acteme.engine import spoken
from acteme.engine.logs import met
from acteme.engine.measures import Asked, ranking
from acteme.engine.spoken import joined
from acteme.errors import InputError
from acteme.tasks import conversation
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("questions", "consistency", "ranking")
FORMS: tuple[Literal["seen", "unseen"], ...] = ("seen", "unseen")
CLASSES = False
"""Whether the data must have the classes of the run."""
GROUPS = {"train": ("taught",), "val": ("validation",)}
"""The items that belong to a split; the others' to the test."""


def measure(asked: Asked) -> Outcome:
    """Answers over all questions, by group and by task, and the ranking.

    Raises:
        InputError: there is no question to ask and nobody to recommend to.
    """
    out, speaks = Outcome({}), hasattr(asked.module, "questions")
    if asked.kind == "consistency":
        if not speaks:
            raise InputError("does not speak", f"stage '{asked.stage}'", "measure the stage speak")
        return spoken.consistency(asked, _described(asked))
    if asked.kind == "questions" and speaks:
        out = _answers(asked)
        _about_users(asked, out)
    if bool((asked.corpus.frames > 1).any()):
        _add(out, ranking.measure(replace(asked, protocol="full")))
    if not out.metrics:
        raise InputError("there is nothing to ask and nobody to recommend to", "conversation",
                         "name tasks that the catalog has answers for, or give histories")  # fmt: skip
    return out


def _add(out: Outcome, found: Outcome, end: str = "") -> None:
    """Further metrics, with something behind their names."""
    out.metrics.update({name + end: value for name, value in found.metrics.items()})
    out.intervals.update({name + end: value for name, value in found.intervals.items()})


def _about_users(asked: Asked, out: Outcome) -> None:
    """What comes next, where that was asked in training in forms that came with the data; and plain text."""
    module: Any = asked.module
    if "prompts" in module.config.tasks:
        for split in FORMS:
            if (found := spoken.by_forms(asked, split)) is not None:
                _add(out, found, f"_{split}")
    nats = {"": module.plain(), "_before": float(module.plain_before)}
    out.metrics.update({f"perplexity{end}": float(np.exp(value)) for end, value in nats.items() if np.isfinite(value)})


def _split(asked: Asked) -> str:
    return str(asked.corpus.column("split")[0]) if len(asked.corpus) else ""


def _described(asked: Asked) -> dict[str, list[Any]]:
    """Questions for descriptions, and those about items that came with the data, by group."""
    module: Any = asked.module
    sets = {group: module.describing(group) for group in GROUPS.get(_split(asked), ("catalogue", "new"))}
    given = module.given_questions(_split(asked) or "test") if "given" in module.config.tasks else {}
    return sets | {"given": [ask for asks in given.values() for ask in asks]}


def _answers(asked: Asked) -> Outcome:
    module: Any = asked.module
    split = _split(asked)
    sets = {name: module.questions(name) for name in GROUPS.get(split, ("catalogue", "new"))}
    sets["given"] = module.given_questions(split or "test")
    known: dict[tuple[str, str], tuple[np.ndarray, ...]] = {}
    read: dict[tuple[str, str], tuple[np.ndarray, ...]] = {}
    for group, by_task in sets.items():
        for task, questions in by_task.items():
            known[group, task] = answered(module, questions, asked.batch)
            if split != "val":  # a choice between epochs does without
                read[group, task] = answered(module, questions, asked.batch, read=True)
    out = Outcome({})
    if not known:
        return out
    _add(out, _measured(list(known.values()), asked.resamples))
    for group in sets:
        some = [values for (g, _), values in known.items() if g == group]
        if some:
            _add(out, _measured(some, asked.resamples), f"_{group}")
    for third, (some, events) in _by_popularity(asked, sets, known).items():
        _add(out, _measured(some, asked.resamples), f"_{third}")
        out.per_class[f"items, {third}"] = _measured(some, 1).metrics | {
            "events": float(events.mean()), "questions": float(len(events))
        }  # fmt: skip
    if read:
        out.metrics["nats_read"] = _measured(list(read.values()), 1).metrics["nats"]
    for (group, task), values in known.items():
        row = _measured([values], 1).metrics | {"questions": float(len(values[0]))}
        if read:
            row["nats_read"] = _measured([read[group, task]], 1).metrics["nats"]
        out.per_class[f"{task}, {group}"] = row
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
    return joined([module.known(questions[a : a + batch], read=read) for a in range(0, len(questions), batch)])


def _by_popularity(
    asked: Asked, sets: dict[str, dict[str, list[Any]]], known: dict[tuple[str, str], tuple[np.ndarray, ...]]
) -> dict[str, tuple[list[tuple[np.ndarray, ...]], Int[np.ndarray, " k"]]]:
    """What is known of rare items and of frequent ones, and how many events these have. Thirds are of the questions of
    each group and task, so that both have as many of each."""
    out: dict[str, tuple[list[tuple[np.ndarray, ...]], Int[np.ndarray, " k"]]] = {}
    for (group, task), values in known.items():
        events = _events(asked, sets[group][task])
        for third, rows in _thirds(events).items():
            some, others = out.get(third, ([], np.zeros(0, np.int64)))
            out[third] = ([*some, tuple(column[rows] for column in values)], np.append(others, events[rows]))
    return out


def _events(asked: Asked, questions: Sequence[Any]) -> Int[np.ndarray, " n"]:
    """How many events of the training the rarest item of each question has."""
    log = asked.train()
    index = np.arange(len(log))
    count = np.bincount(met(log, index, log.frames).item, minlength=asked.corpus.spec.items + 1)
    return np.array([count[list(ask.items)].min() for ask in questions])


def _thirds(events: Int[np.ndarray, " n"]) -> dict[str, Bool[np.ndarray, " n"]]:
    """The third with the fewest and that with the most, as far as these can be told apart."""
    low, high = np.quantile(events, (1 / 3, 2 / 3), method="inverted_cdf")
    return {"rare": events <= low, "frequent": events > high} if low < high < events.max() else {}
