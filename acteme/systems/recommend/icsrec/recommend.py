"""The only stage, `recommend`: an encoder of subsequences, and the losses that train it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.contrast import paired_info_nce
from acteme.nn.recipe import Recipe
from acteme.nn.sequence import SASRec, slots
from acteme.nn.sequence.sasrec import from_s3rec
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.icsrec.encoders import Encoder, Kind, Published, Recurrent
from acteme.systems.recommend.icsrec.intents import kmeans, nearest
from acteme.systems.recommend.icsrec.partners import Subsequences

SAMPLE = 4096
"""Subsequences per intent that are clustered at most."""
DRAWS = 8
"""Times that a negative is drawn again where the subsequence has it."""


@dataclass(frozen=True)
class RecommendConfig:
    """An encoder and its losses. The defaults are those of Amazon Beauty."""

    encoder: Kind = "sasrec"
    """`sasrec` has the blocks of BERT, `published` those of the paper of SASRec, `gru` is a recurrent network."""
    width: int = 64
    """Of the vectors."""
    layers: int = 2
    """Blocks; the GRU has one layer fewer."""
    heads: int = 2
    """Attention heads."""
    dropout: float = 0.5
    """Of embeddings, residuals and attention weights. It makes two views of one subsequence differ."""
    objective: Literal["softmax", "bce"] = "softmax"
    """Next item: cross entropy over all items, or binary cross entropy with one negative, drawn evenly from those that
    the subsequence lacks (the published SASRec)."""
    positions: Literal["last", "all"] = "last"
    """Foretell the item after the last one of a subsequence, or after each."""
    next_item: float = 1.0
    """Weight of the loss of the next item."""
    coarse: float = 0.3
    """Weight (lambda) of the coarse-grain contrast: subsequences that lead to the same item. 0: off."""
    fine: float = 0.1
    """Weight (beta) of the fine-grain contrast: subsequences and the intents nearest to them. 0: off."""
    intents: int = 256
    """Clusters of all subsequences, found anew before each epoch."""
    temperature: float = 1.0
    """Of both contrasts."""
    similarity: Literal["dot", "cosine"] = "dot"
    """Of both contrasts."""
    mask_false_negatives: bool = True
    """Leave out negatives of the anchor's own target, or own intent."""
    partner: Literal["same", "random"] = "same"
    """The second view: a subsequence with the same target and other items, or, as a control, any."""
    permuted: bool = False
    """As a control, give each subsequence the intent of another one of the batch."""
    windows: Windows = field(default_factory=lambda: Windows(frames=51, stride=1, prefixes=True))
    """Subsequences, each with its target behind it: there are `frames` - 1 slots."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(optimizer="adam", lr=1e-3, epochs=300, batch=256, drop_last=False)
    )
    """How it is optimized. The epochs are an upper bound: the official code stops when NDCG@20 on the validation items
    has not grown for 40 epochs (here: choose the best by `best="ndcg@20"`)."""

    @classmethod
    def small(cls) -> "RecommendConfig":
        """One narrow block, twenty slots, the last 30 subsequences of each user; learns on two processor cores in a
        minute."""
        return cls(
            width=32, layers=1, dropout=0.2, coarse=0.1, intents=64,
            windows=Windows(frames=21, stride=1, prefixes=True, most=30),
            recipe=Recipe(optimizer="adam", lr=4e-3, epochs=12, batch=256, drop_last=False),
        )  # fmt: skip


class Recommender(nn.Module):
    """Encodes what someone did, and scores all items by products with it.

    Args:
        config: its settings.
        spec: of the data; `items` counts.

    Raises:
        InputError: no items, or windows that do not end with their target.
    """

    centers: Tensor

    def __init__(self, config: RecommendConfig, spec: Spec):
        super().__init__()
        if not spec.items:
            raise InputError("the data has no items", "icsrec", "give a log with a column item")
        if not config.windows.prefixes or config.windows.frames is None:
            raise InputError("windows must end with what came next", "windows", "set prefixes, and frames")
        self.config, self.items, self.length = config, spec.items, config.windows.frames - 1
        rows, drop = spec.items + 2, config.dropout  # padding, the items, and a mask that other systems train with
        self.encoder: Encoder
        if config.encoder == "gru":
            self.encoder = Recurrent(rows, config.width, max(config.layers - 1, 1), drop)
        elif config.encoder == "published":
            self.encoder = Published(rows, config.width, self.length, config.layers, config.heads, drop)
        else:
            self.encoder = SASRec(rows, config.width, self.length, config.layers, config.heads, None, drop, drop)
        self.register_buffer("centers", torch.zeros(config.intents, config.width))
        self.known: Subsequences | None = None

    def remember(self, corpus: Corpus) -> None:
        """Finds who leads to the same item, among all subsequences of the training recordings.

        Raises:
            InputError: no more subsequences than intents.
        """
        if not (self.config.coarse or self.config.fine):
            return
        self.known = Subsequences.of(corpus, self.config.windows)
        if self.config.fine and len(self.known) <= self.config.intents:
            what = f"{len(self.known)} subsequences for {self.config.intents} intents"
            raise InputError(what, "recommend.intents", "set fewer, or give more data")

    @torch.no_grad()
    def before_epoch(self, epoch: int) -> None:
        """Clusters the subsequences, as they are encoded without dropout (at most 4,096 per intent)."""
        if not self.config.fine:
            return
        known = self._known()
        which = np.arange(len(known))
        if len(which) > SAMPLE * self.config.intents:
            which = np.random.default_rng(epoch).choice(which, SAMPLE * self.config.intents, replace=False)
        training, device = self.training, self.centers.device
        self.eval()
        seen = torch.cat([self.encoder.last(part.to(device)) for part in known.sweep(which, self.length)])
        self.train(training)
        self.centers.copy_(kmeans(seen.float(), self.config.intents))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of the next item and the two contrasts:

            total = next_item weight x next_item + coarse weight x coarse + fine weight x fine

        A loss of weight 0 is not computed. The subsequences and their partners are encoded in one pass.
        """
        config = self.config
        own, target = self._split(batch)
        views = torch.cat([own, self._partners(batch)]) if config.coarse or config.fine else own
        if config.positions == "all":
            every = self.encoder(views)
            h, real = every[:, -1], own > 0
            follows = torch.cat([own[:, 1:], target[:, None]], 1)
            next_item = self._next_item(every[: len(own)][real], follows[real], own, target, torch.nonzero(real)[:, 0])
        else:
            h = self.encoder.last(views)
            next_item = self._next_item(h[: len(own)], target, own, target, torch.arange(len(own), device=own.device))
        out = {"next_item": next_item}
        if config.coarse:
            out["coarse"] = self.coarse_loss(h[: len(own)], h[len(own) :], target)
        if config.fine:
            out["fine"] = self.fine_loss(h[: len(own)], h[len(own) :])
        total = sum((getattr(config, name) * value for name, value in out.items()), torch.zeros_like(next_item))
        return {"total": total} | out

    def coarse_loss(
        self, one: Float[Tensor, "b d"], two: Float[Tensor, "b d"], target: Int[Tensor, " b"]
    ) -> Float[Tensor, ""]:
        """Contrast of subsequences that lead to the same item (CICL); those with the same target are no negatives."""
        labels = target if self.config.mask_false_negatives else None
        return paired_info_nce(one, two, labels, self.config.temperature, self.config.similarity)

    def fine_loss(self, one: Float[Tensor, "b d"], two: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        """Contrast of each view with its intent (FICL), summed over the views. The intent is the nearest center, and
        that of unit length the view's other side, without a gradient; those of the same intent are no negatives."""
        config, directions, total = self.config, F.normalize(self.centers, dim=1), one.new_zeros(())
        for view in (one, two):
            ids, _ = nearest(view.detach().to(self.centers.dtype), self.centers)
            if config.permuted:
                ids = ids[torch.randperm(len(ids), device=ids.device)]
            labels = ids if config.mask_false_negatives else None
            total = total + paired_info_nce(view, directions[ids], labels, config.temperature, config.similarity)
        return total

    def _next_item(
        self,
        h: Float[Tensor, "n d"],
        follows: Int[Tensor, " n"],
        own: Int[Tensor, "b l"],
        target: Int[Tensor, " b"],
        row: Int[Tensor, " n"],
    ) -> Float[Tensor, ""]:
        """The loss of what follows each of some vectors of the subsequences `row`."""
        table = self.encoder.table
        if self.config.objective == "softmax":
            return F.cross_entropy(h @ table.T, follows)
        has = torch.cat([own, target[:, None]], 1)[row]
        wrong = torch.randint_like(follows, 1, self.items + 1)
        for _ in range(DRAWS):
            clash = (has == wrong[:, None]).any(1)
            wrong = torch.where(clash, torch.randint_like(wrong, 1, self.items + 1), wrong)
        right = F.embedding(follows, table)
        scores = torch.stack([(h * right).sum(1), -(h * F.embedding(wrong, table)).sum(1)])
        return -F.logsigmoid(scores).sum(0).mean()

    def _split(self, batch: Batch) -> tuple[Int[Tensor, "b l"], Int[Tensor, " b"]]:
        """History, in slots, and target of windows that end with it."""
        last = batch["mask"].sum(1, keepdim=True) - 1
        before = torch.arange(batch["mask"].shape[1], device=last.device) < last
        return slots(batch["item"], before, self.length), batch["item"].gather(1, last)[:, 0]

    def _partners(self, batch: Batch) -> Int[Tensor, "b l"]:
        """The second views of a batch, in slots."""
        known = self._known()
        if self.config.partner == "random":
            which = known.strangers(len(batch["item"]))
        else:
            which = known.partners(known.find(batch["index"], batch["start"] + batch["mask"].sum(1) - 1))
        return known.histories(which, self.length).to(batch["item"].device)

    def _known(self) -> Subsequences:
        if self.known is None:
            raise InputError("the contrast needs all subsequences", "icsrec", "call remember with the training data")
        return self.known

    def encode(self, batch: Batch) -> Latents:
        """A vector after each of the latest items, and after all of them."""
        count = min(self.length, batch["item"].shape[1])
        x = self.encoder(slots(batch["item"], batch["mask"], self.length))
        real = batch["mask"].sum(1, keepdim=True).clamp(max=count)
        step = torch.arange(count, device=x.device)
        at = (self.length - real + step).clamp(max=self.length - 1)
        mask = step < real
        tokens = x.gather(1, at[..., None].expand(-1, -1, x.shape[-1])) * mask[..., None]
        return Latents(tokens, x[:, -1], mask)

    def predict(self, batch: Batch) -> Preferences:
        """Scores of all items after histories: products with the table. Padding and mask are no items."""
        query = self.encoder.last(slots(batch["item"], batch["mask"], self.length))
        return Preferences(query, self.encoder.table[1 : self.items + 1])

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor], intents: int = 256) -> dict[str, Tensor]:
        """Weights of an official checkpoint, of SASRec or GRU, under this module's names.

        Args:
            state: the official weights.
            intents: those of the configuration; their centers, which checkpoints lack, are zeros (they are found anew
                in training and not used otherwise).

        Raises:
            InputError: it is no such state.
        """
        if "item_embeddings.weight" not in state:
            raise InputError("is no checkpoint of ICSRec", mend="give a state with item_embeddings.weight")
        names = {"gru_layers.": "gru.", "dense.": "out."}
        made = {}
        for name, value in from_s3rec(state).items():
            old = next((start for start in names if name.startswith(start)), "")
            made["encoder." + names.get(old, "") + name.removeprefix(old)] = value
        return made | {"centers": torch.zeros(intents, state["item_embeddings.weight"].shape[1])}
