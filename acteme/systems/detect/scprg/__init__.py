"""SCPRG."""

from dataclasses import dataclass, field, replace

from acteme.systems.detect.scprg.encoder import Encoder, EncoderConfig
from acteme.systems.detect.scprg.extract import ExtractConfig, Extractor, rams, wikievents
from acteme.systems.detect.scprg.head import Pooling
from acteme.systems.detect.scprg.inputs import Layout
from acteme.systems.detect.scprg.pretrain import PretrainConfig, Pretrainer

__all__ = ["Config", "Encoder", "EncoderConfig", "ExtractConfig", "Extractor", "Layout", "Pooling", "PretrainConfig",
           "Pretrainer"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the two stages."""

    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """Masked tokens, for a fresh encoder; its encoder is that of `extract`."""
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    """The extractor."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pretrain", replace(self.pretrain, encoder=self.extract.encoder))

    @classmethod
    def small(cls) -> "Config":
        """Learns `newsroom` on two processor cores in a minute or two."""
        return cls(PretrainConfig.small(), ExtractConfig.small())

    @classmethod
    def rams(cls) -> "Config":
        """The official setting for RAMS."""
        return cls(extract=rams())

    @classmethod
    def wikievents(cls) -> "Config":
        """The official setting for WikiEvents."""
        return cls(extract=wikievents())
