"""BRL: balanced representation learning for long-tailed skeleton-based action recognition.

Placeholder
"""

from dataclasses import dataclass, field, replace

from acteme.nn.longtail import Rebalance
from acteme.recordings.skeleton.streams import Stream
from acteme.systems.recognize.brl.inputs import View
from acteme.systems.recognize.brl.mixing import Mixing
from acteme.systems.recognize.brl.recognize import Fusion, RecognizeConfig, Recognizer

__all__ = ["Config", "Fusion", "Mixing", "Rebalance", "RecognizeConfig", "Recognizer", "View"]


@dataclass(frozen=True)
class Config:
    """BRL has one stage."""

    recognize: RecognizeConfig = field(default_factory=RecognizeConfig)
    """The streams."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecognizeConfig.small())

    @classmethod
    def kinetics(cls) -> "Config":
        """The official setting for Kinetics-400: 2D skeletons with confidence, four streams."""
        config = RecognizeConfig()
        view = View(size=100, upright=False, scale=0.0, rotation=0.0, mirror=True, motion="sampled", confidence=True)
        recipe = replace(config.recipe, lr=0.1, epochs=150, batch=64)
        streams: tuple[Stream, ...] = ("joint", "bone", "joint_motion", "bone_motion")
        return cls(replace(config, streams=streams, fusion=Fusion(3.0, 1.0), rebalance=Rebalance(begin=129), repeat=1,
                           view=view, recipe=recipe))  # fmt: skip
