"""Learning rates and optimizers of recipes."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from acteme.engine.optimize import learning_rate, optimizer, with_epochs
from acteme.nn.recipe import Recipe


def test_steps_of_the_rate():
    recipe = Recipe(lr=1.0, schedule="step", milestones=(2, 4), gamma=0.1)
    assert [learning_rate(recipe, e, 0) for e in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_exponential_decay_is_once_per_epoch():
    recipe = Recipe(lr=2.0, schedule="exponential", gamma=0.5)
    assert [learning_rate(recipe, e, s) for e, s in ((0, 0), (0, 9), (1, 10), (3, 30))] == [2, 2, 1, 0.25]


def test_cosine_ends_at_zero_after_warm_up():
    recipe = Recipe(lr=1.0, schedule="cosine", warmup=4)
    rates = [learning_rate(recipe, 0, s, 12) for s in range(13)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:] == pytest.approx([(1 + math.cos(math.pi * k / 8)) / 2 for k in range(9)])
    assert rates[12] == 0 and learning_rate(recipe, 0, 20, 12) == 0


def test_linear_ends_at_zero_after_warm_up():
    recipe = Recipe(lr=1.0, schedule="linear", warmup=2)
    assert [learning_rate(recipe, 0, s, 6) for s in range(8)] == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_warm_up_leaves_the_schedule_alone_afterwards():
    recipe = Recipe(lr=1.0, warmup=2)
    assert [learning_rate(recipe, 0, s) for s in range(4)] == [0.5, 1, 1, 1]


def test_warm_up_can_be_a_share_of_all_steps():
    recipe = Recipe(lr=1.0, schedule="linear", warmup=0.2)
    assert [learning_rate(recipe, 0, s, 10) for s in range(10)] == [
        learning_rate(replace(recipe, warmup=2), 0, s, 10) for s in range(10)
    ]
    assert [learning_rate(recipe, 0, s, 20) for s in (0, 3, 4)] == [0.25, 1.0, 1.0]
    assert learning_rate(recipe, 0, 0, 2) == 1.0, "a share of less than half a step is none"
    assert with_epochs(replace(recipe, epochs=50), 5).warmup == 0.2


def test_another_length_keeps_the_course():
    recipe = Recipe(epochs=450, milestones=(350, 400), warmup=90)
    short = with_epochs(recipe, 45)
    assert (short.epochs, short.milestones, short.warmup) == (45, (35, 40), 9)
    assert with_epochs(recipe, None) is recipe and with_epochs(recipe, 450) is recipe


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_optimizers_get_the_recipe_and_only_what_is_trained(name, kind):
    module = nn.Linear(2, 2)
    module.bias.requires_grad_(False)
    recipe = Recipe(optimizer=name, lr=0.5, momentum=0.8, nesterov=True, betas=(0.5, 0.6), weight_decay=0.1)
    made = optimizer(recipe, module)
    (group,) = made.param_groups
    assert group["factor"] == 1
    assert type(made) is kind and group["params"] == [module.weight]
    assert group["lr"] == 0.5 and group["weight_decay"] == 0.1
    if name == "sgd":
        assert group["momentum"] == 0.8 and group["nesterov"]
    else:
        assert group["betas"] == (0.5, 0.6)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_done_in_one_pass_on_a_processor_and_is_the_same(name):
    recipe = Recipe(optimizer=name, lr=0.1, betas=(0.8, 0.9), weight_decay=0.1)
    results, kinds = [], []
    for how in (recipe, replace(recipe, clip=1.0)):  # Lightning clips nothing in half precision where it is fused
        torch.manual_seed(0)
        module = nn.Linear(3, 2).double()
        made = optimizer(how, module)
        for _ in range(4):
            made.zero_grad()
            module(torch.ones(1, 3).double()).square().sum().backward()
            made.step()
        results.append(module.weight.detach())
        kinds.append(made.param_groups[0]["fused"])
    assert kinds == [True, None]
    torch.testing.assert_close(*results)


def test_parts_of_a_module_can_have_rates_of_their_own():
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.slow, self.fast, self.slower = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

        def rates(self):
            return {"slow.": 0.5, "slower.": 0.1}

    module = Module()
    made = optimizer(Recipe(optimizer="sgd", lr=1.0), module)
    groups = {g["factor"]: [id(p) for p in g["params"]] for g in made.param_groups}
    parts = {1.0: module.fast, 0.5: module.slow, 0.1: module.slower}
    assert groups == {factor: [id(p) for p in part.parameters()] for factor, part in parts.items()}
    again = optimizer(Recipe(optimizer="sgd", lr=1.0), module)
    again.load_state_dict(made.state_dict())
    assert [g["factor"] for g in again.param_groups] == [1.0, 0.5, 0.1]
