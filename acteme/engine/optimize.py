"""What a `Recipe` says, carried out: optimizer, learning rate at a step, and the recipe at another length."""

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from acteme.nn.recipe import Recipe


def optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The recipe's optimizer over the parameters that require gradients.

    A parameter with an attribute `rate` learns at so many times the recipe's rate, in a group whose `factor` that is.
    """
    rates: dict[float, list[nn.Parameter]] = {}
    for p in parameters:
        if p.requires_grad:
            rates.setdefault(getattr(p, "rate", 1.0), []).append(p)
    lr, decay = recipe.lr, recipe.weight_decay
    trained = [{"params": some, "lr": lr * rate, "factor": rate} for rate, some in rates.items()]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(trained, lr, recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(trained, lr, betas=recipe.betas, weight_decay=decay)


def learning_rate(recipe: Recipe, epoch: int, step: int, steps: int | None = None) -> float:
    """The rate of one optimization step.

    Args:
        recipe: the stage's recipe.
        epoch: the step's epoch, from 0.
        step: the step's number over all epochs, from 0.
        steps: the number of steps of the whole stage (only `cosine` needs it).
    """
    rate = recipe.lr
    if recipe.warmup and step < recipe.warmup:
        rate *= (step + 1) / recipe.warmup
    if recipe.schedule == "step":
        rate *= recipe.gamma ** sum(epoch >= m for m in recipe.milestones)
    elif recipe.schedule == "exponential":
        rate *= recipe.gamma**epoch
    elif recipe.schedule == "cosine" and step >= recipe.warmup:
        done = (step - recipe.warmup) / max((steps or 0) - recipe.warmup, 1)
        rate *= (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return rate


def with_epochs(recipe: Recipe, epochs: int | None) -> Recipe:
    """The same course in another number of epochs: milestones and warm-up keep their share of the whole."""
    if epochs is None or epochs == recipe.epochs:
        return recipe
    share = epochs / recipe.epochs
    moved = tuple(round(m * share) for m in recipe.milestones)
    return replace(recipe, epochs=epochs, milestones=moved, warmup=round(recipe.warmup * share))
