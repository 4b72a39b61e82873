"""CTR-GCN: a graph per channel, made of a learned one and of how joints relate in the clip; four branches over time.

    space: ReLU(BN(sum_k A_k (W_k x + w_k)) + x),  A_k = PA_k + alpha (L_k tanh(theta_k(x)_u - phi_k(x)_v) + l_k)
    time:  BN([Conv 5x1, Conv 5x1 dilated, max of 3](ReLU(BN(Conv(x)))), Conv(x))

theta and phi are convolutions to R channels, averaged over time. A_k (C', V, V) has the receiving joint in its rows.

Source: Chen et al., Channel-wise Topology Refinement Graph Convolution (ICCV 2021), section 3.
"""

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.masked import affine, norm
from acteme.nn.skeleton.encoder import (
    Block,
    Keep,
    Maps,
    TemporalConv,
    around,
    fan_out,
    fan_out_convs,
    joined,
    largest,
    normed,
    strided,
    time_mean,
)
from acteme.nn.skeleton.stgcn import Graph

DILATIONS = (1, 2)


def block(c_in: int, c_out: int, graph: Graph, stride: int, residual: bool, relations: int) -> Block:
    """One of CTR-GCN's blocks, with relations of `relations` channels (R)."""
    way = around(c_in, c_out, stride) if residual else None
    if way is not None:
        fan_out_convs(way)
    return Block(RelationConv(c_in, c_out, graph, relations), MultiScale(c_out, stride), way, stride)


class RelationConv(nn.Module):
    """Every joint gathers from all joints, in every channel by a graph of its own, per subset."""

    def __init__(self, c_in: int, c_out: int, graph: Graph, relations: int):
        super().__init__()
        subsets = len(graph)
        self.subsets, self.relations, self.c_out = subsets, relations, c_out
        self.links = nn.Parameter(graph.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.relate = nn.Conv1d(c_in, 2 * subsets * relations, 1)
        self.lift = nn.Parameter(torch.empty(subsets, c_out, relations))
        self.lift_bias = nn.Parameter(torch.zeros(subsets, c_out))
        self.values = nn.Parameter(torch.empty(subsets, c_out, c_in))
        self.values_bias = nn.Parameter(torch.zeros(subsets, c_out))
        self.down = TemporalConv(c_in, c_out) if c_in != c_out else None
        self.bn = nn.BatchNorm2d(c_out)
        fan_out_convs(self)
        fan_out(self.relate.weight, relations)
        nn.init.zeros_(self.relate.bias)  # type: ignore[arg-type]
        fan_out(self.lift, c_out)
        fan_out(self.values, c_out)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        n, _, t, v = x.shape
        k, r = self.subsets, self.relations
        # the mean over time comes first: it and a convolution of single frames change places
        theta, phi = self.relate(time_mean(x, keep)).view(n, 2, k, r, v).unbind(1)
        relation = (theta[..., None] - phi[..., None, :]).tanh().view(n, k, r, v * v)
        # A = [alpha L, alpha l, 1] [relation; 1; PA]: bias and learned graph within one product
        rows = [relation, relation.new_ones(n, k, 1, v * v), self.links.view(1, k, 1, v * v).expand(n, -1, -1, -1)]
        right = torch.cat(rows, 2)
        left = torch.cat([self.alpha * self.lift, self.alpha * self.lift_bias[..., None],
                          self.lift.new_ones(k, self.c_out, 1)], 2)  # fmt: skip
        way = x if self.down is None else self.down(x, keep)
        weight: Tensor = self.values
        bias: Tensor = self.values_bias
        if not self.bn.training:  # the norm becomes part of the values
            scale, shift = affine(self.bn)
            weight, bias = weight * scale[:, None], bias * scale
        # sum_k A_k w_k of every joint, from the sums of the graphs' rows
        joints = (left * bias[..., None]).transpose(0, 1).flatten(1) @ right.view(n, -1, v, v).sum(-1)
        joints = joints[:, :, None]
        y = joints.expand(-1, -1, t, -1).clone() if self.bn.training else way + (joints + shift[:, None, None])
        y = y.to(joints.dtype).view(n * self.c_out, t, v)
        flat = x.reshape(n, -1, t * v)
        for i in range(k):
            graph = torch.bmm(left[i].expand(n, -1, -1), right[:, i]).view(n * self.c_out, v, v).mT
            y.baddbmm_(torch.bmm(weight[i].expand(n, -1, -1), flat).view(n * self.c_out, t, v), graph)
        y = y.view(n, self.c_out, t, v)
        return F.relu(norm(self.bn, y, keep) + way if self.bn.training else y, inplace=True)


class MultiScale(nn.Module):
    """Four branches over time, of a quarter of the channels each."""

    def __init__(self, channels: int, stride: int, kernel: int = 5):
        super().__init__()
        if channels % 4:
            raise InputError(f"{channels} channels are not four equal branches", "width", "take a multiple of 4")
        quarter = channels // 4
        self.stride = stride
        self.reduce = nn.Conv2d(channels, 3 * quarter, 1)
        self.reduce_bn = nn.BatchNorm2d(3 * quarter)
        self.convs = nn.ModuleList(
            nn.Conv2d(quarter, quarter, (kernel, 1), (stride, 1), (kernel // 2 * dilation, 0), (dilation, 1))
            for dilation in DILATIONS
        )
        self.point = nn.Conv2d(channels, quarter, 1, (stride, 1))
        self.bn = nn.BatchNorm2d(channels)
        fan_out_convs(self)
        fan_out(self.reduce.weight, quarter)
        for bn in (self.reduce_bn, self.bn):
            nn.init.normal_(bn.weight, 1, 0.02)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        y = F.relu(normed(self.reduce, self.reduce_bn, x, keep), inplace=True)
        parts = (y if keep is None else y * keep).chunk(3, 1)
        pooled = largest(parts[-1], self.stride)
        branches = [*zip([*self.convs, None, self.point], [*parts[:2], pooled, x], strict=True)]
        return joined(branches, self.bn, strided(keep, self.stride))


def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of an official CTR-GCN (`l1` ... `l10`) or PSUMNet stream (`layers.0` ...) under the names of `Encoder`.

    Those of the last layer stay `fc`. Convolutions and norms that are officially one per subset or branch are laid side
    by side.
    """
    out: dict[str, Tensor] = {}
    gcn: dict[str, dict[str, Tensor]] = {}
    tcn: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        found = re.fullmatch(r"(?:module\.)?(?:l(\d+)|layers\.(\d+))\.(gcn1|tcn1|residual)\.(.*)", name)
        if found is None:
            out[name.removeprefix("module.")] = value
            continue
        at, unit, rest = f"blocks.{int(found[1]) - 1 if found[1] else int(found[2])}", found[3], found[4]
        if unit == "residual":
            out[f"{at}.around.{rest}"] = value
        else:
            (gcn if unit == "gcn1" else tcn).setdefault(at, {})[rest] = value
    for at, parts in gcn.items():
        out |= {f"{at}.space.{name}": value for name, value in _space(parts).items()}
    for at, parts in tcn.items():
        out |= {f"{at}.time.{name}": value for name, value in _time(parts).items()}
    return out


def _space(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    for name, value in parts.items():
        if not name.startswith("convs."):
            name = {"PA": "links"}.get(name, name).replace("down.0.", "down.conv.").replace("down.1.", "down.bn.")
            out[name] = value

    def each(number: int, part: str) -> list[Tensor]:
        found = [n for n in parts if re.fullmatch(rf"convs\.\d+\.conv{number}\.{part}", n)]
        return [parts[n] for n in sorted(found, key=lambda n: int(n.split(".")[1]))]

    for part in ("weight", "bias"):
        relate = torch.cat(each(1, part) + each(2, part))
        out[f"relate.{part}"] = relate[..., 0] if part == "weight" else relate
        for number, ours in ((3, "values"), (4, "lift")):
            out[ours if part == "weight" else f"{ours}_bias"] = torch.stack(
                [w.flatten(1) if w.ndim > 1 else w for w in each(number, part)]
            )
    return out


def _time(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    out: dict[str, Tensor] = {}
    for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):

        def joined(*names: str, part: str = part) -> Tensor:
            found = [parts[f"branches.{name}.{part}"] for name in names]
            return torch.cat(found) if found[0].ndim else found[0]

        if part in ("weight", "bias"):
            out[f"reduce.{part}"] = joined("0.0", "1.0", "2.0")
            out[f"point.{part}"] = joined("3.0")
            for i in range(len(DILATIONS)):
                out[f"convs.{i}.{part}"] = joined(f"{i}.3.conv")
        out[f"reduce_bn.{part}"] = joined("0.1", "1.1", "2.1")
        out[f"bn.{part}"] = joined("0.3.bn", "1.3.bn", "2.4", "3.1")
    return out
