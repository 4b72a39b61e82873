"""An official GAP checkpoint's state, filled by the rule behind the reference numbers."""

import numpy as np
import torch

from acteme.nn.text import Text
from acteme.recordings.skeleton import adjacency
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.spec import Spec
from acteme.systems.recognize.gap import RecognizeConfig, Recognizer
from acteme.systems.recognize.gap.guide import Guide
from acteme.systems.recognize.gap.parts import BRANCHES, joints_of
from tests.systems.recognize.psumnet_cases import norms, reference, wave

WIDTHS = (64,) * 4 + (128,) * 3 + (256,) * 3
NTU = Spec("ntu25", 25, 2, 3, tuple(str(k) for k in range(60)))
UCLA = Spec("kinect20", 20, 1, 3, tuple(str(k) for k in range(10)))
OFFICIAL = RecognizeConfig(streams=("joint",), text=Text("clip", trained=True))

__all__ = ["NTU", "OFFICIAL", "UCLA", "guide", "official_state", "recognizer", "reference"]


def official_state(spec: Spec = NTU, alpha: float = 0.5) -> dict[str, torch.Tensor]:
    """The state of an official skeleton model, with its names and shapes."""
    graph = torch.from_numpy(adjacency.spatial(layout(spec.layout)).astype(np.float64))
    c_in, out = 3, {"logit_scale": torch.full((1, 5), 2.6592600369327783).double()}

    def put(name: str, parts: dict[str, torch.Tensor]) -> None:
        out.update({f"{name}.{n}": v for n, v in parts.items()})

    def conv(name: str, o: int, i: int, kernel: int = 1) -> None:
        put(name, {"weight": wave(torch.empty(o, i, kernel, 1)), "bias": torch.zeros(o).double()})

    def linear(name: str, o: int) -> None:
        put(name, {"weight": wave(torch.empty(o, 256)), "bias": torch.zeros(o).double()})

    put("data_bn", norms(spec.persons * spec.joints * 3))
    for b, c in enumerate(WIDTHS):
        at, relations, q = f"l{b + 1}", 8 if b == 0 else c_in // 8, c // 4
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
    linear("linear_head.ViT-B/32", 512)
    for i in range(4):
        linear(f"part_list.{i}", 512)
    linear("fc", len(spec.classes))
    return out


def guide(spec: Spec = NTU, bones: bool = False, official: bool = False) -> Guide:
    """A guide of CLIP's width whose texts are not needed."""
    joints = {branch: joints_of(layout(spec.layout), branch, bones, official) for branch in BRANCHES}
    made = Guide(256, joints, None, [[(f"{c} {b}",) for b in BRANCHES] for c in spec.classes])
    for branch in BRANCHES:
        made.project[branch] = torch.nn.Linear(256, 512)
    return made


def recognizer(spec: Spec = NTU, stream: str = "joint", official: bool = False) -> Recognizer:
    """The official setting with one stream and its guide, filled by the rule, in float64."""
    config = RecognizeConfig(streams=(stream,), official_lists=official)
    made = Recognizer(config, spec)
    made.guides = torch.nn.ModuleDict({stream: guide(spec, stream != "joint", official)})
    made = made.double()
    made.load_state_dict(Recognizer.official_state_dict({stream: official_state(spec)}))
    return made
