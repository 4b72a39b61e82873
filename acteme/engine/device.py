"""What to compute on."""

import ctypes
import os
import sys

import torch
from torch import nn

from acteme.errors import InputError

KEPT, LARGE = 1 << 28, 1 << 25
"""Bytes freed that a process keeps, and of an array from which on it goes back at once."""


def keep_memory() -> None:
    """Has the C library keep what a step frees for the next one. By itself, glibc gives tens of megabytes back to the
    system and takes them anew, page by page: up to a third of an evaluation's time. Does nothing with another library,
    or where the environment tells it what to keep (MALLOC_..., GLIBC_TUNABLES). Holds for the whole process."""
    if sys.platform != "linux" or any(n.startswith(("MALLOC_", "GLIBC_TUNABLES")) for n in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-1, KEPT)  # M_TRIM_THRESHOLD
        mallopt(-3, LARGE)  # M_MMAP_THRESHOLD


def device_for(accelerator: str = "auto", alone: bool = True) -> str:
    """The device of `cpu`, `gpu`, or `auto`: a GPU where there is one that this process has to itself."""
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise InputError("there is no GPU", "--accelerator", "use cpu or auto")
    gpu = accelerator == "gpu" or (accelerator == "auto" and alone and torch.cuda.is_available())
    return "cuda" if gpu else "cpu"


def device_of(module: nn.Module) -> torch.device:
    """Where a module computes."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
