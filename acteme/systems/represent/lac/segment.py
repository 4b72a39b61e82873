"""LAC, third stage: the visual encoder and one linear layer give every frame a score per class.

Source: Yang et al. (ICCV 2023), section 3.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import FrameScores
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.represent.lac.contrast import Contrast, encode
from acteme.systems.represent.lac.inputs import EncoderConfig, people
from acteme.systems.represent.lac.unik import STRIDE, tensors, unik_state


@dataclass(frozen=True)
class SegmenterConfig:
    """Settings of the segmentation stage."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The visual encoder; as in the contrastive stage where it is inherited."""
    pretrained: bool = True
    """Start from the contrastive stage's query encoder; off: from random weights (the claim's other baseline)."""
    frozen: bool = False
    """Train the last layer only (linear protocol); off: everything."""
    windows: Windows = field(default_factory=lambda: Windows(frames=400, stride=200))
    """Training windows."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.1, nesterov=True, weight_decay=1e-4, batch=16, epochs=50,
            schedule="step", milestones=(30, 40),
        )
    )  # fmt: skip
    """Optimization."""

    @classmethod
    def small(cls) -> "SegmenterConfig":
        """Less than a minute on two cores."""
        return cls(
            encoder=EncoderConfig.small(),
            windows=Windows(frames=64, stride=64),
            recipe=Recipe(optimizer="adamw", lr=4e-3, weight_decay=1e-4, batch=16, epochs=5, schedule="cosine"),
        )


class Segmenter(nn.Module):
    """The segmentation stage. Takes recordings of any length.

    Raises:
        InputError: data without classes.
    """

    def __init__(self, config: SegmenterConfig, spec: Spec):
        super().__init__()
        if not spec.classes:
            raise InputError("the data name no classes", "segment", "annotate segments, or train the first stages only")
        self.config, self.spec = config, spec
        self.encoder = config.encoder.build(spec, len(spec.classes))
        if config.frozen:
            self.encoder.requires_grad_(False)
            self.encoder.fc.requires_grad_(True)

    def train(self, mode: bool = True) -> "Segmenter":
        """With `frozen` the encoder's batch statistics stay as they are."""
        super().train(mode)
        if self.config.frozen:
            self.encoder.eval()
        return self

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the pre-trained encoder. Raises InputError where there is none, or another one."""
        if not self.config.pretrained:
            return
        contrast = previous.get("contrast")
        if not isinstance(contrast, Contrast):
            raise InputError("no pre-trained encoder to start from", "segment",
                             "train the contrast stage first, or set segment.pretrained=false")  # fmt: skip
        theirs = {n: v for n, v in contrast.encoder_q.state_dict().items() if not n.startswith("fc.")}
        ours = self.encoder.state_dict()
        if any(name not in ours or ours[name].shape != value.shape for name, value in theirs.items()):
            raise InputError("the pre-trained encoder has another shape", "segment.encoder",
                             "set it as contrast.encoder")  # fmt: skip
        self.encoder.load_state_dict(theirs, strict=False)

    def logits(self, batch: Batch) -> Float[Tensor, "b t k"]:
        """Score of each class in each frame: that of the frame's step of 4."""
        x, mask, _ = people(batch, self.spec, self.config.encoder.up)
        z = self.encoder(self.config.encoder.input(x), mask)
        return z.repeat_interleave(STRIDE, 1)[:, : mask.shape[1]]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Binary cross entropy, averaged over classes and the frames that exist."""
        each = F.binary_cross_entropy_with_logits(self.logits(batch), batch["frame_labels"], reduction="none")
        return {"total": each[batch["mask"]].mean()}

    @torch.no_grad()
    def predict(self, batch: Batch) -> FrameScores:
        """Probability of each class in each frame, each on its own."""
        return FrameScores(self.logits(batch).sigmoid(), batch["mask"])

    def encode(self, batch: Batch) -> Latents:
        """Features of the encoder, before its last layer."""
        return encode(self.encoder, self.config.encoder, self.spec, batch)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """State of an official fine-tuned model (`model_action.*`) or of a bare UNIK under our names.

        Raises:
            InputError: the state is that of something else.
        """
        plain = {name.removeprefix("model_action."): value for name, value in tensors(state).items()}
        return {f"encoder.{name}": value for name, value in unik_state(plain).items()}
