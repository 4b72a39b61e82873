"""Evaluation without labels: held-out events some of whose fields are exchanged, so that the whole was never seen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from acteme.errors import InputError


@dataclass(frozen=True)
class Swapped:
    """Events that were made from others."""

    codes: Int[np.ndarray, "n f"]
    source: Int[np.ndarray, " n"]
    """Which of the given events each was made from."""
    changed: Bool[np.ndarray, "n f"]
    """Which fields have another value."""


def swapped(
    events: Int[np.ndarray, "n f"],
    known: Int[np.ndarray, "m f"],
    sizes: tuple[int, ...],
    count: int,
    draw: Literal["uniform", "marginal"] = "marginal",
    seed: int = 0,
    attempts: int = 50,
) -> Swapped:
    """Exchanges `count` fields of each event for other values, such that the event occurs nowhere in `known`.

    Args:
        events: normal events.
        known: all events of the log, the training's and the test's.
        sizes: values of each field, 0 (rare or unknown) among them; 0 is never drawn.
        count: fields to exchange, drawn for each event anew.
        draw: "uniform" over the values of the field, whose rare ones give themselves away; or "marginal", as often as
            they occur in `known`, so that no field by itself tells anything.
        seed: everything follows from it.
        attempts: draws for an event; one for which none is new is left out.

    Raises:
        InputError: there are fewer fields with another value to draw than `count`.
    """
    weights = []
    for k, size in enumerate(sizes):
        counts = np.bincount(known[:, k], minlength=size).astype(float) if draw == "marginal" else np.ones(size)
        counts[0] = 0
        weights.append(counts)
    usable = np.flatnonzero([(w > 0).sum() > 1 for w in weights])
    if not 1 <= count <= len(usable):
        raise InputError(
            f"cannot exchange {count} fields", mend=f"give 1 to {len(usable)}: so many have several values"
        )
    rng = np.random.default_rng(seed)
    out, left = np.array(events), np.arange(len(events))
    for _ in range(attempts):
        if not len(left):
            break
        tried = events[left].copy()
        order = np.argsort(rng.random((len(left), len(usable))), axis=1)[:, :count]
        for k, field in enumerate(usable):
            rows = np.flatnonzero((order == k).any(1))
            tried[rows, field] = rng.choice(len(weights[field]), len(rows), p=weights[field] / weights[field].sum())
        new = ((tried != events[left]).sum(1) == count) & ~occurs(tried, known)
        out[left[new]] = tried[new]
        left = left[~new]
    source = np.setdiff1d(np.arange(len(events)), left)
    return Swapped(out[source], source, out[source] != events[source])


def occurs(events: Int[np.ndarray, "n f"], known: Int[np.ndarray, "m f"]) -> Bool[np.ndarray, " n"]:
    """Whether each event, all fields together, is among `known`."""
    both = np.concatenate([events, known]).astype(np.int64)
    key = np.zeros(len(both), np.int64)
    for column in both.T:  # numbers of prefixes, renumbered, so that they never overflow
        key = np.unique(key * (int(column.max(initial=0)) + 1) + column, return_inverse=True)[1].reshape(-1)
    return np.isin(key[: len(events)], key[len(events) :])
