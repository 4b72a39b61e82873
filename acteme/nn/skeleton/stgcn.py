"""ST-GCN: graph convolution with learned importance of the links, then a convolution over 9 frames.

    space: ReLU(BN(sum_k W_k x (A_k * M_k) + b_k));  time: BN(Conv 9x1)

A_k are the three subsets of the 'spatial' partition, M_k (V, V) their learned importance. In the form of PYSKL, which
has no dropout and normalizes the input over joints and coordinates.

Source: Yan et al., Spatial Temporal Graph Convolutional Networks (AAAI 2018), section 3; Duan et al., PYSKL (2022).
"""

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.nn.masked import norm
from acteme.nn.skeleton.encoder import Block, Keep, Maps, TemporalConv, around, product

Graph = Float[Tensor, "k v v"]


def block(c_in: int, c_out: int, graph: Graph, stride: int, residual: bool) -> Block:
    """One of ST-GCN's blocks."""
    space = GraphConv(c_in, c_out, graph, importance=True, residual=False)
    return Block(
        space, TemporalConv(c_out, c_out, 9, stride), around(c_in, c_out, stride) if residual else None, stride
    )


class GraphConv(nn.Module):
    """Every joint gathers from its neighbors, with weights of their own for each subset of links.

    Args:
        c_in: channels.
        c_out: channels.
        graph: links of each subset.
        importance: multiply the links by learned factors that begin at 1 (ST-GCN); otherwise the links themselves are
            learned (ST-GCN++).
        residual: add the input (ST-GCN++).
    """

    def __init__(self, c_in: int, c_out: int, graph: Graph, importance: bool, residual: bool):
        super().__init__()
        subsets = len(graph)
        self.importance: nn.Parameter | None = None
        if importance:
            self.register_buffer("links", graph.clone())
            self.importance = nn.Parameter(torch.ones_like(graph))
        else:
            self.links = nn.Parameter(graph.clone())
        first = nn.Conv2d(c_in, subsets * c_out, 1)  # initialized as the one convolution that it officially is
        self.mix = nn.Conv2d(c_in, c_out, (1, subsets), stride=(1, subsets), bias=False)
        self.bias = nn.Parameter(first.bias.detach().view(subsets, c_out))  # type: ignore[union-attr]
        with torch.no_grad():
            self.mix.weight.copy_(mixed(first.weight, subsets))
        self.down = TemporalConv(c_in, c_out) if residual and c_in != c_out else None
        self.residual = residual
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Maps, keep: Keep | None) -> Maps:
        n, c, t, v = x.shape
        links = self.links if self.importance is None else self.links * self.importance
        weight, (k, o) = self.mix.weight[:, :, 0], self.bias.shape  # o c k
        # sum_k (W_k x + b_k) A_k; the graph is multiplied with the smaller side
        if c < o:
            gathered = (x.reshape(n, 1, c * t, v) @ links).view(n, k * c, t, v)
            y = product(weight.transpose(1, 2).flatten(1), x.new_zeros(o), gathered)
            y = y + (self.bias.T @ links.sum(1))[:, None]
        else:
            y = product(weight.permute(2, 0, 1).flatten(0, 1), self.bias.flatten(), x)
            y = (y.view(n, k, o * t, v) @ links).sum(1).view(n, o, t, v)
        y = norm(self.bn, y, keep)
        if self.residual:
            y = y + (x if self.down is None else self.down(x, keep))
        return F.relu(y, inplace=True)


def mixed(weight: Tensor, subsets: int) -> Tensor:
    """Convolutions of the subsets one after the other (k o, i, 1, 1), as one over them side by side (o, i, 1, k)."""
    return weight.view(subsets, -1, weight.shape[1]).permute(1, 2, 0)[:, :, None]


def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of PYSKL's ST-GCN or ST-GCN++ under the names of `Encoder`; those of the last layer under `fc`.

    Links come from the checkpoint, where ST-GCN's have the official distances (see `adjacency.stgcn_spatial`).
    """
    out: dict[str, Tensor] = {}
    branches: dict[str, dict[str, Tensor]] = {}
    plain = {name.removeprefix("module.").removeprefix("backbone."): value for name, value in state.items()}
    weighted = any(name.endswith(".gcn.PA") for name in plain)
    for name, value in plain.items():
        found = re.fullmatch(r"gcn\.(\d+)\.(gcn|tcn|residual)\.(.*)", name)
        if found is None:
            out[name.replace("cls_head.fc_cls.", "fc.")] = value
            continue
        at, unit, rest = f"blocks.{found[1]}", found[2], found[3]
        if unit == "residual":
            out[f"{at}.around.{rest}"] = value
        elif unit == "gcn":
            subsets = len(plain[f"gcn.{found[1]}.gcn.A"])
            if rest == "conv.weight":
                out[f"{at}.space.mix.weight"] = mixed(value, subsets)
            elif rest == "conv.bias":
                out[f"{at}.space.bias"] = value.view(subsets, -1)
            elif rest in ("A", "PA"):
                out[f"{at}.space.{'importance' if rest == 'PA' else 'links'}"] = value
            else:
                out[f"{at}.space.{rest.replace('down.0.', 'down.conv.').replace('down.1.', 'down.bn.')}"] = value
        elif rest.startswith(("branches.", "transform.")):
            branches.setdefault(at, {})[rest] = value
        else:
            out[f"{at}.time.{rest}"] = value
    for at, parts in branches.items():
        out |= {f"{at}.time.{name}": value for name, value in multi_scale(parts).items()}
    if branches and weighted:
        raise ValueError("a network of ST-GCN's space and ST-GCN++'s time")
    return out


def multi_scale(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """ST-GCN++'s temporal unit: the first convolutions and norms of its branches side by side."""
    out: dict[str, Tensor] = {}
    for name, value in parts.items():
        name = (
            name.replace("branches.5.", "point.").replace("transform.0.", "inner_bn.").replace("transform.2.", "merge.")
        )
        name = re.sub(r"branches\.(\d)\.3\.conv\.", r"convs.\1.", name)
        if not name.startswith("branches."):
            out[name] = value
    for ours, theirs in (("reduce", 0), ("reduce_bn", 1)):
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            found = [parts[n] for b in range(5) if (n := f"branches.{b}.{theirs}.{part}") in parts]
            if found:
                out[f"{ours}.{part}"] = torch.cat(found) if found[0].ndim else found[0]
    return out
