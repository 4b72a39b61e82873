"""Matching: who goes with what, in both directions. For each job all people are ranked, for each person all jobs.

The metrics of each direction are those of `tasks.ranking`, with several to be found; those of people's rankings of jobs
begin with `job_`. `auc` is over pairs: the labeled ones where pairs that do not go together are labeled, else every job
that goes with anyone with every person.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.tasks import curves, intervals, ranking
from acteme.tasks.outcome import Outcome
from acteme.tasks.places import Lists, Places, count_products

AT = (1, 10)
"""The K that are reported."""
PAIRS = 1 << 22
"""Pairs of the AUC at most; of more, so many are drawn evenly."""


def measure(
    people: Float[Tensor, "p d"],
    jobs: Float[Tensor, "j d"],
    pairs: Int[np.ndarray, "n 2"],
    goes: Bool[np.ndarray, " n"] | None = None,
    bias: Float[Tensor, " j"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """Rankings in both directions and the AUC.

    Args:
        people: a vector each, and
        jobs: a vector each, whose products are the scores.
        pairs: person and job (from 0) of each pair that is known.
        goes: whether the pairs go together; all do unless given.
        bias: of each job, added to its scores.
        resamples, seed: of the bootstrap over jobs, or people.

    Metrics: `mrr`, `hr@1`, `hr@10`, `ndcg@10`, `recall@K`, `map@K` of people for jobs; the same with `job_` of jobs for
    people; `auc`.

    Raises:
        InputError: no pair goes together, or one is of nobody.
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    goes = np.ones(len(pairs), bool) if goes is None else np.asarray(goes) > 0
    sizes = (len(people), len(jobs))
    if ((pairs < 0) | (pairs >= sizes)).any():
        raise InputError(f"a pair is outside of {sizes[0]} people and {sizes[1]} jobs", mend="number both from 0")
    together = np.unique(pairs[goes], axis=0)
    if not len(together):
        raise InputError("no pair goes together", "matching", "give people with jobs")
    offset = jobs.new_zeros(len(jobs)) if bias is None else bias.to(jobs)
    wanted, found = np.unique(together[:, 1], return_inverse=True)
    to_people = _ranked(jobs[torch.from_numpy(wanted).to(jobs.device)], people, found, together[:, 0], None)
    owners, who = np.unique(together[:, 0], return_inverse=True)
    to_jobs = _ranked(people[torch.from_numpy(owners).to(people.device)], jobs, who, together[:, 1], offset)
    metrics: dict[str, float] = {}
    bounds: dict[str, tuple[float, float]] = {}
    for start, lists in (("", to_people), ("job_", to_jobs)):
        out = ranking.measure(lists, AT, resamples=resamples, seed=seed)
        metrics |= {start + name: value for name, value in out.metrics.items()}
        bounds |= {start + name: value for name, value in out.intervals.items()}
    metrics["auc"] = area(people, jobs, pairs, goes, offset, seed)
    return Outcome(metrics, bounds)


def area(
    people: Float[Tensor, "p d"],
    jobs: Float[Tensor, "j d"],
    pairs: Int[np.ndarray, "n 2"],
    goes: Bool[np.ndarray, " n"],
    bias: Float[Tensor, " j"],
    seed: int = 0,
) -> float:
    """AUC of the scores of pairs; NaN where all or none go together."""
    if goes.all():
        person, job, label = _all_pairs(len(people), pairs, seed)
    else:
        (person, job), label = pairs.T, goes
    scores: Sequence[Tensor] = [
        (people[torch.from_numpy(p).to(people.device)] * jobs[torch.from_numpy(j).to(jobs.device)]).sum(-1)
        + bias[torch.from_numpy(j).to(bias.device)]
        for p, j in zip(_parts(person), _parts(job), strict=True)
    ]
    return curves.auc(torch.cat(list(scores)).double().cpu().numpy(), label)


def _all_pairs(people: int, pairs: Int[np.ndarray, "n 2"], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person, job and label of every person with every job that goes with anyone, or of those that are drawn."""
    jobs = np.unique(pairs[:, 1])
    key = np.unique(pairs[:, 0] * len(jobs) + np.searchsorted(jobs, pairs[:, 1]))
    every = people * len(jobs)
    if every <= PAIRS:
        chosen = np.arange(every)
    else:
        rng = np.random.default_rng(seed)
        chosen = np.unique(np.concatenate([key, rng.integers(every, size=PAIRS)]))
    return chosen // len(jobs), jobs[chosen % len(jobs)], np.isin(chosen, key)


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, max(1, -(-len(rows) // (1 << 16))))


def _ranked(queries: Tensor, table: Tensor, user: np.ndarray, item: np.ndarray, bias: Tensor | None) -> Places:
    """Places of what is to be found: `item` (from 0) of each `user`, a row of the queries."""
    order = np.lexsort((item, user))
    offset = np.searchsorted(user[order], np.arange(len(queries) + 1))
    padded = torch.nn.functional.pad(table, (0, 0, 1, 0))
    shifted = None if bias is None else torch.nn.functional.pad(bias, (1, 0))
    return count_products(queries, padded, Lists(offset, item[order] + 1), bias=shifted)
