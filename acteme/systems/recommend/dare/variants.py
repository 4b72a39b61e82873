"""DARE and the two-stage methods that one chooses it among, as what each is made of."""

from dataclasses import dataclass
from typing import Literal

Variant = Literal[
    "dare", "twin", "twinv2", "din", "sim_hard", "sim_soft", "eta", "sdim", "three", "four", "projection",
    "projection_whole", "rescaled",
]  # fmt: skip


@dataclass(frozen=True)
class Design:
    """What a variant is made of."""

    sets: int = 1
    """Sets of tables: 1 for all uses; 2: attention and representation; 3: attention of targets and of behaviors, and
    representation; 4: those of targets and behaviors apart as well."""
    score: Literal["scaled", "network"] = "scaled"
    """Attention by products, or by a small network."""
    search: Literal["score", "category", "product", "hash", "buckets"] = "score"
    """What ranks the history: attention itself; being of the target's category and recent; a product of its own; bits
    of a random projection. `buckets` is no search: behaviors whose bits are the target's are averaged."""
    project: Literal["", "fields", "whole"] = ""
    """Linear maps of each use of one set of tables: of each embedding, or of their concatenation."""
    auxiliary: bool = True
    """Whether a second classifier, which sees the whole history, trains the search."""
    position: bool = True
    """Whether the recency of behaviors is embedded."""
    clusters: bool = False
    """Whether behaviors of one category are one, their mean."""
    rescaled: bool = False
    """Whether the gradient of attention is made as large as that of representation."""


DESIGNS: dict[Variant, Design] = {
    "dare": Design(sets=2),
    "twin": Design(),
    "twinv2": Design(clusters=True),
    "din": Design(score="network", position=False),
    "sim_hard": Design(search="category"),
    "sim_soft": Design(search="product"),
    "eta": Design(search="hash", auxiliary=False),
    "sdim": Design(search="buckets", auxiliary=False),
    "three": Design(sets=3),
    "four": Design(sets=4),
    "projection": Design(project="fields"),
    "projection_whole": Design(project="whole"),
    "rescaled": Design(rescaled=True),
}
