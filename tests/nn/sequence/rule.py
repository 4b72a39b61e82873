"""A rule that fills parameters with numbers, so that results can be compared with those of other code."""

import torch
from torch import Tensor


def fill(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Parameter i, flat index j: 0.3 sin(0.7 j + i), plus 1 for the weights of layer norms."""
    state = {}
    for i, (name, shape) in enumerate(shapes.items()):
        j = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        norm = name.endswith("LayerNorm.weight")
        state[name] = (0.3 * torch.sin(0.7 * j + i) + float(norm)).reshape(shape)
    return state


def s3rec_shapes(rows: int, width: int, length: int, layers: int = 2) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a checkpoint of the code of S3-Rec, in its order."""
    d = width
    shapes: dict[str, tuple[int, ...]] = {
        "item_embeddings.weight": (rows, d),
        "position_embeddings.weight": (length, d),
    }
    for n in range(layers):
        layer = f"item_encoder.layer.{n}."
        for part in ("query", "key", "value", "dense"):
            shapes |= {f"{layer}attention.{part}.weight": (d, d), f"{layer}attention.{part}.bias": (d,)}
        norm = {"weight": (d,), "bias": (d,)}
        shapes |= {f"{layer}attention.LayerNorm.{k}": v for k, v in norm.items()}
        shapes |= {f"{layer}intermediate.dense_1.weight": (4 * d, d), f"{layer}intermediate.dense_1.bias": (4 * d,)}
        shapes |= {f"{layer}intermediate.dense_2.weight": (d, 4 * d), f"{layer}intermediate.dense_2.bias": (d,)}
        shapes |= {f"{layer}intermediate.LayerNorm.{k}": v for k, v in norm.items()}
    return shapes | {"LayerNorm.weight": (d,), "LayerNorm.bias": (d,)}
