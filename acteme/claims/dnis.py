"""DNIS's claim: dimensions searched on validation data are worth more than uniform ones, and than pruning alone.

Data: the 100,000 ratings of MovieLens-100K, split 70/20/10 at random in each seed; a factorization machine on user and
film, 32 dimensions, 10 blocks of features by frequency. Mean squared errors of the test are reported with 0, 50, 80,
90 and 95% of the table pruned, and from 80% on after two further epochs for what is left, too. `values` are those that
are left, in thousands.

Arms, all with the same early stopping on the validation split (rate, number of epochs) and weight decay: each level of
each arm takes the one of two weight decays that is better on the validation split:

- `uniform`: no pruning, but the first dimensions alone, the same ones for all features: at each level the best on the
  validation split of 2, 4, 7, 16 and 32, up to the first that takes at least as many values as are left of the table (2
  for 1.6, 4 for 3.2, 7 for 6.4). The mean over dimensions stays one over 32, so that steps have the scale that they
  have in the other arms: a table that is only 2 wide does worse by 0.03;
- `mde`: dimensions by popularity (temperature 0.3), just so many that they take at least as many values;
- `no search`: the same training as `dnis` with alpha frozen at 1;
- `dnis`: warm start, search, pruning;
- `unnormalized`: without the normalization of alpha's gradient, at a rate at which alpha moves as far on average;
- `on train`: alpha learns from training batches;
- `random`: the alpha that was found, each block's dimensions permuted at random, and the weights trained under it;
- `uniform+val`, `no search+val`: these baselines on training and validation data together, for the number of epochs
  that was best on the validation split and at the same rates, since alpha sees that data, too.

`whole` is the error of the best uniform dimension of any size, and of the other arms with 80% pruned. `spearman` is the
rank correlation of blocks' mean alpha with their number (0 where nothing is searched): the least frequent are last.
"""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from acteme.atomic import write_text
from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine.config import to_json
from acteme.engine.loader import Loader
from acteme.engine.optimize import lowerings
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import begin
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recommend.dnis import Config, NetworkConfig, PruneConfig, Pruned, SearchConfig, Warm, WarmConfig
from acteme.systems.recommend.dnis.space import popular_dims
from acteme.systems.recommend.dnis.tables import SoftTable

WORLD = "ml-100k?flat=true&fields=none"
WIDTH, UNIFORM = 32, (2, 4, 7, 16, 32)
KEPT = {"0%": 1.0, "50%": 0.5, "80%": 0.2, "90%": 0.1, "95%": 0.05}
"""Share that is left at each level."""
COARSE = 0.5
"""Share from which on what is left is not trained again, and dimensions by popularity are not compared."""
TEMPERATURE = 0.3
DECAYS = (0.0, 1e-5)
SEARCHES: dict[str, dict[str, Any]] = {
    "no search": {"rate": 0.0},
    "dnis": {},
    "unnormalized": {"normalize": False, "rate": 20.0},
    "on train": {"second": "train"},
    "random": {"rate": 0.0, "start": "kept"},
}
ARMS = ("uniform", "mde", *SEARCHES, "uniform+val", "no search+val")


class Value(NamedTuple):
    """Errors on the validation and the test split."""

    val: float
    test: float


class Course(NamedTuple):
    """How a stage was trained until it was at its best on the validation split."""

    epochs: int
    lowered: list[int]
    """Epochs at which a plateau lowered the rate."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""

    def lower(claim: str, metric: str, baseline: str, margin: float = 0.0) -> Comparison:
        return Comparison(claim, metric, "dnis", baseline, higher_is_better=False, margin=margin)

    return Experiment(
        slug="dnis",
        world=WORLD,
        arms=ARMS,
        run=partial(_measure, tiny=tiny),
        comparisons=(
            lower("with 80% pruned it is no worse than the best uniform dimension of any size", "whole", "uniform",
                  0.002),
            lower("with 80% pruned it is better than uniform dimensions of as many values", "mse 80%", "uniform"),
            lower("with 90% pruned it is better than uniform dimensions of as many values", "mse 90%", "uniform"),
            lower("with 95% pruned it is better than uniform dimensions of as many values", "mse 95%", "uniform"),
            lower("with 90% pruned it is better than without a search", "mse 90%", "no search"),
            lower("with 95% pruned it is better than without a search", "mse 95%", "no search"),
            lower("so it is when what is left is trained again", "retrained 95%", "no search"),
            lower("trained again, it is better than uniform dimensions of as many values", "retrained 90%", "uniform"),
            lower("it is better than dimensions by popularity", "mse 90%", "mde"),
            lower("normalizing the gradient helps", "mse 90%", "unnormalized"),
            lower("validation batches are better to learn from than training batches", "mse 90%", "on train"),
            lower("which dimensions are selected matters, not only how many", "mse 90%", "random"),
            lower("it is better than a baseline that has learned from the validation data", "mse 90%", "no search+val"),
            lower("it is better than uniform dimensions that have learned from it", "mse 90%", "uniform+val"),
            lower("rare features get fewer dimensions", "spearman", "no search", -0.5),
        ),
        settings={arm: to_json(_config(arm)) for arm in SEARCHES}
        | {"tiny": tiny, "kept": KEPT, "decays": DECAYS, "uniform": UNIFORM, "popularity": TEMPERATURE},
        seeds=5,
    )  # fmt: skip


def _config(arm: str, decay: float = 0.0, width: int = WIDTH, keep: float = 0.2, popular: float = 0.0) -> Config:
    """What an arm trains; `popular` is the mean dimension where they are by popularity."""
    network = NetworkConfig("fm", WIDTH, centered=True)
    recipe = Recipe("adam", 5e-3, epochs=20, batch=1024, schedule="plateau", floor=1e-4, weight_decay=decay,
                    drop_last=False)  # fmt: skip
    later = replace(recipe, lr=2e-3, epochs=10, patience=1)
    warm = WarmConfig(network, TEMPERATURE, popular, recipe=recipe) if popular else WarmConfig(network, recipe=recipe)
    if width < WIDTH:  # of one block all features get the mean dimension
        warm = WarmConfig(replace(network, blocks=(1.0,)), 0.0, width, recipe=recipe)
    again = replace(later, schedule="constant", epochs=2)
    return Config(warm, SearchConfig(recipe=later, **SEARCHES.get(arm, {})), PruneConfig(keep=keep, recipe=again))


def _measure(arm: str, seed: int, folder: Path, tiny: bool) -> Metrics:
    study = _Study(seed, folder, tiny)
    if arm.startswith("uniform"):
        found = study.uniform(arm.endswith("+val"))
        found |= _unpruned(found)
        return found | {"whole": found["mse 0%"], "spearman": 0.0}
    if arm == "mde":
        found = study.popular()
        found |= _unpruned(found)
        return found | {"whole": found["mse 80%"], "spearman": 0.0}
    found = study.searched(arm)
    return found | {"whole": found["mse 80%"]}


def _unpruned(found: Metrics) -> Metrics:
    """Nothing was pruned that would have to be made up for."""
    fine = [level for level, keep in KEPT.items() if keep < COARSE and f"mse {level}" in found]
    return {f"retrained {level}": found[f"mse {level}"] for level in fine}


class _Study:
    """All trainings of one seed; what arms share stays in the folder."""

    def __init__(self, seed: int, folder: Path, tiny: bool):
        self.seed, self.folder, self.tiny = seed, folder, tiny
        corpus = open_data(f"{WORLD}&seed={seed}")
        self.corpus = _first(corpus, 400) if tiny else corpus
        self.both = replace(self.corpus, table=self.corpus.table | {"split": _joined(self.corpus)})
        self.levels = {n: k for n, k in KEPT.items() if not tiny or n != "50%"}
        self.decays = DECAYS[:1] if tiny else DECAYS
        self.settings = Settings(seed=seed, steps=2 if tiny else None, best="-mse", progress=False, checkpoint=600)

    def uniform(self, val: bool) -> Metrics:
        """At each level the best of the dimensions for it, trained on validation data too where `val`."""
        told = self.folder / "dimensions.json"
        if not told.exists():
            dims = (2, WIDTH) if self.tiny else UNIFORM
            write_text(told, json.dumps([[d, decay, *self._plain(d, decay)] for d in dims for decay in self.decays]))
        known = json.loads(told.read_text())
        out: Metrics = {}
        for level, keep in self.levels.items():
            most = math.ceil(WIDTH * keep)
            width, decay, course, values, _, test = min((k for k in known if k[0] <= most), key=lambda k: k[4])
            if val:
                test = self._again(_config("uniform", decay, width), {"warm": Course(*course)}).test
            out |= {f"mse {level}": test, f"values {level}": values}
        return out

    def _plain(self, width: int, decay: float) -> tuple[Course, float, float, float]:
        """How a uniform dimension was trained, its values, and errors."""
        name = f"warm-{decay:g}" if width == WIDTH else "uniform"
        run = self._train(name, _config("uniform", decay, width), ("warm",))
        module = run.module("warm")
        told = _course(run, "warm"), _values(module), *self._value(module)
        if width != WIDTH:
            shutil.rmtree(run.folder)
        return told

    def popular(self) -> Metrics:
        """Dimensions by popularity, at the levels that are compared."""
        out = {}
        for level, keep in [(n, k) for n, k in self.levels.items() if k < COARSE]:
            found, mean = [], self._mean(keep)
            for decay in self.decays:
                run = self._train("mde", _config("mde", decay, popular=mean), ("warm",))
                module = run.module("warm")
                found.append((*self._value(module), _values(module)))
                shutil.rmtree(run.folder)
            _, out[f"mse {level}"], out[f"values {level}"] = min(found)
        return out

    def _mean(self, keep: float) -> float:
        """The least mean dimension, in steps of .05, with which dimensions by popularity take at least as many values
        as are left when a share is kept; all dimensions where none does."""
        module = Warm(_config("mde").warm, self.corpus.spec)
        module.calibrate(self._batches("train"))
        table, count = module.network.table, module.network.features.sorted_count.numpy()
        assert isinstance(table, SoftTable)
        seen = [int((part > 0).sum()) for part in np.split(count, np.cumsum(table.sizes)[:-1])]
        for mean in np.arange(WIDTH * keep, WIDTH, 0.05):
            dims = np.minimum(popular_dims(count, table.sizes, mean, TEMPERATURE), WIDTH)
            if dims @ seen >= WIDTH * keep * len(count):
                return float(mean)
        return float(WIDTH)

    def searched(self, arm: str) -> Metrics:
        """An arm with a stage `search`, pruned to each level."""
        own, val = arm.removesuffix("+val"), arm.endswith("+val")
        found = [self._searched(own, decay, val) for decay in self.decays]
        told = self.folder / "better-decays.json"
        better = {name: min(range(len(found)), key=lambda i: found[i][name].val) for name in found[0]}
        if arm == "no search":
            write_text(told, json.dumps(better))
        if val:  # it has learned from what would choose
            better = json.loads(told.read_text())
        return {name: found[i][name].test for name, i in (better | {"spearman": better["mse 90%"]}).items()}

    def _searched(self, arm: str, decay: float, val: bool) -> dict[str, Value]:
        config = _config(arm, decay)
        place = f"{arm.replace(' ', '-')}-{decay:g}"
        warm = self._warm(decay)
        if val:
            told = json.loads((self.folder / f"epochs-{decay:g}.json").read_text())
            run = self._longer(config, {stage: Course(*course) for stage, course in told.items()})
        else:
            run = self._begun(place, config)
            self._give(run, warm, arm, decay)
            trained(run, self.train, "search", validation=self.val)
        module = run.module("search")
        out = self._levels(run, module, val)
        alpha = load_file(run.weights("search"))["network.table.alpha"].numpy()
        if arm == "dnis":
            np.save(self.folder / f"alpha-{decay:g}.npy", alpha)
        if arm == "no search" and not val:
            courses = {"warm": _course(warm, "warm"), "search": _course(run, "search")}
            write_text(self.folder / f"epochs-{decay:g}.json", json.dumps(courses))
        rank = _spearman(alpha.mean(1))
        shutil.rmtree(run.folder)
        return out | {"spearman": Value(rank, rank)}

    def _levels(self, run: Run, module: nn.Module, val: bool) -> dict[str, Value]:
        """Errors at each level, as pruned and trained again."""
        out: dict[str, Value] = {}
        for level, keep in self.levels.items():
            config = replace(run.config, prune=replace(run.config.prune, keep=keep))
            pruned = Pruned(config.prune, run.spec)
            pruned.inherit({"search": module})
            left = _values(pruned)
            out |= {f"mse {level}": self._value(pruned), f"values {level}": Value(left, left)}
            if keep >= COARSE:
                continue
            again = self._begun("pruned", config)
            again.save_weights("search", load_file(run.weights("search")))
            trained(again, self.both.select("train") if val else self.train, "prune", best="")
            out[f"retrained {level}"] = self._value(again.module("prune"))
            shutil.rmtree(again.folder)
        return out

    def _warm(self, decay: float) -> Run:
        """The warm start that searches share, made by `uniform`."""
        return self._train(f"warm-{decay:g}", _config("uniform", decay), ("warm",))

    def _give(self, run: Run, warm: Run, arm: str, decay: float) -> None:
        """Gives a run the shared warm start; `random` with the alpha that was found, its rows permuted."""
        begin(run, warm, ["warm"])
        if arm == "random":
            state = load_file(warm.weights("warm"))
            alpha = np.load(self.folder / f"alpha-{decay:g}.npy")
            rng = np.random.default_rng(self.seed)
            state["network.table.alpha"] = torch.from_numpy(rng.permuted(alpha, axis=1))
            run.save_weights("warm", state)

    def _again(self, config: Config, courses: dict[str, Course]) -> Value:
        """Errors of the same course of training on training and validation data."""
        run = self._longer(config, courses)
        value = self._value(run.module(run.stages[len(courses) - 1]))
        shutil.rmtree(run.folder)
        return value

    def _longer(self, config: Config, courses: dict[str, Course]) -> Run:
        for stage, course in courses.items():
            own = getattr(config, stage)
            recipe = replace(own.recipe, epochs=course.epochs, schedule="step", milestones=tuple(course.lowered))
            config = replace(config, **{stage: replace(own, recipe=recipe)})
        train = self.both.select("train")
        return trained(self._begun("both", config), train, *courses, validation=train, best="")

    def _train(self, name: str, config: Config, stages: tuple[str, ...]) -> Run:
        return trained(self._begun(name, config), self.train, *stages, validation=self.val)

    def _begun(self, name: str, config: Config) -> Run:
        return begun("dnis", self.corpus, self.folder / name, config, self.settings)

    @property
    def train(self) -> Corpus:
        return self.corpus.select("train")

    @property
    def val(self) -> Corpus:
        return self.corpus.select("val")

    def _value(self, module: nn.Module) -> Value:
        module.eval()
        predict: Callable[..., Any] = module.predict  # type: ignore[assignment]
        errors = []
        for split in ("val", "test"):
            each = [(predict(b).value - b["outcome"][:, 0]).square().double() for b in self._batches(split)]
            errors.append(torch.cat(each).mean().item())
        return Value(*errors)

    def _batches(self, split: str) -> Iterator[Batch]:
        """All events of a split."""
        windows = WarmConfig().windows
        return Loader(self.corpus.select(split), windows, 1 << 14, 0, "measure", drop_last=False).sweep()


def _course(run: Run, stage: str) -> Course:
    """That of a stage up to the epoch that was best; of one epoch where none was whole."""
    told = run.stage_folder(stage) / "validation.json"
    scores = list(json.loads(told.read_text())["scores"].values()) if told.exists() else [0.0]
    patience = getattr(run.config, stage).recipe.patience
    epochs = 1 + scores.index(max(scores))
    down = [lowerings(scores[:epoch], patience) for epoch in range(epochs)]
    return Course(epochs, [epoch for epoch in range(1, epochs) if down[epoch] > down[epoch - 1]])


def _values(module: nn.Module) -> float:
    """Thousands of values that its table has."""
    return module.footprint()["table_values"] / 1000  # type: ignore[operator]


def _joined(corpus: Corpus) -> np.ndarray:
    """The splits with validation data counted as training data."""
    split = corpus.table["split"]
    return np.where(split == "val", "train", split)


def _first(corpus: Corpus, count: int) -> Corpus:
    """The first events of each split."""
    return replace(corpus, table=corpus.table | {"frames": np.minimum(corpus.table["frames"], count)})


def _spearman(values: np.ndarray) -> float:
    """Rank correlation of values with their number; 0 where all are the same."""
    if np.ptp(values) == 0:
        return 0.0
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return float(np.corrcoef(np.arange(len(values)), rank)[0, 1])
