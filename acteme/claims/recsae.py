"""RecSAE's claim: latents of a sparse autoencoder are purer than a recommender's own numbers, and steer it.

Data: `ml-100k`. Of the 943 people every fifth (others in every seed) is held out from all training; all that is said of
latents is said of these. A recommender (SASRec, 64 numbers) learns from the others, the autoencoder (1,024 latents, 8
of a vector) from its vectors. Sequences are the beginnings of held-out histories; to each belongs the item that the
recommender puts first. A unit's purity is the share of its best tag (genre, decade) among these items in its strongest
twenty sequences, of twenty people, less that tag's share among all sequences; the tag is chosen on ten of them, purity
is measured on the other ten. The best 64 units of each kind by the first ten count.

The autoencoder learns from people's vectors after every third of their latest items, some 11,800, ten times in batches
of 256: 460 steps, where 2,000 steps of 512 were planned. They are enough for what was asked of these, at most 15% of
the variance unexplained, and keep five seeds short.

Arms, on the same recommender in each seed:

- `latents`: of the autoencoder: RecSAE;
- `numbers`: the recommender's own, above and below their mean: 128 units;
- `random`, a control: as many directions as latents, drawn, with the same choice of 8 of a vector;
- `matched`, a control of steering: as `latents`, but latents of about the same total activation are silenced instead.

Steering: each of the 10 purest units is silenced; `effect` is the mean relative change of the share that its tag has in
the first ten recommendations to sequences in which the unit is active. `ndcg_share` is NDCG@10 of the next item with
vectors as the units have them, over that of the recommender.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.concepts import Seen, first_items, look
from acteme.engine.config import to_json
from acteme.engine.interpret import tags_of
from acteme.engine.logs import met
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.recordings.annotations import Preferences
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.recordings.windows import Windows
from acteme.systems.inspect.recsae import Config
from acteme.systems.inspect.recsae.dictionary import Dictionary
from acteme.tasks import places, ranking
from acteme.tasks.inspection import exposure, purity, strongest
from acteme.tasks.places import Lists

WORLD = "ml-100k"
ARMS = ("latents", "numbers", "random", "matched")
UNITS, SEQUENCES, STEERED, TOP = 64, 20, 10, 10
EACH, GAP, LEAST = 20, 5, 5
"""Sequences of a person, events between their ends, and events of the shortest."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="recsae",
        world=WORLD,
        arms=ARMS,
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("latents are purer than the recommender's own numbers", "purity", "latents", "numbers"),
            Comparison("latents are purer than random directions", "purity", "latents", "random"),
            Comparison("silencing a latent makes what it stands for rarer, more than silencing another does", "effect",
                       "latents", "matched", higher_is_better=False),
            Comparison("and more than silencing a number does", "effect", "latents", "numbers", higher_is_better=False),
            Comparison("recommending by latents alone costs at most 5% of NDCG@10", "ndcg_share", "latents", "numbers",
                       margin=0.05),
        ),
        settings={"config": to_json(_config(tiny)), "units": UNITS, "sequences": SEQUENCES, "steered": STEERED,
                  "each": EACH, "gap": GAP, "tiny": tiny},
    )  # fmt: skip


def _config(tiny: bool = False) -> Config:
    """SASRec with 64 numbers, and 1,024 latents."""
    config = Config.small()
    if not tiny:
        return config
    base = replace(config.base, width=8, recipe=replace(config.base.recipe, epochs=1, batch=512))
    recipe = replace(config.autoencode.recipe, epochs=1)
    return Config(base, replace(config.autoencode, width=8, recipe=recipe))


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, True)


def _trained(seed: int, folder: Path, train: Corpus, tiny: bool) -> Run:
    """The recommender and its autoencoder, which all arms of a seed look at."""
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    run = begun("recsae", train, folder / "run", _config(tiny), settings)
    return trained(run, train, *run.stages)


@dataclass(frozen=True)
class Units:
    """Parts of vectors: n vectors, u units."""

    active: Float[Tensor, "n u"]
    """How much of each unit is in each vector, 0 or more."""
    whole: Float[Tensor, "n d"]
    """The vectors as the units have them."""
    direction: Float[Tensor, "u d"]

    def without(self, unit: int, rows: Bool[np.ndarray, " n"]) -> Float[Tensor, "r d"]:
        """Some vectors with a unit silenced."""
        at = torch.from_numpy(rows)
        return self.whole[at] - self.active[at, unit, None] * self.direction[unit]


def _units(arm: str, seed: int, x: Float[Tensor, "n d"], own: Dictionary) -> Units:
    if arm == "numbers":
        away, one = x - x.mean(0), torch.eye(x.shape[1])
        return Units(torch.cat([away, -away], 1).clamp(min=0), x, torch.cat([one, -one]))
    if arm == "random":
        torch.manual_seed(seed)
        latents, k, center = len(own.decoder), own.k, x.mean(0)
        own = Dictionary(x.shape[1], latents, k)
        own.decoder.copy_(torch.randn(latents, x.shape[1]))
        own.normalize()
        own.encoder.weight.copy_(own.decoder)
        own.center.copy_(center)
    chosen = own.encode(x)
    active = torch.zeros(len(x), len(own.decoder)).scatter_(1, chosen.latent, chosen.value)
    return Units(active, own.decode(chosen), own.decoder)


def _beginnings(frames: Int[np.ndarray, " r"]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Recordings, and how many events are known: every GAP-th beginning but the whole, the latest ones."""
    known = frames[:, None] - 1 - GAP * np.arange(EACH)
    index, which = np.nonzero(known >= LEAST)
    return index, known[index, which]


@dataclass(frozen=True)
class Bench:
    """Held-out sequences, and what can be recommended to them."""

    seen: Seen
    told: Preferences
    """Of all sequences, by the recommender."""

    def known(self, rows: Bool[np.ndarray, " n"]) -> Lists:
        """What the people of some sequences have met."""
        return met(self.seen.corpus, self.seen.index[rows], self.seen.before[rows])

    def share(self, query: Float[Tensor, "r d"], rows: Bool[np.ndarray, " n"], tagged: Bool[np.ndarray, " i"]) -> float:
        """Share of a tag in the first recommendations to some sequences."""
        return exposure(first_items(replace(self.told, query=query), self.known(rows), TOP), tagged)

    def ndcg(self, query: Float[Tensor, "n d"]) -> float:
        """NDCG@10 of what comes next."""
        corpus, rows = self.seen.corpus, np.ones(len(query), bool)
        target = corpus.arrays["item"][corpus.column("offset")[self.seen.index] + self.seen.before].astype(np.int64)
        # Equal users are of one person; here each sequence counts as much as any other.
        found = places.count_products(query, self.told.table, Lists.one(target), self.known(rows), padding=False)
        return float(ranking.by_user(found, (10,))["ndcg@10"].mean())


@torch.no_grad()
def _measure(arm: str, seed: int, folder: Path, tiny: bool) -> Metrics:
    corpus = open_data(WORLD)
    assert corpus.catalog is not None
    person = np.unique(corpus.column("subject"), return_inverse=True)[1]
    held = (person + seed) % (20 if tiny else 5) == 0
    with torch.enable_grad():
        run = _trained(seed, folder, corpus.select(rows=~held).select("train"), tiny)
    module: Any = run.module("autoencode")
    test = corpus.select(rows=held).select("test")
    bench, x = _bench(module, test, run.config.autoencode.windows)
    units = _units(arm, seed, x, module.dictionary)
    tags = tags_of(corpus.catalog)[1]
    metrics = _judged(arm, seed, units, bench, tags)
    missed = (units.whole - x).square().sum() / (x - x.mean(0)).square().sum()
    base = bench.ndcg(x)
    if arm == ARMS[-1]:
        shutil.rmtree(folder / "run", ignore_errors=True)
    return metrics | {"ndcg_share": bench.ndcg(units.whole) / base, "base_ndcg@10": base, "fvu": float(missed)}


def _bench(module: Any, test: Corpus, windows: Windows) -> tuple[Bench, Float[Tensor, "n d"]]:
    """Held-out sequences, and their vectors."""
    index, before = _beginnings(test.frames)
    seen, told = look(module, test, index, before, windows)
    return Bench(seen, told), told.query


def _judged(arm: str, seed: int, units: Units, bench: Bench, tags: Bool[np.ndarray, "i t"]) -> Metrics:
    """Purity of the best units, and the effect of silencing the purest."""
    seen, active = bench.seen, units.active.numpy()
    top, able = strongest(active, seen.index, SEQUENCES)
    number = np.flatnonzero(able)
    found = purity(top[number], tags[seen.item], tags[seen.item].mean(0))
    best = np.argsort(-found.construct, kind="stable")[:UNITS]
    steered = best[np.argsort(-found.construct[best], kind="stable")][:STEERED]
    turned = number[steered]
    if arm == "matched":
        turned = _matched(active[:, number].sum(0), steered, number, seed)
    effect = []
    for unit, tag in zip(turned.tolist(), found.tag[steered].tolist(), strict=True):
        rows = active[:, unit] > 0
        before = bench.share(units.whole[torch.from_numpy(rows)], rows, tags[:, tag])
        if before > 0:
            effect.append(bench.share(units.without(unit, rows), rows, tags[:, tag]) / before - 1)
    return {"purity": float(found.verify[best].mean()), "effect": float(np.mean(effect)), "able": float(len(number))}


def _matched(mass: Float[np.ndarray, " u"], steered: Int[np.ndarray, " s"], number: Int[np.ndarray, " u"],
             seed: int) -> Int[np.ndarray, " s"]:  # fmt: skip
    """Other units, each one of the ten whose total activation is nearest to that of a steered one."""
    rng = np.random.default_rng(seed)
    free = np.setdiff1d(np.arange(len(mass)), steered)
    near = [free[np.argsort(np.abs(np.log(mass[free] / mass[s])), kind="stable")[:10]] for s in steered]
    return number[[int(rng.choice(some)) for some in near]]
