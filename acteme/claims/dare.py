"""DARE's claim: tables of their own for attention and representation predict clicks better than one table for both.

Data: the world `shop`, where it is known which clicks matter for a target (its group) and what they say (tastes), two
likenesses that are independent. In the control (`aligned`) groups are clusters of tastes, so that one likeness serves
both ends. And real films: MovieLens-100K, people with 60 ratings or more, the category of a film its decade with its
first genre, two negatives for each rating drawn by frequency.

Arms, with the same data, order and training in each seed (`shop` unless named otherwise):

- `twin`: one set of tables; `twin wide`: twice as wide, with as many parameters in tables as two sets;
- `projection`: one set, behind linear maps for each end;
- `dare`: two sets; `narrow`: attention half as wide; `tied`: two sets that are one, which must equal `twin`;
- `twin aligned`, `dare aligned`: in the control;
- `twin films`, `wide films`, `dare films`: on ratings of films.

`auc` is of the items shown to people of the test, for films of each person's last rating against 10 others. `ndcg` is
of the 10 behaviors that the search puts first, against what matters by the world's law, times its decay; for films
against mutual information in the training data, which few ratings make noisy. `gain` is the AUC less that of `twin` on
the same data. `conflict` is the share of steps in which gradients of both ends disagree at the table of categories (0
for two sets, where nothing has to agree).

Kept beside these, as the paper tells them: `domination`, how many times as large as those of attention the gradients of
representation are, for one set; `ndcg_category`, NDCG of a search by category and position alone; `auc_official`, as
the official code counts it; of `shop` `discriminability@K`, what K clusters of the classifier's input tell of labels;
of films `reliable`, the share of people whose behaviors occur often enough for the paper to judge them by mutual
information (its logs are of millions of events).
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.fit import Job, fit, quiet
from acteme.engine.loader import Loader
from acteme.engine.settings import Settings
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dare import Config, RankConfig, Ranker, Widths
from acteme.systems.recommend.dare.model import Seen
from acteme.tasks import curves, decoupling

WORLD = "shop?val=0&train=2000&test=300"
TINY_WORLD = "shop?val=0&train=16&test=12&history=12&shown=6&categories=6&items=4&groups=3"
FILMS = "ml-100k"
DECAY = 0.97
"""Of the world, by which its behaviors matter less with time."""
FEWEST = 60
"""Ratings of a person at least."""
NEGATIVES = 10
"""Films that each person's last one is held against."""
ARMS: dict[str, dict[str, Any]] = {
    "twin": {"variant": "twin"},
    "twin wide": {"variant": "twin", "width": Widths(32, 32, 32)},
    "projection": {"variant": "projection"},
    "dare": {"variant": "dare"},
    "narrow": {"variant": "dare", "attention": Widths(8, 8, 8)},
    "tied": {"variant": "dare"},
    "twin aligned": {"variant": "twin"},
    "dare aligned": {"variant": "dare"},
    "twin films": {"variant": "twin"},
    "wide films": {"variant": "twin", "width": Widths(32, 32, 32)},
    "dare films": {"variant": "dare"},
}
EVERY = 20
"""Steps between looks at the gradients."""
CLUSTERS = (10, 100)
"""Of the classifier's input."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="dare",
        world=f"{TINY_WORLD if tiny else WORLD}; {FILMS}",
        arms=tuple(ARMS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("two sets of tables predict clicks better than one", "auc", "dare", "twin"),
            Comparison("their search finds what matters better", "ndcg", "dare", "twin"),
            Comparison("they do better than one set of twice the width", "auc", "dare", "twin wide"),
            Comparison("they do better than projections of one set", "auc", "dare", "projection"),
            Comparison("they help more where two likenesses are independent", "gain", "dare", "dare aligned"),
            Comparison("attention of half the width loses no AUC", "auc", "narrow", "dare", margin=0.005),
            Comparison("two sets predict ratings of films better than one", "auc", "dare films", "twin films"),
            Comparison("and better than one of twice the width", "auc", "dare films", "wide films"),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS}
        | {"tiny": tiny, "fewest": FEWEST, "negatives": NEGATIVES},
        seeds=5,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, WORLD, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, TINY_WORLD, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """A history of 100 of which 10 are kept; 600 steps of 256 targets on the world, about 180 of 128 on films, beyond
    which all arms learn their data by heart."""
    films = arm.endswith("films")
    base = RankConfig(
        top=10, hidden=(64, 32),
        windows=Windows(frames=13 if tiny else 101, stride=5 if films else 1, prefixes=True, most=10 if films else 20),
        recipe=Recipe(optimizer="adam", lr=0.01, epochs=5 if films else 4, batch=32 if tiny else 128 if films else 256),
    )  # fmt: skip
    return Config(replace(base, **ARMS[arm]))


def _data(arm: str, seed: int, world: str, tiny: bool) -> Corpus:
    if not arm.endswith("films"):
        return open_data(f"{world}&seed={seed}" + ("&aligned=true" if arm.endswith("aligned") else ""))
    films = open_data(FILMS)
    who = np.unique(films.column("subject"), return_inverse=True)[1]
    ratings = np.zeros(who.max() + 1, np.int64)
    np.maximum.at(ratings, who, films.frames)
    return films.select(rows=np.flatnonzero(ratings[who] >= (400 if tiny else FEWEST)))


class Watched(Ranker):
    """A ranker that looks at the gradients of its two ends now and then; `tied`: its two sets of tables are one, which
    begins as that of the variant `twin` would."""

    def __init__(self, config: RankConfig, spec: Spec, tied: bool = False):
        before = torch.get_rng_state()
        super().__init__(config, spec)
        self.cosines: list[float] = []
        self.ratios: list[float] = []
        self.steps = 0
        if tied:
            torch.set_rng_state(before)
            twin = Ranker(replace(config, variant="twin"), spec).state_dict()
            one = self.model.tables.sets["attention"] = self.model.tables.sets["representation"]
            one.load_state_dict({n.split("shared.")[1]: v for n, v in twin.items() if "sets.shared." in n})
            self.load_state_dict({n: v for n, v in twin.items() if "sets." not in n}, strict=False)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if self.steps % EVERY == 0 and self.model.design.sets == 1:
            found = {use: gradient.numpy() for use, gradient in self.gradients(batch).items()}
            self.cosines.append(decoupling.conflict(found["attention"], found["representation"]))
            self.ratios.append(decoupling.norms(found["representation"]) / decoupling.norms(found["attention"]))
        self.steps += 1
        return super().losses(batch)


def _measure(arm: str, seed: int, folder: Path, world: str, tiny: bool) -> Metrics:
    corpus, config, films = _data(arm, seed, world, tiny), _config(arm, tiny).rank, arm.endswith("films")
    torch.manual_seed(seed)
    module, place = Watched(config, corpus.spec, arm == "tied"), folder / arm.replace(" ", "-")
    shutil.rmtree(place, ignore_errors=True)  # what an interruption left
    place.mkdir(parents=True)
    train, steps = corpus.select("train"), 2 if tiny else 200 if films else 600
    settings = Settings(seed=seed, steps=steps, progress=False, checkpoint=600)
    job = Job("rank", module, config.recipe, config.windows, train, place, arm)
    with quiet():
        state = fit(job, settings, lambda made, loader: made.calibrate(loader.sweep()))  # type: ignore[operator]
    module.load_state_dict(state)
    shutil.rmtree(place)
    found = (_on_films if films else _on_shop)(module.eval(), corpus)
    negative = [cosine < 0 for cosine in module.cosines if not np.isnan(cosine)]
    conflict = float(np.mean(negative)) if negative else 0.0
    ratio = [ratio for ratio in module.ratios if np.isfinite(ratio)]
    found |= {"domination": float(np.mean(ratio))} if ratio else {}
    return found | {"conflict": conflict, "gain": found["auc"] - _shared(arm, found["auc"], folder)}


def _shared(arm: str, auc: float, folder: Path) -> float:
    """AUC of the arm with one set of tables on the same data, which is run before the others."""
    kind = next((name for name in ("aligned", "films") if arm.endswith(name)), "")
    kept = folder / f"twin-{kind}.auc"
    if arm == f"twin {kind}".strip():
        kept.write_text(json.dumps(auc))
    return json.loads(kept.read_text())


def _windows(module: Ranker, corpus: Corpus) -> Iterator[Batch]:
    """What each recording ends with, after its history."""
    windows = replace(module.config.windows, stride=1, most=1)
    return Loader(corpus, windows, 500, 0, "test", drop_last=False).sweep()


@torch.no_grad()
def _on_shop(module: Ranker, corpus: Corpus) -> Metrics:
    group = np.append(-1, np.asarray(corpus.catalog["group"]))  # type: ignore[index]
    value, label, inputs = [], [], []
    finds: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for batch in _windows(module, corpus.select("test")):
        seen = module.seen(batch)
        inputs.append(module.inputs(batch).numpy())
        value.append(module.predict(batch).value.numpy())
        label.append(batch["outcome"].gather(1, batch["frames"][:, None] - 1)[:, 0].numpy() > 0)
        same = group[seen.target.item.numpy()] == group[seen.behavior.item.numpy()]
        valid, ago = seen.valid.numpy(), seen.behavior.position.numpy()
        for items, out in finds.items():
            score = module.attention(seen, items)[:, 0].numpy()
            out.append(decoupling.found(same * DECAY ** (ago - 1.0), score, valid, 10))
    told = decoupling.discriminability(np.concatenate(inputs), np.concatenate(label), CLUSTERS)
    return _judged(value, label, finds) | {f"discriminability@{k}": bits for k, bits in told.items()}


@torch.no_grad()
def _on_films(module: Ranker, corpus: Corpus) -> Metrics:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same negatives for all arms
        learned = [module.rows(batch) for batch in Loader(corpus.select("train"), module.config.windows, 500, 0, "rank",
                                                          drop_last=False).sweep()]  # fmt: skip
        tested, test = [], corpus.select("test")
        module.remember(test)  # nothing that a person has rated before, however long ago, is held against the last film
        for batch in _windows(module, test):
            seen, last = module.seen(batch), batch["start"] + batch["frames"] - 1
            rated = torch.cat([seen.target.item, seen.behavior.item], 1)
            item, category = module.negatives.draw(rated, NEGATIVES, batch["index"], last)
            both = ((seen.target.item, item), (seen.target.category, category))
            tested.append(module.instead(seen, *(torch.cat(pair, 1) for pair in both)))
    target, clicked, behavior, ago = (
        np.concatenate(part) for part in zip(*(_rows(*part) for part in learned), strict=True)
    )
    evidence = decoupling.Evidence.count(target, clicked, behavior, ago, corpus.spec.sizes[module.field or 0])
    value, label, reliable = [], [], []
    finds: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for seen in tested:
        value.append(module.chances(seen).numpy())
        label.append(np.arange(value[-1].shape[1]) == np.zeros((len(value[-1]), 1)))
        behavior, ago = seen.behavior.category.numpy(), seen.behavior.position.numpy()
        target = seen.target.category[:, 0].numpy()
        gain = evidence.gains(target, behavior, ago)
        reliable.append(evidence.reliable(target, behavior, ago))
        for items, out in finds.items():
            out.append(decoupling.found(gain, module.attention(seen, items)[:, 0].numpy(), seen.valid.numpy(), 10))
    return _judged(value, label, finds) | {"reliable": float(np.concatenate(reliable).mean())}


def _judged(value: list[np.ndarray], label: list[np.ndarray], finds: dict[bool, list[np.ndarray]]) -> Metrics:
    """Of chances with their labels, and of what searches with and without items found of each history."""
    scores, truth = np.concatenate(value).ravel(), np.concatenate(label).ravel()
    return {
        "auc": curves.auc(scores, truth),
        "auc_official": decoupling.official_auc(scores, truth),
        "ndcg": float(np.nanmean(np.concatenate(finds[True]))),
        "ndcg_category": float(np.nanmean(np.concatenate(finds[False]))),
    }


def _rows(seen: Seen, label: Tensor) -> tuple[np.ndarray, ...]:
    """A row for each target: its category, its label, categories of its history and how long ago they were."""
    each = label.shape[1]
    behavior, ago = (np.repeat(part.numpy(), each, 0) for part in (seen.behavior.category, seen.behavior.position))
    return seen.target.category.flatten().numpy(), label.flatten().numpy(), behavior, ago
