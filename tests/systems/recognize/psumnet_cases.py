"""An official PSUMNet stream's state, filled by the rule behind the reference numbers, and their input."""

import numpy as np
import torch

from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.spec import Spec
from acteme.systems.recognize.psumnet import RecognizeConfig, Recognizer
from acteme.systems.recognize.psumnet.parts import part_stream

WIDTHS = {
    "body": (64,) * 4 + (128,) * 3 + (256,) * 3,
    "hands": (64, 128, 128, 128, 256, 256),
    "legs": (64, 128, 128, 256),
}
NTU = Spec("ntu25", 25, 2, 3, tuple(str(k) for k in range(60)))


def wave(weight: torch.Tensor) -> torch.Tensor:
    """cos(i i) / sqrt(fan in), i counting through the elements."""
    i = torch.arange(weight.numel(), dtype=torch.float64)
    return ((i * i).cos() / (weight.numel() / len(weight)) ** 0.5).view(weight.shape)


def norms(channels: int) -> dict[str, torch.Tensor]:
    ones, zeros = torch.ones(channels).double(), torch.zeros(channels).double()
    return {"weight": ones, "bias": zeros, "running_mean": zeros, "running_var": ones,
            "num_batches_tracked": torch.tensor(0)}  # fmt: skip


def official_state(part: str, spec: Spec = NTU, alpha: float = 0.5) -> dict[str, torch.Tensor]:
    """The state of one official stream, with its names and shapes."""
    tree = part_stream(layout(spec.layout), part, official=True).tree
    graph = torch.from_numpy(adjacency.spatial(tree).astype(np.float64))
    joints, c_in, out = tree.count, 12, {}

    def put(name: str, parts: dict[str, torch.Tensor]) -> None:
        out.update({f"{name}.{n}": v for n, v in parts.items()})

    def conv(name: str, o: int, i: int, kernel: int = 1) -> None:
        put(name, {"weight": wave(torch.empty(o, i, kernel, 1)), "bias": torch.zeros(o).double()})

    put("data_bn", norms(spec.persons * joints * 12))
    for b, c in enumerate(WIDTHS[part]):
        at, relations, q = f"layers.{b}", 1 if b == 0 else c_in // 8, c // 4
        out[f"{at}.gcn1.PA"], out[f"{at}.gcn1.alpha"] = graph, torch.full((1,), alpha).double()
        for k in range(3):
            conv(f"{at}.gcn1.convs.{k}.conv1", relations, c_in)
            conv(f"{at}.gcn1.convs.{k}.conv2", relations, c_in)
            conv(f"{at}.gcn1.convs.{k}.conv3", c, c_in)
            conv(f"{at}.gcn1.convs.{k}.conv4", c, relations)
        put(f"{at}.gcn1.bn", norms(c))
        if c != c_in:
            conv(f"{at}.gcn1.down.0", c, c_in)
            put(f"{at}.gcn1.down.1", norms(c))
            if b:
                conv(f"{at}.residual.conv", c, c_in)
                put(f"{at}.residual.bn", norms(c))
        for k in range(2):
            conv(f"{at}.tcn1.branches.{k}.3.conv", q, q, 5)
            put(f"{at}.tcn1.branches.{k}.3.bn", norms(q))
        for k in range(4):
            conv(f"{at}.tcn1.branches.{k}.0", q, c)
            put(f"{at}.tcn1.branches.{k}.1", norms(q))
        put(f"{at}.tcn1.branches.2.4", norms(q))
        c_in = c
    classes = len(spec.classes)
    put("fc", {"weight": wave(torch.empty(classes, c_in)), "bias": torch.zeros(classes).double()})
    return out


def recognizer(*parts: str, spec: Spec = NTU) -> Recognizer:
    """The official setting with some of the streams, filled by the rule, in float64."""
    made = Recognizer(RecognizeConfig(parts=parts or ("body", "hands", "legs"), official_lists=True), spec).double()
    state = Recognizer.official_state_dict({part: official_state(part, spec) for part in made.config.parts})
    made.load_state_dict(state)
    return made


def reference(n: int, t: int, v: int, m: int = 2, c: int = 12) -> torch.Tensor:
    """x[n, c, t, v, m] = sin(.9 n + .7 c + .1 t + .3 v + 1.1 m), as (n, t, m, v, c)."""
    shape = (n, t, m, v, c)
    i = [
        torch.arange(s, dtype=torch.float64).view([-1 if a == b else 1 for b in range(5)]) for a, s in enumerate(shape)
    ]
    return (0.9 * i[0] + 0.1 * i[1] + 1.1 * i[2] + 0.3 * i[3] + 0.7 * i[4]).sin()
