"""ICSRec: intent contrastive learning with cross subsequences for sequential recommendation.

Source: Qin et al., WSDM 2024, arXiv 2310.14318, and the official code, built on CoSeRec and ICLRec.

Every event of a log that another one precedes is the target of a subsequence, the items before it. An encoder turns a
subsequence into a vector; products with a table of items foretell the target. Two contrasts draw vectors together:
those of subsequences of the same target, as signs of one intent (coarse), and each with the center of the cluster it
falls into (fine). What shares target or cluster is not taken for a negative. Nothing of this is used at inference. One
stage: `recommend`.

Files: `recommend` (losses, predictions), `encoders` (the published SASRec, the GRU; the usual one is in `nn.sequence`),
`partners` (subsequences and who shares their target), `intents` (clusters).

Parity with the official modules (random weights carried over by `official_state_dict`, 16 histories of 1 to 50 items;
largest absolute differences in float64 / float32): vectors of all slots 5e-15 / 3e-6 of 5; next-item, coarse and fine
loss, with and without the mask of false negatives, 2e-14 / 8e-6 of 28; gradients 5e-15 / 1e-6 of the largest of each
tensor; the GRU 1e-15 / 0. The official checkpoints give the published numbers to the last digit under this package's
own evaluation: SASRec on Beauty HR@5 .0698, NDCG@5 .0494, HR@20 .1298, NDCG@20 .0663; GRU on Toys .0519, .0388, .0950,
.0510.

Speed on a processor, one thread, sides in turns (`benchmarks/recommend_training.py`, `ranking_evaluation.py`): an epoch
of SASRec 2.7 times as fast as RecBole's (3.3 in bfloat16), 4.9 (6.1) with the anomaly detection that RecBole comes
with, at equal settings and data; NDCG@10 of two seeds .082 and .082 (.080 and .079) against .070 and .078. Full ranking
of a million items 1.8 times as fast as `argpartition`, in a twentieth of the memory; of 1,678 items 2.1 times as fast
as RecBole's, where most is the encoder's products of matrices, of which half as many are left to do.

**Deviations** from the official code:

- The partner is drawn evenly from the subsequences of the same target and other items, anew at every step. The official
  loop never stops at a match, so that it always takes the last one in the order of the file.
- Subsequences and who shares a target are found in the log at hand. What the official code writes of them
  (`NAME_1.txt`, `NAME_1_t.pkl`) is neither needed nor read.
- A subsequence is encoded once for all losses, together with its partner; officially twice, with dropout of its own for
  the next item and for the contrasts. The objective is the same in expectation.
- The last block is computed for the last slot alone, without keys and values of the others (its query goes to what they
  are made from), and padding is left out. Equal up to rounding.
- Attention takes boolean masks. The official -10000 overflows in half precision; a slot of padding sees itself here, so
  that nothing is undefined.
- Clusters are found by Lloyd's algorithm in torch (20 rounds, 5 starts, seed 1, as official); the official class needs
  faiss and a GPU, and a width of 64. Where there are no more subsequences than intents, data is refused; officially
  the clustering is left out and its last centers are used.
- Items that a user has seen are no candidates of the evaluation. Officially their scores become 0, which ranks them
  above all negative ones, and padding and the mask stay in the list; with the official checkpoints neither changes a
  digit.
- `published_sasrec` draws negatives that the subsequence lacks; officially that the user lacks.
- Nothing stops early: `best="ndcg@20"` keeps the best epoch of all (officially training stops 40 epochs after it).
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
