"""The recommender that is looked into, unless another run is: SASRec in the form of ReChorus, or in that of BERT."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.nn.sequence import Met, SASRec, slots
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class BaseConfig:
    """Settings of the recommender."""

    form: Literal["recent", "absolute"] = "recent"
    """`recent`: positions count from the latest item, as in ReChorus; `absolute`: in slots, the SASRec of
    `acteme.nn.sequence`."""
    width: int = 64
    """Numbers in a vector."""
    layers: int = 1
    """Blocks of attention."""
    heads: int = 1
    """Attention heads of each."""
    dropout: float = 0.0
    """Of what is added to a residual."""
    loss: Literal["bpr", "softmax", "every"] = "bpr"
    """Against items drawn at random (BPR-max), against all items, or that after every item of the history."""
    negatives: int = 1
    """Items drawn for each history, none of which the user has in training."""
    windows: Windows = field(default_factory=lambda: Windows(frames=21, stride=1, prefixes=True))
    """Histories, with the item that comes next at their end."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(optimizer="adam", lr=1e-4, weight_decay=1e-6, epochs=200, batch=256)
    )
    """Optimizer and length of training (officially the epoch that is best on the validation split: `--best ndcg@5`)."""

    @classmethod
    def small(cls) -> "BaseConfig":
        """Learns on two processor cores in a minute or two."""
        windows = Windows(frames=51, stride=25, prefixes=True)
        recipe = Recipe(optimizer="adam", lr=2e-3, epochs=15, batch=128)
        return cls("absolute", layers=2, heads=2, dropout=0.3, loss="every", windows=windows, recipe=recipe)


class Base(nn.Module):
    """A sequential recommender; scores are products of a user's vector and the items' embeddings."""

    def __init__(self, config: BaseConfig, spec: Spec):
        super().__init__()
        if not spec.items:
            raise InputError("has no items", "data", "give a log with items, such as ml-100k")
        self.config, self.count, length = config, spec.items, (config.windows.frames or 21) - 1
        kind = Recent if config.form == "recent" else Absolute
        self.network = kind(spec.items + 1, length, config)
        self.met: Met | None = None

    def remember(self, corpus: Corpus) -> None:
        """Keeps which items each user has in training, so that none of them is drawn as a negative."""
        self.met = Met(corpus, future=True)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`total` of windows that end with the item to foretell."""
        history, target = parted(batch)
        seen, table = self.network(history), self.network.table
        if self.config.loss == "every":
            after = slots(batch["item"], batch["mask"], seen.tokens.shape[1])[seen.mask]
            return {"total": F.cross_entropy(seen.tokens[seen.mask] @ table.T, after)}
        user = seen.pooled
        if self.config.loss == "softmax":
            return {"total": F.cross_entropy(user @ table.T, target)}
        items = torch.cat([target[:, None], self.drawn(batch["index"], history["frames"])], 1)
        return {"total": bpr_max((user[:, None] * table[items]).sum(-1))}

    def drawn(self, user: Int[Tensor, " b"], last: Int[Tensor, " b"]) -> Int[Tensor, "b n"]:
        """Items at random, drawn again where the user has them (a few times: someone may have them all).

        Raises:
            InputError: the training recordings are not known.
        """
        if self.met is None:
            raise InputError("the training recordings are not known", "base", "call remember first")
        items = torch.randint(1, self.count + 1, (len(user), self.config.negatives), device=user.device)
        for _ in range(20):
            again = self.met.has(items, user, last)
            if not again.any():
                break
            items = torch.where(again, torch.randint_like(items, 1, self.count + 1), items)
        return items

    def encode(self, batch: Batch) -> Latents:
        """A vector after each item of the histories, and the last of them, the user's."""
        return self.network(batch)

    def predict(self, batch: Batch) -> Preferences:
        """What comes next."""
        return Preferences(self.network(batch).pooled, self.network.table[1:])

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The recommender of an official file of `SASRec` or `SASRec_SAE`, in the form `recent`."""
        made = {}
        for name, value in state.items():
            if not name.startswith("sae_module."):
                for old, new in _NAMES:
                    name = name.replace(old, new)
                made[f"network.{name}"] = value
        return made


_NAMES = (
    ("i_embeddings", "items"), ("p_embeddings", "places"), ("transformer_block", "blocks"), ("masked_attn_head.", ""),
    ("q_linear", "query"), ("k_linear", "key"), ("v_linear", "value"), ("layer_norm", "norm"), ("linear1", "up"),
    ("linear2", "down"),
)  # fmt: skip
"""Names of ReChorus, and ours."""


def parted(batch: Batch) -> tuple[Batch, Int[Tensor, " b"]]:
    """Windows that end with the item to foretell as histories, and these items."""
    last = batch["frames"] - 1
    target = batch["item"].gather(1, last[:, None])[:, 0]
    mask = batch["mask"] & (torch.arange(batch["mask"].shape[1], device=last.device) < last[:, None])
    return batch | {"item": batch["item"] * mask, "mask": mask, "frames": last}, target


def bpr_max(scores: Float[Tensor, "b n1"]) -> Float[Tensor, ""]:
    """BPR-max: - log sum_j softmax(negatives)_j sigmoid(positive - negative_j), the positive first; a batch's mean."""
    against = F.logsigmoid(scores[:, :1] - scores[:, 1:]) + scores[:, 1:].log_softmax(1)
    return -against.logsumexp(1).mean()


class Recent(nn.Module):
    """SASRec of ReChorus: positions count from the latest item (1) back, blocks without a product after the heads.

    Args:
        rows: of the table of items, with row 0.
        length: longest history; longer ones lose their beginning.
        config: width, layers, heads and dropout.
    """

    def __init__(self, rows: int, length: int, config: BaseConfig):
        super().__init__()
        self.length = length
        self.items = nn.Embedding(rows, config.width)
        self.places = nn.Embedding(length + 1, config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.heads, config.dropout) for _ in range(config.layers))
        self.apply(_draw)

    @property
    def table(self) -> Float[Tensor, "rows d"]:
        return self.items.weight

    def forward(self, batch: Batch) -> Latents:
        item = slots(batch["item"], batch["mask"], self.length)
        count = (item > 0).sum(1)
        # Padded on the left, unlike ReChorus: who counts from the end sees the same positions, and the same past.
        place = torch.arange(self.length, 0, -1, device=item.device) * (item > 0)
        x = self.items(item) + self.places(place)
        causal = torch.ones(self.length, self.length, dtype=torch.bool, device=x.device).tril()
        own = torch.eye(self.length, dtype=torch.bool, device=x.device)
        allowed = (((item > 0)[:, None] & causal) | own)[:, None]
        for block in self.blocks:
            x = block(x, allowed)
        mask = item > 0
        x = x * mask[..., None]
        return Latents(x, x[:, -1] * (count > 0)[:, None], mask)


class Block(nn.Module):
    """Attention of heads that are laid side by side, and a feed-forward layer with ReLU, each with its norm after."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        if width % heads:
            raise InputError(f"{heads} heads do not divide a width of {width}", mend="change one of them")
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b l d"], allowed: Bool[Tensor, "b 1 l l"]) -> Float[Tensor, "b l d"]:
        q, k, v = (p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in (self.query, self.key, self.value))
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).flatten(2)
        x = self.norm1(x + F.dropout(seen, self.dropout, self.training))
        return self.norm2(x + F.dropout(self.down(F.relu(self.up(x))), self.dropout, self.training))


class Absolute(nn.Module):
    """The SASRec of `acteme.nn.sequence`, with a vector after each item."""

    def __init__(self, rows: int, length: int, config: BaseConfig):
        super().__init__()
        c = config
        self.length = length
        self.encoder = SASRec(rows, c.width, length, c.layers, c.heads, dropout=c.dropout, attention_dropout=c.dropout)

    @property
    def table(self) -> Float[Tensor, "rows d"]:
        return self.encoder.table

    def forward(self, batch: Batch) -> Latents:
        item = slots(batch["item"], batch["mask"], self.length)
        x, mask = self.encoder(item), item > 0
        return Latents(x, x[:, -1], mask)


def _draw(module: nn.Module) -> None:
    """Weights and biases from N(0, 0.01), as in ReChorus."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.01)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.bias, std=0.01)
