"""The stage `classify`: a linear classifier on the frozen encoder (linear probe), or fine-tuning of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import LabelScores
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.sample import center_resize, crop_resize
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.represent.halp.encoder import (
    Encoder,
    EncoderConfig,
    Modality,
    check_spec,
    encode_clips,
    sequence,
)
from acteme.systems.represent.halp.official import classifier_state
from acteme.systems.represent.halp.pretrain import CLIPS, Pretrain, PretrainConfig

RECIPE = Recipe(
    optimizer="sgd", lr=0.005, momentum=0.9, epochs=80, schedule="step", milestones=(50, 70), drop_last=False
)


@dataclass(frozen=True)
class ClassifyConfig:
    """Linear probe. The defaults are those of NTU RGB+D 60 and 120."""

    modalities: tuple[Modality, ...] = ("joint",)
    """Which encoders are used; the logits of several are averaged."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The encoder of each modality, the same as in `pretrain`."""
    frozen: bool = True
    """Train the linear layer only; otherwise the encoder, too (fine-tuning)."""
    size: int = 64
    """Frames that a clip is resized to."""
    crop: tuple[float, float] = (0.5, 1.0)
    """Smallest and largest part of a clip that is shown in training."""
    shortest: int = 64
    """Frames that are shown at least in training, where the clip has them."""
    windows: Windows = CLIPS
    """What counts as a clip."""
    recipe: Recipe = RECIPE
    """How it is optimized."""

    @classmethod
    def small(cls) -> "ClassifyConfig":
        """Learns on two processor cores in half a minute."""
        return cls(
            encoder=EncoderConfig(hidden=64, layers=1), size=24, shortest=16,
            recipe=Recipe(optimizer="adamw", lr=1e-2, epochs=30, batch=64, schedule="cosine", drop_last=False),
        )  # fmt: skip


class Classifier(nn.Module):
    """Classifies clips by the latents of pre-trained encoders.

    Args:
        config: the settings.
        spec: of the data; it names the classes.

    Raises:
        InputError: no skeleton or no classes.
    """

    def __init__(self, config: ClassifyConfig, spec: Spec):
        super().__init__()
        self.config = config
        self.layout = check_spec(spec, config.modalities)
        if not spec.classes:
            raise InputError(
                "the data names no classes", "classify", "give labelled recordings, or leave this stage out"
            )
        features = spec.joints * spec.channels * spec.persons
        self.encoders = nn.ModuleDict({m: Encoder(features, config.encoder) for m in config.modalities})
        width = 2 * config.encoder.hidden
        self.linear = nn.ModuleDict({m: nn.Linear(width, len(spec.classes)) for m in config.modalities})
        for name, parameter in self.linear.named_parameters():
            nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.normal_(parameter, std=0.01)
        self.encoders.requires_grad_(not config.frozen)

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes over the query encoders of `pretrain`, where it was trained.

        Raises:
            InputError: `pretrain` has other encoders or lacks a modality.
        """
        source = previous.get("pretrain")
        if not isinstance(source, Pretrain):
            return
        check_fit(self.config, source.config)
        for m, encoder in self.encoders.items():
            encoder.load_state_dict(source.parts[m].query.encoder.state_dict())

    def train(self, mode: bool = True) -> "Classifier":
        """Encoders that are frozen stay in evaluation mode: their batch statistics must not follow labelled data."""
        super().train(mode)
        if not any(p.requires_grad for p in self.encoders.parameters()):
            self.encoders.eval()
        return self

    def logits(self, batch: Batch) -> Float[Tensor, "b k"]:
        """Class logits of a random crop (training) or of the middle 95% (evaluation) of each clip."""
        c = self.config
        x, frames = batch["skeleton"], batch["frames"]
        x = crop_resize(x, frames, c.size, c.crop, c.shortest) if self.training else center_resize(x, frames, c.size)
        out = []
        for m, encoder in self.encoders.items():
            with torch.set_grad_enabled(torch.is_grad_enabled() and not c.frozen):
                latent = encoder(sequence(x, m, self.layout))[1]
            out.append(self.linear[m](latent))
        return torch.stack(out).mean(0)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy of the clips that have a label (as `total`), and the accuracy on them."""
        logits, label = self.logits(batch).float(), batch["label"]
        known = label >= 0
        count = known.sum().clamp(min=1)
        total = F.cross_entropy(logits, label, ignore_index=-1, reduction="sum") / count
        return {"total": total, "accuracy": ((logits.argmax(-1) == label) & known).sum() / count}

    def encode(self, batch: Batch) -> Latents:
        """Latents (2 hidden numbers), the mean over modalities, of the middle 95% of each clip."""
        return encode_clips(
            dict(self.encoders.items()), batch["skeleton"], batch["frames"], self.config.size, self.layout
        )

    def predict(self, batch: Batch) -> LabelScores:
        """Class probabilities of each clip."""
        return LabelScores(self.logits(batch).float().softmax(-1))

    @staticmethod
    def official_state_dict(state: dict[str, Any]) -> dict[str, Tensor]:
        """The tensors of an official linear probe's checkpoint under this module's names.

        It holds encoders of all three modalities; for a single-modality model those of motion and bone are random. Of
        a pre-training checkpoint only the encoders are taken (load with `strict=False`).
        """
        return classifier_state(state)


def check_fit(c: ClassifyConfig, source: PretrainConfig) -> None:
    """Raises InputError where the encoders of `pretrain` are not those that `classify` builds on."""
    if source.encoder != c.encoder:
        raise InputError("differs from pretrain.encoder", "classify.encoder", "set both alike")
    for m in c.modalities:
        if m not in source.modalities:
            raise InputError(f"'{m}' was not pre-trained", "classify.modalities", "add it to pretrain.modalities")
