"""A stage as Lightning wants it: the only file, with `fit.py` and the loggers, that knows Lightning."""

import time
from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from acteme.engine.checkpoint import Position
from acteme.engine.loader import Loader, entropy
from acteme.engine.metrics import Metrics
from acteme.engine.optimize import learning_rate, optimizer, plateaued
from acteme.nn.contrast import frozen
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch, to_device


class Epoch:
    """The batches of one epoch from a position on: sized, and iterated once."""

    def __init__(self, loader: Loader, epoch: int, skip: int):
        self.loader, self.epoch, self.skip = loader, epoch, skip

    def __len__(self) -> int:
        return self.loader.steps(self.epoch) - self.skip

    def __iter__(self) -> Iterator[Batch]:
        return self.loader.batches(self.epoch, self.skip)


class StageModule(LightningModule):
    """Trains one stage of a system.

    Args:
        module: the stage; this is what the published method is.
        recipe: how it is optimized.
        loader: its training windows.
        at: where training begins.
        steps: optimization steps of the whole stage, for the schedules that need them.
        metrics: receives the losses of every step (None on all but the first process).
        begin: called when training begins.
        after: called after every optimization step with this module; saves checkpoints.
        restored: optimizer state to go on with.
        shard: split weights over the processes (FSDP2).
        compiled: compile the loss.
        second: batches that the stage responds to, one after every optimization step.
        lowered: how often a plateau has lowered the learning rate, by the number of an epoch that begins.
        enough: whether training is over before that epoch, for want of anything better; None: it never is.
    """

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe,
        loader: Loader,
        at: Position,
        steps: int | None,
        metrics: Metrics | None,
        begin: Callable[[], None],
        after: Callable[["StageModule"], None],
        restored: dict[str, Any] | None = None,
        shard: bool = False,
        compiled: bool = False,
        second: Loader | None = None,
        lowered: Callable[[int], int] = lambda _: 0,
        enough: Callable[[int], bool] | None = None,
    ):
        super().__init__()
        self.module = module
        self.average = frozen(deepcopy(module)) if recipe.ema is not None else None
        self.recipe, self.loader, self.steps = recipe, loader, steps
        self.metrics, self.begin, self.after = metrics, begin, after
        self.restored, self.shard = restored, shard
        self.losses: Callable[[Batch], dict[str, Tensor]] = module.losses  # type: ignore[assignment]
        if compiled:
            from acteme.engine.compile import Compiled

            self.losses = Compiled(module)
        self.second, self.answers = second, dict[str, Tensor]()
        self.stream: Generator[Batch, None, None] | None = None
        self.lowered, self.lower, self.enough = lowered, lowered(at.epoch), enough
        self.first, self.begun = at, time.monotonic()
        self.epoch, self.batches, self.step = at.epoch, at.batches, at.step
        self.sums: dict[str, Tensor] = {}
        self.count = 0
        self.stepped = False

    @property
    def position(self) -> Position:
        """Where training goes on after the current batch."""
        over = self.batches >= self.loader.steps(self.epoch)
        epoch, batches = (self.epoch + 1, 0) if over else (self.epoch, self.batches)
        return Position(epoch, batches, self.step, self.first.seconds + time.monotonic() - self.begun)

    def train_dataloader(self) -> Epoch:
        epoch = self.first.epoch + self.current_epoch
        return Epoch(self.loader, epoch, self.first.batches if epoch == self.first.epoch else 0)

    def configure_model(self) -> None:
        if self.shard:
            from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

            mesh = self.device_mesh["data_parallel"]  # type: ignore[index]
            for part in (self.module, self.average):
                if part is not None:
                    fully_shard(part, mesh=mesh)
            register_fsdp_forward_method(self.module, "losses")
            self.losses = self.module.losses  # type: ignore[assignment]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        made = optimizer(self.recipe, self.module)
        if self.restored is not None:
            if self.shard:
                from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

                options = StateDictOptions(full_state_dict=True)
                set_optimizer_state_dict(self, made, self.restored, options=options)
            else:
                made.load_state_dict(self.restored)
            self.restored = None
        return made

    def on_train_start(self) -> None:
        self.begin()

    def on_train_epoch_start(self) -> None:
        self.epoch = self.first.epoch + self.current_epoch
        resumed = self.epoch == self.first.epoch and self.first.batches > 0
        self.batches = self.first.batches if resumed else 0
        if not resumed:
            begin_epoch(self.module, self.epoch)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # Every step has its own seed, so that a resumed run draws what an uninterrupted one would have drawn.
        reseed(entropy(self.loader.seed, self.loader.stage, self.epoch, self.batches, self.loader.rank))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        losses = self.losses(batch)
        for name, value in losses.items():
            held = value.detach()
            self.sums[name] = self.sums[name] + held if name in self.sums else held.clone()
        self.count += 1
        return losses["total"]

    @property
    def rate(self) -> float:
        """Learning rate of the step at hand."""
        return learning_rate(self.recipe, self.epoch, self.step, self.steps, self.lower)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        rate = self.rate
        for group in optimizer.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        if hasattr(self.module, "after_step"):
            self.module.after_step()  # type: ignore[operator]
        if self.second is not None:
            self._respond(self.second)
        if self.average is not None:
            follow(self.average, self.module, self.recipe.ema or 0.0)
        self.stepped = True

    def _respond(self, second: Loader) -> None:
        """Shows the stage the batch of the second loader that is this step's own, whatever was resumed."""
        if self.stream is None:
            self.stream = second.endless(self.step)
        batch = to_device(next(self.stream), self.device)
        with self.trainer.precision_plugin.train_step_context(), torch.enable_grad():
            found: dict[str, Tensor] = self.module.respond(batch)  # type: ignore[operator]
        self.answers = {name: value.detach() for name, value in found.items()}

    def close(self) -> None:
        """Ends what gathers batches ahead."""
        if self.stream is not None:
            self.stream.close()

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        self.batches += 1
        if not self.stepped:
            return
        if self.metrics is not None:
            means = {n: v / self.count for n, v in self.sums.items()}
            self.metrics.add(self.step, self.epoch, self.rate, means | self.answers)
        self.sums, self.count, self.stepped = {}, 0, False
        self.step += 1
        self.after(self)

    def on_train_epoch_end(self) -> None:
        if self.recipe.schedule != "plateau" and self.enough is None:
            return
        told = self.lowered(self.epoch + 1), self.enough is not None and self.enough(self.epoch + 1)
        if self.loader.world > 1:  # the first process has measured
            told = self.trainer.strategy.broadcast(told)
        self.lower, over = told
        if over or plateaued(self.recipe, self.lower):
            self.trainer.should_stop = True


def begin_epoch(module: nn.Module, epoch: int) -> None:
    """Tells a stage that an epoch begins, where it wants to know."""
    if hasattr(module, "before_epoch"):
        module.before_epoch(epoch)  # type: ignore[operator]


def reseed(seed: int) -> None:
    """`torch.manual_seed`, which on a machine without a GPU formats the stack three times for one that may yet come."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@torch.no_grad()
def follow(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Moving average of parameters, a <- d a + (1 - d) p; buffers are copied."""
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), 1 - decay)
    for a, b in zip(average.buffers(), module.buffers(), strict=True):
        a.copy_(b)
