"""Keeps the weights of the epoch that does best on the validation split, instead of the last ones."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from acteme.atomic import fresh_file, write_text
from acteme.engine import measures
from acteme.engine.keeper import full_state
from acteme.engine.measures import Asked
from acteme.engine.module import StageModule
from acteme.engine.run import Run
from acteme.errors import InputError
from acteme.recordings.corpus import Corpus

WEIGHTS, SCORES = "best.safetensors", "validation.json"


class Choice:
    """Measures a stage after every whole epoch; of equally good epochs the first counts.

    The best weights lie beside the checkpoint, the score of every epoch in `validation.json`. An epoch is compared with
    those before it alone, so that one that is trained again after a kill is judged as it was before.

    Args:
        folder: of the stage.
        metric: its name; with a minus before it, the lowest is best.
        score: gives the metrics of a module in evaluation mode.
    """

    def __init__(self, folder: Path, metric: str, score: Callable[[nn.Module], dict[str, float]]):
        self.folder, self.metric, self.score = folder, metric, score
        told = folder / SCORES
        self.scores: dict[str, float | None] = json.loads(told.read_text())["scores"] if told.exists() else {}

    def measure(self, module: nn.Module) -> float:
        """The metric of a module, the higher the better; the module is left as it was, as is the random state.

        Raises:
            InputError: there is no such metric.
        """
        modes = [(part, part.training) for part in module.modules()]
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = self.score(module.eval())
        module.train()
        for part, mode in modes:
            part.training = mode
        name = self.metric.removeprefix("-")
        if name not in found:
            raise InputError(f"there is no metric '{name}'", "setting 'best'", f"there are: {', '.join(found)}")
        return -found[name] if self.metric.startswith("-") else found[name]

    def step(self, stage: StageModule) -> None:
        """After every optimization step: where an epoch is over, measures, and keeps weights that are the best yet."""
        if stage.position.batches or stage.loader.rank:
            return
        part = "module" if stage.average is None else "average"
        value = self.measure(getattr(stage, part))
        before = [v for epoch, v in self.scores.items() if v is not None and int(epoch) < stage.epoch]
        if value > max(before, default=-math.inf):
            with fresh_file(self.folder / WEIGHTS) as work:
                save_file({n: v.detach().cpu().contiguous().clone() for n, v in full_state(stage, part).items()}, work)
        self.scores[str(stage.epoch)] = None if math.isnan(value) else value
        write_text(self.folder / SCORES, json.dumps({"metric": self.metric, "scores": self.scores}, indent=1))

    def before(self, epoch: int) -> list[float]:
        """Values of the epochs before one, the higher the better; NaN where there is none."""
        found = (self.scores.get(str(e)) for e in range(epoch))
        return [math.nan if value is None else value for value in found]

    def waited(self, epoch: int) -> int:
        """How many epochs in a row, the last ones before one, were no better than the best before them."""
        best, count = -math.inf, 0
        for value in self.before(epoch):
            best, count = (value, 0) if value > best else (best, count + 1)
        return count

    def weights(self) -> dict[str, Tensor] | None:
        """Those of the best epoch; None where no epoch was whole or had a value."""
        return load_file(self.folder / WEIGHTS) if (self.folder / WEIGHTS).exists() else None


def choice(run: Run, stage: str, train: Corpus, validation: Corpus) -> Choice:
    """The choice that a run's settings ask for, by the run's own predictions."""

    def score(module: nn.Module) -> dict[str, float]:
        protocol = measures.usual(run.entry.task, validation, module)
        asked = Asked(run, module, stage, validation, lambda: train, protocol, resamples=1)
        return measures.of(run.entry.task).measure(asked).metrics

    return Choice(run.stage_folder(stage), run.settings.best, score)
