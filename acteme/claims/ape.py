"""APE's claim: a likelihood of pairs of values finds events whose values are usual and whose combination is not.

World: this machine, recorded by strace while it does scripted work (`host`): ordinary commands, a server with clients,
a compiler, a backup. Of seven rounds, each with its own choice and order of commands, the last two are the test; a log
is recorded for each seed. Anomalies are made of the test's normal events by exchanging 1, 2 or 3 fields for other
values, such that the whole occurs nowhere in the log: drawn evenly from the values of the field (`uniform`), where rare
values give them away, or as often as they occur (`marginal`), where no value by itself tells anything.

Arms, with the same events, order and number of steps in each seed:

- `ape`: noise by how often values occur to the power of .75, corrected for as it is drawn;
- `no weights`: all pairs of fields weigh the same;
- `uniform noise`: values drawn evenly;
- `official correction`: noise as in the official code: drawn with the power of .75 and corrected for with 1, one field
  for a whole batch, no unknown value; that a batch has one field costs more than the correction;
- `no correction`: the loss knows nothing of how likely the noise is, a control;
- `free weights`: weights of either sign, as the PyTorch version;
- `no unknown`: the value that stands for all that is new is never drawn;
- `shuffled`: one field of the training events is shuffled, so that it says nothing of the others, a control;
- `values`: how rare the values are, by counting in the training events;
- `pairs`: how little values go together two by two (pointwise mutual information), by counting.

Of the paper's other baselines the conditional test stands beside every evaluation (`condition`); there is no CompreX.

Metrics are areas under the ROC curve, `... precision@1` to 3 average precision: `uniform` and `marginal` averaged over
1 to 3 fields, `both` over these two, `new` the same for 1 field against those normal events alone that the training has
not; `labels` tells the odd acts of the last round (the server starts a shell, the compiler reads keys, the backup
connects to a port) from all else.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.settings import Settings
from acteme.recordings.behavior.single import Shares
from acteme.recordings.corpus import Corpus
from acteme.recordings.events.categorical import Events
from acteme.recordings.events.corpus import corpus_of
from acteme.recordings.events.counts import rarity, strangeness
from acteme.recordings.events.swaps import occurs, swapped
from acteme.recordings.sources import open_data
from acteme.systems.detect.ape import Config, DetectConfig, Noise
from acteme.tasks import curves

WORLD = "host?rounds=7&commands=40&val=0&test=0.3"
ARMS: dict[str, dict[str, Any]] = {
    "ape": {},
    "no weights": {"weights": "none"},
    "uniform noise": {"noise": Noise(kind="uniform")},
    "official correction": {"noise": Noise(fields="batch", correction="official", unknown=0.0, stated=10)},
    "no correction": {"noise": Noise(correction="none")},
    "free weights": {"weights": "free"},
    "no unknown": {"noise": Noise(unknown=0.0)},
    "shuffled": {},
}
COUNTS = {"values": rarity, "pairs": strangeness}
SHUFFLED = "folder"
"""The field that `shuffled` shuffles."""
DRAWS = ("uniform", "marginal")


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny`, on made-up events, only shows that it runs."""
    return Experiment(
        slug="ape",
        world="made-up events" if tiny else WORLD,
        arms=(*ARMS, *COUNTS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("odd combinations of usual values are found, not only odd values", "marginal", "ape", "values"),
            Comparison("both kinds of anomalies together are found better than by counting values", "both", "ape",
                       "values"),
            Comparison("and better than by counting pairs of values", "both", "ape", "pairs"),
            Comparison("combinations of usual values are found better than by counting pairs", "marginal", "ape",
                       "pairs"),
            Comparison("so they are among events that are new altogether", "new", "ape", "pairs"),
            Comparison("learned weights of pairs of fields help", "both", "ape", "no weights"),
            Comparison("against uniform noise, rare values are found better", "uniform", "uniform noise", "ape"),
            Comparison("against noise like the data, combinations are found better", "marginal", "ape",
                       "uniform noise"),
            Comparison("a field drawn for each event, and noise corrected for as it is drawn, do better than noise as "
                       "in the official code", "both", "ape", "official correction"),
            Comparison("correcting for the noise helps", "both", "ape", "no correction"),
            Comparison("weights that are not below 0 do not do worse than free ones", "both", "ape", "free weights",
                       margin=0.01),
            Comparison("drawing the unknown value makes what is new odd", "labels", "ape", "no unknown"),
            Comparison("a field that says nothing of the others is missed", "marginal", "ape", "shuffled"),
            Comparison("scripted odd acts are found better than by counting values", "labels", "ape", "values"),
            Comparison("and better than by counting pairs", "labels", "ape", "pairs"),
        ),
        settings={arm: to_json(_config(arm)) for arm in ARMS} | {"tiny": tiny},
        seeds=5,
    )  # fmt: skip


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, open_data(f"{WORLD}&seed={seed}"), False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    rng = np.random.default_rng(seed)
    values = np.char.add("v", rng.integers(0, 6, (300, 4)).astype(str)).astype(object)
    parts = [Events(("program", "call", SHUFFLED, "mode"), v, np.arange(100.0)) for v in np.split(values, 3)]
    outcome = [np.zeros(100), np.zeros(100), np.repeat([0.0, 1.0], [90, 10])]
    return _measure(arm, seed, folder, corpus_of(parts, [], "part", Shares(0, 0.3), 1, outcome), True)


def _config(arm: str) -> Config:
    base = DetectConfig()
    return Config(replace(base, recipe=replace(base.recipe, epochs=5), **ARMS[arm]))


def _measure(arm: str, seed: int, folder: Path, corpus: Corpus, tiny: bool) -> Metrics:
    train = np.asarray(corpus.select("train")[0].arrays["field"])
    if arm in COUNTS:
        return _metrics(corpus, train, lambda events: COUNTS[arm](events, train), seed)
    place = folder / arm.replace(" ", "-")
    settings = Settings(seed=seed, steps=2 if tiny else None, progress=False, checkpoint=600)
    shown = _shuffled(corpus, seed) if arm == "shuffled" else corpus
    run = trained(begun("ape", shown, place, _config(arm), settings), shown.select("train"), "detect")
    module = run.module("detect")
    shutil.rmtree(place)
    return _metrics(corpus, train, lambda events: _oddity(module, events), seed)


def _shuffled(corpus: Corpus, seed: int) -> Corpus:
    """The corpus with one field of the training events in another order."""
    field, one = np.array(corpus.arrays["field"]), corpus.spec.fields.index(SHUFFLED)
    frames = int(corpus.select("train").frames[0])
    field[:frames, one] = np.random.default_rng(seed).permutation(field[:frames, one])
    return replace(corpus, arrays={**corpus.arrays, "field": field})


def _oddity(module: nn.Module, events: Int[np.ndarray, "n f"]) -> Float[np.ndarray, " n"]:
    field = torch.from_numpy(events.astype(np.int64))[:, None]
    return module.predict({"field": field}).scores[:, 0].numpy()  # type: ignore[operator]


def _metrics(corpus: Corpus, train: Int[np.ndarray, "n f"], score: Any, seed: int) -> Metrics:
    """Areas under the curve of a score of events, the higher the odder."""
    held = corpus.select("test")[0].arrays
    test, label = np.asarray(held["field"]), np.asarray(held["outcome"]) == 1
    normal, known = test[~label], np.concatenate([train, test])
    own, new = score(normal), ~occurs(normal, train)
    out = {"labels": curves.auc(score(test), label), "new events": float(new.mean())}
    out["labels precision"] = curves.average_precision(score(test), label)
    fresh = {}
    for draw in DRAWS:
        for count in (1, 2, 3):
            made = score(swapped(normal, known, corpus.spec.sizes, count, draw, seed).codes)  # type: ignore[arg-type]
            both, odd = np.concatenate([own, made]), np.repeat([False, True], [len(own), len(made)])
            out[f"{draw}@{count}"] = curves.auc(both, odd)
            out[f"{draw} precision@{count}"] = curves.average_precision(both, odd)
            if count == 1 and new.any():
                kept = np.concatenate([new, np.ones(len(made), bool)])
                fresh[draw] = curves.auc(both[kept], odd[kept])
        out[draw] = float(np.mean([out[f"{draw}@{count}"] for count in (1, 2, 3)]))
    out["both"] = (out["uniform"] + out["marginal"]) / 2
    out["new"] = float(np.mean(list(fresh.values()))) if fresh else float("nan")
    return out
