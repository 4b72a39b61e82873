"""SESA's claim: axes tied to named skills cost no ranking quality against a free latent space of the same size.

Data: `esco`, 67 occupations and made-up members. Concepts are 126 skills; a job's text is the description of the
occupation, a profile's text the first sentence of the descriptions of half of the skills that a member lists, so that
no label has to be found in a text. `new` is measured on occupations that no one in training has, `known` on other
members of the occupations of the training: all members of the split are ranked for each of its jobs.

Arms, with the same towers, data, order and steps in each seed:

- `sesa`: skills alone (6 epochs), then relevance and skills (8);
- `not kept`: the same without the skill losses in the second stage;
- `no stage A`: relevance and skills from the start, 14 epochs;
- `dot`: `sesa` without weights of concepts;
- `latent`: relevance alone, 14 epochs, logits as they are: a space of 126 axes without names, at its best;
- `latent sigmoid`: the same, squashed as SESA's;
- `permuted`: `sesa` with the names of its concepts exchanged, a control: it ranks the same and names nothing;
- `esa`, `esa labels`, `tfidf`: nothing is learned. Concept texts are labels and descriptions, of which the profiles are
  made, or labels and other labels.

`skill ap` is the average precision of the concepts of the new jobs; `matched ap` the better of it and of that with the
axes that fit the training jobs best, which is what axes without names can have. `gap` is over all occupations, as
their concepts' values differ between those that have the skill and those that have not; `new gap` over the new ones.
ESA reads the very descriptions that profiles quote, and with 45 occupations to learn from it may find the first member
for a new job sooner: no win over it is claimed there.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.measures import Asked
from acteme.engine.measures.matching import answered, asked_for, known_pairs
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.recordings.behavior.readers.esco import chosen
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recommend.sesa import Config
from acteme.systems.recommend.sesa.esa import esa, tfidf
from acteme.tasks import concepts, matching

WORLD = "esco"
TINY_WORLD = "esco?members=4&held=1"
LATENT: dict[str, Any] = {"pretrained": False, "skill": 0.0}
ARMS: dict[str, dict[str, Any]] = {
    "sesa": {},
    "permuted": {},
    "not kept": {"skill": 0.0},
    "no stage A": {"pretrained": False},
    "dot": {"score": "dot"},
    "latent": LATENT,
    "latent sigmoid": LATENT,
}
"""What each learned arm changes in stage B."""
CLOSED = ("esa", "esa labels", "tfidf")
"""Arms without learning."""
STAGE_A, STAGE_B = 6, 8
"""Epochs."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="sesa",
        world=TINY_WORLD if tiny else WORLD,
        arms=(*ARMS, *CLOSED),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("named axes rank better on new jobs", "new mrr", "sesa", "latent"),
            Comparison("named axes tell pairs of new jobs better", "new auc", "sesa", "latent"),
            Comparison("they are no worse on known jobs", "known auc", "sesa", "latent", margin=0.01),
            Comparison("their values are the skills of new jobs, more than the best fitting of free axes",
                       "matched ap", "sesa", "latent"),
            Comparison("they lose that when their names are exchanged", "skill ap", "sesa", "permuted"),
            Comparison("skills are told apart by values, which free axes do not", "gap", "sesa", "latent"),
            Comparison("learning tells pairs of known jobs better than unsupervised analysis", "known auc", "sesa",
                       "esa labels"),
            Comparison("keeping the skill losses in the second stage keeps the names", "skill ap", "sesa", "not kept"),
            Comparison("learned weights of concepts rank better on new jobs than none", "new mrr", "sesa", "dot"),
        ),
        settings={arm: to_json(_config(arm)) for arm in ARMS} | {"tiny": tiny},
        seeds=10,  # a new job's ranking depends on which 11 occupations are new: rankings vary much between seeds
    )  # fmt: skip


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str) -> Config:
    """The small setting; who skips stage A has its epochs in stage B."""
    base = Config.small()
    network = base.match.network
    if arm == "latent":
        network = replace(network, squash="identity")
    match = replace(base.match, network=network, **ARMS[arm])
    epochs = STAGE_B if match.pretrained else STAGE_A + STAGE_B
    return Config(replace(base.skills, recipe=replace(base.skills.recipe, epochs=STAGE_A)),
                  replace(match, recipe=replace(match.recipe, epochs=epochs)))  # fmt: skip


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus = open_data(f"{world}{'&' if '?' in world else '?'}seed={seed}")
    if arm in CLOSED:
        return _closed(arm, corpus)
    if arm == "permuted":  # what `sesa` found, with its names exchanged
        return json.loads((folder / "permuted-metrics.json").read_text())
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    place = folder / arm.replace(" ", "-")
    run = begun("sesa", corpus, place, _config(arm), settings)
    train = corpus.select("train")
    shared = folder / "skills.safetensors"
    if run.config.match.pretrained:
        if not shared.exists():
            trained(run, train, "skills")
            shutil.copy(run.weights("skills"), shared)
        run.stage_folder("skills").mkdir(parents=True, exist_ok=True)
        shutil.copy(shared, run.weights("skills"))  # the arms with a stage A have the same one
    found = _learned(trained(run, train, "match"), corpus)
    if arm == "sesa":
        exchanged = np.random.default_rng(seed).permutation(len(corpus.spec.classes))
        (folder / "permuted-metrics.json").write_text(json.dumps(_learned(run, corpus, exchanged)))
    shutil.rmtree(place)
    return found


def _learned(run: Run, corpus: Corpus, names: np.ndarray | None = None) -> Metrics:
    """Metrics of a run; `names` gives each axis another concept's name."""
    module: Any = run.module("match")
    out: Metrics = {}
    for split, name in (("test", "new"), ("known", "known")):
        part = corpus.select(split)
        found = answered(Asked(run, module, "match", part, lambda: corpus.select("train"), resamples=1))
        told = found.told
        out |= _ranks(name, matching.measure(told.query, told.table, found.pairs, None, told.bias, 1).metrics)
    return out | _named(module.jobs().float().numpy(), asked_for(corpus), corpus, names)


def _named(
    vectors: Float[np.ndarray, "items c"],
    truth: Bool[np.ndarray, "items c"],
    corpus: Corpus,
    names: np.ndarray | None = None,
) -> Metrics:
    """How well the axes of jobs keep to their names."""
    new, trained = (np.unique(known_pairs(corpus.select(split))[0][:, 1]) for split in ("test", "train"))
    given = vectors if names is None else vectors[:, names]
    own = concepts.measure(given[new], truth[new], resamples=1).metrics
    axes = concepts.matched_axes(vectors[trained], truth[trained])
    return {
        "skill ap": own["concept_ap"],
        "matched ap": max(own["concept_ap"], float(np.nanmean(concepts.object_ap(vectors[new][:, axes], truth[new])))),
        "gap": concepts.gap(given, truth),
        "new gap": own["concept_gap"],
        "chance": own["concept_base"],
    }


def _closed(arm: str, corpus: Corpus) -> Metrics:
    """Metrics of what is not learned."""
    catalog_ = corpus.catalog
    assert catalog_ is not None
    jobs = catalog_["text"].to_pylist()
    skills = chosen()[0]
    out: Metrics = {}
    if arm == "tfidf":
        known = [*jobs, *(r.text for r in corpus.select("train"))]
    else:
        labels = arm == "esa labels"
        told = [". ".join([s.label, *(s.others if labels else [s.description])]) for s in skills.values()]
    for split, name in (("test", "new"), ("known", "known")):
        part = corpus.select(split)
        texts = [r.text for r in part]
        both = tfidf(known, [*jobs, *texts]) if arm == "tfidf" else esa(told, [*jobs, *texts])
        pairs, _ = known_pairs(part)
        found = matching.measure(_tensor(both[len(jobs) :]), _tensor(both[: len(jobs)]), pairs, resamples=1).metrics
        out |= _ranks(name, found)
    names = ("skill ap", "matched ap", "gap", "new gap", "chance")
    return out | (dict.fromkeys(names, 0.0) if arm == "tfidf" else _named(both[: len(jobs)], asked_for(corpus), corpus))


def _ranks(name: str, found: dict[str, float]) -> Metrics:
    return {f"{name} {short}": found[short] for short in ("mrr", "auc", "hr@1", "hr@10", "ndcg@10", "job_mrr")}


def _tensor(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, np.float32))
