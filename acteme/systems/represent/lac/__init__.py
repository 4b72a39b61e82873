"""LAC: Latent Action Composition."""

from dataclasses import dataclass, field

from acteme.systems.represent.lac.contrast import Augmentation, Contrast, ContrastConfig
from acteme.systems.represent.lac.generator import Generator, GeneratorConfig
from acteme.systems.represent.lac.inputs import EncoderConfig
from acteme.systems.represent.lac.segment import Segmenter, SegmenterConfig

__all__ = [
    "Augmentation", "Config", "Contrast", "ContrastConfig", "EncoderConfig", "Generator", "GeneratorConfig",
    "Segmenter", "SegmenterConfig",
]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the three stages."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Learns the latent action space by retargeting."""
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    """Pre-trains the visual encoder on composed motions."""
    segment: SegmenterConfig = field(default_factory=SegmenterConfig)
    """Fine-tunes the encoder on frame labels."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two CPU cores in under four minutes."""
        return cls(GeneratorConfig.small(), ContrastConfig.small(), SegmenterConfig.small())
