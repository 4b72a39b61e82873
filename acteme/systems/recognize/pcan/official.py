"""Official checkpoints (mmengine files with `state_dict`) under the names of `Recognizer`."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from acteme.errors import InputError

_BACKBONE = (
    (r"rgb_path\.layer([23])_lateral\.", lambda m: f"to_rgb.{int(m[1]) - 2}."),
    (r"pose_path\.layer([12])_lateral\.", lambda m: f"to_pose.{int(m[1]) - 1}."),
    (r"featuredifference([23])\.", lambda m: f"interact.{int(m[1]) - 2}."),
    (r"(rgb|pose)_path\.", r"\1."),
)  # fmt: skip
_HEAD = (
    (r"fc_(rgb|pose)_coarse\.(.*)", r"heads.\1.fc_group.\2"),
    (r"fc_(rgb|pose)\.(.*)", r"heads.\1.fc.\2"),
    (r"fr_coarse_(rgb|pose)\.spatio_cl_net\.cl_fc\.(.*)", r"heads.\1.coarse.project.\2"),
    (r"fr_(rgb|pose)\.spatio_cl_net\.cl_fc\.(.*)", r"heads.\1.fine.project.\2"),
    (r"fr_(rgb|pose)\.spatio_cl_net\.avg_f", r"heads.\1.fine.prototypes"),
)


def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Both streams of a checkpoint. Prototypes of the groups, which it does not hold, are zero: only training has any.

    Raises:
        InputError: it holds something that PCAN does not have.
    """
    out: dict[str, Tensor] = {}
    for name, value in state.get("state_dict", state).items():
        part, _, rest = name.removeprefix("module.").partition(".")
        rules = {"backbone": _BACKBONE, "cls_head": _HEAD}.get(part, ())
        for pattern, made in rules:
            renamed, found = re.subn(f"^{pattern}", made, rest)  # type: ignore[arg-type]
            if found:
                break
        else:
            raise InputError(f"'{name}' is not of PCAN", mend="give a checkpoint of its official code")
        renamed = f"backbone.network.{renamed}" if part == "backbone" else renamed
        out[renamed] = value.T.contiguous() if renamed.endswith("prototypes") else value
    for stream in ("rgb", "pose"):
        width, groups = (f"heads.{stream}.{n}.weight" for n in ("coarse.project", "fc_group"))
        if width in out and groups in out:
            empty = torch.zeros(len(out[groups]), len(out[width])).to(out[width])
            out.setdefault(f"heads.{stream}.coarse.prototypes", empty)
    return out
