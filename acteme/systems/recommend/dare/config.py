"""Settings of the only stage, `rank`."""

from dataclasses import dataclass, field

from acteme.nn.recipe import Recipe
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dare.tables import Widths
from acteme.systems.recommend.dare.variants import Variant


@dataclass(frozen=True)
class RankConfig:
    """A two-stage click model. The defaults are those for Taobao and Tmall with 16 numbers an embedding."""

    variant: Variant = "dare"
    """`dare`; the methods that it is measured against: `twin`, `twinv2` (behaviors of a category as one), `din`,
    `sim_hard`, `sim_soft`, `eta`, `sdim`; other ways to decouple: `three` or `four` sets of tables, `projection` (maps
    of each embedding) or `projection_whole` (of all together), `rescaled` (gradients of attention made as large)."""
    category: str = "category"
    """Name of the field that is an item's category; empty: items have none."""
    width: Widths = field(default_factory=Widths)
    """Of the embeddings; of those for representation where attention has its own."""
    attention: Widths = field(default_factory=lambda: Widths(0, 0, 0))
    """Of the embeddings for attention, where these have tables of their own; 0: as `width`."""
    positions: int = 2000
    """Rows of the table of positions; older behaviors share its last one."""
    top: int = 20
    """Behaviors that the search keeps."""
    hidden: tuple[int, int] = (200, 80)
    """Widths of the classifier's layers; the auxiliary one has the first."""
    interaction: bool = True
    """Give the classifier target times interest (target-aware representation), number by number."""
    average: bool = False
    """Give it the sum of the history over one more than its length, too, nearly its mean, as the official code does."""
    auxiliary: bool = True
    """Train attention over the whole history by a classifier of its own, where the variant has it."""
    negatives: int = 2
    """Items drawn for each click by their frequency, where outcomes are not 0 and 1."""
    l2: float = 1e-6
    """Weight of the squares of all weights but tables and biases."""
    bits: int = 48
    """eta, sdim: planes of the random projection."""
    signature: int = 3
    """sdim: bits of each round, of which there are `bits / signature`."""
    sparse: bool = False
    """Only rows of tables that occur in a step have gradients and are changed by Adam: for millions of items."""
    official_init: bool = False
    """Draw weights of norms and slopes from N(0, 0.01) as well, as the official code does."""
    official_padding: bool = False
    """Attend to padding where the history has fewer than `top` behaviors, as the official code does."""
    official_hard: bool = False
    """sim_hard: fill up with the newest other slots, padding too, and score by all numbers and the position again."""
    official_negatives: bool = False
    """Never draw what the user meets later in training either, as the official code does, which tells of the future."""
    official_statistics: bool = False
    """Evaluate by the statistics of the batch, as the official code does."""
    windows: Windows = field(default_factory=lambda: Windows(frames=201, stride=5, prefixes=True, most=19))
    """A target and up to 200 behaviors before it; the last one of each user and every fifth before, 19 of them."""
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="adam", lr=0.01, epochs=2, batch=683))
    """How it is optimized; 683 clicks with two negatives each are the official 2,048 rows."""

    @classmethod
    def small(cls) -> "RankConfig":
        """Half of the width, a history of 50; learns on two processor cores in a minute or two."""
        return cls(
            width=Widths(8, 8, 8), top=10, hidden=(64, 32),
            windows=Windows(frames=51, stride=5, prefixes=True, most=19),
            recipe=Recipe(optimizer="adam", lr=0.01, epochs=5, batch=256),
        )  # fmt: skip
