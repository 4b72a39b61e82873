"""Tiny systems that read logs, and tiny logs, for the tests of what the engine does with them."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acteme.catalog import Entry
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.engine.train import train
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Chances, Oddities, Preferences
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.sources import list_data
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class Stage:
    """The only stage of each."""

    windows: Windows = field(default_factory=lambda: Windows(frames=6, prefixes=True))
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="adam", lr=0.05, epochs=2, batch=8))
    width: int = 4


@dataclass(frozen=True)
class Config:
    """Ranking and clicks."""

    learn: Stage = field(default_factory=Stage)

    @staticmethod
    def small() -> "Config":
        return Config()


class Popular(nn.Module):
    """Counts items; the same for everybody."""

    def __init__(self, config: Stage, spec: Spec):
        super().__init__()
        self.register_buffer("count", torch.zeros(spec.items))
        self.scale = nn.Parameter(torch.ones(1))

    def calibrate(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            last = batch["item"][torch.arange(len(batch["frames"])), batch["frames"] - 1]
            self.count += torch.bincount(last - 1, minlength=len(self.count))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"total": self.scale.square().sum()}

    def predict(self, batch: Batch) -> Preferences:
        return Preferences(torch.ones(len(batch["item"]), 1), self.count[:, None])


class Ranker(nn.Module):
    """The mean of the items met so far against every item."""

    def __init__(self, config: Stage, spec: Spec):
        super().__init__()
        self.items = nn.Embedding(spec.items + 1, config.width, padding_idx=0)

    def encode(self, batch: Batch) -> Latents:
        tokens, mask = self.items(batch["item"]), batch["mask"]
        return Latents(tokens, (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1), mask)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        last = batch["frames"] - 1
        rows = torch.arange(len(last), device=last.device)
        target, mask = batch["item"][rows, last], batch["mask"].clone()
        mask[rows, last] = False
        query = self.encode(batch | {"item": batch["item"] * mask, "mask": mask}).pooled
        return {"total": F.cross_entropy(query @ self.items.weight[1:].T, target - 1)}

    def predict(self, batch: Batch) -> Preferences:
        return Preferences(self.encode(batch).pooled, self.items.weight[1:])


class Clicker(nn.Module):
    """A logit for each item and for each value of the fields."""

    def __init__(self, config: Stage, spec: Spec):
        super().__init__()
        self.items = nn.Embedding(spec.items + 1, 1)
        self.fields = nn.ModuleList(nn.Embedding(n, 1) for n in spec.sizes)

    def logit(self, batch: Batch) -> Tensor:
        rows, last = torch.arange(len(batch["frames"])), batch["frames"] - 1
        out = self.items(batch["item"][rows, last]) if "item" in batch else torch.zeros(len(rows), 1)
        for k, table in enumerate(self.fields):
            out = out + table(batch["field"][rows, last, k])
        return out[:, 0]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        rows, last = torch.arange(len(batch["frames"])), batch["frames"] - 1
        label = batch["outcome"][rows, last].clamp(0, 1) if "outcome" in batch else torch.ones(len(rows))
        return {"total": F.binary_cross_entropy_with_logits(self.logit(batch), label)}

    def predict(self, batch: Batch) -> Chances:
        return Chances(self.logit(batch).sigmoid())


class Watcher(nn.Module):
    """How seldom two values were together, as learned: a number for each pair of values of neighboring fields."""

    def __init__(self, config: Stage, spec: Spec):
        super().__init__()
        self.pairs = nn.ParameterList(
            nn.Parameter(torch.zeros(a, b)) for a, b in zip(spec.sizes, spec.sizes[1:], strict=False)
        )

    def each(self, batch: Batch) -> Tensor:
        f = batch["field"]
        return torch.stack([p[f[..., k], f[..., k + 1]] for k, p in enumerate(self.pairs)], -1)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        seen = F.softplus(-self.each(batch)).mean()
        return {"total": seen + sum(F.softplus(p).mean() for p in self.pairs)}

    def encode(self, batch: Batch) -> Latents:
        tokens = self.each(batch)
        return Latents(tokens, tokens.mean(1), batch["mask"])

    def predict(self, batch: Batch) -> Oddities:
        each = -self.each(batch)
        worst = each.argmax(-1)
        return Oddities(each.sum(-1), torch.stack([worst, worst + 1], -1))


@dataclass(frozen=True)
class Toy(Entry):
    """An entry whose module is this one."""

    @property
    def module_name(self) -> str:
        return __name__


KINDS = {"ranking": "Ranker", "clicks": "Clicker", "anomalies": "Watcher"}


def toy(task: str, kind: str = "") -> Toy:
    return Toy(
        slug="toy", verb="recommend", title="Toy", authors="", venue="", arxiv="",
        reads="field" if task == "anomalies" else "item", task=task,
        stages=(("learn", kind or KINDS[task]),), claim="",
    )  # fmt: skip


QUIET = Settings(progress=False, accelerator="cpu", prefetch=0)
ALONE = Config(Stage(Windows(frames=1, stride=1), Recipe(optimizer="adam", lr=0.1, epochs=3, batch=64)))
"""Events that stand for themselves."""


def table(folder: Path, text: str, options: str = "") -> Corpus:
    """A log of a CSV text."""
    path = folder / "log.csv"
    path.write_text(text)
    return list_data(f"events:{path}{options}")


def shop(users: int = 30, seed: int = 0, outcome: str = "") -> str:
    """CSV: people of two tastes choose among twelve things, each thing of one kind, on web or app."""
    rng = np.random.default_rng(seed)
    rows = ["user,item,timestamp,category,channel" + (f",{outcome}" if outcome else "")]
    for u in range(users):
        for t, k in enumerate(rng.choice(6, rng.integers(3, 6), replace=False) + 6 * (u % 2)):
            end = f",{rng.integers(1, 6) if outcome == 'rating' else rng.integers(2)}" if outcome else ""
            rows.append(f"u{u},i{k},{100 * u + t},kind{k // 3},{rng.choice(['web', 'app'])}{end}")
    return "\n".join(rows) + "\n"


def host(events: int = 400, seed: int = 0, labels: bool = False) -> str:
    """CSV without users: programs do what each of them does; with labels, a tenth of the events mixes two."""
    rng = np.random.default_rng(seed)
    rows = ["timestamp,program,call,folder" + (",label" if labels else "")]
    for t in range(events):
        p = rng.integers(4)
        odd = labels and rng.random() < 0.1
        q = (p + 1) % 4 if odd else p
        rows.append(f"{t},p{p},c{2 * q + rng.integers(2)},f{q}" + (f",{int(odd)}" if labels else ""))
    return "\n".join(rows) + "\n"


@cache
def trained(task: str, outcome: str = "", kind: str = "") -> tuple[Run, Corpus]:
    """A trained toy run of a task, and its data."""
    folder = Path(tempfile.mkdtemp())
    text = host(labels=bool(outcome)) if task == "anomalies" else shop(outcome=outcome)
    corpus = table(folder, text)
    config = ALONE if task == "anomalies" else None
    return train(toy(task, kind), corpus, folder / "run", config=config, settings=QUIET), corpus
