"""Two blocks of every official network: random states under its names, and its arithmetic written out plainly."""

import numpy as np
import torch
import torch.nn.functional as F

from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout

PLAN = ((24, 1), (48, 2))
"""Channels, stride."""
GRAPH = torch.from_numpy(adjacency.spatial(layout("ntu25"))).double()


class State(dict):
    """Tensors by name, drawn as they are asked for."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def draw(self, name: str, *shape: int, scale: float = 0.3, shift: float = 0.0) -> torch.Tensor:
        if name not in self:
            self[name] = torch.from_numpy(self.rng.normal(shift, scale, shape))
        return self[name]

    def conv(self, name: str, x: torch.Tensor, c_out: int, kernel=1, stride=1, dilation=1) -> torch.Tensor:
        weight = self.draw(f"{name}.weight", c_out, x.shape[1], kernel, 1)
        pad = (kernel // 2 * dilation, 0)
        return F.conv2d(x, weight, self.draw(f"{name}.bias", c_out), (stride, 1), pad, (dilation, 1))

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        c = x.shape[1]
        mean, var = self.draw(f"{name}.running_mean", c), self.draw(f"{name}.running_var", c, scale=0.05, shift=1)
        weight, bias = self.draw(f"{name}.weight", c, shift=1), self.draw(f"{name}.bias", c)
        self.setdefault(f"{name}.num_batches_tracked", torch.tensor(3))
        return F.batch_norm(x, mean, var, weight, bias)

    def unit(self, name: str, x: torch.Tensor, c_out: int, kernel=1, stride=1) -> torch.Tensor:
        return self.norm(f"{name}.bn", self.conv(f"{name}.conv", x, c_out, kernel, stride))


def network(name: str, s: State, x: torch.Tensor) -> torch.Tensor:
    """(n, m, c, s, v) features of x (n, t, m, v, c) by two blocks; fills the state that was used."""
    n, t, m, v, c = x.shape
    h = x.permute(0, 2, 3, 4, 1)
    h = h.reshape(n * m, v * c, t) if "stgcn" in name else h.reshape(n, m * v * c, t)
    h = s.norm("data_bn", h).view(n * m, v, c, t).permute(0, 2, 3, 1)
    for i, (c_out, stride) in enumerate(PLAN):
        at = f"gcn.{i}" if "stgcn" in name else f"l{i + 1}"
        y = (
            {"agcn": agcn, "ctrgcn": ctrgcn}[name](s, at, h, c_out, stride)
            if "st" not in name
            else pyskl(name, s, at, h, c_out, stride)
        )
        if i:
            y = y + s.unit(f"{at}.residual", h, c_out, 1, stride)
        h = y.relu()
    return h.view(n, m, *h.shape[1:])


def agcn(s: State, at: str, x: torch.Tensor, c_out: int, stride: int) -> torch.Tensor:
    learned, y = s.draw(f"{at}.gcn1.PA", *GRAPH.shape), 0
    for k in range(3):
        a = s.conv(f"{at}.gcn1.conv_a.{k}", x, c_out // 4)
        b = s.conv(f"{at}.gcn1.conv_b.{k}", x, c_out // 4)
        scores = torch.einsum("nctv,nctw->nvw", a, b) / (a.shape[1] * a.shape[2])
        graph = GRAPH[k] + learned[k] + scores.softmax(1)
        y = y + s.conv(f"{at}.gcn1.conv_d.{k}", torch.einsum("nctv,nvw->nctw", x, graph), c_out)
    down = s.norm(f"{at}.gcn1.down.1", s.conv(f"{at}.gcn1.down.0", x, c_out))
    y = (s.norm(f"{at}.gcn1.bn", y) + down).relu()
    return s.unit(f"{at}.tcn1", y, c_out, 9, stride)


def ctrgcn(s: State, at: str, x: torch.Tensor, c_out: int, stride: int) -> torch.Tensor:
    learned, alpha, y = s.draw(f"{at}.gcn1.PA", *GRAPH.shape), s.draw(f"{at}.gcn1.alpha", 1, shift=0.5), 0
    relations = 8 if x.shape[1] == 3 else x.shape[1] // 8
    for k in range(3):
        theta, phi = (s.conv(f"{at}.gcn1.convs.{k}.conv{j}", x, relations).mean(2) for j in (1, 2))
        relation = (theta[..., :, None] - phi[..., None, :]).tanh()
        graph = s.conv(f"{at}.gcn1.convs.{k}.conv4", relation, c_out) * alpha + learned[k]
        y = y + torch.einsum("ncuv,nctv->nctu", graph, s.conv(f"{at}.gcn1.convs.{k}.conv3", x, c_out))
    down = s.norm(f"{at}.gcn1.down.1", s.conv(f"{at}.gcn1.down.0", x, c_out))
    y = (s.norm(f"{at}.gcn1.bn", y) + down).relu()
    q, b, out = c_out // 4, f"{at}.tcn1.branches", []
    for k in (0, 1):
        z = s.norm(f"{b}.{k}.1", s.conv(f"{b}.{k}.0", y, q)).relu()
        out.append(s.norm(f"{b}.{k}.3.bn", s.conv(f"{b}.{k}.3.conv", z, q, 5, stride, k + 1)))
    z = s.norm(f"{b}.2.1", s.conv(f"{b}.2.0", y, q)).relu()
    out.append(s.norm(f"{b}.2.4", F.max_pool2d(z, (3, 1), (stride, 1), (1, 0))))
    out.append(s.norm(f"{b}.3.1", s.conv(f"{b}.3.0", y, q, 1, stride)))
    return torch.cat(out, 1)


def pyskl(name: str, s: State, at: str, x: torch.Tensor, c_out: int, stride: int) -> torch.Tensor:
    n, _, t, v = x.shape
    links = s.draw(f"{at}.gcn.A", *GRAPH.shape)
    if name == "stgcn":
        links = links * s.draw(f"{at}.gcn.PA", *GRAPH.shape, shift=1)
    y = s.conv(f"{at}.gcn.conv", x, 3 * c_out).view(n, 3, c_out, t, v)
    y = s.norm(f"{at}.gcn.bn", torch.einsum("nkctv,kvw->nctw", y, links))
    if name == "stgcn":
        return s.unit(f"{at}.tcn", y.relu(), c_out, 9, stride)
    y = (y + s.norm(f"{at}.gcn.down.1", s.conv(f"{at}.gcn.down.0", x, c_out))).relu()
    each, b, out = c_out // 6, f"{at}.tcn.branches", []
    for k in range(5):
        size = c_out - 5 * each if k == 0 else each
        z = s.norm(f"{b}.{k}.1", s.conv(f"{b}.{k}.0", y, size)).relu()
        pool = F.max_pool2d(z, (3, 1), (stride, 1), (1, 0))
        out.append(s.conv(f"{b}.{k}.3.conv", z, size, 3, stride, k + 1) if k < 4 else pool)
    out.append(s.conv(f"{b}.5", y, each, 1, stride))
    z = s.norm(f"{at}.tcn.transform.0", torch.cat(out, 1)).relu()
    return s.norm(f"{at}.tcn.bn", s.conv(f"{at}.tcn.transform.2", z, c_out))
