"""The extractor: spans of a document and their roles in an event."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Arguments
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.detect.scprg.encoder import Encoder, EncoderConfig
from acteme.systems.detect.scprg.head import Head, Pooling, boundary, focal
from acteme.systems.detect.scprg.inputs import Layout, Row, Rows, Tokens, collate
from acteme.systems.detect.scprg.official import official_state_dict
from acteme.systems.detect.scprg.pretrain import document_words

WHOLE = Windows(frames=None, limit=1 << 30)
"""Whole documents: what is too long for a row is cut in tokens, around the trigger."""


@dataclass(frozen=True)
class ExtractConfig:
    """Settings of the extractor; the defaults are those for RAMS, but for the encoder."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Which transformer reads the documents."""
    layout: Layout = field(default_factory=Layout)
    """How a document and its roles are put in a row."""
    pooling: Pooling = field(default_factory=Pooling)
    """What spans pool."""
    event_vector: bool = True
    """The classifier sees the state of the type's mark."""
    alpha: float = 10.0
    """Focal loss: weight of roles, of which null has 1."""
    gamma: float = 2.0
    """Focal loss: power of one minus the probability."""
    boundaries: float = 0.05
    """Factor of the loss of starts and ends (lambda); 0: there is none."""
    boundary_weight: float = 10.0
    """Weight of a start or an end among tokens that are none."""
    encoder_rate: float = 0.3
    """Learning rate of the encoder, relative to that of the rest."""
    protocol: Literal["clean", "official"] = "clean"
    """`official`: as the official code is evaluated, true spans are among the candidates and events without true
    arguments have no roles, in the test as well; for comparison with published tables."""
    constrained: bool = False
    """Of each role, predict only as many arguments as its type allows, the most probable ones."""
    windows: Windows = WHOLE
    """Whole documents."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="adamw",
            lr=1e-4,
            weight_decay=0.01,
            epochs=50,
            batch=2,
            accumulate=4,
            schedule="linear",
            warmup=0.2,
            clip=1.0,
        )
    )
    """How it is optimized."""

    def __post_init__(self) -> None:
        for name in ("alpha", "gamma", "boundaries", "boundary_weight", "encoder_rate"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}", "extract", "give 0 or more")

    @classmethod
    def small(cls) -> "ExtractConfig":
        """A fresh encoder for the world `newsroom`, on two processor cores in a minute or two."""
        return cls(
            encoder=EncoderConfig(name="fresh", dropout=0.0), layout=Layout(longest=3), encoder_rate=1.0,
            recipe=Recipe(optimizer="adamw", lr=2e-3, weight_decay=0.01, epochs=8, batch=16, schedule="linear",
                          warmup=20, clip=1.0),
        )  # fmt: skip


class Extractor(nn.Module):
    """Finds the arguments of an event (SCPRG).

    Args:
        config: settings.
        spec: types of events (`classes`) and `roles`.

    Raises:
        InputError: the data has no roles; the encoder cannot be had.
    """

    official_state_dict = staticmethod(official_state_dict)

    def __init__(self, config: ExtractConfig, spec: Spec):
        super().__init__()
        if not spec.roles:
            raise InputError("the data has no roles of events", "data", "give documents, see docs/data.md")
        self.config, self.spec = config, spec
        self.encoder = Encoder(config.encoder, spec)
        width, drop = self.encoder.width, self.encoder.dropout
        labels = len(spec.roles) + 1
        self.drop = nn.Dropout(drop)
        self.head = Head(width, labels, config.pooling, config.boundaries > 0, config.event_vector, drop)
        numbers = {kind: k for k, kind in enumerate(spec.classes)}
        self.roles: list[list[int]] = [[] for _ in spec.classes]
        for number, (kind, _) in enumerate(spec.roles):
            self.roles[numbers[kind]].append(number)
        self.rows = Rows(self.encoder.words, config.layout, self.encoder.limit, self.roles)

    def rates(self) -> Mapping[str, float]:
        """The encoder learns slower than the rest."""
        return {"encoder.": self.config.encoder_rate}

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the encoder that was trained on masked tokens, and its words."""
        if "pretrain" in previous:
            self.encoder.load_state_dict(previous["pretrain"].encoder.state_dict())  # type: ignore[union-attr]

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Gives a fresh encoder its words, where it has none yet."""
        if self.encoder.words.fresh and not bool(self.encoder.words.known.any()):
            self.encoder.words.learn(document_words(batches))

    # --- what is computed ---------------------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Focal loss of the spans and cross entropies of their ends."""
        rows = self.rows.of(batch)
        gold = [true_spans(row, a) for row, a in zip(rows, batch["argument"].cpu().numpy(), strict=True)]
        spans, targets = zip(*(with_truth(row.candidates, *g) for row, g in zip(rows, gold, strict=True)), strict=True)
        open_ = self.open(batch, closed=self.config.protocol == "official")
        h, a, tokens = self._encoded(rows, spans)
        logits = self.head(h, a, tokens, open_)
        target = torch.from_numpy(np.concatenate(targets)).to(open_)
        column = (open_[tokens.of] == target[:, None]).long().argmax(1)
        losses = {"roles": focal(logits, column, self.config.alpha, self.config.gamma)}
        losses["total"] = losses["roles"]
        if self.config.boundaries > 0:
            marks = torch.zeros(2, *tokens.ids.shape, dtype=torch.long)
            for i, (some, _) in enumerate(gold):
                marks[0, i, some[:, 0]] = 1
                marks[1, i, some[:, 1]] = 1
            pair = zip(self.head.boundaries(h), marks.to(h.device), strict=True)
            ends = sum(boundary(x, y, tokens.mask, self.config.boundary_weight) for x, y in pair)
            losses["boundaries"] = torch.as_tensor(ends)
            losses["total"] = losses["total"] + self.config.boundaries * losses["boundaries"]
        return losses

    @torch.no_grad()
    def predict(self, batch: Batch) -> Arguments:
        """The arguments of each event; `document` is the position in the batch, `role` the number in `Spec.roles`."""
        rows = self.rows.of(batch)
        official = self.config.protocol == "official"
        spans = [row.candidates[row.whole] for row in rows]
        if official:
            found = zip(rows, spans, batch["argument"].cpu().numpy(), strict=True)
            spans = [with_truth(some, *true_spans(row, a))[0] for row, some, a in found]
        open_ = self.open(batch, closed=official)
        h, a, tokens = self._encoded(rows, spans)
        chance, column = torch.softmax(self.head(h, a, tokens, open_), -1).max(1)
        label = open_[tokens.of, column].cpu().numpy()
        of, span, score = (x.cpu().numpy() for x in (tokens.of, tokens.span, chance))
        short = span[:, 1] - span[:, 0] < self.config.layout.longest
        kept = np.flatnonzero((label > 0) & short)
        of, span, label, score = of[kept], span[kept], label[kept], score[kept].astype(np.float64)
        words = _words(rows, of, span)
        shift = batch["trigger"].cpu().numpy()
        columns = np.stack([of, words[:, 0], words[:, 1], label - 1], 1)
        _, once = np.unique(columns, axis=0, return_index=True)
        once = once[(words[once] >= 0).all(1)]
        of, words, role, score = of[once], words[once], label[once] - 1, score[once]
        out = Arguments(of, np.stack([shift[of, 0], shift[of, 1] - 1], 1), words, role, score)
        return out.select(self._allowed(out)) if self.config.constrained else out

    def encode(self, batch: Batch) -> Latents:
        """States of the words (of their first token; zero where a word was cut away) and of the trigger's mark."""
        rows = self.rows.of(batch)
        h, _, tokens = self._encoded(rows, [row.candidates[:0] for row in rows])
        at = torch.full(batch["mask"].shape, -1, dtype=torch.long)
        for i, row in enumerate(rows):
            at[i, : len(row.first)] = torch.from_numpy(row.first)
        at = at.to(h.device)
        mask = at >= 0
        states = h.gather(1, at.clamp(min=0)[..., None].expand(-1, -1, h.shape[2])) * mask[..., None]
        return Latents(states, h[torch.arange(len(h), device=h.device), tokens.trigger], mask)

    def open(self, batch: Batch, closed: bool = False) -> Int[Tensor, "b r"]:
        """Labels of each row: null and the roles of its type, -1 for none.

        Args:
            batch: documents.
            closed: as in the official code, events without true arguments have null alone.
        """
        label = batch["label"].tolist()
        own = [[0, *(r + 1 for r in self.roles[kind])] for kind in label]
        if closed:
            some = (
                ((batch["argument"][..., 2] >= 0).any(1)).tolist() if batch["argument"].shape[1] else [False] * len(own)
            )
            own = [labels if any_ else [0] for labels, any_ in zip(own, some, strict=True)]
        out = torch.full((len(own), max(map(len, own))), -1)
        for i, labels in enumerate(own):
            out[i, : len(labels)] = torch.tensor(labels)
        return out.to(batch["label"].device)

    def _encoded(self, rows: Sequence[Row], spans: Sequence[np.ndarray]) -> tuple[Tensor, Tensor, Tokens]:
        device = self.head.transform_start.weight.device
        tokens = collate(rows, spans, self.encoder.words.pad, device)
        h, a = self.encoder(tokens.ids, tokens.length)
        return self.drop(h), a, tokens

    def _allowed(self, found: Arguments) -> np.ndarray:
        """Which predictions are among the most probable ones of their role, as many as its type allows."""
        most = np.array(self.spec.most or [0] * len(self.spec.roles))
        order = np.lexsort((-found.score, found.role, found.document))
        pair = np.stack([found.document, found.role], 1)[order]
        new = np.append(True, (pair[1:] != pair[:-1]).any(1))[: len(order)]
        begin = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order)) - begin
        return (rank < most[found.role]) | (most[found.role] == 0)


def true_spans(row: Row, argument: Int[np.ndarray, "a 3"]) -> tuple[np.ndarray, np.ndarray]:
    """First and last token (a, 2), and label, of the true arguments that are in the row and whose role is known."""
    count = len(row.first)
    inside = (argument[:, 0] >= 0) & (argument[:, 1] <= count) & (argument[:, 2] >= 0)
    some = argument[inside]
    spans = np.stack([row.first[some[:, 0]], row.last[some[:, 1] - 1]], 1)
    there = (spans >= 0).all(1)
    return spans[there], some[there, 2] + 1


def with_truth(candidates: np.ndarray, spans: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True spans, one for each of their roles, then the candidates that are none, with label 0."""
    size = int(max(candidates.max(initial=0), spans.max(initial=0))) + 1
    known = np.isin(candidates[:, 0] * size + candidates[:, 1], spans[:, 0] * size + spans[:, 1])
    rest = candidates[~known]
    return np.concatenate([spans, rest]), np.concatenate([label, np.zeros(len(rest), np.int64)])


def _words(rows: Sequence[Row], of: np.ndarray, span: np.ndarray) -> Int[np.ndarray, "n 2"]:
    """First and last word of spans of tokens; -1 where one does not begin, or end, with a whole word."""
    out = np.full((len(span), 2), -1, np.int64)
    for i in np.unique(of):
        row, mine = rows[i], of == i
        for side, ends in enumerate((row.first, row.last)):
            word = row.word_at[span[mine, side]]
            good = (word >= 0) & (ends[word] == span[mine, side])
            out[mine, side] = np.where(good, word, -1)
    return out


def rams() -> ExtractConfig:
    """The official setting for RAMS: BERT base and its unused tokens as marks (large: `encoder.name=roberta-large`)."""
    return ExtractConfig(encoder=EncoderConfig(name="bert-base-uncased", markers="official"))


def wikievents() -> ExtractConfig:
    """The official setting for WikiEvents: batches of 4, 100 epochs, points may be within arguments.

    Large: `encoder.name=roberta-large`, `recipe.batch=2`, `recipe.accumulate=4` and `recipe.warmup=0.1`.
    """
    base = rams()
    recipe = replace(base.recipe, batch=4, accumulate=2, epochs=100, weight_decay=0.1, warmup=0.05)
    return replace(base, layout=replace(base.layout, excluded=(",", "!", "?", ":")), boundaries=0.1, recipe=recipe)
