"""From the parameter names of the official code (its class `Dnis` around a base model) to ours."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor


def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An official state dict as the state of `Warm` or `Search`.

    Officially features are numbered by frequency before the model sees them. So they are here: the map from fields'
    values to numbers becomes the identity, and ids are given as they were prepared; counts, of which nothing is known,
    are 1, and the outcome is what the configuration says (`network.outcome`, which must not be `auto`).
    """
    out: dict[str, Tensor] = {}
    count = len(state["feature_embeddings.weight"])
    depth = max((int(m[1]) for name in state if (m := re.match(r"model\.fc(\d+)\.", name))), default=0)
    neumf = depth == 4 and "model.feature_biases.weight" not in state
    for name, value in state.items():
        if name == "alpha":
            out["network.table.alpha"] = value
        elif name == "feature_embeddings.weight":
            out["network.table.weight"] = value
        elif name == "model.bias":
            out["network.host.biases.constant"] = value
        elif name == "model.feature_biases.weight":
            out["network.host.biases.weight"] = value
        elif found := re.fullmatch(r"model\.fc(\d+)\.(weight|bias)", name):
            number = int(found[1])
            place = "out" if neumf and number == depth else f"layers.{number - 1}"
            out[f"network.host.{place}.{found[2]}"] = value
        elif found := re.fullmatch(r"model\.conv1ds\.(\d+)\.(weight|bias)", name):
            out[f"network.host.cin.{found[1]}.{found[2]}"] = value.squeeze(-1) if found[2] == "weight" else value
        elif found := re.fullmatch(r"model\.dnn_net\.(\d+)\.(weight|bias)", name):
            out[f"network.host.layers.{int(found[1]) // 2}.{found[2]}"] = value
        elif found := re.fullmatch(r"model\.fc\.(weight|bias)", name):
            out[f"network.host.out.{found[1]}"] = value
    device = state["feature_embeddings.weight"].device
    out["network.features.number"] = torch.arange(count, device=device)
    out["network.features.count"] = torch.ones(count, dtype=torch.int64, device=device)
    return out
