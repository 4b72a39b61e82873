"""Latent Corridors.

**Deviations** tbd.
"""

from dataclasses import dataclass, field, replace

from acteme.systems.anticipate.corridors.adapt import AdaptConfig, Adapter
from acteme.systems.anticipate.corridors.base import Base, BaseConfig, PredictorConfig
from acteme.systems.anticipate.corridors.predictors import Endpoints, Network
from acteme.systems.anticipate.corridors.prompt import Prompt
from acteme.systems.anticipate.corridors.sight import Grid

__all__ = ["AdaptConfig", "Adapter", "Base", "BaseConfig", "Config", "Endpoints", "Grid", "Network",
           "PredictorConfig", "Prompt"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the two stages."""

    base: BaseConfig = field(default_factory=BaseConfig)
    """The predictor, trained on many scenes."""
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    """Prompts and heads for single scenes; the predictor is that of `base`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapt", replace(self.adapt, predictor=self.base.predictor))

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in three minutes."""
        return cls(BaseConfig.small(), AdaptConfig.small())

    @classmethod
    def ynet(cls) -> "Config":
        """Y-net as its code has it for SDD: two decoders, 20 goals by TTST, 6 classes, a quarter of the size."""
        predictor = PredictorConfig(grid=Grid(surfaces=6, resize=0.25), network=Network(form="ynet"))
        return cls(BaseConfig(predictor))
