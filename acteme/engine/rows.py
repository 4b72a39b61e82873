"""Adam for tables of which a step reads a few rows: where a gradient is sparse, only these rows are changed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class RowAdam(torch.optim.Adam):
    """Adam, and for parameters with sparse gradients the form of `torch.optim.SparseAdam`: moments of rows without a
    gradient stay as they are, and so do these rows. The time of a step then does not depend on the number of rows.

    Weight decay is for the other parameters alone.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.is_sparse:
                    self._rows(p, group)
                    p.grad = None  # done with
        super().step()
        return loss

    def _rows(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] += 1
        grad = p.grad.coalesce()  # type: ignore[union-attr]
        at, value, (first, second) = grad.indices()[0], grad.values(), group["betas"]
        mean, square = (state[name].index_select(0, at) for name in ("exp_avg", "exp_avg_sq"))
        mean.lerp_(value, 1 - first)
        square.mul_(second).addcmul_(value, value, value=1 - second)
        state["exp_avg"].index_copy_(0, at, mean)
        state["exp_avg_sq"].index_copy_(0, at, square)
        step = float(state["step"])
        size = group["lr"] / (1 - first**step)
        bottom = (square / (1 - second**step)).sqrt_().add_(group["eps"])
        p.index_add_(0, at, mean.div_(bottom).mul_(-size))
