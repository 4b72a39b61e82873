"""The official model's state, filled by the rule behind the reference numbers, and their inputs."""

import torch

FEATURES = {"motion": 263, "text": 768}


def wave(*shape: int) -> torch.Tensor:
    """cos(i i) / sqrt(fan in), i counting through the elements."""
    weight = torch.empty(*shape)
    i = torch.arange(weight.numel(), dtype=torch.float64)
    return ((i * i).cos() / (weight.numel() / shape[0]) ** 0.5).view(shape).float()


def layer(at: str, crossed: bool) -> dict[str, torch.Tensor]:
    """A transformer layer of width 256, with or without attention to a memory."""
    out = {}
    for name in ("self_attn", "multihead_attn")[: 1 + crossed]:
        out |= {f"{at}.{name}.in_proj_weight": wave(768, 256), f"{at}.{name}.in_proj_bias": torch.zeros(768)}
        out |= {f"{at}.{name}.out_proj.weight": wave(256, 256), f"{at}.{name}.out_proj.bias": torch.zeros(256)}
    out |= {f"{at}.linear1.weight": wave(1024, 256), f"{at}.linear1.bias": torch.zeros(1024),
            f"{at}.linear2.weight": wave(256, 1024), f"{at}.linear2.bias": torch.zeros(256)}  # fmt: skip
    for n in range(1, 3 + crossed):
        out |= {f"{at}.norm{n}.weight": torch.ones(256), f"{at}.norm{n}.bias": torch.zeros(256)}
    return out


def official_state() -> dict[str, torch.Tensor]:
    """The whole official model but for its language model."""
    out = {}
    for side, features in FEATURES.items():
        out |= {f"{side}_encoder.tokens": wave(2, 256), f"{side}_encoder.projection.weight": wave(256, features),
                f"{side}_encoder.projection.bias": torch.zeros(256)}  # fmt: skip
        for n in range(6):
            out |= layer(f"{side}_encoder.seqTransEncoder.layers.{n}", False)
    for n in range(6):
        out |= layer(f"motion_decoder.seqTransDecoder.layers.{n}", True)
    at = "motion_decoder.final_layer"
    return out | {f"{at}.weight": wave(263, 256), f"{at}.bias": torch.zeros(263)}
