"""torch.compile: the same losses, and a clean way back where the compiler fails."""

import pytest
import torch
from torch import nn

from acteme.engine import compile as module
from acteme.engine.compile import Compiled
from acteme.errors import InputError


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.register_buffer("calls", torch.zeros(()))

    def losses(self, batch):
        self.calls += 1
        return {"total": self.layer(batch["x"] + torch.rand(3, 2)).square().mean()}


def expected():
    torch.manual_seed(0)
    plain = Counting()
    batch = {"x": torch.ones(3, 2)}
    torch.manual_seed(1)
    return batch, [plain.losses(batch)["total"].item() for _ in range(2)]


def test_a_compiled_loss_is_the_loss(monkeypatch):
    batch, values = expected()
    monkeypatch.setattr(module.torch, "compile", lambda f: torch._dynamo.optimize("eager")(f))
    torch.manual_seed(0)
    compiled = Compiled(Counting())
    torch.manual_seed(1)
    got = [compiled(batch)["total"] for _ in range(2)]
    assert [g.item() for g in got] == pytest.approx(values, rel=1e-5)
    got[0].backward()
    assert compiled.module.layer.weight.grad is not None


def test_a_failing_compiler_changes_nothing_but_says_so(monkeypatch, capfd):
    batch, values = expected()

    def failing(f):
        def broken(batch):
            f(batch)
            raise RuntimeError("no C++ compiler\nand a long story")

        return broken

    monkeypatch.setattr(module.torch, "compile", failing)
    torch.manual_seed(0)
    compiled = Compiled(Counting())
    torch.manual_seed(1)
    assert [compiled(batch)["total"].item() for _ in range(2)] == values
    assert compiled.module.calls == 2
    assert capfd.readouterr().err == "not compiled, trains as it is: RuntimeError: no C++ compiler\n"


def test_errors_about_the_input_pass_through(monkeypatch):
    def losses(batch):
        raise InputError("bad")

    monkeypatch.setattr(module.torch, "compile", lambda f: losses)
    with pytest.raises(InputError, match="bad"):
        Compiled(Counting())({"x": torch.ones(3, 2)})
