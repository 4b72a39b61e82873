"""The metrics of a training stage: a CSV file with a row per optimization step, and a logger by name."""

import csv
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from acteme.atomic import fresh_file
from acteme.errors import ActemeError, MissingError

FLUSH = 20
"""Steps whose losses wait on the device before they are written: one synchronization for all of them."""


class Logger(Protocol):
    """What TensorBoard's and W&B's Lightning loggers have in common."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...


class Metrics:
    """Writes `metrics.csv` (step, epoch, lr, total, other losses) and passes the rows on to a logger.

    Args:
        path: the file; rows of steps at or after `start` (from beyond the checkpoint that a resumed run starts at) are
            cut off.
        stage: the stage's name, for messages.
        start: first step to come.
        logger: also receives every row.
    """

    def __init__(self, path: Path, stage: str, start: int = 0, logger: Logger | None = None):
        self.path, self.stage, self.logger = path, stage, logger
        self.names: list[str] = []
        self.waiting: list[tuple[int, int, float, dict[str, Tensor]]] = []
        self.last = math.nan
        self._truncate(start)

    def add(self, step: int, epoch: int, rate: float, losses: dict[str, Tensor]) -> None:
        """Takes the losses of one step; they are read from the device a few steps later."""
        self.waiting.append((step, epoch, rate, losses))
        if len(self.waiting) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Writes what waits.

        Raises:
            ActemeError: a loss is not finite.
        """
        if not self.waiting:
            return
        names = list(dict.fromkeys(n for *_, losses in self.waiting for n in losses))
        if new := [n for n in names if n not in self.names]:
            self._widen(new)
        values = iter(torch.stack([v.float() for *_, losses in self.waiting for v in losses.values()]).tolist())
        with self.path.open("a", newline="") as file:
            writer = csv.writer(file)
            for step, epoch, rate, losses in self.waiting:
                row = {name: next(values) for name in losses}
                writer.writerow([step, epoch, repr(rate), *(repr(row[n]) if n in row else "" for n in self.names)])
                if self.logger is not None:
                    self.logger.log_metrics({"lr": rate, **row}, step)
                self._check(step, row)
        self.last = row["total"]
        self.waiting.clear()

    def _check(self, step: int, row: dict[str, float]) -> None:
        bad = [n for n, v in row.items() if not math.isfinite(v)]
        if bad:
            self.waiting.clear()
            what = f"stage '{self.stage}': {bad[0]} became {row[bad[0]]} at step {step}"
            raise ActemeError(f"{what}; lower the learning rate, clip gradients (recipe.clip) or check the data")

    def _rows(self) -> Iterator[list[str]]:
        with self.path.open(newline="") as file:
            yield from csv.reader(file)

    def _truncate(self, start: int) -> None:
        """Keeps the rows before `start`; a row that a kill cut short has a later step than any checkpoint."""
        if not start or not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            return
        rows = list(self._rows())
        self.names = rows[0][3:]
        self._write([r for r in rows[1:] if len(r) == len(rows[0]) and r[0].isdigit() and int(r[0]) < start])

    def _widen(self, new: list[str]) -> None:
        """A loss that was not there before (one that sets in after a warm-up) becomes a new, last column."""
        rows = [[*r, *[""] * len(new)] for r in self._rows()][1:] if self.path.exists() else []
        self.names += sorted(new, key=lambda n: n != "total")
        self._write(rows)

    def _write(self, rows: list[list[str]]) -> None:
        with fresh_file(self.path) as work, work.open("w", newline="") as file:
            csv.writer(file).writerows([["step", "epoch", "lr", *self.names], *rows])


def logger(name: str, folder: Path, run: str, stage: str) -> Any:
    """The logger of that name, None for `csv` (metrics.csv is written always).

    Raises:
        MissingError: its package is not installed.
    """
    if name == "csv":
        return None
    if importlib.util.find_spec(name) is None:
        raise MissingError(f"logger '{name}' needs a package that is not installed; run: pip install 'acteme[{name}]'")
    from lightning.pytorch import loggers

    if name == "tensorboard":
        return loggers.TensorBoardLogger(folder, name="tensorboard", version="")
    return loggers.WandbLogger(project="acteme", name=f"{run}/{stage}", save_dir=folder)
