"""HaLP: Hallucinating Latent Positives."""

from dataclasses import dataclass, field, replace

from acteme.systems.represent.halp.classify import Classifier, ClassifyConfig
from acteme.systems.represent.halp.pretrain import Pretrain, PretrainConfig


@dataclass(frozen=True)
class Config:
    """HaLP: pre-training without labels, then a linear probe."""

    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """Momentum contrast with hallucinated positives."""
    classify: ClassifyConfig = field(default_factory=ClassifyConfig)
    """Linear probe or fine-tuning."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in minutes."""
        return cls(PretrainConfig.small(), ClassifyConfig.small())

    @classmethod
    def pku(cls) -> "Config":
        """The official setting for PKU-MMD, part II."""
        config = cls()
        recipe = replace(config.pretrain.recipe, epochs=1001, milestones=(801,))
        pretrain = replace(config.pretrain, mu=1.0, recipe=recipe)
        return cls(pretrain, replace(config.classify, recipe=replace(config.classify.recipe, lr=0.001)))


__all__ = ["Classifier", "ClassifyConfig", "Config", "Pretrain", "PretrainConfig"]
