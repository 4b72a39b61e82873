"""RecSAE: the latents of a recommender, taken apart by a sparse autoencoder.

Source: Wang et al., Interpret the Internal States of Recommendation Model with Sparse Autoencoder, arXiv 2411.06112,
and the official code, built on ReChorus; what later versions of the paper changed is the default where it is known (8
of 1,024 latents, dead after 400 steps).

A recommender is frozen. Its users' vectors, just before they are compared with the items, are written as a sum of a few
directions out of many, and of what is left. So each direction, a latent, can be asked what it stands for (`acteme
concepts RUN`), and be turned down or up, which changes what is recommended; with the autoencoder left away, the
recommender is the same to the bit. Any model of ours that encodes can be inspected, not only recommenders:

    acteme train recsae ml-100k --small --run runs/sae                  a recommender of its own, then the autoencoder
    acteme train recsae DATA --base RUN --run runs/sae                  the autoencoder of the model of another run
    acteme concepts runs/sae                                            what its latents stand for
    acteme predict runs/sae DATA --edit Horror=0                        recommendations without it

Stages: `base`, a recommender of its own, unless another run is given; `autoencode`.

Files: `base` (SASRec of ReChorus, or of `acteme.nn.sequence`), `dictionary` (the autoencoder), `autoencoder` (training,
turning).

Parity with the official code (float64, random weights carried over by `official_state_dict`, equal histories and
vectors): scores of the recommender 4e-16, reconstruction 2e-15; FVU and auxiliary loss (`official_revival`) 2e-16
relative, their gradients 3e-16 of the largest of each tensor.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/recsae_step.py`): a training
step 1.2 times (choosing the largest activations is a quarter of it on both sides), users with a latent silenced 1.4 to
1.8 times.

**Deviations** from the official code:

- The residual that dead latents learn is x - x_hat, without a gradient and without the center. Officially it is of the
  wrong sign, so that they learn to make the error worse, has the center twice, and a gradient: `official_revival`.
- Directions are made as long as 1 after every step; officially once an epoch (`normalize="epoch"`), so they drift.
- A latent is active where it is above zero; officially where it is among the k largest, even at zero. It is dead after
  400 steps without (of the paper's third version); officially after an epoch (`dead="epoch"`), so that in the first one
  none is.
- `rows="all"` learns from every step of a history, as officially; `rows="last"` (the small setting) from users' vectors
  alone, which is what is explained: with positions from the end, an inner step has a place that no user's vector has.
- The epoch that ranks best through the autoencoder is kept where asked, by `--best ndcg@5`; officially always, and
  training ends after 10 epochs without a better one.
- No weight decay on the autoencoder; officially what is meant for the recommender reaches it too (1e-6, not the bias).
  The recommender's own (1e-6, in its gradients) is on all of its weights; officially not on biases.
- Ties rank by their mean place, seen items are those before the target; officially ties count against the target, and
  the user's other held-out item is left out.
- Concepts, verification and turning are not in the official code; they follow the paper. The catalog's tags are our
  deterministic substitute for the language model (inferred). A language model reads whole titles; the paper's third
  version first reduces them to the terms that TF-IDF weighs most.
- Concepts are of the split `test`: histories that the recommender has not learned, but of logs that hold out everyone's
  last item they are of the same people, one step later. Where people are to be new, give `acteme concepts` data of
  others.
"""

from dataclasses import dataclass, field, replace

from torch import nn

from acteme.recordings.batch import Batch
from acteme.recordings.windows import Windows
from acteme.systems.inspect.recsae.autoencoder import AutoencodeConfig, Autoencoder
from acteme.systems.inspect.recsae.base import Base, BaseConfig

__all__ = ["AutoencodeConfig", "Autoencoder", "Base", "BaseConfig", "Config"]


@dataclass(frozen=True)
class Config:
    """Settings of the two stages."""

    base: BaseConfig = field(default_factory=BaseConfig)
    """The recommender, unless another run is looked into."""
    autoencode: AutoencodeConfig = field(default_factory=AutoencodeConfig)
    """The autoencoder."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in two minutes."""
        return cls(BaseConfig.small(), AutoencodeConfig.small())

    def upon(self, model: nn.Module, windows: Windows, batch: Batch) -> "Config":
        """The same for the model of another run, which learned from such windows, some of which are given."""
        return replace(self, autoencode=self.autoencode.upon(model, windows, batch))
