"""DARE: decoupled attention and representation embeddings for recommendation from long histories.

Source: Feng et al., ICLR 2025, arXiv 2410.02604, and the official code.

Will someone click an item, after a history of hundreds of events? A search keeps the few behaviors that attention
scores highest for this target, attention weighs them, and a classifier sees the target r, their weighted mean h and the
product of both. An embedding then serves two ends, to tell which behaviors matter and to tell what they say, and is
drawn two ways. DARE has tables of embeddings for each end, of items, categories and positions (events ago):

    s_i = <q, k_i> over item and category / sqrt(their width) + <q, k_i> over position / sqrt(its width),
    h = sum over the top k of softmax(s)_i r_i,        logits = classifier([r, h, r h])

with q and k from the tables for attention, r and r_i from those for representation. Since the search reads only the
former, these can be narrower. A second classifier, which sees attention to the whole history, trains the scores of
behaviors that the search never keeps. One stage: `rank`; what DARE is measured against is a setting, `rank.variant`.

Histories may have any length: slots beyond them are no part of anything. Where outcomes are 0 and 1 they are learned,
and the history is what was clicked; elsewhere all events are clicks, and negatives are drawn by frequency.

Files: `variants` (what each method is made of), `tables`, `attention`, `search`, `model`, `negatives`, `rank` (losses
and predictions), `config`, `official` (checkpoints). What the paper measures of embeddings is in `tasks.decoupling`,
and is measured by `claims.dare`.

Parity with the official model (random weights carried over by `official_state_dict`, 32 rows of 60 behaviors, some with
padding, for DARE, TWIN, DIN, three and four tables, both kinds of projections, hard search; largest differences in
float64 / float32): losses 2e-15 / 2e-6, gradients 2e-13 / 5e-5 of the largest of each tensor, probabilities 1e-8 (which
the official code adds to them) / 2e-6, in training and in evaluation.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/dare_step.py`: 128 clicks
with two negatives each, histories of 200, 200,000 items): losses and gradients 3.3 times, a step with Adam 2.3 times,
with sparse gradients 3.2, inference 4.4. A search by attention of half the width (`benchmarks/dare_search.py`) is 1.5
times as fast as TWIN's at 8 against 16 numbers an embedding and 3 times at 64 against 128 where histories are looked
up. Where their vectors are cached it is 1.5 times (8 against 16) to 2 times (32 against 64): picking the best, which
does not depend on the width, is by a partition of scores and places as one number on up to three threads, three times
as fast as `torch.topk`.

**Deviations** from the official code, and from the papers of other methods:

- Padding is never searched nor attended to. Officially it enters the top k where a history is shorter than k, with
  scores of its own (`official_padding` restores it); in the official data no history is.
- Evaluation uses running statistics. Officially the model is never put into evaluation mode, so that test batches are
  normalized by themselves and move the running averages (`official_statistics` restores the former).
- Weights of batch norms and slopes of PReLU start at 1 and 0.1. Officially they are drawn from N(0, 0.01) with all
  others whose names lack "bias" (`official_init`).
- Hard search keeps behaviors of the target's category only, and scores them as everyone does. Officially it fills up
  with other slots, and its first product is over all numbers, the position's a second time (`official_hard`).
- Negatives are drawn anew in every epoch and stand in one batch with their click; officially they are drawn once, and
  rows shuffled once. They are nothing that the user has met so far; officially nothing of the user's whole log, which
  tells the model about the future (`official_negatives` has that of the training recordings). After 16 draws an item is
  kept even so. Frequencies are those of the training windows.
- All users are kept; officially those with fewer than 210 events are dropped. Training rows are shuffled in every
  epoch, and no last evaluation batch is dropped.
- The best of several evaluations is not chosen unless asked for (`--best`), and then by epochs.
- In `rescaled` one table takes the sum of both gradients; officially two equal tables take it each. An attention
  gradient of zero stays zero; officially it becomes NaN. With sparse=true, rows that do not occur in a step stay as
  they are, and momentum does not move them.
- `din` has no table of positions, which is officially there and unused. Position `add`, the short-sequence branch, maps
  with hidden layers and the other variants of projections are left out.
- AUC counts ties half, GAUC's weights are named (`tasks.clicks`); officially the order of rows decides between ties
  (`decoupling.official_auc`).
- What a search finds is measured by the scores that it ranks by; officially by those of category and position alone,
  but for DIN (`Ranker.attention(seen, items=False)`).
- The logs are read as they were published (`taobao`, `tmall`). What the official preparation makes of them, a row for
  each target with 200 items written out (`train_0001_102400.npy`, `val.npy`, `test.npy`), is not read: these are
  pickles of objects, many times as large, which say nothing that the logs do not but which negatives were drawn.
- `twin` is DARE's with one set of tables. TWIN's features of a pair of user and item (cross features), which become a
  bias of the score there, are left out, as in the official code of DARE: the logs have none.
- `twinv2`: clusters are the behaviors of one category, their features means, and the logarithm of their size is added
  to scores; in the paper clusters come from k-means within groups of a lifelong history.
- `sim_soft`: the search is a product of two maps of the embeddings, which only the auxiliary loss trains, by a softmax
  where the paper has a sum. Its second stage, and `sim_hard`'s and `eta`'s, is attention as everywhere here, with one
  head and positions in place of times.
- `eta` and `sdim` project item and category. Their planes are drawn once and stay; neither has an auxiliary loss.
  `sdim` averages the behaviors in the target's bucket and then the rounds, without the paper's normalization."""

from dataclasses import dataclass, field, replace

from acteme.systems.recommend.dare.config import RankConfig
from acteme.systems.recommend.dare.rank import Ranker
from acteme.systems.recommend.dare.tables import Widths
from acteme.systems.recommend.dare.variants import DESIGNS, Variant

__all__ = ["DESIGNS", "Config", "RankConfig", "Ranker", "Variant", "Widths"]


@dataclass(frozen=True)
class Config:
    """DARE has one stage."""

    rank: RankConfig = field(default_factory=RankConfig)
    """The click model."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RankConfig.small())

    @classmethod
    def of(cls, variant: Variant) -> "Config":
        """The official setting of another method."""
        return cls(replace(RankConfig(), variant=variant))
