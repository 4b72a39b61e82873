"""The only stage, `align`: motions and texts in one space, in which a text of other order is another text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.nn.text import Text, TextEncoder
from acteme.recordings.annotations import RankedCaptions
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton import descriptors
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.describe.car.losses import contrast, divergence, from_normal
from acteme.systems.describe.car.networks import Network, SequenceDecoder, SequenceEncoder
from acteme.systems.describe.car.official import ours
from acteme.systems.describe.car.texts import Caption, WordTable, apart, bag, captions, coded, decoded, reordered

SHOWN = 5
"""Captions of a prediction."""
AT_ONCE = 256
"""Texts that are encoded at a time outside training."""


@dataclass(frozen=True)
class Weights:
    """Weights of the parts of the loss."""

    recons: float = 1.0
    """Of the motions that are decoded from both latents; 0 leaves the decoder out."""
    kl: float = 1e-5
    """Of the divergences of the two latents from each other and from a normal distribution."""
    latent: float = 1e-5
    """Of the distance of the two latents."""
    contrast: float = 0.1
    """Of the contrast between motions and texts."""


@dataclass(frozen=True)
class AlignConfig:
    """ChronTMR. The defaults are those of HumanML3D, event to event."""

    text: Text = field(default_factory=lambda: Text("distilbert"))
    """The text encoder whose last hidden states are read. Frozen, it does not run again on texts it remembers."""
    text_rate: float = 0.1
    """Times the learning rate at which the text encoder learns where it is trained."""
    words: int = 0
    """Width of a table of words that is learned with the rest, in the text encoder's place; 0: the encoder."""
    reads: Literal["events", "caption"] = "events"
    """What is read of a caption: its clauses in the order of time, or the caption as it was written. Shuffled texts are
    made of clauses, so that against captions as written they can be told by their style alone."""
    negatives: Literal["events", "words", "none"] = "events"
    """What shuffled texts are made of: clauses, single words (a control), or none (TMR)."""
    bag: bool = False
    """The words of every text in alphabetical order, so that no order is left (a control)."""
    judge: str = "sentence-transformers/all-mpnet-base-v2"
    """The text encoder that says which captions mean the same; empty: those that are equal."""
    alike: float = 0.8
    """Captions mean the same, and are no negatives of each other, from this similarity on; (cosine + 1) / 2."""
    spare: bool = False
    """Shuffled texts that mean the same as another motion's caption are no negatives of that motion; officially every
    motion sees every shuffled text, true descriptions of it among them. One's own is always a negative."""
    temperature: float = 0.1
    """Divides the similarities in the contrast."""
    features: Literal["auto", "published", "relative"] = "auto"
    """Numbers per frame of a motion: the vectors of HumanML3D or KIT-ML, or positions relative to the root with
    velocities, for any layout; `auto`: the published ones where there are any. Those that the data stores are taken as
    they are, of other data they are computed."""
    frames: int = 224
    """Frames from the start of a captioned stretch that are seen at most."""
    shortest: float = 2.0
    """Seconds of the shortest captioned stretch that is trained on."""
    longest: float = 10.0
    """Seconds of the longest captioned stretch that is trained on."""
    network: Network = field(default_factory=Network)
    """The size of the two encoders and the decoder."""
    weights: Weights = field(default_factory=Weights)
    """Of the losses."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=2000, captions=True))
    """What counts as a recording; captioned stretches are cut out of it."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(optimizer="adamw", lr=1e-4, weight_decay=0.01, epochs=200, batch=32)
    )
    """How it is optimized."""

    @classmethod
    def small(cls) -> "AlignConfig":
        """A quarter of the width, two layers, the text encoder that comes along; learns in a minute or two."""
        return cls(
            text=Text("minilm"), judge="", shortest=0.0, longest=60.0,
            network=Network(width=64, hidden=128, layers=2, dropout=0.0), weights=Weights(recons=0.1, contrast=1.0),
            recipe=Recipe(optimizer="adamw", lr=2e-3, weight_decay=0.01, epochs=25, batch=64, schedule="cosine",
                          warmup=50),
        )  # fmt: skip


class Retriever(nn.Module):
    """Finds texts for motions and motions for texts.

    Args:
        config: the settings.
        spec: of the data; it names the layout.

    Raises:
        InputError: no skeleton, or settings that contradict each other or the data.
    """

    mean: Tensor
    std: Tensor
    captions: Tensor

    def __init__(self, config: AlignConfig, spec: Spec):
        super().__init__()
        check(config, spec)
        self.config, self.layout = config, spec.layout
        self.published = config.features == "published" or (
            config.features == "auto" and spec.layout in descriptors.BODIES and spec.channels == 3
        )
        features = descriptors.width(spec.layout, spec.persons, spec.channels, self.published)
        self.text: TextEncoder | WordTable = WordTable(config.words) if config.words else TextEncoder(config.text)
        self.judge = TextEncoder(Text(config.judge, truncate=True, unit=True)) if config.judge else None
        self.motion_encoder = SequenceEncoder(features, config.network)
        self.text_encoder = SequenceEncoder(self.text.token_width, config.network)
        self.decoder = SequenceDecoder(features, config.network) if config.weights.recons else None
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.register_buffer("captions", torch.zeros(0, 0, dtype=torch.uint8))
        self._answers: Tensor | None = None

    def rates(self) -> dict[str, float]:
        """The language model's share of the learning rate, where it is trained."""
        return {} if self.config.words else {"text.": self.config.text_rate}

    # --- motions -----------------------------------------------------------------------------------------------------

    def features(self, batch: Batch) -> Float[Tensor, "b t f"]:
        """Standardized numbers of every frame; those beyond a recording's end mean nothing.

        Published vectors are those that the data stores, which saw the whole motion; else they are computed.
        """
        x, frames = batch["skeleton"], batch["frames"].clamp(min=1)
        if self.published and "vector" in batch:
            found = batch["vector"]
        elif self.published:
            found = descriptors.guo(x[:, :, 0], frames, self.layout)
        else:
            found = descriptors.relative(x, frames, self.layout)
        return (found - self.mean) / self.std

    def motions(
        self, batch: Batch, span: Float[Tensor, "b 2"] | None = None
    ) -> tuple[Float[Tensor, "b t f"], Bool[Tensor, "b t"]]:
        """Numbers of the frames of each stretch (whole windows unless given, seconds), zero beyond it; which exist."""
        begin, end = torch.zeros_like(batch["frames"]), batch["frames"]
        if span is not None:
            first, last = _stretch(batch, span)
            begin, end = first.clamp(0, None), torch.minimum(last, end)
        begin = torch.minimum(begin, (batch["frames"] - 1).clamp(min=0))
        length = (end - begin).clamp(1, self.config.frames)
        steps = torch.arange(int(length.max()), device=begin.device)
        mask = steps < length[:, None]
        x = self.features(batch)
        at = (begin[:, None] + steps).clamp(max=x.shape[1] - 1)
        return x.gather(1, at[..., None].expand(-1, -1, x.shape[2])) * mask[..., None], mask

    def encode(self, batch: Batch, span: Float[Tensor, "b 2"] | None = None) -> Latents:
        """Latents of motions: the mean of their distribution; of whole windows, or of a stretch (seconds) of each."""
        x, mask = self.motions(batch, span)
        mean, _, tokens = self.motion_encoder(x, mask)
        return Latents(tokens, mean, mask)

    # --- texts -------------------------------------------------------------------------------------------------------

    def phrase(self, text: str, events: Sequence[str] = ()) -> str:
        """What is read of a caption; its events are found by rule unless given."""
        return self._read(Caption(text, tuple(events) or apart(text)))

    def _read(self, caption: Caption) -> str:
        return " ".join(caption.events) if self.config.reads == "events" else caption.text

    def distributions(self, texts: Sequence[str]) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n d"]]:
        """Mean and logarithm of the variance of texts, as they are."""
        states, mask = self.text.states(self._kept(texts))
        return self.text_encoder(states, mask)[:2]

    def _kept(self, texts: Sequence[str]) -> list[str]:
        return [bag(text) for text in texts] if self.config.bag else list(texts)

    @torch.no_grad()
    def encode_texts(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Latents of texts, as they are (see `phrase`); equal texts have equal latents, whatever stands beside them."""
        texts = self._kept(texts)
        unique = list(dict.fromkeys(texts))
        parts = [self.distributions(unique[a : a + AT_ONCE])[0] for a in range(0, len(unique), AT_ONCE)]
        if not parts:
            raise InputError("there is no text", "car", "give one or more")
        at = {text: i for i, text in enumerate(unique)}
        return torch.cat(parts)[[at[text] for text in texts]]

    @torch.no_grad()
    def similar(self, texts: Sequence[str]) -> Float[Tensor, "n n"]:
        """How much captions mean the same: cosine similarity by the judge; without one, 1 for equal ones, else 0."""
        if self.judge is None:
            at = {text: i for i, text in enumerate(dict.fromkeys(texts))}
            number = torch.tensor([at[text] for text in texts], device=self.mean.device)
            return (number[:, None] == number).float()
        vectors = self.judge(list(texts))
        return vectors @ vectors.T

    # --- learning ----------------------------------------------------------------------------------------------------

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Means and deviations of the numbers of a frame, and the captions that predictions choose from.

        Raises:
            InputError: no caption that can be learned from, or none of several events where such are shuffled.
        """
        total = self.mean.new_zeros(3, len(self.mean), dtype=torch.float64)
        told: dict[str, None] = {}
        usable = compound = 0
        self.mean.zero_(), self.std.fill_(1)
        for batch in batches:
            x = self.features(batch)[batch["mask"]].double()
            total += torch.stack([x.sum(0), x.square().sum(0), torch.full_like(x[0], len(x))])
            for row, good in zip(captions(batch), self.fit(batch).tolist(), strict=True):
                told.update(dict.fromkeys(self._read(c) for c in row))
                usable += sum(good)
                compound += sum(len(c.events) > 1 for c in row)
        if not told:
            raise InputError("no recording has a caption", "car", "give captioned segments (a column text)")
        if not usable:
            what = f"no caption lasts {self.config.shortest:g} to {self.config.longest:g} seconds"
            raise InputError(what, "car", "set align.shortest and align.longest")
        if self.config.negatives != "none" and not compound:
            mend = "give captions of several, or set align.negatives=none"
            raise InputError("no caption tells of two events, whose order could be changed", "car", mend)
        mean = total[0] / total[2]
        std = (total[1] / total[2] - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std < 1e-6, 1, std))
        self.captions = coded(list(told)).to(self.mean.device)

    def fit(self, batch: Batch) -> Bool[Tensor, "b q"]:
        """Captions that can be learned from: neither too short nor too long, and of frames that the window has."""
        seconds = batch["span"][..., 1] - batch["span"][..., 0]
        first, last = _stretch(batch, batch["span"])
        there = (last > first) & (first >= 0) & (first < batch["frames"][:, None])
        long = (seconds >= self.config.shortest - 1e-4) & (seconds <= self.config.longest + 1e-4)
        return (batch["text"][..., 0] > 0) & there & long

    def choose(self, batch: Batch) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
        """Rows that have a caption to learn from, and which one of each, at random."""
        fit = self.fit(batch)
        rows = fit.any(1).nonzero()[:, 0]
        return rows, torch.multinomial(fit[rows].float(), 1)[:, 0] if len(rows) else rows

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`recons`, `kl`, `latent`, `contrast` and their weighted sum, on one caption of each recording.

        Recordings without a caption to learn from are left out.
        """
        rows, which = self.choose(batch)
        if not len(rows):
            zero = sum(p.sum() for p in self.parameters() if p.requires_grad) * 0.0
            return {"total": zero}  # type: ignore[dict-item]
        batch = {name: value[rows] for name, value in batch.items()}
        told = [row[q] for row, q in zip(captions(batch), which.tolist(), strict=True)]
        x, mask = self.motions(batch, batch["span"][torch.arange(len(rows), device=which.device), which])
        return self.compare(x, mask, told)

    def compare(
        self, x: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"], told: Sequence[Caption]
    ) -> dict[str, Tensor]:
        """The losses of motions and their captions."""
        texts = [self._read(c) for c in told]
        other = (
            [] if self.config.negatives == "none" else [reordered(c, self.config.negatives == "words") for c in told]
        )
        whose = [i for i, text in enumerate(other) if text is not None]
        mixed = [text for text in other if text is not None]
        means, logs = self.distributions([*texts, *mixed])
        if not self.config.spare:
            return self.weigh(x, mask, (means, logs), self.alike(texts))
        alike = self.alike([*texts, *mixed])[:, : len(texts)].clone()
        alike[torch.arange(len(texts), len(alike)), whose] = False
        return self.weigh(x, mask, (means, logs), alike)

    def alike(self, texts: Sequence[str]) -> Bool[Tensor, "n n"]:
        """Which texts mean the same."""
        return self.similar(texts) > 2 * self.config.alike - 1

    def weigh(
        self,
        x: Float[Tensor, "b t f"],
        mask: Bool[Tensor, "b t"],
        texts: tuple[Float[Tensor, "m d"], Float[Tensor, "m d"]],
        alike: Bool[Tensor, "n b"],
    ) -> dict[str, Tensor]:
        """The losses of motions and the distributions of their captions, those of shuffled texts behind them.

        `alike`: which texts mean the same as a motion's caption, see `contrast`.
        """
        c, count = self.config, len(x)
        own = (texts[0][:count], texts[1][:count])
        motion = self.motion_encoder(x, mask)[:2]
        z_text, z_motion = sample(*texts), sample(*motion)
        out = {
            "kl": divergence(own, motion) + divergence(motion, own) + from_normal(motion) + from_normal(own),
            "latent": F.smooth_l1_loss(z_text[:count], z_motion),
            "contrast": contrast(z_text, z_motion, c.temperature, alike),
        }
        if self.decoder is not None:
            made = self.decoder(torch.cat([z_text[:count], z_motion]), mask.repeat(2, 1))
            off = F.smooth_l1_loss(made, x.repeat(2, 1, 1), reduction="sum")
            # the mean over `frames` frames, of which those that are padding (here: not even made) add nothing
            out["recons"] = off / (count * c.frames * x.shape[2])
        total = torch.stack([getattr(c.weights, name) * value for name, value in out.items()]).sum()
        return {"total": total, **out}

    # --- answering ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def predict(self, batch: Batch) -> RankedCaptions:
        """The training captions that are nearest to each motion, best first; scores are cosine similarities.

        Raises:
            InputError: the stage knows no captions (it was not trained here).
        """
        if not len(self.captions):
            raise InputError("knows no captions to choose from", "car", "train it, or search in a table of your own")
        texts = decoded(self.captions)
        if self._answers is None or self._answers.device != self.mean.device:
            self._answers = F.normalize(self.encode_texts(texts), dim=-1)
        found = F.normalize(self.encode(batch).pooled, dim=-1) @ self._answers.T
        best = found.topk(min(SHOWN, len(texts)), -1)
        return RankedCaptions([[texts[i] for i in row] for row in best.indices.tolist()], best.values)

    def train(self, mode: bool = True) -> "Retriever":
        self._answers = None
        return super().train(mode)

    def _load_from_state_dict(self, state: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Makes room for the captions that the state holds."""
        held = state.get(prefix + "captions")
        if held is not None:
            self.captions = torch.zeros_like(held, device=self.mean.device)
            self._answers = None
        super()._load_from_state_dict(state, prefix, *rest)

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor], text: bool = False) -> dict[str, Tensor]:
        """An official checkpoint under this module's names.

        Args:
            state: the checkpoint; the official `mean.pt` and `std.pt` may be added as `mean` and `std`.
            text: keep the language model's weights too, for a stage that trains it (`text.trained`).
        """
        return ours(state, text)


def sample(mean: Float[Tensor, "n d"], log: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """A draw from normal distributions, by the logarithm of their variance."""
    return mean + torch.randn_like(mean) * (log / 2).exp()


def _stretch(batch: Batch, span: Float[Tensor, "b *q 2"]) -> tuple[Tensor, Tensor]:
    """First and one-past-last frame within the window of stretches in seconds."""
    shape = [-1] + [1] * (span.ndim - 2)
    frames = torch.floor(span * batch["fps"].view(*shape, 1) + 1e-3).long()
    start = batch["start"].view(shape)
    return frames[..., 0] - start, frames[..., 1] - start


def check(config: AlignConfig, spec: Spec) -> None:
    """Raises InputError where settings contradict themselves or the data."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "car", "give recordings with a skeleton")
    if not config.windows.captions:
        raise InputError("windows come without captions", "align.windows.captions", "set it to true")
    if config.frames < 1 or not config.shortest <= config.longest:
        raise InputError("no motion can be seen", "align.frames, shortest, longest", "allow some")
    if config.temperature <= 0 or not 0.5 <= config.alike <= 1:
        raise InputError("temperature or alike is out of its range", "align", "above 0, and 0.5 to 1")
