"""Matching: who goes with which job, ranked in both directions, and whether the concepts behind it mean what they say.

Where the catalog lists skills of jobs and the data name concepts, the vectors are measured against them, too:
`job_concept_ap`, `profile_concept_ap` and the like (see `tasks.concepts`), and `deletion` of pairs that go together.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.engine.device import device_of
from acteme.engine.measures import Asked
from acteme.errors import InputError
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.tasks import concepts, matching
from acteme.tasks.outcome import Outcome

PROTOCOLS = ("predictions",)
DELETED = 10_000
"""Pairs that `deletion` is of, at most: each is as long as there are concepts."""


class Found(NamedTuple):
    """What a module says of people, and what is known of them."""

    told: Preferences
    pairs: Int[np.ndarray, "n 2"]
    """Person and job, from 0."""
    goes: Bool[np.ndarray, " n"]
    vectors: Float[Tensor, "p c"] | None
    """Named concepts of the people; None where the module has none."""


@torch.no_grad()
def measure(asked: Asked) -> Outcome:
    """Rankings of people for jobs and of jobs for people, and what the concepts are worth."""
    corpus, module = asked.corpus, asked.module
    found = answered(asked)
    told = found.told
    out = matching.measure(told.query, told.table, found.pairs, None if found.goes.all() else found.goes, told.bias,
                           asked.resamples)  # fmt: skip
    if found.vectors is None or not corpus.spec.classes:
        return out
    truth = corpus.held(corpus.rows) > 0
    jobs = np.unique(found.pairs[found.goes][:, 1])
    asks = asked_for(corpus)
    of_jobs = module.jobs().float().cpu().numpy()[jobs]  # type: ignore[operator]
    sides = {"job": (of_jobs, asks[jobs]), "profile": (found.vectors.cpu().numpy(), truth)}
    for side, (vectors, held) in sides.items():
        if held.any():
            worth = concepts.measure(vectors, held, asked.resamples)
            out.metrics.update({f"{side}_{name}": value for name, value in worth.metrics.items()})
            out.intervals.update({f"{side}_{name}": value for name, value in worth.intervals.items()})
    together = found.pairs[found.goes]
    person, job = together[np.linspace(0, len(together) - 1, min(len(together), DELETED)).astype(np.int64)].T
    parts = (told.query[torch.from_numpy(person)] * told.table[torch.from_numpy(job)]).cpu().numpy()
    out.metrics["deletion"] = concepts.deletion(parts)
    return out


@torch.no_grad()
def answered(asked: Asked) -> Found:
    """What a module says of all people of a corpus. InputError where none has a job."""
    corpus, module = asked.corpus, asked.module
    if "item" not in corpus.arrays:
        raise InputError("the data has no jobs", "matching", "give people with jobs, see docs/data.md")
    named = hasattr(module, "jobs")
    query, vectors, last = [], [], None
    for a in range(0, len(corpus), asked.batch):
        index = np.arange(a, min(a + asked.batch, len(corpus)))
        batch = to_device(corpus.cut(asked.windows, index, np.zeros(len(index), np.int64)), device_of(module))
        last = module.predict(batch)  # type: ignore[operator]
        query.append(last.query)
        if named:
            vectors.append(module.encode(batch).pooled.float())  # type: ignore[operator]
    if last is None:
        raise InputError("there is nobody", "matching", "give another --split")
    pairs, goes = known_pairs(corpus)
    if not goes.any():
        raise InputError("nobody has a job that goes with them", "matching", "give pairs, or another --split")
    return Found(Preferences(torch.cat(query), last.table, last.bias), pairs, goes,
                 torch.cat(vectors) if named else None)  # fmt: skip


def known_pairs(corpus: Corpus) -> tuple[Int[np.ndarray, "n 2"], Bool[np.ndarray, " n"]]:
    """Person (position in the corpus) and job (from 0) of each event, and whether they go together."""
    frames = corpus.frames
    person = np.repeat(np.arange(len(corpus)), frames)
    at = corpus.column("offset")[person] + np.arange(len(person)) - np.repeat(np.cumsum(frames) - frames, frames)
    job = np.asarray(corpus.arrays["item"])[at].astype(np.int64)
    goes = np.asarray(corpus.arrays["outcome"])[at] > 0 if "outcome" in corpus.arrays else np.ones(len(at), bool)
    kept = job > 0
    return np.stack([person, job - 1], 1)[kept], goes[kept]


def asked_for(corpus: Corpus) -> Bool[np.ndarray, "items c"]:
    """Which concepts each job of the catalog asks for; none where that is not known."""
    out = np.zeros((corpus.spec.items, len(corpus.spec.classes)), bool)
    catalog: Any = corpus.catalog
    if catalog is None or "categories" not in catalog.column_names:
        return out
    numbers = {name: c for c, name in enumerate(corpus.spec.classes)}
    for k, names in enumerate(catalog["categories"].to_pylist()):
        out[k, [numbers[name] for name in names or () if name in numbers]] = True
    return out
