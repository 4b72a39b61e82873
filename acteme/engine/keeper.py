"""Writes the checkpoints of a stage in training: when they are due, and when a signal ends it."""

import signal
import threading
import time
from pathlib import Path
from typing import Any

from acteme.engine.checkpoint import Position, write_checkpoint
from acteme.engine.module import StageModule
from acteme.engine.progress import Bar

AGREE = 20
"""With several processes: steps between the moments at which they agree on whether a checkpoint is due."""


class Stop(BaseException):
    """Carries an interruption through Lightning, which would answer a KeyboardInterrupt by ending the process."""


class Keeper:
    """Writes checkpoints when they are due, and at an interruption; draws the bar."""

    def __init__(self, path: Path, interval: float, bar: Bar):
        self.path, self.interval, self.bar = path, interval, bar
        self.saved = time.monotonic()
        self.interrupted = False
        self.handlers: dict[int, Any] = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def step(self, module: StageModule) -> None:
        """After every optimization step."""
        at = module.position
        if module.metrics is not None:
            share = module.batches / module.loader.steps(module.epoch) if self.bar.progress is not None else 0.0
            self.bar.show(module.epoch + share, module.metrics.last)
        stop, due = self.interrupted, time.monotonic() - self.saved >= self.interval
        if module.loader.world > 1:
            if self.interval > 0 and at.batches > 0 and module.step % AGREE:
                return
            stop, due = module.trainer.strategy.broadcast((stop, due))
        if stop or due:
            self.save(module, at)
        if stop:
            raise Stop

    def save(self, module: StageModule, at: Position) -> None:
        if module.metrics is not None:
            module.metrics.flush()
        state, optimizer = full_state(module), full_optimizer(module)
        if module.loader.rank == 0:
            write_checkpoint(self.path, at, state, optimizer)
        self.saved = time.monotonic()

    def listen(self) -> None:
        """From now on SIGINT and SIGTERM end training after the step at hand; a second one ends it at once.

        Called when training begins: Lightning has set its own handlers by then, which would broadcast among processes
        from within a signal.
        """
        if threading.current_thread() is threading.main_thread():
            for number in self.handlers:
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: Any) -> None:
        self.interrupted = True
        signal.signal(number, self.handlers[number])

    def close(self) -> None:
        """Puts the signals' handlers back and takes the bar away."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self.handlers.items():
                signal.signal(number, handler)
        self.bar.close()


def full_state(module: StageModule, part: str = "") -> dict[str, Any]:
    """The state on the CPU, gathered from the shards if it is sharded; `part` selects a submodule's."""
    if module.shard:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        state = get_model_state_dict(module, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    else:
        state = module.state_dict()
    prefix = f"{part}." if part else ""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def full_optimizer(module: StageModule) -> dict[str, Any]:
    """The optimizer's state, gathered from the shards if it is sharded."""
    made = module.optimizers(use_pl_optimizer=False)
    if not module.shard:
        return made.state_dict()  # type: ignore[union-attr]
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_optimizer_state_dict(module, made, options=options)  # type: ignore[arg-type]
