"""ILM, phase 1: the item encoder learns to see in collaborative vectors what texts say, and who goes with whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Preferences
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.ilm.factors import Factors, FactorsConfig, every_event
from acteme.systems.recommend.ilm.losses import (
    Select,
    best_of_pairs,
    best_of_queries,
    contrast,
    generation,
    hard_negatives,
    matching,
)
from acteme.systems.recommend.ilm.qformer import QFormer, QFormerConfig, from_bert, from_blip2
from acteme.systems.recommend.ilm.tell import TAUGHT, TOLD, VARIANTS, TellConfig, Told
from acteme.systems.recommend.ilm.tokens import Tokens, bert_state


def histories() -> Windows:
    """Every event that another one precedes, with what came before."""
    return Windows(frames=51, stride=1, prefixes=True)


@dataclass(frozen=True)
class AlignConfig:
    """Settings of phase 1."""

    factors: FactorsConfig = field(default_factory=FactorsConfig)
    """Collaborative vectors."""
    tell: TellConfig = field(default_factory=TellConfig)
    """Texts of items."""
    qformer: QFormerConfig = field(default_factory=QFormerConfig)
    """The item encoder."""
    bert: str = "bert-base-uncased"
    """BERT whose first layers and words the text branch starts from; empty: from nothing, with words of its own."""
    words: int = 2000
    """Of its own: words it has room for."""
    space: int = 256
    """Numbers of the vectors that are compared (p)."""
    pairs: Literal["items", "users", "none"] = "items"
    """What else is contrasted: items that someone had in turn (II), users with items that they liked (UI), nothing."""
    select: Select = "max"
    """Which pair of queries stands for two items (II, UI): the best of every two, or that of the right ones."""
    liked: float = 4.0
    """UI: ratings from here on are positive; where ratings do not reach it, the largest are."""
    smoothing: float = 0.1
    """Label smoothing of the item-text contrast and of generation."""
    windows: Windows = field(default_factory=histories)
    """Histories, the last two events of which are the pair."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="adamw", lr=1e-4, betas=(0.9, 0.98), weight_decay=0.05, epochs=10, batch=128, schedule="cosine",
            warmup=2000, clip=1.0,
        )
    )  # fmt: skip
    """Optimization."""

    @classmethod
    def small(cls) -> "AlignConfig":
        """A minute or two on two cores."""
        recipe = Recipe(optimizer="adamw", lr=5e-4, betas=(0.9, 0.98), weight_decay=0.05, epochs=1, batch=32,
                        schedule="cosine", warmup=50, clip=1.0)  # fmt: skip
        windows = Windows(frames=51, stride=1, prefixes=True, most=12)
        return cls(FactorsConfig(width=32), TellConfig(), QFormerConfig.small(), bert="", words=4000, space=64,
                   smoothing=0.0, windows=windows, recipe=recipe)  # fmt: skip


class Aligner(nn.Module):
    """Phase 1."""

    protocol = "full"
    """What is recommended: what someone has not met."""
    together: Int[Tensor, " c"]

    def __init__(self, config: AlignConfig, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.factors, self.told = Factors(config.factors, spec.items), Told(config.tell, spec.items)
        self.tokens = Tokens(config.bert, config.words, config.qformer.limit)
        width = config.qformer.width
        self.qformer = QFormer(config.qformer, config.factors.width, self.tokens.size)
        self.item_space, self.text_space = nn.Linear(width, config.space), nn.Linear(width, config.space)
        self.match_head = nn.Linear(width, 2)
        self.write_head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width, 1e-12))
        self.write_bias = nn.Parameter(torch.zeros(self.tokens.size))
        self.temperature = nn.Parameter(torch.tensor(0.07))
        self.log: Corpus | None = None
        self.register_buffer("together", torch.zeros(0, dtype=torch.int64), persistent=False)

    # --- before training ---------------------------------------------------------------------------------------------

    def consult(self, catalog: pa.Table) -> None:
        """Reads the texts, and chooses words."""
        self.told.consult(catalog)
        self.tokens.build(self.told.words())
        if self.config.bert:
            found = from_bert(bert_state(self.config.bert), self.qformer.state_dict())
            self.qformer.load_state_dict(found, strict=False)
        self.qformer.begin()

    def remember(self, corpus: Corpus) -> None:
        """The recordings, and which items anyone had in turn: those are no negatives of each other."""
        self.log = corpus
        if self.config.pairs == "none":
            return
        at, place = every_event(corpus)
        item = torch.from_numpy(corpus.arrays["item"][at]).long()
        both = torch.from_numpy(place[1:] > 0) & (item[1:] > 0) & (item[:-1] > 0)
        a, b = item[:-1][both], item[1:][both]
        self.together = torch.unique(torch.cat([self._key(a, b), self._key(b, a)])).to(self.together.device)

    def calibrate(self, _: Iterable[Batch]) -> None:
        """Factorizes who had what, in all of the recordings: windows may show the latest events alone."""
        assert self.log is not None, "call remember first"
        self.factors.fit(self.log)

    def _key(self, a: Int[Tensor, "*n"], b: Int[Tensor, "*n"]) -> Int[Tensor, "*n"]:
        return a * (self.spec.items + 1) + b

    def apart(self, a: Int[Tensor, " n"], b: Int[Tensor, " m"]) -> Bool[Tensor, "n m"]:
        """Whether nobody had two items in turn, and they are not the same."""
        key = self._key(a[:, None], b[None])
        if not len(self.together):
            return a[:, None] != b[None]
        at = torch.searchsorted(self.together, key).clamp(max=len(self.together) - 1)
        return (self.together[at] != key) & (a[:, None] != b[None])

    # --- training ----------------------------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`itc`, `itm`, `itg` of items with a text, as many as the batch has windows, drawn evenly; `ii` or `ui` of the
        windows; `total` is their sum."""
        c, device = self.config, batch["item"].device
        item, texts = self.draw(len(batch["item"]), device)
        ids, mask = self.tokens(texts)
        pairs = self.pairs(batch)
        vectors = [self.factors.items(item), *(pairs[:2] if pairs else ())]
        found = self.qformer.encode(self.qformer.sources(torch.cat(vectors)))
        count = len(item)
        out = self.item_text(item, ids, mask, found.z[:count], [(k[:count], v[:count]) for k, v in found.past])
        if pairs:
            seen = F.normalize(self.item_space(found.z[count:]), dim=-1)
            one, two = seen.chunk(2)
            name = "ii" if c.pairs == "items" else "ui"
            out[name] = contrast(best_of_pairs(one, two, c.select) / self.temperature, pairs[2])
        return out | {"total": torch.stack([value for name, value in out.items() if name != "itm_right"]).sum()}

    def draw(self, count: int, device: torch.device) -> tuple[Int[Tensor, " b"], list[str]]:
        """Items with a text, evenly, each with one of its texts."""
        able = torch.tensor(self.told.of(TAUGHT, TOLD))
        item = able[torch.randint(len(able), (count,))]
        variant = torch.randint(VARIANTS, (count,)).tolist()
        texts = [self.told.text(i, v) for i, v in zip(item.tolist(), variant, strict=True)]
        return item.to(device), texts

    def pairs(self, batch: Batch) -> tuple[Float[Tensor, "k d"], Float[Tensor, "k d"], Bool[Tensor, "k k"]] | None:
        """Collaborative vectors of what goes together, and which pairs of the batch are candidates; only of
        items that may be seen in training."""
        c = self.config
        if c.pairs == "none":
            return None
        rows = torch.arange(len(batch["item"]), device=batch["item"].device)
        last = batch["frames"] - 1
        target, before = batch["item"][rows, last], batch["item"][rows, (last - 1).clamp(min=0)]
        open_ = torch.tensor([TAUGHT, TOLD], device=target.device)
        seen = torch.isin(self.told.role[target], open_)
        if c.pairs == "items":
            kept = seen & (last > 0) & torch.isin(self.told.role[before], open_)
            one, two = before[kept], target[kept]
            vectors, allowed = self.factors.items(one), self.apart(one, two)
        else:
            if "outcome" in batch:
                seen &= batch["outcome"][rows, last] >= min(c.liked, float(self.factors.largest))
            kept = seen & (last > 0)
            history = earlier(batch)
            two = target[kept]
            vectors = self.factors.users(self.factors.fold(history)[0])[kept]
            had = (history["item"][kept][:, :, None] == two).any(1)
            allowed = ~had & (two[:, None] != two)
        return (vectors, self.factors.items(two), allowed) if int(kept.sum()) > 1 else None

    def item_text(
        self, item: Int[Tensor, " b"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"],
        z: Float[Tensor, "b n h"], past: list[tuple[Tensor, Tensor]],
    ) -> dict[str, Tensor]:  # fmt: skip
        """ITC, ITM and ITG of items and their texts, in one pass of texts and one of both."""
        size, c = len(item), self.config
        decode = ids.clone()
        decode[:, 0] = self.tokens.decode
        told = torch.arange(2 * size, device=ids.device) >= size
        read = self.qformer.read(torch.cat([ids, decode]), mask.repeat(2, 1),
                                 [(k.repeat(2, 1, 1, 1), v.repeat(2, 1, 1, 1)) for k, v in past], told)  # fmt: skip
        q, t = self.spaces(z, read[:size, 0])
        similarity = best_of_queries(q, t) / self.temperature
        apart = self.told.alike[item][:, None] != self.told.alike[item]
        itc = contrast(similarity, apart, c.smoothing)
        text, able_text = hard_negatives(similarity, apart)
        other, able_item = hard_negatives(similarity.T, apart.T)
        sources = self.qformer.sources(self.factors.items(torch.cat([item, item, item[other]])))
        which = torch.cat([torch.arange(size, device=ids.device), text, torch.arange(size, device=ids.device)])
        seen = self.qformer.match(sources, ids[which], mask[which])
        itm, right = matching(self.match_head(seen).mean(1), torch.cat([able_text, able_item]))
        itg = generation(self.written(read[size:]), decode, mask, c.smoothing)
        return {"itc": itc, "itm": itm, "itg": itg, "itm_right": right}

    def spaces(
        self, z: Float[Tensor, "b n h"], first: Float[Tensor, "b h"]
    ) -> tuple[Float[Tensor, "b n p"], Float[Tensor, "b p"]]:
        """Queries and texts as they are compared, of length 1."""
        return F.normalize(self.item_space(z), dim=-1), F.normalize(self.text_space(first), dim=-1)

    def written(self, hidden: Float[Tensor, "b l h"]) -> Float[Tensor, "b l v"]:
        """Logits of the next token."""
        return self.write_head(hidden) @ self.qformer.words.weight.T + self.write_bias

    def after_step(self) -> None:
        """Keeps the temperature from running away."""
        with torch.no_grad():
            self.temperature.clamp_(0.01, 0.5)

    # --- use ---------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """What the queries make of users, who are special items; pooled is their mean."""
        return latents(self.qformer(self.factors.users(self.factors.fold(batch)[0])))

    @torch.no_grad()
    def predict(self, batch: Batch) -> Preferences:
        """What is nearest to users in the space of phase 1: products of means of the queries' vectors. A ranking only
        where users and items were brought together (`align.pairs`)."""
        item = self.factors.items(torch.arange(1, self.spec.items + 1, device=batch["item"].device))
        return Preferences(self.placed(self.factors.users(self.factors.fold(batch)[0])), self.placed(item))

    def placed(self, vector: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
        """Collaborative vectors in the space that is compared: the mean of the queries' vectors of length 1."""
        parts = [F.normalize(self.item_space(self.qformer(some)), dim=-1).mean(1) for some in vector.split(1024)]
        return torch.cat(parts)

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights of phase 1 of BLIP-2 in LAVIS, whose encoder this is; what has no part there is left out."""
        made = {f"qformer.{name}": value for name, value in from_blip2(state).items()}
        made |= {new + kind: state[old + kind] for old, new in _HEADS.items() for kind in (".weight", ".bias")
                 if old + kind in state}  # fmt: skip
        for old, new in (("temp", "temperature"), ("Qformer.cls.predictions.bias", "write_bias")):
            if old in state:
                made[new] = state[old]
        return made


_HEADS = {
    "vision_proj": "item_space",
    "text_proj": "text_space",
    "itm_head": "match_head",
    "Qformer.cls.predictions.transform.dense": "write_head.0",
    "Qformer.cls.predictions.transform.LayerNorm": "write_head.2",
}


def earlier(batch: Batch) -> Batch:
    """Windows without their last event."""
    last = batch["frames"] - 1
    mask = batch["mask"] & (torch.arange(batch["mask"].shape[1], device=last.device) < last[:, None])
    return batch | {"item": batch["item"] * mask, "mask": mask, "frames": last.clamp(min=0)}


def latents(z: Float[Tensor, "b n h"]) -> Latents:
    """Vectors of queries as latents of whole recordings: a single step."""
    pooled = z.mean(1)
    return Latents(pooled[:, None], pooled, torch.ones(len(z), 1, dtype=torch.bool, device=z.device))
