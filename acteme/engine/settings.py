"""How something is run: what does not belong to a method. Loads no torch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """Seed, length, hardware and logging of a training run."""

    seed: int = 0
    """Decides initial weights, order, windows, augmentation: the same seed gives the same run."""
    epochs: int | None = None
    """Epochs of every stage; milestones and warm-up move in proportion. None: as each recipe says."""
    steps: int | None = None
    """Most optimization steps of every stage. None: no limit."""
    best: str = ""
    """Of a stage that predicts, keep the epoch that is best by this metric on the split `val`, such as `accuracy`; with
    a minus before it (--best=-min_ade), the lowest is best. Empty: the last weights."""
    patience: int = 0
    """With `best`: a stage ends when so many epochs in a row were no better than one before them. 0: never."""
    precision: Literal["32", "bf16"] = "32"
    """`bf16` computes matrix products in bfloat16 (autocast); weights stay in float32."""
    compile: bool = False
    """Compile the loss with torch.compile; goes on without where that is not possible."""
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    """What to compute on; `auto` takes a GPU where there is one."""
    devices: int = 1
    """Processes (one per GPU) on each machine."""
    nodes: int = 1
    """Machines; start the command on each of them with torchrun or srun (docs/scaling.md)."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """How several processes share the work: `ddp` copies the weights, `fsdp` shards them; `auto` is `ddp`."""
    logger: Literal["csv", "tensorboard", "wandb"] = "csv"
    """Where metrics go besides the run's metrics.csv."""
    progress: bool = True
    """Show progress: bars in a terminal, one line per stage elsewhere."""
    checkpoint: float = 30.0
    """Seconds between two checkpoints of an unfinished stage; 0 writes one after every step."""
    prefetch: int = 2
    """Batches that a thread gathers ahead; 0 gathers them in turn."""
