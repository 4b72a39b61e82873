"""The only stage, `rank`: learns what is clicked, foretells how a window's last event turns out."""

from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.sequence import Met
from acteme.recordings.annotations import Chances
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.systems.recommend.dare.config import RankConfig
from acteme.systems.recommend.dare.model import Model, Seen
from acteme.systems.recommend.dare.negatives import Negatives
from acteme.systems.recommend.dare.official import from_official
from acteme.systems.recommend.dare.tables import KINDS, Events, Use, Weights
from acteme.systems.recommend.dare.variants import DESIGNS

EPSILON = 1e-8
"""Added to probabilities within logarithms."""


class Ranker(nn.Module):
    """Foretells clicks from a target and a long history in two stages, a search and attention to what it found.

    Where outcomes are 0 and 1 they are what is learned, and the history is what was clicked. Elsewhere every event is a
    click, and negatives are drawn.

    Args:
        config: the settings.
        spec: of the data; it says how many items there are, and which fields.

    Raises:
        InputError: no items, no such field, or settings that contradict themselves.
    """

    def __init__(self, config: RankConfig, spec: Spec):
        super().__init__()
        check(config, spec)
        self.config, self.spec = config, spec
        self.field = spec.fields.index(config.category) if config.category else None
        self.model = Model(config, spec.items + 1, 1 if self.field is None else spec.sizes[self.field])
        self.negatives = Negatives(spec.items + 1, self.field)

    @property
    def protocol(self) -> str:
        """How its predictions are to be measured (`engine.measures.clicks`): by outcomes, or against negatives."""
        return "outcomes" if bool(self.negatives.labeled) else "negatives"

    def remember(self, corpus: Corpus) -> None:
        """Keeps the training recordings, so that no negative is what its user has met before the window."""
        self.negatives.met = Met(corpus, self.config.official_negatives)

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """How often items occur, their categories, and whether outcomes are labels."""
        self.negatives.calibrate(batches)

    def seen(self, batch: Batch) -> Seen:
        """The last event of each window as the target, after what came before it."""
        item, last = batch["item"], batch["frames"][:, None] - 1
        slots = torch.arange(item.shape[1] - 1, device=item.device)
        valid = slots < last
        if bool(self.negatives.labeled):
            valid = valid & (batch["outcome"][:, :-1] > 0)
        category = item * 0 if self.field is None else batch["field"][..., self.field]
        # slots beyond the history are older than all of it, as if they stood before it
        position = torch.where(slots < last, last - slots, slots + 1).clamp(max=self.config.positions - 1)
        behavior = Events(item[:, :-1] * valid, category[:, :-1] * valid, position)
        target = Events(item.gather(1, last), category.gather(1, last), torch.zeros_like(last))
        return Seen(target, behavior, valid)

    def instead(self, seen: Seen, item: Int[Tensor, "b c"], category: Int[Tensor, "b c"]) -> Seen:
        """Other targets after the same histories."""
        return Seen(Events(item, category, torch.zeros_like(item)), seen.behavior, seen.valid)

    def rows(self, batch: Batch) -> tuple[Seen, Int[Tensor, "b c"]]:
        """Targets with their labels, 1 for a click: outcomes where these are known, else clicks and then negatives.

        Raises:
            InputError: the data tells clicks only, and no negatives are to be drawn.
        """
        seen = self.seen(batch)
        if bool(self.negatives.labeled):
            return seen, batch["outcome"].gather(1, batch["frames"][:, None] - 1).long()
        if not self.config.negatives:
            what = "the data says what was clicked, not what was not"
            raise InputError(what, "rank.negatives", "give 1 or more, or outcomes that are 0 and 1")
        clicked = torch.cat([seen.target.item, seen.behavior.item], 1)
        last = batch["start"] + batch["frames"] - 1
        item, category = self.negatives.draw(clicked, self.config.negatives, batch["index"], last)
        label = torch.zeros(len(item), 1 + item.shape[1], dtype=torch.long, device=item.device)
        label[:, 0] = 1
        both = ((seen.target.item, item), (seen.target.category, category))
        return self.instead(seen, *(torch.cat(pair, 1) for pair in both)), label

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Mean loss over targets, that of attention to the whole history, and the squares of weights."""
        return self.loss(*self.rows(batch))

    def loss(self, seen: Seen, label: Int[Tensor, "b c"], weights: Weights | None = None) -> dict[str, Tensor]:
        """Losses of targets with labels (1 for a click), by given tables (see `Tables.weights`) or its own."""
        read = self.model.read(seen, self.model.has_auxiliary, weights)
        parts = {"click": wrong(self.model.logits(read), label)}
        if (whole := self.model.auxiliary_logits(read)) is not None:
            parts["auxiliary"] = wrong(whole, label)
        parts["squares"] = self.config.l2 * self.model.penalty()
        return {"total": torch.stack(list(parts.values())).sum()} | parts

    def gradients(self, batch: Batch, kind: str = "category") -> dict[Use, Float[Tensor, "n d"]]:
        """Gradients of the losses at one table by what reads it: attention, representation (see `tasks.decoupling`).

        A shared table is seen as two equal ones. Training goes on as if nothing had been asked: the next losses draw
        the same negatives, and no running statistics move.

        Raises:
            InputError: there are not one or two such tables.
        """
        tables = self.model.tables
        if tables.design.sets > 2 or kind not in tables.kinds or self.config.sparse:
            what = f"variant '{self.config.variant}' has no two gradients of {kind}"
            raise InputError(what, mend="ask twin or dare, and not with sparse gradients")
        weights = tables.weights(apart=True)
        leaves = [weights[use, "behavior"][kind] for use in ("attention", "representation")]
        norms = [part for part in self.modules() if isinstance(part, nn.BatchNorm1d)]
        momentum = [part.momentum for part in norms]
        try:
            for part in norms:
                part.momentum = 0.0
            with torch.random.fork_rng(devices=[]):
                total = self.loss(*self.rows(batch), weights)["total"]
        finally:
            for part, own in zip(norms, momentum, strict=True):
                part.momentum = own
        of_attention, of_representation = torch.autograd.grad(total, leaves, materialize_grads=True)
        return {"attention": of_attention, "representation": of_representation}

    @torch.no_grad()
    def predict(self, batch: Batch) -> Chances:
        """Probability that the last event of each window is a click; its outcome is not read."""
        return Chances(self.chances(self.seen(batch))[:, 0])

    def chances(self, seen: Seen) -> Float[Tensor, "b c"]:
        """Probability of a click on each target."""
        return self.model.logits(self.model.read(seen)).softmax(-1)[..., 0]

    @torch.no_grad()
    def attention(self, seen: Seen, items: bool = True) -> Float[Tensor, "b c t"]:
        """Scores by which the search ranks the history; lowest where there is no behavior.

        Args:
            seen: targets and histories.
            items: whether items count. Without them it is <q, k> over category / sqrt(width of item and category) plus
                <q, k> over position / sqrt(its width), by which the official code measures what a search finds.

        Raises:
            InputError: without items, of a variant whose score is no such sum.
        """
        q, k, score = self.model.scores(self.model.tables.weights(), seen)
        if not items:
            design = self.model.design
            if design.score != "scaled" or design.search != "score" or design.project == "whole":
                what = f"variant '{self.config.variant}' has no score of category and position alone"
                raise InputError(what, "attention", "ask for that with items")
            q[..., : self.model.tables.widths["attention"].item] = 0
            score = self.model.score(q, k)
        return self.model.rank(seen, q, k, score, seen.valid)

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The user's interest as the last event of each window calls it up, and the representation of each event."""
        seen = self.seen(batch)
        read, weights = self.model.read(seen), self.model.tables.weights()
        slots = torch.arange(batch["item"].shape[1], device=batch["item"].device)
        ago = (batch["frames"][:, None] - 1 - slots).clamp(0, self.config.positions - 1)
        category = batch["item"] * 0 if self.field is None else batch["field"][..., self.field]
        events = Events(batch["item"], category, ago)
        tokens = self.model.tables.embed(weights, "representation", "behavior", events)
        return Latents(tokens * batch["mask"][..., None], read.interest[:, 0], batch["mask"])

    @torch.no_grad()
    def inputs(self, batch: Batch) -> Float[Tensor, "b i"]:
        """What the classifier sees of each window, whose power to discriminate can be measured (`tasks.decoupling`)."""
        return self.model.inputs(self.model.read(self.seen(batch)))[:, 0]

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Names and tables of ours from those of the official checkpoints, of any variant that these have.

        Raises:
            InputError: no checkpoint of DARE's code, or one of a variant that is not here.
        """
        return from_official(state)


def wrong(logits: Float[Tensor, "b c 2"], label: Int[Tensor, "b c"]) -> Tensor:
    """Mean of -log(p + 1e-8), p the probability of what is true; the first logit is that of a click."""
    p = logits.softmax(-1)
    return -(torch.where(label > 0, p[..., 0], p[..., 1]) + EPSILON).log().mean()


def check(config: RankConfig, spec: Spec) -> None:
    """Raises InputError where settings contradict themselves or the data."""
    if not spec.items:
        raise InputError("the data has no items", "dare", "give a log with a column of items")
    if config.category and config.category not in spec.fields:
        known = ", ".join(spec.fields) or "none"
        mend = f"name one of the data's fields ({known}), or none: --set rank.category="
        raise InputError(f"the data has no field '{config.category}'", "rank.category", mend)
    frames = config.windows.frames
    if frames is None or not config.windows.prefixes:
        raise InputError("windows must end with a target", "rank.windows", "set frames, and prefixes=true")
    design = DESIGNS[config.variant]
    own = [kind for kind in KINDS if getattr(config.attention, kind)]
    for bad, where, what, mend in (
        (frames > config.positions, "positions", f"{config.positions} rows for a history of {frames - 1}",
         f"give at least {frames}"),
        (config.top < 1, "top", "the search is to keep nothing", "give at least 1"),
        (bool(own) and design.sets == 1, "attention", f"variant '{config.variant}' has no tables for attention alone",
         "set rank.width, or take variant dare"),
        (config.sparse and design.rescaled, "sparse", "norms of whole gradients are wanted", "set sparse=false"),
        (config.average and design.search == "buckets", "average", "is not there for sdim", "set average=false"),
        (design.search == "buckets" and config.bits % config.signature > 0, "bits",
         f"{config.bits} bits are no rounds of {config.signature}", "give a multiple"),
    ):  # fmt: skip
        if bad:
            raise InputError(what, f"rank.{where}", mend)
