"""Names and layouts of the official checkpoints, turned into ours.

A checkpoint is {epoch, state_dict, optimizer}. The GRU keeps its names; the queue is stored as (128, K). Plain momentum
contrast (the published baselines) and CMD have the same tensors but for the prototypes.
"""

import re
from typing import Any

import torch
from torch import Tensor

from acteme.errors import InputError

SUFFIX = {"": "joint", "_motion": "motion", "_bone": "bone"}
PROTOTYPES = 20
"""How many a checkpoint without them gets: the official number."""


def tensors(state: dict[str, Any]) -> dict[str, Tensor]:
    """The state dict of a whole checkpoint or of its part, without the prefix of parallel training."""
    return {name.removeprefix("module."): value for name, value in state.get("state_dict", state).items()}


def branch_name(rest: str) -> str:
    """Our name for a tensor of one encoder with its head."""
    rest = re.sub(r"^encoder\.gru\.", "encoder.gru.", rest)
    rest = re.sub(r"^input_norm\.", "encoder.norm.", rest)
    return re.sub(r"^fc\.", "head.", re.sub(r"^fc\.(weight|bias)$", r"head.0.\1", rest))


def pretrain_state(state: dict[str, Any]) -> dict[str, Tensor]:
    """Tensors of a pre-training checkpoint, of one modality or three, under the names of `Pretrain`.

    A single-modality checkpoint is called joint, whatever it was trained on: nothing in it tells. Counts of clips seen
    and of steps are not in it either. Where prototypes are there, the warm-up counts as over; a checkpoint of plain
    momentum contrast or CMD gets 20 empty ones, and the warm-up before it.

    Raises:
        InputError: a tensor that HaLP does not have, or no queue.
    """
    out = {}
    for name, value in tensors(state).items():
        if found := re.match(r"encoder_(q|k)(_motion|_bone|)\.(.*)", name):
            side = "query" if found[1] == "q" else "key"
            out[f"modality.{SUFFIX[found[2]]}.{side}.{branch_name(found[3])}"] = value
        elif found := re.fullmatch(r"queue_ptr(_motion|_bone|)", name):
            out[f"modality.{SUFFIX[found[1]]}.queue.pointer"] = value.reshape(()).long()
        elif found := re.fullmatch(r"queue(_motion|_bone|)", name):
            out[f"modality.{SUFFIX[found[1]]}.queue.keys"] = value.T.contiguous()
        elif found := re.fullmatch(r"prototypes(_j|_m|_b|)", name):
            modality = {"": "joint", "_j": "joint", "_m": "motion", "_b": "bone"}[found[1]]
            out[f"modality.{modality}.prototypes.points"] = value
        else:
            raise InputError(f"'{name}' is not a tensor of a HaLP checkpoint", mend="give one of its pre-training runs")
    if "modality.joint.queue.keys" not in out:
        raise InputError("there is no queue in the checkpoint", mend="give one of HaLP's pre-training runs")
    for at in [f"modality.{m}." for m in SUFFIX.values() if f"modality.{m}.queue.keys" in out]:
        keys = out[at + "queue.keys"]
        fitted = bool(out.setdefault(at + "prototypes.points", keys.new_zeros(PROTOTYPES, keys.shape[1])).any())
        out[at + "prototypes.fits"] = torch.tensor(int(fitted))
        out[at + "queue.seen"] = torch.tensor(2 * len(keys) + 1 if fitted else 0)
    return out | {"epoch": torch.tensor(0), "iteration": torch.tensor(0)}


def classifier_state(state: dict[str, Any]) -> dict[str, Tensor]:
    """Tensors of a checkpoint of `action_classification.py` under the names of `Classifier`.

    Of a pre-training checkpoint, what that script takes over: `encoder_q.*` without `.fc`, so that all but the linear
    layers is there (`load_state_dict(..., strict=False)`).

    Raises:
        InputError: a tensor that HaLP does not have.
    """
    given, out = tensors(state), {}
    pretraining = re.compile(r"encoder_k|queue|prototypes|encoder_q(_motion|_bone|)\.fc\.\d")
    if any(pretraining.match(name) for name in given):
        given = {n: v for n, v in given.items() if not pretraining.match(n) and ".fc." not in n}
    for name, value in given.items():
        found = re.match(r"encoder_q(_motion|_bone|)\.(.*)", name)
        if found is None:
            raise InputError(f"'{name}' is not a tensor of a HaLP classifier", mend="give a linear probe's checkpoint")
        modality, rest = SUFFIX[found[1]], branch_name(found[2])
        if rest.startswith("encoder."):
            out[f"encoders.{modality}.{rest.removeprefix('encoder.')}"] = value
        else:
            out[f"linear.{modality}.{rest.removeprefix('head.0.')}"] = value
    return out
