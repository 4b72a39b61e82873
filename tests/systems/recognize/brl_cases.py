"""The official networks' states of BRL, filled by the rule behind the reference numbers, and their input."""

import numpy as np
import torch

from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.spec import Spec
from acteme.systems.recognize.brl import RecognizeConfig, Recognizer
from tests.systems.recognize.psumnet_cases import norms, wave

NTU = Spec("ntu25", 25, 2, 3, tuple(str(k) for k in range(60)))
WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3


def official_state(spec: Spec = NTU) -> dict[str, torch.Tensor]:
    """The state of one official stream, with its names and shapes."""
    tree = layout("ntu25_pyskl" if spec.layout == "ntu25" else spec.layout)
    graph = torch.from_numpy(adjacency.spatial(tree).astype(np.float64))
    c_in, out = 3, {}

    def put(name: str, parts: dict[str, torch.Tensor]) -> None:
        out.update({f"{name}.{n}": v for n, v in parts.items()})

    def conv(name: str, o: int, i: int, kernel: int = 1) -> None:
        put(name, {"weight": wave(torch.empty(o, i, kernel, 1)), "bias": torch.zeros(o).double()})

    put("backbone.data_bn", norms(spec.joints * 3))
    for b, c in enumerate(WIDTHS):
        at, each = f"backbone.gcn.{b}", c // 6
        out[f"{at}.gcn.A"] = graph
        put(f"{at}.gcn.bn", norms(c))
        conv(f"{at}.gcn.conv", 3 * c, c_in)
        if c != c_in:
            conv(f"{at}.gcn.down.0", c, c_in)
            put(f"{at}.gcn.down.1", norms(c))
        for k in range(5):
            size = c - 5 * each if k == 0 else each
            conv(f"{at}.tcn.branches.{k}.0", size, c)
            put(f"{at}.tcn.branches.{k}.1", norms(size))
            if k < 4:
                conv(f"{at}.tcn.branches.{k}.3.conv", size, size, 3)
        conv(f"{at}.tcn.branches.5", each, c)
        put(f"{at}.tcn.transform.0", norms(c))
        conv(f"{at}.tcn.transform.2", c, c)
        put(f"{at}.tcn.bn", norms(c))
        if b and c != c_in:
            conv(f"{at}.residual.conv", c, c_in)
            put(f"{at}.residual.bn", norms(c))
        c_in = c
    classes = len(spec.classes)
    put("cls_head.fc_cls", {"weight": wave(torch.empty(classes, c_in)), "bias": torch.zeros(classes).double()})
    return out


def recognizer(spec: Spec = NTU) -> Recognizer:
    """The joints' stream of the official setting, filled by the rule, in float64."""
    made = Recognizer(RecognizeConfig(streams=("joint",)), spec).double()
    made.load_state_dict(Recognizer.official_state_dict({"meta": {}, "state_dict": official_state(spec)}))
    return made


def reference(n: int, t: int, v: int, m: int = 2, c: int = 3) -> torch.Tensor:
    """x[n, m, c, t, v] = sin(.9 n + .7 c + .1 t + .3 v + 1.1 m), as (n, t, m, v, c)."""
    from tests.systems.recognize.psumnet_cases import reference as same

    return same(n, t, v, m, c)
