"""What a `Recipe` says, carried out: optimizer, learning rate at a step, and the recipe at another length."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from acteme.engine.rows import RowAdam
from acteme.errors import InputError
from acteme.nn.recipe import Recipe


def optimizer(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimizer over the parameters of a module that require gradients.

    Where the module has `rates()` (factors of the learning rate, by how names of parameters begin), parameters of a
    factor are a group of their own, which keeps it as `factor`. Tables with sparse gradients are changed by `RowAdam`.

    Raises:
        InputError: sparse gradients, and another optimizer than adam.
    """
    rates: Mapping[str, float] = module.rates() if hasattr(module, "rates") else {}  # type: ignore[operator]
    groups: dict[float, list[nn.Parameter]] = {1.0: []}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            factor = next((rate for start, rate in rates.items() if name.startswith(start)), 1.0)
            groups.setdefault(factor, []).append(parameter)
    trained: list[Any] = [{"params": group, "factor": factor} for factor, group in groups.items() if group]
    lr, decay = recipe.lr, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(trained, lr, recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay)
    kind: type[torch.optim.Adam] = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    if any(getattr(part, "sparse", False) for part in module.modules() if isinstance(part, nn.Embedding)):
        if recipe.optimizer != "adam":
            raise InputError(f"{recipe.optimizer} knows no sparse gradients", "recipe.optimizer", "take adam")
        kind = RowAdam
    # In one pass over memory in place of ten. Not with clipping: in half precision, Lightning refuses it.
    own = kind is not RowAdam and recipe.clip is None
    fused = own and all(type(p) is nn.Parameter and p.device.type == "cpu" for group in groups.values() for p in group)
    return kind(trained, lr, betas=recipe.betas, weight_decay=decay, fused=fused or None)


IMPROVEMENT = 1e-4
"""By which part of itself a value must be better than the best before it to count as better on a plateau."""


def learning_rate(recipe: Recipe, epoch: int, step: int, steps: int | None = None, lowered: int = 0) -> float:
    """The rate of one optimization step.

    Args:
        recipe: the stage's recipe.
        epoch: the step's epoch, from 0.
        step: the step's number over all epochs, from 0.
        steps: the number of steps of the whole stage (only `cosine`, `linear` and a share of warm-up need it).
        lowered: how often a plateau has lowered it.
    """
    rate, warm = recipe.lr, recipe.warm(steps)
    if step < warm:
        rate *= (step + 1) / warm
    if recipe.schedule == "step":
        rate *= recipe.gamma ** sum(epoch >= m for m in recipe.milestones)
    elif recipe.schedule == "exponential":
        rate *= recipe.gamma**epoch
    elif recipe.schedule == "plateau":
        rate *= recipe.gamma**lowered
    elif recipe.schedule == "cosine" and step >= warm:
        done = (step - warm) / max((steps or 0) - warm, 1)
        rate *= (1 + math.cos(math.pi * min(done, 1.0))) / 2
    elif recipe.schedule == "linear" and step >= warm:
        rate *= max(1 - (step - warm) / max((steps or 0) - warm, 1), 0.0)
    return rate


def lowerings(values: Sequence[float], patience: int) -> int:
    """How often a plateau lowers the rate: each time that more than `patience` epochs in a row were not better.

    Args:
        values: of the epochs so far, the higher the better; one that is NaN is not better.
        patience: see `Recipe`.
    """
    best, bad, count = -math.inf, 0, 0
    for value in values:
        if value > best + IMPROVEMENT * (abs(best) if math.isfinite(best) else 0.0):
            best, bad = value, 0
        else:
            bad += 1
        if bad > patience:
            bad, count = 0, count + 1
    return count


def plateaued(recipe: Recipe, lowered: int) -> bool:
    """Whether a plateau has come down to the floor, so that training is over."""
    down = recipe.lr * recipe.gamma**lowered
    return recipe.schedule == "plateau" and recipe.floor > 0 and down <= recipe.floor * (1 + 1e-9)


def with_epochs(recipe: Recipe, epochs: int | None) -> Recipe:
    """The same course in another number of epochs: milestones and warm-up keep their share; no epochs stay none."""
    if epochs is None or epochs == recipe.epochs or not recipe.epochs:
        return recipe
    share = epochs / recipe.epochs
    moved = tuple(round(m * share) for m in recipe.milestones)
    warmup = recipe.warmup if isinstance(recipe.warmup, float) else round(recipe.warmup * share)
    return replace(recipe, epochs=epochs, milestones=moved, warmup=warmup)
