"""ICSRec's claim: its two contrasts improve next-item ranking beyond what segmentation and full softmax already give.

Data: the ratings of MovieLens-100K as clicks; of each user the last film is the test, the one before it chooses the
epoch (NDCG@10). The encoder reads the latest 20 films; the last 30 subsequences of each user are the training rows.

Arms, with the same rows, order, initial weights, encoder, optimizer and number of epochs in each seed:

- `plain`: cross entropy over all films, no contrast: the control that the published comparison lacks;
- `coarse`: with the contrast of subsequences of the same target; `fine`: with that of intents; `both`;
- `no mask`: both, and what shares target or intent is a negative as well;
- `random partner`: both, but the second view is any subsequence, a control;
- `permuted`: both, but each subsequence has the intent of another one of its batch, a control;
- `sparse plain`, `sparse both`: with a random fifth of each user's events, at least five, where partners matter more.

`ndcg@10` is over all films that the user has not seen, and `gain` is that of the same seed against the plain arm.
`gain, low` and `gain, high` bound it by a bootstrap over users. `apart` is the mean distance of subsequences of the
same target in units of that of any two; `coarse` is the loss of the coarse contrast, log 511 where there is none.
"""

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.measures import Asked, ranking
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recommend.icsrec import Config, RecommendConfig, Recommender
from acteme.tasks import intervals
from acteme.tasks.ranking import by_user

WORLD = "ml-100k"
NONE: dict[str, Any] = {"coarse": 0.0, "fine": 0.0}
ARMS: dict[str, dict[str, Any]] = {
    "plain": NONE,
    "coarse": {"fine": 0.0},
    "fine": {"coarse": 0.0},
    "both": {},
    "no mask": {"mask_false_negatives": False},
    "random partner": {"partner": "random"},
    "permuted": {"permuted": True},
    "sparse plain": NONE,
    "sparse both": {},
}
SHARE, LEAST = 0.2, 5
"""Share of each user's events in the sparse arms, and how many there are at least."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    return Experiment(
        slug="icsrec",
        world=WORLD,
        arms=tuple(ARMS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("both contrasts improve the ranking of the same encoder", "ndcg@10", "both", "plain"),
            Comparison("a bootstrap over users bounds the gain above zero", "gain, low", "both", "plain"),
            Comparison("the coarse contrast alone does", "ndcg@10", "coarse", "plain"),
            Comparison("the fine contrast alone does", "ndcg@10", "fine", "plain"),
            Comparison("the mask of false negatives helps", "ndcg@10", "both", "no mask"),
            Comparison("partners help by their target: any subsequence is worse", "ndcg@10", "both", "random partner"),
            Comparison("the contrast with any subsequence does not help", "ndcg@10", "plain", "random partner"),
            Comparison("intents help by what they are: those of others are worse", "ndcg@10", "both", "permuted"),
            Comparison("both contrasts help where users have done little", "ndcg@10", "sparse both", "sparse plain"),
            Comparison("what leads to the same film comes closer", "apart", "coarse", "plain", False),
            Comparison("partners can be told from strangers", "coarse", "both", "random partner", False),
        ),
        settings={arm: to_json(_config(arm, tiny)) for arm in ARMS} | {"tiny": tiny, "share": SHARE, "least": LEAST},
        seeds=5,
    )


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, True)


def _config(arm: str, tiny: bool = False) -> Config:
    """The small setting: two blocks, or twice the width, rank no better on these data; weights of the contrasts as for
    MovieLens-1M. By the validation items of another seed, all of a log or a fifth, plain and both reach their best in
    twelve epochs at 4e-3 and no better in twenty at 2e-3."""
    small = RecommendConfig.small()
    recipe = replace(small.recipe, epochs=1 if tiny else small.recipe.epochs)
    return Config(replace(small, recipe=recipe, **ARMS[arm]))


def _measure(arm: str, seed: int, folder: Path, tiny: bool) -> Metrics:
    corpus = open_data(WORLD)
    if tiny:
        some = np.unique(corpus.column("subject"))[:40]
        corpus = corpus.select(rows=np.isin(corpus.column("subject"), some))
    if arm.startswith("sparse"):
        corpus = sparse(corpus, seed)
    place = folder / arm.replace(" ", "-")
    settings = Settings(seed=seed, steps=2 if tiny else None, best="ndcg@10", progress=False, checkpoint=600)
    run = begun("icsrec", corpus, place, _config(arm, tiny), settings)
    trained(run, corpus.select("train"), "recommend", validation=corpus.select("val"))
    each = _users(run, corpus)
    with (run.stage_folder("recommend") / "metrics.csv").open() as file:
        last = [float(row["coarse"]) for row in csv.DictReader(file) if row.get("coarse")][-50:]
    found = {"ndcg@10": float(each["ndcg@10"].mean()), "hr@10": float(each["hr@10"].mean()),
             "mrr": float(each["mrr"].mean()), "apart": _apart(run, corpus.select("train")),
             "coarse": float(np.mean(last)) if last else math.log(511)}  # fmt: skip
    shutil.rmtree(place)
    return found | _against(arm, each["ndcg@10"], folder)


def _users(run: Run, corpus: Corpus) -> dict[str, Float[np.ndarray, " u"]]:
    """The metrics of each user of the test."""
    asked = Asked(run, run.module("recommend").eval(), "recommend", corpus.select("test"), lambda: corpus)
    return by_user(ranking.found(replace(asked, protocol="full")), (10,))


def _against(arm: str, ndcg: Float[np.ndarray, " u"], folder: Path) -> Metrics:
    """The gain against the plain arm of the same data, which is run before, with a bootstrap over users."""
    plain = "sparse plain" if arm.startswith("sparse") else "plain"
    path = folder / f"{plain.replace(' ', '-')}-users.json"
    if arm == plain:
        path.write_text(json.dumps(ndcg.tolist()))
    gain = ndcg - np.array(json.loads(path.read_text()))
    low, high = intervals.mean_intervals(gain[:, None], intervals.RESAMPLES, 0)[0]
    return {"gain": float(gain.mean()), "gain, low": float(low), "gain, high": float(high)}


@torch.no_grad()
def _apart(run: Run, train: Corpus) -> float:
    """Mean distance of subsequences and their partners, against that of any two."""
    module = run.module("recommend").eval()
    assert isinstance(module, Recommender)
    module.config = replace(module.config, coarse=1.0, fine=0.0)  # the plain arms must know who shares a target, too
    module.remember(train)
    known = module.known
    assert known is not None
    torch.manual_seed(0)
    some = known.strangers(min(4000, len(known)))
    one, two, any_ = (
        torch.cat([module.encoder.last(part) for part in known.sweep(which, module.length)])
        for which in (some, known.partners(some), known.strangers(len(some)))
    )
    return float((one - two).norm(dim=1).mean() / (one - any_).norm(dim=1).mean())


def sparse(corpus: Corpus, seed: int) -> Corpus:
    """A random fifth of each user's events, at least five, in their order; the last two are held out anew."""
    rng = np.random.default_rng(seed)
    table = {name: column[corpus.rows] for name, column in corpus.table.items()}
    first, who = np.unique(table["offset"], return_inverse=True)
    size = np.zeros(len(first), np.int64)
    np.maximum.at(size, who, table["frames"])
    left = np.minimum(size, np.maximum(LEAST, np.rint(size * SHARE).astype(np.int64)))
    user = np.repeat(np.arange(len(first)), size)
    begin = np.cumsum(size) - size
    event = first[user] + np.arange(len(user)) - begin[user]
    rank = np.empty(len(user), np.int64)
    rank[np.lexsort((rng.random(len(user)), user))] = np.arange(len(user)) - begin[user]
    event = event[rank < left[user]]
    table["frames"] = np.maximum(left[who] - (size[who] - table["frames"]), 1)
    table["offset"] = (np.cumsum(left) - left)[who]
    arrays = {name: np.asarray(array)[event] for name, array in corpus.arrays.items()}
    return replace(corpus, arrays=arrays, table=table, chosen=None)
