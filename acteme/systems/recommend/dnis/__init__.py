"""DNIS: differentiable neural input search for recommender systems.

Source: Cheng, Shen and Huang, 2020, arXiv 2006.04466. Its official code is that of the extension AutoSrh, whose modules
are still called Dnis.

Which dimensions do embeddings need? Features (the values of all fields) are sorted by how often they occur in training
and cut into blocks. A weight in [0, 1] for every dimension of every block, alpha, multiplies the embeddings. Weights
learn from training batches and alpha from validation batches, in turn; alpha's gradient is normalized block by block,
for frequent blocks have gradients that are orders of magnitude larger. Then the small entries of the product E alpha
go, and what is left is stored sparsely.

Three stages: `warm` trains with everything selected; `search` alternates; `prune` keeps a share of the table
(`prune.keep`), and trains what is left again where wished. Another share is another run of the last stage:

    acteme train dnis DATA --best=-log_loss --run runs/searched       (--best=-mse for ratings)
    acteme train dnis DATA --start runs/searched --stage prune --set prune.keep=0.05 --run runs/tiny

An evaluation says what the table costs: entries that are left, their share, bytes of values, bytes of what says where
they belong (a byte per value, and four per feature), and bytes of the whole table.

Baselines are settings: uniform dimensions `warm.network.width`, mixed dimensions by popularity (MDE)
`warm.popularity=0.3`, magnitude pruning without a search `search.rate=0`.

Events are read by themselves (`Windows(frames=1)`); their fields are features, items where events have items. Users
are one where the data says so: `ml-100k?flat=true`, `events:own.csv?fields=user,item&shuffle=true`; of users' histories
they are not, and alpha learns from the event of each that is held out for validation. The outcome is a click (0 or 1:
log loss), a rating (squared error), or, where there is none, the choice itself: a ranking loss against the same event
with an item drawn by its frequency (BPR, inferred), measured among all items (HR, NDCG, MRR).

Files: `features` (numbers of features), `space` (blocks, search spaces, gradients of alpha, MDE), `tables` (soft
selection, pruning, sparse storage), `hosts` (FM, MF, MLP, NeuMF, DeepFM, Wide & Deep, xDeepFM), `network`, `warm`,
`search`, `prune`, `official`.

Parity with the official code (random weights carried over by `official_state_dict`, all six hosts that it has, the
three search spaces, values of features between 0.5 and 1.5): outputs, loss with penalty, gradient of alpha as it is and
normalized, gradients of all weights 1e-15 relative in float64, 1e-6 in float32; most are equal to the last bit.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/dnis_step.py`): a search
step 1.6 times with FM on two fields and 1.5 times with DeepFM on 39, inference 2.2 and 1.1 times, since DeepFM's MLP
is nine tenths of it. A table with 95% pruned is 13 times as small with 64 dimensions and 8 times with 16, its index
counted, and is looked up about as fast as officially.

**Deviations** from the official code:

- All weights are updated in the search, as in the paper; the code updates embeddings and first-order biases
  (`search.weights="embeddings"`).
- Validation batches go round for as long as there are training batches. Officially an epoch of the search ends with the
  shorter loader, after 2/7 of the training data.
- The second-order form (`search.xi`) is exact for a step of plain gradient descent of length xi from the present
  weights on the last training batch, and the whole gradient is normalized. The official one differentiates through a
  step of Adam, is added after the normalization, and stops with an error.
- Of the plateaus of the search an epoch counts as better from a ten-thousandth on, as in the warm start; officially
  from 1e-7 on.
- Films and people with few ratings stay; the official reader drops those with less than ten.
- With several processes each looks ahead (`search.xi`) by its own part of the training batch.
- No graph is kept in the first-order form; officially it is, and memory grows.
- alpha is no parameter of any optimizer: a training batch cannot move it, whatever the weights' optimizer remembers.
- Frequencies are counted on the training split alone, officially on all data.
- Criteo and Avazu are read as they were published. The pickles that the official scripts load instead, splits of
  features' numbers and values, are not read.
- Unknown values, one of each field, are features too; they, and all that no training event has, have an embedding and
  a bias of zero (officially random), and belong to the last block.
- In `embedding_block` alpha moves freely. Officially a value that is less than .1 below a whole number is put back up
  to it, so that steps of lr .01 from the start lead nowhere.
- What is pruned stays pruned when the rest is trained again; officially it comes back where it occurs.
- Features have the value 1, as categories have officially; numbers (Criteo's first 13) are made categories by the
  reader. `Network.scores` takes values.
- Batches of one event work. Normalization of alpha over dimensions and its rounding up, which the official scripts
  leave off, are left out; so are the baselines by reinforcement learning and by random search.
- `network.centered` begins at the mean outcome (the small setting does); officially training begins at zero.
- MDE's dimensions are at most `network.width`."""

from dataclasses import dataclass, field, replace

from acteme.systems.recommend.dnis.network import NetworkConfig
from acteme.systems.recommend.dnis.prune import PruneConfig, Pruned
from acteme.systems.recommend.dnis.search import Search, SearchConfig
from acteme.systems.recommend.dnis.warm import Warm, WarmConfig

__all__ = ["Config", "NetworkConfig", "PruneConfig", "Pruned", "Search", "SearchConfig", "Warm", "WarmConfig"]


@dataclass(frozen=True)
class Config:
    """Settings of the three stages."""

    warm: WarmConfig = field(default_factory=WarmConfig)
    """Everything selected."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """The search; its network is that of `warm`."""
    prune: PruneConfig = field(default_factory=PruneConfig)
    """What is left of the table; its network is that of `warm`."""

    def __post_init__(self) -> None:
        for name in ("search", "prune"):
            object.__setattr__(self, name, replace(getattr(self, name), network=self.warm.network))

    @classmethod
    def small(cls) -> "Config":
        """Learns from 100,000 events on two processor cores in a minute."""
        return cls(WarmConfig.small(), SearchConfig.small(), PruneConfig.small())

    @classmethod
    def criteo(cls) -> "Config":
        """The official setting for click-through rates on Criteo: six blocks by numbers of features."""
        return cls(WarmConfig(NetworkConfig(host="deepfm", blocks=(51, 126, 1763, 17057, 91265, 0))))
