"""APE."""

from dataclasses import dataclass, field

from acteme.systems.detect.ape.detect import DetectConfig, Detector
from acteme.systems.detect.ape.noise import Noise

__all__ = ["Config", "DetectConfig", "Detector", "Noise"]


@dataclass(frozen=True)
class Config:
    """APE has one stage."""

    detect: DetectConfig = field(default_factory=DetectConfig)
    """Vectors of values, and weights of pairs of fields."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or less."""
        return cls(DetectConfig.small())

    @classmethod
    def demo(cls) -> "Config":
        """The official demonstration to the letter."""
        return cls(DetectConfig.demo())

    @classmethod
    def pytorch(cls) -> "Config":
        """The independent PyTorch version."""
        return cls(DetectConfig.pytorch())
