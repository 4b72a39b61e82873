"""Small logs of ratings, and systems to learn them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from acteme.catalog import find
from acteme.engine.settings import Settings
from acteme.nn.recipe import Recipe
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.systems.recommend.dnis import Config, NetworkConfig, PruneConfig, SearchConfig, WarmConfig

ENTRY = find("dnis")
QUIET = Settings(progress=False, accelerator="cpu", checkpoint=0, prefetch=0)
USERS, FILMS = 8, 12


def ratings(folder: Path, outcome: str = "rating", rows: int = 240, seed: int = 0) -> Corpus:
    """Ratings that are what user and film are like; few films have most of them."""
    rng = np.random.default_rng(seed)
    taste, kind = rng.normal(0, 1, USERS), rng.normal(0, 1, FILMS)
    user = rng.integers(0, USERS, rows)
    film = np.minimum(rng.geometric(0.25, rows) - 1, FILMS - 1)
    value = np.clip(np.rint(3 + taste[user] * kind[film] + rng.normal(0, 0.2, rows)), 1, 5)
    split = np.array(["train", "val", "test"])[rng.permutation(np.repeat([0, 1, 2], [rows - 80, 40, 40]))]
    lines = [f"viewer,item{outcome and ',' + outcome},split"]
    for u, f, v, s in zip(user, film, value, split, strict=True):
        told = {"rating": f",{v:g}", "click": f",{int(v >= 3)}", "": ""}[outcome]
        lines.append(f"u{u},f{f}{told},{s}")
    path = folder / f"log-{outcome or 'plain'}.csv"
    path.write_text("\n".join(lines) + "\n")
    return open_data(f"events:{path}")


def small(epochs: int = 2, **search) -> Config:
    """A factorization machine of four dimensions and two blocks."""
    recipe = Recipe("adam", 0.05, epochs=epochs, batch=32, drop_last=False)
    network = NetworkConfig(width=4, blocks=(0.5, 0.5), centered=True)
    prune = PruneConfig(keep=0.5, recipe=replace(recipe, epochs=0))
    return Config(WarmConfig(network, recipe=recipe), SearchConfig(recipe=recipe, **search), prune)
