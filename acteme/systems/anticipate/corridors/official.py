"""Names of Y-net's official checkpoints (`YNetTorch.state_dict()`), and what they are here."""

import re

from torch import Tensor

RULES = (
    (r"encoder\.stages\.0\.0\.", "encoder.first."),
    (r"encoder\.stages\.(\d+)\.1\.", lambda m: f"encoder.stages.{int(m[1]) - 1}.one."),
    (r"encoder\.stages\.(\d+)\.3\.", lambda m: f"encoder.stages.{int(m[1]) - 1}.two."),
    (r"goal_decoder\.", "goal."),
    (r"traj_decoder\.", "path."),
    (r"(goal|path)\.center\.0\.", r"\1.center.one."),
    (r"(goal|path)\.center\.2\.", r"\1.center.two."),
    (r"(goal|path)\.upsample_conv\.", r"\1.narrow."),
    (r"(goal|path)\.decoder\.(\d+)\.0\.", r"\1.stages.\2.one."),
    (r"(goal|path)\.decoder\.(\d+)\.2\.", r"\1.stages.\2.two."),
    (r"(goal|path)\.predictor\.", r"\1.last."),
)
"""Each is applied in turn to the beginning of a name."""


def official_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of Y-net by the names of `YNet`; those of its segmentation network are dropped."""
    out = {}
    for name, value in state.items():
        if name.startswith("semantic_segmentation."):
            continue
        for pattern, made in RULES:
            name = re.sub("^" + pattern, made, name)
        out[name] = value
    return out
