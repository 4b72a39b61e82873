"""States by the names of the official code, filled by a rule, and events whose features are what is asked for."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from acteme.recordings.spec import Spec
from acteme.systems.recommend.dnis.network import Network, NetworkConfig
from acteme.systems.recommend.dnis.official import official_state_dict


def shapes(host: str, count: int, fields: int, width: int, hidden: Sequence[int] = (400, 400, 400),
           cin: Sequence[int] = (200, 200, 200)) -> dict[str, tuple[int, ...]]:  # fmt: skip
    """Names and shapes of a base model's parameters, in the order of a checkpoint."""

    def linear(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
        out: dict[str, tuple[int, ...]] = {}
        for i, (a, b) in enumerate(pairwise(sizes), 1):
            out |= {f"model.fc{i}.weight": (b, a), f"model.fc{i}.bias": (b,)}
        return out

    first: dict[str, tuple[int, ...]] = {"model.bias": (1,), "model.feature_biases.weight": (count, 1)}
    size, d = fields * width, width // 5
    if host == "fm":
        return first
    if host == "mlp":
        return linear([size, size, size // 2, 1])
    if host == "neumf":
        return linear([8 * d, 4 * d, 2 * d, d]) | {"model.fc4.weight": (1, 2 * d), "model.fc4.bias": (1,)}
    if host in ("deepfm", "widedeep"):
        return first | linear([size, *hidden, 1])
    out: dict[str, tuple[int, ...]] = {}
    inputs = [fields, *(c // 2 for c in cin[:-1])]
    for i, (h, c) in enumerate(zip(inputs, cin, strict=True)):
        out |= {f"model.conv1ds.{i}.weight": (c, h * fields, 1), f"model.conv1ds.{i}.bias": (c,)}
    out |= {"model.feature_biases.weight": (count, 1)}
    for i, (a, b) in enumerate(zip([size, *hidden[:-1]], hidden, strict=True)):
        out |= {f"model.dnn_net.{2 * i}.weight": (b, a), f"model.dnn_net.{2 * i}.bias": (b,)}
    total = sum(cin[:-1]) // 2 + cin[-1] + hidden[-1]
    return out | {"model.fc.weight": (1, total), "model.fc.bias": (1,)}


def ruled(alpha: tuple[int, ...], count: int, width: int, model: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Parameter i, flat index j: .3 sin(.7 j + i); alpha, number 0: |sin(.7 j)|."""
    out = {}
    for i, (name, shape) in enumerate({"alpha": alpha, "feature_embeddings.weight": (count, width), **model}.items()):
        flat = 0.7 * torch.arange(math.prod(shape), dtype=torch.float64)
        out[name] = (flat.sin().abs() if name == "alpha" else 0.3 * (flat + i).sin()).view(shape)
    return out


def network(config: NetworkConfig, count: int, fields: int, state: dict[str, Tensor] | None = None) -> Network:
    """A network of so many features in double precision, with an official state."""
    sizes = [count // fields] * (fields - 1)
    spec = Spec(fps=1.0, fields=tuple(f"f{i}" for i in range(fields)), sizes=(*sizes, count - sum(sizes)))
    made = Network(config, spec).double()
    if state is not None:
        found = {n.removeprefix("network."): v for n, v in official_state_dict(state).items()}
        left = made.load_state_dict(found, strict=False)
        assert not left.unexpected_keys and left.missing_keys == ["features.kind"]
    return made
