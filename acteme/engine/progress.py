"""What a training run shows: a bar in a terminal, a line per finished stage."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """Progress of a stage in epochs. Draws only in a terminal; says one line at the end wherever it is on.

    Args:
        title: what runs, for example "lac contrast".
        epochs: how many there are.
        on: whether to show anything at all.
    """

    def __init__(self, title: str, epochs: int, on: bool):
        self.title, self.epochs, self.on = title, epochs, on
        self.begun, self.drawn = time.monotonic(), 0.0
        self.console = Console(stderr=True)
        self.progress: Progress | None = None
        if on and self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs"),
                       TextColumn("{task.fields[loss]}"), TimeRemainingColumn())  # fmt: skip
            self.progress = Progress(*columns, console=self.console, transient=True)
            self.task = self.progress.add_task(title, total=epochs, loss="")
            self.progress.start()

    def show(self, epoch: float, loss: float) -> None:
        """Draws the bar, at most ten times a second."""
        if self.progress is not None and time.monotonic() - self.drawn > 0.1:
            self.drawn = time.monotonic()
            self.progress.update(self.task, completed=epoch, loss=f"loss {loss:.4g}")

    def close(self) -> None:
        """Takes the bar away."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None

    def finish(self, epochs: int, steps: int, loss: float, seconds: float) -> None:
        """Takes the bar away and says how it went: whole epochs, steps, the last loss, the time."""
        self.close()
        if self.on and not self.epochs:
            print(f"{self.title}: 0 epochs, left as it was", flush=True)
        elif self.on:
            done = f"{epochs} of {self.epochs}" if epochs < self.epochs else f"{epochs}"
            parts = (f"{done} epoch" + "s" * (self.epochs != 1), f"{steps} step" + "s" * (steps != 1))
            print(f"{self.title}: {', '.join(parts)}, loss {loss:.4g}, {duration(seconds)}")
            sys.stdout.flush()


def duration(seconds: float) -> str:
    """A duration as people say it: 41 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
