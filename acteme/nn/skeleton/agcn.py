"""2s-AGCN's network (one stream): a fixed graph, a learned one and attention over the clip, added up.

    space: ReLU(BN(sum_k W_k x (A_k + B_k + softmax_v(theta_k(x)ᵀ phi_k(x) / (C'/4 T)))) + x);  time: BN(Conv 9x1)

Source: Shi et al., Two-Stream Adaptive Graph Convolutional Networks (CVPR 2019), section 3.
"""

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acteme.nn.skeleton.encoder import Block, Keep, Maps, TemporalConv, around, fan_out, fan_out_convs, normed, scaled
from acteme.nn.skeleton.stgcn import Graph


def block(c_in: int, c_out: int, graph: Graph, stride: int, residual: bool) -> Block:
    """One of 2s-AGCN's blocks."""
    time = TemporalConv(c_out, c_out, 9, stride)
    way = around(c_in, c_out, stride) if residual else None
    made = Block(AdaptiveConv(c_in, c_out, graph), time, way, stride)
    for part in (time, way):
        if part is not None:
            fan_out_convs(part)
    return made


class AdaptiveConv(nn.Module):
    """Every joint gathers from all joints: along the skeleton, by a learned matrix, and by attention, per subset."""

    def __init__(self, c_in: int, c_out: int, graph: Graph):
        super().__init__()
        subsets = len(graph)
        self.subsets, self.inner = subsets, c_out // 4
        self.links: Tensor
        self.register_buffer("links", graph.clone(), persistent=False)
        self.learned = nn.Parameter(torch.full_like(graph, 1e-6))
        self.attend = nn.Conv2d(c_in, 2 * subsets * self.inner, 1)
        self.mix = nn.Conv2d(c_in, c_out, (1, subsets), stride=(1, subsets))
        self.down = TemporalConv(c_in, c_out) if c_in != c_out else None
        self.bn = nn.BatchNorm2d(c_out)
        fan_out_convs(self)
        fan_out(self.attend.weight, self.inner)
        fan_out(self.mix.weight, c_out * c_in * subsets)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        n, c, t, v = x.shape
        theta, phi = scaled(self.attend, x).view(n, 2, self.subsets, self.inner * t, v).unbind(1)
        length: Tensor | int = t
        if keep is not None:
            theta = theta * keep.expand(-1, self.inner, -1, v).reshape(n, 1, self.inner * t, v)
            length = keep.sum(2, keepdim=True)
        attention = (theta.transpose(2, 3) @ phi / (self.inner * length)).softmax(2)
        gather = self.links + self.learned + attention  # n k v w: joint w gathers from joint v
        y = x.reshape(n, c * t, v) @ gather.permute(0, 2, 3, 1).reshape(n, v, v * self.subsets)
        y = normed(self.mix, self.bn, y.view(n, c, t, v * self.subsets), keep)
        return F.relu(y + (x if self.down is None else self.down(x, keep)), inplace=True)


def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of the official network under the names of `Encoder`; those of the last layer stay `fc`.

    The convolutions of the subsets are laid side by side; their biases, of which only the sum acts, are added up.
    """
    out: dict[str, Tensor] = {}
    subsets: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        found = re.fullmatch(r"(?:module\.)?l(\d+)\.(gcn1|tcn1|residual)\.(.*)", name)
        if found is None:
            out[name.removeprefix("module.")] = value
            continue
        at, unit, rest = f"blocks.{int(found[1]) - 1}", found[2], found[3]
        if unit != "gcn1":
            out[f"{at}.{'time' if unit == 'tcn1' else 'around'}.{rest}"] = value
        elif rest == "PA":
            out[f"{at}.space.learned"] = value
        elif rest.startswith("conv_"):
            subsets.setdefault(f"{at}.space", {})[rest] = value
        else:
            out[f"{at}.space.{rest.replace('down.0.', 'down.conv.').replace('down.1.', 'down.bn.')}"] = value
    for at, parts in subsets.items():

        def each(kind: str, part: str, parts: dict[str, Tensor] = parts) -> list[Tensor]:
            return [parts[n] for n in sorted(parts) if n.startswith(f"conv_{kind}.") and n.endswith(part)]

        for part in ("weight", "bias"):
            out[f"{at}.attend.{part}"] = torch.cat(each("a", part) + each("b", part))
        out[f"{at}.mix.weight"] = torch.cat(each("d", "weight"), -1)
        out[f"{at}.mix.bias"] = torch.stack(each("d", "bias")).sum(0)
    return out
