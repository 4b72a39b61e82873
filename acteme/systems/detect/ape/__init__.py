"""APE: how odd an event of categories is, by a vector for each of its values.

Source: Chen et al., Entity Embedding-based Anomaly Detection for Heterogeneous Categorical Events, IJCAI 2016, arXiv
1608.07502; the demonstration in Keras that appears to be the authors', and an independent version in PyTorch.

An event is m values of as many fields: user, program, parent, call, folder, ... Each value of a field has a vector v.
The score of an event, the logarithm of its probability but for a constant, is

    S(e) = sum_(i < j) w_ij <v_i, v_j>,  w_ij >= 0,

and an event is the odder the lower it is. It is learned by telling events from noise: the value of one field A is
replaced by a draw from its distribution p_A, which leaves an event that is plausible but for one place. With a learned
constant c for the partition function and k draws,

    loss = softplus(log(k p_A(a)) - S(e) - c) + sum over draws of softplus(S(e') + c - log(k p_A(a'))).

The pair with the lowest w_ij <v_i, v_j> tells what does not go together. One stage: `detect`. Values are those of
`Spec.fields`; 0, what is rare or was never seen, has a vector too.

The noise decides which anomalies are found: against draws as frequent as the values, combinations that do not go
together; against even draws, rare values. Where only one field is ever replaced, S + c becomes log p(a | others). Over
several fields, whose conditional probabilities differ, it is a compromise: in a log of two independent fields (.7, .3
and .8, .2) pairs keep a contrast of .2 that is not in the data. Without the correction (`noise.correction="none"`) what
is learned is log p(a | others) / p(a), pointwise mutual information. Counting does much of this for nothing, and stands
beside every result: see `acteme evaluate`, and the ledger.

Files: `noise` (draws and their probabilities), `detect` (scores, losses), `official` (checkpoints).

Parity with the PyTorch version (random weights carried over by `official_state_dict`, 64 events of 7 fields, the same
noise; largest relative differences in float64 / float32): scores 4e-16 / 2e-7, loss 3e-12 / 8e-8, gradients 1e-10 /
1e-6. The losses of both versions on hand-made events, and probabilities of draws, are tests.

Speed on a processor, one thread (`benchmarks/ape_training.py`; a step with its optimizer): about 4 times as many events
a second as a plain embedding loop over pairs (6 times at width 128), some 80 times as many as the arithmetic of the
PyTorch version done its way at its own settings; with 1,000,000 values, `sparse` is 20 times as fast as not.

**Deviations** from the Keras demonstration:

- Draws are by the power .75 of how often values occur, and corrected for as such. Officially they are corrected for by
  how often values occur, so that what is learned is off by .25 log p for each field (`noise.correction="official"`).
- A field to replace is drawn for each event, officially one for each batch (`noise.fields="batch"`); gradients are less
  noisy and have the same mean. It matters: after 150 steps on a small log of a host the official way finds exchanged
  values with areas under the curve of .88 and .77 (drawn evenly, and as often as they occur), ours of .97 and .97.
- k in the correction is the number of draws. Officially it is 10 whatever they are (`noise.stated=10`), which shifts c.
- At least one draw in a hundred is the unknown value (`noise.unknown`; the demonstration has none): without rare values
  in training it would learn nothing, and new values would look like any other. Officially events with new values are
  left out of the evaluation.
- The loss is a sum over an event and its noise, and a mean over events; officially it is divided by 1 + k and the
  batch once more, which Adam does not mind.
- Values that never occur have a probability of at least 1e-10. Officially they may give infinity, and in the PyTorch
  version the bound is computed and dropped.
- The score of a false event is that of the true one with one term exchanged, not a sum over all pairs anew.
- `Config.demo()` is the demonstration, `Config.pytorch()` the PyTorch version: weights of either sign, which leave
  signs of vectors and weights undetermined; even draws in all fields (a table of frequencies is computed there, and
  not used); the correction of true events averaged over fields; scores with c.
- Weights are clipped at 0 after each step, as officially. The weights of the demonstration are m x m, of which half is
  used.
"""

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
