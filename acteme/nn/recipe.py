"""How a stage is optimized: the part of a paper's settings that the engine, not the method, carries out."""

import math
from dataclasses import dataclass
from typing import Literal

from acteme.errors import InputError


@dataclass(frozen=True)
class Recipe:
    """Optimizer, schedule and length of one training stage."""

    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    """Which optimizer."""
    lr: float = 1e-3
    """Learning rate at the start (after warm-up)."""
    momentum: float = 0.9
    """Momentum of SGD (ignored by the others)."""
    nesterov: bool = False
    """Nesterov momentum for SGD."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Moment decay rates of Adam and AdamW."""
    weight_decay: float = 0.0
    """Weight decay (L2 in SGD and Adam, decoupled in AdamW)."""
    epochs: int = 100
    """Passes over the training windows."""
    batch: int = 64
    """Windows per optimization step and process."""
    schedule: Literal["constant", "step", "exponential", "cosine", "linear", "plateau"] = "constant"
    """How the learning rate changes; `step` and `exponential` change it once per epoch, `cosine` and
    `linear` (both to zero) at every step, `plateau` where epochs do not improve what `--best` looks at (without it,
    never)."""
    milestones: tuple[int, ...] = ()
    """Epochs at which `step` multiplies the learning rate by `gamma`."""
    gamma: float = 0.1
    """Factor of `step`, `exponential` and `plateau`."""
    patience: int = 0
    """Epochs without an improvement that `plateau` bears with."""
    floor: float = 0.0
    """Training ends when `plateau` has come down to this learning rate."""
    warmup: int | float = 0
    """Linear warm-up from zero: a number of steps, or (0.2) a share of all steps."""
    clip: float | None = None
    """Largest gradient norm; None leaves gradients as they are."""
    accumulate: int = 1
    """Batches whose gradients are averaged before one step."""
    ema: float | None = None
    """Decay of an exponential moving average of the weights, which replaces them when the stage ends; None: off."""
    drop_last: bool = True
    """Leave out an epoch's last batch when it is not full (batch statistics and queues need whole batches)."""

    def __post_init__(self) -> None:
        if not (0 <= self.warmup < (1 if isinstance(self.warmup, float) else math.inf)):
            mend = "give a number of steps (100), or a share of all steps below 1 (0.1)"
            raise InputError(f"the warm-up is {self.warmup}", "recipe.warmup", mend)

    def warm(self, steps: int | None) -> int:
        """Steps of warm-up, where the stage has so many steps in all (which a share needs)."""
        return round(self.warmup * (steps or 0)) if isinstance(self.warmup, float) else self.warmup
