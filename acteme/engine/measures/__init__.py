"""How each task measures a run's own predictions: one module a task, named by it, with `measure` and `PROTOCOLS`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

from torch import nn

from acteme.engine.run import Run
from acteme.engine.segmenter import Rules
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from acteme.tasks.intervals import RESAMPLES


@dataclass(frozen=True)
class Asked:
    """What is to be measured; `measure(asked)` of a task's module gives its `tasks.outcome.Outcome`."""

    run: Run
    """The run that the module is of."""
    module: nn.Module
    """What predicts, in evaluation mode, on its device."""
    stage: str
    """The stage that it is, or whose encoder it has."""
    corpus: Corpus
    """The recordings to measure on."""
    train: Callable[[], Corpus]
    """The recordings to train on, for what a protocol takes from them."""
    protocol: str = "predictions"
    """One of the task's `PROTOCOLS`."""
    rules: Rules = field(default_factory=Rules)
    """How segments are made from frame scores."""
    batch: int = 64
    """Windows at a time."""
    same: bool = True
    """Whether the module learned from the recordings that `train` gives, as far as is known."""
    resamples: int = RESAMPLES
    """Of the bootstrap, whose intervals a choice between epochs can do without."""

    @property
    def kind(self) -> str:
        """The protocol without its number."""
        return self.protocol.partition("-")[0]

    @property
    def number(self) -> int | None:
        """The N of a protocol `NAME-N`."""
        told = self.protocol.partition("-")[2]
        return int(told) if told else None

    @property
    def windows(self) -> Windows:
        """What the stage was trained on."""
        return getattr(self.run.config, self.stage).windows


def of(task: str) -> ModuleType:
    """The module of a task."""
    return import_module(f"{__name__}.{task}")


def has(task: str, protocol: str) -> bool:
    """Whether it is one of the task's own protocols, or one with a number (`NAME-N`) where it takes one."""
    module, (name, _, number) = of(task), protocol.partition("-")
    numbered = name in getattr(module, "NUMBERED", ()) and number.isdecimal() and int(number) > 0
    return protocol in module.PROTOCOLS or numbered


def usual(task: str, corpus: Corpus, module: nn.Module) -> str:
    """The protocol that is meant where none is named: what the module says, what suits the data, or the first."""
    choose = getattr(of(task), "choose", None)
    return choose(corpus, module) if choose else of(task).PROTOCOLS[0]
