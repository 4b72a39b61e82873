"""What an evaluation gives: metrics, their intervals, and what is behind them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int


@dataclass(frozen=True)
class Outcome:
    """The result of one evaluation. Rates are fractions in [0, 1]; a metric that is undefined for the data is NaN."""

    metrics: dict[str, float]
    """Name to value."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Name to the 95% bootstrap interval over recordings; (NaN, NaN) where there are fewer than two recordings."""
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    """Class name to its own metrics."""
    confusion: Int[np.ndarray, "k k"] | None = None
    """Counts with the true class in rows, the predicted one in columns; None where several classes can hold at once."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with None for NaN (JSON has no NaN)."""
        return {
            "metrics": {name: _plain(value) for name, value in self.metrics.items()},
            "intervals": {name: [_plain(low), _plain(high)] for name, (low, high) in self.intervals.items()},
            "per_class": {name: {m: _plain(v) for m, v in row.items()} for name, row in self.per_class.items()},
            "confusion": None if self.confusion is None else self.confusion.tolist(),
        }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
