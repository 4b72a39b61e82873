"""Small models of every variant, the input of the reference numbers and the rule that fills their parameters."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from acteme.recordings.spec import Spec
from acteme.systems.recommend.dare import RankConfig, Ranker, Widths
from acteme.systems.recommend.dare.model import Seen
from acteme.systems.recommend.dare.tables import KINDS, SETS, SIDES, USES, Events

SPEC = Spec(items=5, fields=("category",), sizes=(4,))
LABEL = torch.tensor([[1], [0], [0]])


def ranker(variant: str = "dare", spec: Spec = SPEC, width: int = 2, top: int = 2, **settings) -> Ranker:
    """In float64, with equal widths."""
    config = RankConfig(variant=variant, width=Widths(width, width, width), top=top, **settings)
    return Ranker(config, spec).double()


def given() -> Seen:
    """Input I: three histories of four slots, the first of them padding."""
    item = torch.tensor([[0, 3, 1, 2], [4, 5, 1, 3], [2, 2, 3, 1]])
    category = torch.tensor([[0, 2, 1, 1], [2, 3, 1, 2], [1, 1, 2, 1]])
    position = torch.tensor([[4, 3, 2, 1]]).expand(3, 4)
    target = Events(torch.tensor([[2], [5], [4]]), torch.tensor([[1], [3], [2]]), torch.zeros(3, 1, dtype=torch.long))
    return Seen(target, Events(item, category, position), item > 0)


def drawn(rows: int = 4, slots: int = 12, targets: int = 3, seed: int = 0, padding: int = 0) -> Seen:
    """Random histories of items 1 to 5, the first `padding` slots of every row empty."""
    g = torch.Generator().manual_seed(seed)

    def events(n: int, position: Tensor) -> Events:
        item = torch.randint(1, 6, (rows, n), generator=g)
        return Events(item, item % 3 + 1, position)

    behavior = events(slots, torch.arange(slots, 0, -1).expand(rows, slots))
    valid = torch.arange(slots).expand(rows, slots) >= padding
    behavior = Events(behavior.item * valid, behavior.category * valid, behavior.position)
    return Seen(events(targets, torch.zeros(rows, targets, dtype=torch.long)), behavior, valid)


def parameters(module: Ranker) -> Iterator[Tensor | None]:
    """Distinct parameters in the official order; None for a table that is there officially alone."""
    tables = module.model.tables
    names = dict.fromkeys(SETS[tables.design.sets][use, side] for side in SIDES for use in USES)
    for name in names:
        for kind in KINDS:
            yield tables.sets[name][kind].weight if kind in tables.kinds else None
    for part in (*tables.maps.values(), module.model.main, module.model.auxiliary, module.model.network):
        if part is not None:
            yield from part.parameters()


def filled(module: Ranker) -> Ranker:
    """Rule F: 0.3 sin(0.7 j + i) in parameter i at j, 1 more in the weights of batch norms."""
    norms = {id(part.weight) for part in module.modules() if isinstance(part, nn.BatchNorm1d)}
    with torch.no_grad():
        for i, p in enumerate(parameters(module)):
            if p is not None:
                p.copy_(0.3 * torch.sin(0.7 * torch.arange(p.numel(), dtype=p.dtype) + i).view(p.shape))
                p.add_(id(p) in norms)
    return module


def official_names(module: Ranker) -> dict[str, Tensor]:
    """The state as the official code would save it."""
    tables, own, out = module.model.tables, module.state_dict(), {}
    theirs = {"item": "item", "category": "category", "position": "time"}
    for use in USES:
        for side in SIDES:
            for kind, name in theirs.items():
                key = f"model.tables.sets.{SETS[tables.design.sets][use, side]}.{kind}.weight"
                there = own.get(key, torch.zeros(7, 2))
                out[f"{name}_id_embedding_layer_for_{use}_of_{side}.weight"] = there
                if f"{use}_{side}" in tables.maps and tables.design.project == "fields":
                    there = own[f"model.tables.maps.{use}_{side}.{kind}.weight"]
                    out[f"mlp_for_{name}_{use}_of_{side}.weight"] = there
            if tables.design.project == "whole":
                for part in ("weight", "bias"):
                    there = own[f"model.tables.maps.{use}_{side}.{part}"]
                    out[f"mlp_for_{use}_of_{side}.{part}"] = there
    renamed = {"model.main.": "main_mlp.", "model.auxiliary.": "auxiliary_mlp.",
               "model.network.layers.": "attention_model.main_model."}  # fmt: skip
    for begin, name in renamed.items():
        out |= {name + key.removeprefix(begin): value for key, value in own.items() if key.startswith(begin)}
    return out
