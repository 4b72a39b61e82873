"""HaLP's encoder: a skeleton clip as a sequence of vectors, through batch normalization and a GRU, to one latent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.layouts import Layout, layout
from acteme.recordings.skeleton.sample import center_resize
from acteme.recordings.skeleton.streams import Stream, stream
from acteme.recordings.spec import Spec
from acteme.systems.represent.halp.gru import forward_pair

Modality = Literal["joint", "motion", "bone"]
STREAM: dict[str, Stream] = {"joint": "joint", "motion": "joint_motion", "bone": "bone"}


@dataclass(frozen=True)
class EncoderConfig:
    """The encoder of one modality."""

    hidden: int = 1024
    """Units of each of the two halves of a GRU layer; a latent has twice as many numbers."""
    layers: int = 3
    """GRU layers."""
    form: Literal["stepwise", "bigru"] = "stepwise"
    """`stepwise`: both halves run forward in time, as in the official code (fed one step at a time) and behind all
    published numbers and weights; `bigru`: a true bidirectional GRU."""


class Encoder(nn.Module):
    """Batch normalization over the input features, then the GRU.

    Args:
        features: numbers per frame (V C M; 150 for two people of 25 joints).
        config: size and form.
    """

    def __init__(self, features: int, config: EncoderConfig):
        super().__init__()
        self.form = config.form
        self.norm = nn.BatchNorm1d(features)
        self.gru = nn.GRU(features, config.hidden, config.layers, bidirectional=True, batch_first=True)
        xavier(self.gru)

    def forward(self, x: Float[Tensor, "b t f"]) -> tuple[Float[Tensor, "b t 2*h"], Float[Tensor, "b 2*h"]]:
        """A token per step, and the clip's latent: the last step's token. With `bigru` the backward half has read the
        whole clip at the first step, not at the last, and its part of the latent is taken there."""
        x = rearrange(self.norm(rearrange(x, "b t f -> b f t")), "b f t -> b t f")
        if self.form == "stepwise":
            tokens = forward_pair(self.gru, x)
            return tokens, tokens[:, -1]
        tokens = self.gru(x)[0]
        half = self.gru.hidden_size
        return tokens, torch.cat([tokens[:, -1, :half], tokens[:, 0, half:]], -1)


class Branch(nn.Module):
    """Encoder and projection head of one modality: one side (query or key) of momentum contrast.

    Args:
        features: numbers per frame.
        config: of the encoder.
        dim: size of the projection.
        head: `mlp` puts Linear-ReLU before the projection (`--mlp`, used by all official scripts).
    """

    def __init__(self, features: int, config: EncoderConfig, dim: int, head: Literal["mlp", "linear"]):
        super().__init__()
        width = 2 * config.hidden
        self.encoder = Encoder(features, config)
        last = nn.Linear(width, dim)
        xavier(last)
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), last) if head == "mlp" else nn.Sequential(last)

    def forward(self, x: Float[Tensor, "b t f"]) -> Float[Tensor, "b d"]:
        """Projections of unit length."""
        return F.normalize(self.head(self.encoder(x)[1]), dim=-1)


def xavier(module: nn.Module) -> None:
    """Draws every matrix from the uniform distribution of Glorot and Bengio; biases stay."""
    for parameter in module.parameters():
        if parameter.ndim == 2:
            nn.init.xavier_uniform_(parameter)


def sequence(x: Float[Tensor, "b t m v c"], modality: str, skeleton: Layout) -> Float[Tensor, "b t v*c*m"]:
    """The modality's numbers of every frame; joints are the slowest axis, persons the fastest."""
    return rearrange(stream(x, skeleton, STREAM[modality]), "b t m v c -> b t (v c m)")


def encode_clips(
    encoders: Mapping[str, nn.Module], x: Float[Tensor, "b t m v c"], frames: Tensor, size: int, skeleton: Layout
) -> Latents:
    """Latents of the middle 95% of each clip, resized to `size` frames; the mean over the encoders' modalities."""
    x = center_resize(x, frames, size)
    runs = [encoder(sequence(x, modality, skeleton)) for modality, encoder in encoders.items()]
    tokens, pooled = (torch.stack(parts).mean(0) for parts in zip(*runs, strict=True))
    return Latents(tokens, pooled, torch.ones(tokens.shape[:2], dtype=torch.bool, device=x.device))


def check_spec(spec: Spec, modalities: tuple[str, ...]) -> Layout:
    """The layout of the data; InputError where it has no skeleton, or modalities are missing, unknown or doubled."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "halp", "give recordings with a skeleton")
    if not modalities or len(set(modalities)) < len(modalities) or not set(modalities) <= set(STREAM):
        where = "modalities"
        raise InputError(
            f"{', '.join(modalities) or 'nothing'} is no set of modalities", where, "of joint, motion, bone"
        )
    return layout(spec.layout)
