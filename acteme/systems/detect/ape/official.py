"""Names and layouts of checkpoints: the PyTorch version's state dict, the Keras demonstration's list of arrays.

Neither says how often values occurred, which only training needs: all get the count 1, so that noise is uniform until
`calibrate` counts. Values keep their numbers: number 0, the unknown one of ours, is the first value of a checkpoint.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from acteme.errors import InputError


def state(given: Mapping[str, Any] | Sequence[Any]) -> dict[str, Tensor]:
    """Our state dict of a checkpoint.

    Args:
        given: of the PyTorch version `weights` (pairs in the order (1, 0), (2, 0), (2, 1), ...), `c` and
            `embeddings.F.weight`; of the Keras demonstration the arrays [table, weights of pairs (m * m, 1) or none,
            bias].

    Raises:
        InputError: it is neither.
    """
    return _torch(given) if isinstance(given, Mapping) else _keras(given)


def _torch(given: Mapping[str, Any]) -> dict[str, Tensor]:
    tables = {}
    for name, value in given.items():
        if found := re.fullmatch(r"embeddings\.(\d+)\.weight", name):
            tables[int(found[1])] = torch.as_tensor(value)
        elif name not in ("weights", "c"):
            raise InputError(f"has a tensor '{name}'", "checkpoint", "give one of the PyTorch version of APE")
    if sorted(tables) != list(range(len(tables))) or not tables or not {"weights", "c"} <= given.keys():
        raise InputError("has no weights, c or embeddings.0.weight", "checkpoint", "give the whole state dict")
    return _ours(torch.cat([tables[f] for f in range(len(tables))]), given["weights"], given["c"])


def _keras(given: Sequence[Any]) -> dict[str, Tensor]:
    if len(given) not in (2, 3):
        raise InputError(f"has {len(given)} arrays", "checkpoint", "give [table, weights of pairs, bias]")
    table, bias = torch.as_tensor(given[0]), torch.as_tensor(given[-1])
    if len(given) == 2:
        return _ours(table, None, bias)
    weights = torch.as_tensor(given[1]).flatten()
    fields = math.isqrt(len(weights))
    if fields * fields != len(weights):
        raise InputError(f"has {len(weights)} weights of pairs", "checkpoint", "give fields * fields of them")
    high, low = torch.tril_indices(fields, fields, -1)
    return _ours(table, weights.view(fields, fields)[low, high], bias)


def _ours(table: Tensor, weight: Any | None, constant: Any) -> dict[str, Tensor]:
    out = {"table.weight": table, "constant": torch.as_tensor(constant).reshape(1)}
    if weight is not None:
        out["weight"] = torch.as_tensor(weight)
    return out | {"counts": torch.ones(len(table), dtype=torch.int64)}
