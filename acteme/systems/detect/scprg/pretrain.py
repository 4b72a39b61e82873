"""Masked tokens: what a fresh encoder learns from text alone, before it learns from events."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.documents.columns import words_in
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.detect.scprg.encoder import Encoder, EncoderConfig


@dataclass(frozen=True)
class PretrainConfig:
    """Settings of the masked tokens."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """Which transformer; the extractor's."""
    share: float = 0.15
    """Of the tokens that are to be guessed."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=1 << 30))
    """Whole documents."""
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=0, batch=8, lr=5e-5, schedule="linear", clip=1.0))
    """How it is optimized; with 0 epochs the encoder stays what it is."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(f"share is {self.share}", "pretrain", "give a share from 0 to 1")

    @classmethod
    def small(cls) -> "PretrainConfig":
        """Takes half a minute on two processor cores."""
        recipe = Recipe(lr=2e-3, weight_decay=0.01, epochs=6, batch=32, schedule="linear", warmup=20, clip=1.0)
        return cls(EncoderConfig(name="fresh", dropout=0.0), recipe=recipe)


class Pretrainer(nn.Module):
    """Guesses masked tokens of documents.

    Of the tokens that are chosen, 80% are masked, 10% are others and 10% stay. The guess is a layer, GELU and
    normalization, then the products with the embeddings, and a bias.

    Args:
        config: settings.
        spec: types and roles, which have marks.

    Raises:
        InputError: the encoder cannot be had, or has no token for masks.
    """

    def __init__(self, config: PretrainConfig, spec: Spec):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, spec)
        if self.encoder.words.mask is None:
            raise InputError("has no token for masks", f"model '{config.encoder.name}'", "leave the stage away")
        width, words = self.encoder.width, self.encoder.words.size
        self.guess = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words))

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Gives a fresh encoder its words."""
        self.encoder.words.learn(document_words(batches))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of the masked tokens; `right` is the share of them that is guessed."""
        ids, mask = self._rows(batch)
        seen, chosen = masked(ids, mask, self.config.share, self.encoder.words.mask, self.encoder.words.ordinary)
        logits = self._logits(self.encoder.states(seen, mask)[chosen])
        total = F.cross_entropy(logits, ids[chosen])
        return {"total": total, "right": (logits.argmax(-1) == ids[chosen]).float().mean()}

    def encode(self, batch: Batch) -> Latents:
        """States of the tokens, and their mean."""
        ids, mask = self._rows(batch)
        states = self.encoder.states(ids, mask) * mask[..., None]
        return Latents(states, states.sum(1) / mask.sum(1, keepdim=True), mask)

    def _logits(self, states: Float[Tensor, "n d"]) -> Float[Tensor, "n v"]:
        table = self.encoder.model.get_input_embeddings().weight[: self.encoder.words.size]  # type: ignore[operator]
        return F.linear(self.guess(states), table, self.bias)

    def _rows(self, batch: Batch) -> tuple[Int[Tensor, "b l"], Bool[Tensor, "b l"]]:
        """Tokens of the documents between start and end; of long ones the first."""
        words, device = self.encoder.words, self.bias.device
        room = self.encoder.limit - 1 - len(words.end)
        rows = [[n for word in some for n in words.pieces(word)][:room] for some in _texts(batch)]
        made = [torch.tensor([words.first, *row, *words.end]) for row in rows]
        ids = nn.utils.rnn.pad_sequence(made, batch_first=True, padding_value=words.pad).to(device)
        length = torch.tensor(list(map(len, made)), device=device)
        return ids, torch.arange(ids.shape[1], device=device) < length[:, None]


def masked(
    ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"], share: float, token: int, words: tuple[int, int]
) -> tuple[Int[Tensor, "b l"], Bool[Tensor, "b l"]]:
    """Rows with some tokens hidden, and which ones are to be guessed; start and end never, at least one in all.

    Args:
        ids: padded rows.
        mask: which tokens exist.
        share: of the tokens that are to be guessed.
        token: of a mask.
        words: first number of words, and one past the last, of which others are drawn.
    """
    inner = mask.clone()
    inner[:, 0] = False
    inner &= F.pad(mask[:, 1:], (0, 1))  # the last one ends the row
    drawn = torch.where(inner, torch.rand(ids.shape, device=ids.device), 2.0)
    chosen = (drawn < share) | (drawn == drawn.min())
    kind = torch.rand(ids.shape, device=ids.device)
    other = torch.randint(*words, ids.shape, device=ids.device)
    hidden = torch.where(kind < 0.8, token, torch.where(kind < 0.9, other, ids))
    return torch.where(chosen, hidden, ids), chosen


def document_words(batches: Iterable[Batch]) -> Iterator[str]:
    """All words of documents, in order."""
    return (word for batch in batches for some in _texts(batch) for word in some)


def _texts(batch: Batch) -> Iterator[list[str]]:
    text, word, frames = batch["text"].cpu().numpy(), batch["word"].cpu().numpy(), batch["mask"].sum(1).tolist()
    return (words_in(t[0].tobytes(), w[:n]) for t, w, n in zip(text, word, frames, strict=True))
