"""Official checkpoints: which tables they hold once or several times, and what their parts are called here."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from acteme.errors import InputError
from acteme.systems.recommend.dare.tables import SETS, SIDES, USES, Side, Use

OFFICIAL = {"item": "item", "category": "category", "position": "time"}
"""What the official names call each kind."""


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """See `Ranker.official_state_dict`."""
    left = dict(state)
    try:
        tables = {
            (kind, use, side): left.pop(f"{theirs}_id_embedding_layer_for_{use}_of_{side}.weight")
            for kind, theirs in OFFICIAL.items() for use in USES for side in SIDES
        }  # fmt: skip
    except KeyError as error:
        what = f"has no {error.args[0]}"
        raise InputError(what, "official weights", "give a checkpoint of the official code of DARE") from None
    kinds = [k for k in OFFICIAL if k != "position" or not any(name.startswith("attention_model") for name in left)]

    def equal(a: tuple[Use, Side], b: tuple[Use, Side]) -> bool:
        return all(torch.equal(tables[kind, *a], tables[kind, *b]) for kind in kinds)

    # a table that has several names is saved under each; the fewest sets that tell all differences
    sets = next(
        n for n, names in SETS.items()
        if all(equal(a, b) for a in names for b in names if names[a] == names[b])
    )  # fmt: skip
    out = {
        f"model.tables.sets.{name}.{kind}.weight": tables[kind, use, side]
        for (use, side), name in SETS[sets].items() for kind in kinds
    }  # fmt: skip
    rows = len(tables["item", "attention", "target"])
    counts = torch.zeros(rows, dtype=torch.long)
    out |= {"negatives.counts": counts, "negatives.category": counts.clone(), "negatives.labeled": torch.tensor(False)}
    return out | {_name(name, left): value for name, value in left.items()}


def _name(name: str, state: Mapping[str, Tensor]) -> str:
    """Ours for a name that is not of a table."""
    kinds = {theirs: ours for ours, theirs in OFFICIAL.items()}
    if found := re.fullmatch(r"(main|auxiliary)_mlp\.(\d\..*)", name):
        if f"{found[1]}_mlp.0.running_mean" not in state:
            what = "was built for batches of one, without batch normalization"
            raise InputError(what, "official weights", "give one that was built for larger batches")
        return f"model.{found[1]}.{found[2]}"
    if found := re.fullmatch(r"attention_model\.main_model\.(\d\..*)", name):
        return f"model.network.layers.{found[1]}"
    if found := re.fullmatch(r"mlp_for_(item|category|time)_(\w+_of_\w+)\.weight", name):
        return f"model.tables.maps.{found[2].replace('_of', '')}.{kinds[found[1]]}.weight"
    if found := re.fullmatch(r"mlp_for_((?:attention|representation)_of_\w+)\.(weight|bias)", name):
        return f"model.tables.maps.{found[1].replace('_of', '')}.{found[2]}"
    raise InputError(f"does not know what '{name}' is", "official weights", "variants: DARE, twin, DIN, projection, "
                     "three_embedding, four_embedding")  # fmt: skip
