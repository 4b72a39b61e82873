"""PSUMNet: part streams of unified modality for skeleton action recognition.

Source: Trivedi and Sarvadevabhatla, ECCV Workshops 2022, arXiv 2208.05775, and the official code, built on CTR-GCN
(Chen et al., ICCV 2021).

A skeleton clip, moved to the origin as a whole, is seen by three networks: one sees the whole body, one both arms with
the joint that they hang on, one both legs with theirs, in the same coordinates. Each sees joints, bones and the motion
of both at once, as 12 channels, where others train a network for each. Scores are added with fixed weights. The network
is CTR-GCN (any other of `acteme.nn.skeleton` by name), of 10, 6 and 4 blocks. One stage: `recognize`.

Files: `parts` (joints and trees of the streams), `recognize` (input, networks, fusion).

Parity with the official modules (random weights carried over by `official_state_dict`, equal inputs of 4 clips, 32
frames, 2 persons, running statistics of 12 batches; largest absolute differences in float64 / float32): logits in
training 3e-14 / 5e-6 of 12, in evaluation 1e-11 of 1,658 / 5e-3 of 2,219; gradients 1e-12 of the largest of each
tensor (float64). Graphs and bones of all seven official lists are met to the rounding of float32.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/psumnet_step.py`): training
step 1.2 times at the official size (2.3 in bfloat16, 1.8 where every other second person is absent and left out), 1.7
at the small setting; inference 1.4 and 2.1 times. The three streams are 2.5 times as fast as four separate streams of
the whole body, 3.7 times where those are done the official way, with half of the parameters. 55% of a training step at
the official size are matrix products (44% at the small one), 13% copies (22%), 13% batch norms.

**Deviations** from the official code:

- The official list of the legs' edges is wrong: the left foot hangs on the ankle and on the root, the right hip on the
  left foot, and the right foot on nothing. NTU-X's list hangs one finger tip on another, SHREC's list of (parent,
  child) from 0 is read as (child, parent) from 1. Here the trees are right; `official_lists` restores the slips.
- The first block's relations have 1 channel (12 // 8), as official, though 8 are likely to be meant; see
  `backbone.relations`.
- Learning rate in steps at epochs 35 and 55 of 65 after 1,000 steps of warm-up (CTR-GCN's; the configured steps and
  warm-up that the official code never uses). Officially the rate is halved where the loss on the TEST data stalls.
- All streams are trained in one run, on the same crops and rotations. They share no weights, so that the sum of their
  losses trains each as if alone.
- All data is used; the official feeders stop after 300 clips (`debug` is set by hand). The official fusion script
  cannot run (names that do not exist, legs in place of the hands, other weights than its own table).
- Relations average over time before the convolutions instead of after; convolutions of the subsets and branches are
  laid side by side. Equal up to rounding.
- A clip's length is what the recording says, not the number of frames whose coordinates have a sum other than zero.
- SHREC: `sampling="pad"` is the official feeder's zero padding to 180 frames; `resize` treats clips as everywhere else.
- Fused scores are divided by the sum of the weights before they become probabilities; their order is the same.
"""

from dataclasses import dataclass, field, replace

from acteme.systems.recognize.psumnet.recognize import Fusion, RecognizeConfig, Recognizer

__all__ = ["Config", "Fusion", "RecognizeConfig", "Recognizer"]


@dataclass(frozen=True)
class Config:
    """PSUMNet has one stage."""

    recognize: RecognizeConfig = field(default_factory=RecognizeConfig)
    """The part streams."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecognizeConfig.small())

    @classmethod
    def ntux(cls) -> "Config":
        """The official setting for NTU60-X."""
        config = RecognizeConfig()
        recipe = replace(config.recipe, batch=68, warmup=3000)
        return cls(replace(config, fusion=Fusion(3.4, 2.0, 1.0), recipe=recipe))

    @classmethod
    def shrec(cls) -> "Config":
        """The official setting for the hand gestures of SHREC'17."""
        config = RecognizeConfig()
        recipe = replace(config.recipe, batch=64, warmup=150)
        return cls(replace(config, parts=("hands",), sampling="pad", size=180, rotation=0.0, recipe=recipe))
