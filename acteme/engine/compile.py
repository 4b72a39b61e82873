"""torch.compile with a clean way back: a method that cannot be compiled trains as it is, with one line that says so."""

import sys
from copy import deepcopy

import torch
from torch import Tensor, nn

from acteme.errors import ActemeError
from acteme.recordings.batch import Batch


class Compiled:
    """`module.losses`, compiled at the first call; on any failure of the compiler, the uncompiled method."""

    def __init__(self, module: nn.Module):
        self.module = module
        self.losses = torch.compile(module.losses)  # type: ignore[arg-type]
        self.tried = False

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        if self.tried:
            return self.losses(batch)
        self.tried = True
        # A failure may come after part of the method ran: its buffers and the random state are put back.
        state, rng = deepcopy(self.module.state_dict()), torch.get_rng_state()
        try:
            return self.losses(batch)
        except ActemeError:
            raise
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            print(f"not compiled, trains as it is: {type(error).__name__}: {reason[:160]}", file=sys.stderr)
            self.module.load_state_dict(state)
            torch.set_rng_state(rng)
            torch._dynamo.reset()
            self.losses = self.module.losses  # type: ignore[assignment]
            return self.losses(batch)
