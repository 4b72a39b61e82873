"""Official checkpoints under our names."""

from collections.abc import Mapping

import torch
from torch import Tensor

from acteme.errors import InputError

_LAYER = {
    "self_attn.in_proj_weight": "attention.inside.weight",
    "self_attn.in_proj_bias": "attention.inside.bias",
    "self_attn.out_proj.weight": "attention.outside.weight",
    "self_attn.out_proj.bias": "attention.outside.bias",
    "multihead_attn.out_proj.weight": "glance.outside.weight",
    "multihead_attn.out_proj.bias": "glance.outside.bias",
    "linear1.weight": "first.weight",
    "linear1.bias": "first.bias",
    "linear2.weight": "second.weight",
    "linear2.bias": "second.bias",
    **{f"norm{n}.{part}": f"norms.{n - 1}.{part}" for n in (1, 2, 3) for part in ("weight", "bias")},
}
_PLACES = (
    ("motion_encoder.seqTransEncoder.layers.", "motion_encoder.blocks."),
    ("text_encoder.seqTransEncoder.layers.", "text_encoder.blocks."),
    ("motion_decoder.seqTransDecoder.layers.", "decoder.blocks."),
)
_SAME = tuple(f"{side}_encoder.{name}" for side in ("motion", "text") for name in
              ("tokens", "projection.weight", "projection.bias"))  # fmt: skip


def ours(state: Mapping[str, Tensor], text: bool) -> dict[str, Tensor]:
    """An official state under our names; see `Retriever.official_state_dict`.

    Raises:
        InputError: a name that is not an official one.
    """
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in _SAME or name in ("mean", "std"):
            out[name] = value
        elif name.startswith("motion_decoder.final_layer."):
            out["decoder.out." + name.rpartition(".")[2]] = value
        elif name.startswith("text_model."):
            if text:
                out["text.model." + name.removeprefix("text_model.").removeprefix("text_model.")] = value
        elif found := next(((a, b) for a, b in _PLACES if name.startswith(a)), None):
            number, _, part = name.removeprefix(found[0]).partition(".")
            at = f"{found[1]}{number}."
            if part in ("multihead_attn.in_proj_weight", "multihead_attn.in_proj_bias"):
                kind = part.rpartition("_")[2]
                out[f"{at}glance.value.{kind}"] = value[2 * len(value) // 3 :]  # of queries, keys and values
            elif part in _LAYER:
                out[at + _LAYER[part]] = value
            else:
                raise InputError(f"'{name}' is no weight of the official model", "car", "give its state_dict")
        else:
            raise InputError(f"'{name}' is no weight of the official model", "car", "give its state_dict")
    if "motion_encoder.projection.weight" not in out:
        raise InputError("the state holds no motion encoder", "car", "give the official model's state_dict")
    features = out["motion_encoder.projection.weight"].shape[1]
    out.setdefault("mean", torch.zeros(features))
    out.setdefault("std", torch.ones(features))
    out["captions"] = torch.zeros(0, 0, dtype=torch.uint8)
    return out
