"""Events and detectors that the tests of APE share."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from acteme.recordings.batch import Batch
from acteme.recordings.spec import Spec
from acteme.systems.detect.ape import DetectConfig, Detector, Noise

SIZES = (3, 2, 4)
ROWS = [[1.0, 0], [0, 1], [1, 1], [1, 1], [2, 0], [0, 2], [1, 0], [0, 0], [1, -1]]
EVENT = torch.tensor([[0, 3, 5]])
"""The first value of each field, as rows of the table."""


def spec(sizes: tuple[int, ...] = SIZES) -> Spec:
    return Spec(fps=1.0, fields=tuple(f"f{k}" for k in range(len(sizes))), sizes=sizes)


def batch(events: Any) -> Batch:
    """One recording a row of events (B, T, F), or (T, F) of a single one."""
    field = torch.as_tensor(events)
    field = field if field.ndim == 3 else field[None]
    return {"field": field, "mask": torch.ones(field.shape[:2], dtype=torch.bool)}


def detector(sizes: tuple[int, ...] = SIZES, noise: Noise | None = None, **changes: Any) -> Detector:
    torch.manual_seed(0)
    return Detector(replace(DetectConfig(width=2), noise=noise or Noise(), **changes), spec(sizes))


def filled(module: Detector, rows: Any = ROWS, weight: Any = (1, 2, 0.5), constant: float = 0.25) -> Detector:
    """The detector with given vectors, weights and constant."""
    with torch.no_grad():
        module.table.weight.copy_(torch.tensor(rows))
        module.constant.fill_(constant)
        if weight is not None:
            module.weight.copy_(torch.tensor(weight))
    return module


def noise_of(module: Detector, probabilities: Any) -> Detector:
    """The detector with given probabilities of the noise."""
    module.log_noise.copy_(torch.tensor([p for own in probabilities for p in own]).log())
    return module


def loop(module: Detector, event: Tensor) -> float:
    """The score of one event (numbers of values) by its definition."""
    total, pair = 0.0, 0
    for i in range(len(module.sizes)):
        for j in range(i):
            a, b = (module.table.weight[module.offsets[f] + int(event[f])].detach().double() for f in (i, j))
            weight = 1.0 if module.config.weights == "none" else module.weight[pair].item()
            total, pair = total + weight * float(a @ b), pair + 1
    return total
