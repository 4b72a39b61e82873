"""A tiny system that reads documents, for the tests of what the engine does with them."""

import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from acteme.catalog import Entry
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Arguments
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.recordings.worlds.newsroom import newsroom


@dataclass(frozen=True)
class Stage:
    """The only stage."""

    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=1000))
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="sgd", lr=0.1, epochs=1, batch=4))


@dataclass(frozen=True)
class Config:
    """The stage."""

    learn: Stage = field(default_factory=Stage)

    @staticmethod
    def small() -> "Config":
        return Config()


class Reader(nn.Module):
    """Knows what is true; can be told to forget the first arguments of a document, or to take a word too many."""

    def __init__(self, config: Stage, spec: Spec):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(len(spec.classes)))
        self.drop, self.longer = 0, False

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"total": self.scale.square().sum()}

    def encode(self, batch: Batch) -> Latents:
        tokens = batch["sentence"][..., None].float() * self.scale
        pooled = nn.functional.one_hot(batch["label"], len(self.scale)) + batch["frames"][:, None] / 1000
        return Latents(tokens, pooled, batch["mask"])

    def predict(self, batch: Batch) -> Arguments:
        rows = [
            (i, *t, a, b if self.longer else b - 1, role)
            for i, (t, some) in enumerate(zip(batch["trigger"].tolist(), batch["argument"].tolist(), strict=True))
            for a, b, role in [x for x in some if x[2] >= 0][self.drop :]
        ]
        table = np.array(rows, np.int64).reshape(-1, 6)
        return Arguments(table[:, 0], table[:, 1:3] - [0, 1], table[:, 3:5], table[:, 5])


@dataclass(frozen=True)
class Toy(Entry):
    """An entry whose module is this one."""

    @property
    def module_name(self) -> str:
        return __name__


TOY = Toy(slug="toy", verb="detect", title="Toy", authors="", venue="", arxiv="", reads="word", task="arguments",
          stages=(("learn", "Reader"),), claim="")  # fmt: skip


def news(types: int = 3) -> Corpus:
    return newsroom(train=8, val=2, test=5, types=types)


@cache
def trained() -> tuple[Run, Corpus]:
    """A run, and its data."""
    corpus = news()
    settings = Settings(progress=False, accelerator="cpu", prefetch=0)
    return train(TOY, corpus, Path(tempfile.mkdtemp()) / "run", settings=settings), corpus
