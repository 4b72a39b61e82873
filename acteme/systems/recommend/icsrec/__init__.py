"""ICSRec: intent contrastive learning with cross subsequences for sequential recommendation.

Source: Qin et al., WSDM 2024, arXiv 2310.14318, and the official code.
"""

from dataclasses import dataclass, field, replace

from acteme.systems.recommend.icsrec.recommend import RecommendConfig, Recommender

__all__ = ["Config", "RecommendConfig", "Recommender"]


@dataclass(frozen=True)
class Config:
    """ICSRec has one stage."""

    recommend: RecommendConfig = field(default_factory=RecommendConfig)
    """Encoder and losses."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecommendConfig.small())

    @classmethod
    def toys(cls) -> "Config":
        """The official setting for Amazon Toys and Games."""
        return cls(RecommendConfig(coarse=0.2, intents=1024))

    @classmethod
    def movielens(cls) -> "Config":
        """The official setting for MovieLens-1M."""
        return cls(RecommendConfig(coarse=0.1, intents=512, dropout=0.1))

    @classmethod
    def published_sasrec(cls) -> "Config":
        """SASRec as it was published: no contrast, no segmentation, one negative for each item."""
        plain = RecommendConfig(coarse=0.0, fine=0.0)
        return cls(replace(
            plain, encoder="published", width=50, heads=1, objective="bce", positions="all",
            windows=replace(plain.windows, most=1), recipe=replace(plain.recipe, batch=128, betas=(0.9, 0.98)),
        ))  # fmt: skip
