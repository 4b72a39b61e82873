"""The CSV of a stage: exact values, truncation, columns that come later, losses that are not finite."""

import csv
import math

import pytest
import torch

from acteme.engine import metrics as module
from acteme.engine.metrics import Metrics, logger
from acteme.errors import ActemeError, MissingError


def read(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def losses(value, **more):
    return {"part": torch.tensor(value), "total": torch.tensor(2 * value)} | {
        k: torch.tensor(v) for k, v in more.items()
    }


def test_rows_hold_the_exact_values(tmp_path):
    path = tmp_path / "m.csv"
    m = Metrics(path, "s")
    m.add(0, 0, 0.1, losses(1 / 3))
    m.flush()
    head, row = read(path)
    assert head == ["step", "epoch", "lr", "total", "part"]
    assert torch.tensor(float(row[4])).item() == torch.tensor(1 / 3).item() and row[:3] == ["0", "0", "0.1"]
    assert m.last == torch.tensor(2 / 3).item()


def test_rows_are_written_in_bunches(tmp_path):
    m = Metrics(tmp_path / "m.csv", "s")
    for step in range(module.FLUSH - 1):
        m.add(step, 0, 0.1, losses(1.0))
    assert not (tmp_path / "m.csv").exists()
    m.add(module.FLUSH - 1, 0, 0.1, losses(1.0))
    assert len(read(tmp_path / "m.csv")) == module.FLUSH + 1


def test_a_fresh_start_discards_an_old_file(tmp_path):
    path = tmp_path / "m.csv"
    for _ in range(2):
        m = Metrics(path, "s")
        m.add(0, 0, 0.1, losses(1.0))
        m.flush()
    assert len(read(path)) == 2


def test_resuming_cuts_later_rows_and_a_torn_last_line(tmp_path):
    path = tmp_path / "m.csv"
    m = Metrics(path, "s")
    for step in range(5):
        m.add(step, 0, 0.1, losses(float(step)))
    m.flush()
    with path.open("a") as file:
        file.write("5,0,0.")
    m = Metrics(path, "s", start=3)
    assert [r[0] for r in read(path)] == ["step", "0", "1", "2"]
    m.add(3, 1, 0.1, losses(7.0))
    m.flush()
    assert read(path)[-1] == ["3", "1", "0.1", "14.0", "7.0"]


def test_a_loss_that_sets_in_later_becomes_a_column(tmp_path):
    path = tmp_path / "m.csv"
    m = Metrics(path, "s")
    m.add(0, 0, 0.1, losses(1.0))
    m.flush()
    m.add(1, 0, 0.1, losses(1.0, positive=5.0))
    m.flush()
    assert read(path) == [["step", "epoch", "lr", "total", "part", "positive"], ["0", "0", "0.1", "2.0", "1.0", ""],
                          ["1", "0", "0.1", "2.0", "1.0", "5.0"]]  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_its_step(tmp_path, value):
    m = Metrics(tmp_path / "m.csv", "contrast")
    m.add(0, 0, 0.1, losses(1.0))
    m.add(1, 0, 0.1, losses(value))
    with pytest.raises(
        ActemeError, match=r"stage 'contrast': part became (nan|inf) at step 1; lower the learning rate"
    ):
        m.flush()


def test_a_logger_gets_every_row(tmp_path):
    class Seen(list):
        def log_metrics(self, metrics, step=None):
            self.append((step, metrics))

    seen = Seen()
    m = Metrics(tmp_path / "m.csv", "s", logger=seen)
    m.add(0, 0, 0.25, losses(1.0))
    m.flush()
    assert seen == [(0, {"lr": 0.25, "total": 2.0, "part": 1.0})]


def test_a_logger_whose_package_is_missing_says_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=r"pip install 'acteme\[wandb\]'"):
        logger("wandb", tmp_path, "run", "stage")
    assert logger("csv", tmp_path, "run", "stage") is None
