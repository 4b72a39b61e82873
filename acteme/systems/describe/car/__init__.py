"""CAR: chronologically accurate retrieval between motions and texts.

Source: Fujiwara, Tanaka and Yu, Chronologically Accurate Retrieval for Temporal Grounding of Motion-Language Models,
ECCV 2024, arXiv 2407.15408, and the official code, which builds on TMR (Petrovich, Black and Varol, ICCV 2023).

A motion and a text are each encoded as a normal distribution by a transformer with two learned tokens; a decoder
makes the motion from a draw of either. They are drawn together by InfoNCE, in which every motion sees, as further
negatives, texts of the same events in another order. A caption's events are its clauses in the order of time: those
that the data tells, or by rule (`recordings.clauses`, `acteme events`). One stage: `align`. Generation of motions
with the tuned text encoder, of which the paper tells and whose code is not released, is no part of this.

Files: `align` (the stage), `networks`, `losses`, `texts` (captions out of batches), `official` (checkpoints).

Parity with the official modules (random weights, and those of the reference numbers, carried over by
`official_state_dict`; evaluation mode, no latent noise; 2 motions, 3 texts; largest absolute differences in float64 /
float32): latents 2e-15 / 7e-7, each loss to all printed digits, gradients 5e-15 / 1e-6 of the largest of each tensor.
Motion vectors against the published HumanML3D code on disturbed copies of its own example, 22 / 21 joints:
7e-6 / 1.5e-5 (its rounding), but for the sign of the turn where a body turns past the back.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/car_step.py`): a training
step of motions of 3 to 10 s 3.8 times where the texts were seen in an earlier epoch, 3.4 times where they are new, 2.7
times without the language model on either side; of motions of full length 2.1, 2.0 and 1.5 times. Encoding motions is
1.2 to 1.4 times as fast as by torch's own fused layers, encoding texts 6.2 times.

**Deviations** from the official code:

- A frozen text encoder runs without dropout, so that it need not run again on a text that it has seen; the official
  loop leaves it in training mode, with dropout, and runs it in every step.
- Padding is not computed: batches are as long as their longest motion and text, not 224 frames and 128 tokens; the
  reconstruction is divided by 224 frames all the same. Equal up to rounding.
- The last layer of the encoders is computed for the two tokens alone, since nothing reads the rest; the vectors of
  single frames that `encode` gives are those that this layer looks at.
- Queries and keys of the decoder's attention to its one memory vector never matter and are left out (789,504
  numbers).
- Layers are drawn independently; the official transformers begin with copies of one layer.
- A caption is cut out of the motion by its own times; officially by those of the motion's first caption. Text and
  events are both those of the caption's own number; officially they part where an earlier caption is left out for its
  length.
- A shuffled text may describe another motion of the batch truly; with `align.spare` it is no negative of that one.
  Officially, and unless set, it is.
- Shuffling ends where all clauses are equal (the official loop never does), and such captions give no negative.
- The distractor test encodes shuffled texts by their own length, of any number of recordings; officially by that of
  the true text, behind position 4,384.
- Motion vectors are those that the data stores (`tmr`, `humanml3d?vectors=true`, `kitml?vectors=true`), cut as
  officially. Where it has none they are computed from positions; of what was cut out of a longer motion they are others
  than the rows of the whole, since floor, first heading and smoothing are the cut's own (rotations by about 0.5). For
  other layouts than those of HumanML3D and KIT-ML a general description takes their place
  (`recordings.skeleton.descriptors.relative`).
- Means and deviations come from the training data; a feature that never changes is left as it is.
- A text longer than the text encoder takes is refused, or with `text.truncate` cut there; officially cut at 128
  tokens.
- The last weights are kept, unless `train --best m2t_r@1` chooses the epoch with the best recall at 1, texts for
  motions, on the validation split, as is done officially.
- `predict` ranks the training captions, which the weights therefore contain; the official code has no such thing.
- Similarities of true and shuffled text that differ by no more than 1e-6 are ties, which are wrong, and half right in
  `car_half`; officially rounding decides them.
"""

from dataclasses import dataclass, field

from acteme.systems.describe.car.align import AlignConfig, Retriever

__all__ = ["AlignConfig", "Config", "Retriever"]


@dataclass(frozen=True)
class Config:
    """CAR has one stage."""

    align: AlignConfig = field(default_factory=AlignConfig)
    """The two encoders and the decoder."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(AlignConfig.small())
