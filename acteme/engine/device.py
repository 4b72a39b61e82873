"""What to compute on."""

import torch
from torch import nn

from acteme.errors import InputError


def device_for(accelerator: str = "auto", alone: bool = True) -> str:
    """The device of `cpu`, `gpu`, or `auto`: a GPU where there is one that this process has to itself."""
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise InputError("there is no GPU", "--accelerator", "use cpu or auto")
    gpu = accelerator == "gpu" or (accelerator == "auto" and alone and torch.cuda.is_available())
    return "cuda" if gpu else "cpu"


def device_of(module: nn.Module) -> torch.device:
    """Where a module computes."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
