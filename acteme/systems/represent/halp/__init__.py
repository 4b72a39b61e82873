"""HaLP: Hallucinating Latent Positives for Skeleton-based Self-Supervised Learning of Actions (Shah et al., CVPR 2023)."""

from dataclasses import dataclass

from acteme.systems.represent.halp.classify import Classifier, ClassifyConfig
from acteme.systems.represent.halp.pretrain import Pretrain, PretrainConfig


@dataclass(frozen=True)
class Config:
    """HaLP: pre-training without labels, then a linear probe."""

    pretrain: PretrainConfig = PretrainConfig()
    """Momentum contrast with hallucinated positives."""
    classify: ClassifyConfig = ClassifyConfig()
    """Linear probe or fine-tuning."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in minutes."""
        return cls(PretrainConfig.small(), ClassifyConfig.small())


__all__ = ["Classifier", "ClassifyConfig", "Config", "Pretrain", "PretrainConfig"]
