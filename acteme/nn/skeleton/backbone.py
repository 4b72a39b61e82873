"""Which encoder a system looks at skeletons with: chosen by name, alike in use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from acteme.errors import InputError
from acteme.nn.skeleton import agcn, ctrgcn, stgcn, stgcnpp
from acteme.nn.skeleton.encoder import Block, Encoder
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import Layout

Name = Literal["stgcn", "agcn", "ctrgcn", "stgcnpp"]
Plan = tuple[tuple[int, int], ...]
"""Blocks: how many times the width they have, and their stride over time."""
PLANS: dict[int, Plan] = {
    10: ((1, 1),) * 4 + ((2, 2), (2, 1), (2, 1), (4, 2), (4, 1), (4, 1)),
    6: ((1, 1), (2, 2), (2, 1), (2, 1), (4, 2), (4, 1)),
    4: ((1, 1), (2, 2), (2, 1), (4, 2)),
}
"""The ten blocks that all four papers have, and fewer (as PSUMNet's streams of hands and legs have)."""

_BLOCKS: dict[str, Callable[..., Block]] = {
    "stgcn": stgcn.block, "agcn": agcn.block, "ctrgcn": ctrgcn.block, "stgcnpp": stgcnpp.block,
}  # fmt: skip
OFFICIAL: dict[str, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {
    "stgcn": stgcn.official_state_dict,
    "agcn": agcn.official_state_dict,
    "ctrgcn": ctrgcn.official_state_dict,
    "stgcnpp": stgcnpp.official_state_dict,
}
"""For each name: an official checkpoint's tensors under the names of `Encoder` (and `fc`)."""


@dataclass(frozen=True)
class Backbone:
    """The encoder of a skeleton clip. The defaults are CTR-GCN's official setting."""

    name: Name = "ctrgcn"
    """ST-GCN, 2s-AGCN (one stream), CTR-GCN or ST-GCN++."""
    width: int = 64
    """Channels of the first blocks; features have four times as many."""
    blocks: Literal[10, 6, 4] = 10
    """How many blocks; fewer learn faster."""
    relations: int = 8
    """ctrgcn: channels of the relations between joints in the first block (R); in later ones an eighth of all."""
    skip_absent: bool = False
    """Leave out persons who are not there (all zeros); official weights were trained with them averaged in."""

    def build(self, layout: Layout, persons: int, channels: int, plan: Plan | None = None) -> Encoder:
        """A fresh encoder.

        Args:
            layout: joints and graph of the skeleton.
            persons: most persons in a clip (M).
            channels: numbers per joint (C).
            plan: other blocks than those of `blocks`.

        Raises:
            InputError: a width that cannot be split into the branches.
        """
        if self.width < 8 or self.width % 4:
            raise InputError(f"an encoder of width {self.width}", "backbone.width", "take 8 or more, a multiple of 4")
        if self.relations < 1:
            raise InputError(f"{self.relations} relations", "backbone.relations", "take 1 or more")
        graph = torch.from_numpy(adjacency.stgcn_spatial(layout) if self.name == "stgcn" else adjacency.spatial(layout))
        blocks, c_in = [], channels
        for i, (times, stride) in enumerate(plan or PLANS[self.blocks]):
            make = _BLOCKS[self.name]
            if self.name == "ctrgcn":
                make = partial(make, relations=self.relations if i == 0 else c_in // 8)
            blocks.append(make(c_in, times * self.width, graph, stride, i > 0))
            c_in = times * self.width
        apart = self.name in ("stgcn", "stgcnpp")
        return Encoder(blocks, layout.count, persons, channels, c_in, apart, self.skip_absent)
