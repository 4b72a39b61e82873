"""PCAN: prototypes that calibrate ambiguous clips, for recognition at two levels.

Source: Li et al., Prototypical Calibrating Ambiguous Samples for Micro-Action Recognition (AAAI 2025, arXiv
2412.14719), and the official code; the contrast comes from FR-Head (Zhou et al., CVPR 2023), the loss over the tree
from HRN (Chen et al., CVPR 2022), the network from PYSKL (Duan et al., CVPR 2022).

Classes belong to groups, as micro-actions to parts of the body. Two classifiers say both, and a loss over the tree of
both binds them. Clips whose class, group or both are not recognized, and clips that are taken for another class, are
ambiguous: a contrast with one prototype per class draws the ones to their class and pushes the others away. Prototypes
are moving means of the clips that are right, kept apart from each other, and asked again at test. One stage:
`recognize`. It works on the features of 3D networks of video frames and joint heatmaps (the official form), or of any
network of `acteme.nn.skeleton` (`network="graph"`).

Files: `recognize` (streams, total, prediction), `head` (classifiers and losses of one stream), `tree`, `refine`
(prototypes and contrast), `streams` (what is shown of a clip), `picture` (crops, heatmaps, images), `rgbpose` and
`resnet` (the 3D networks), `official` (names of official weights).

Video: batches may have `video`, and a spec says by `video` that they do; the streams that see it are complete and meet
the official modules, but no reader of this package gives frames yet. Without them the pose stream is trained alone, on
heatmaps drawn from skeletons.

Parity with the official modules (both streams, random weights carried over by `official_state_dict`, equal inputs of 6
clips, 8 frames of 64 pixels, 32 heatmaps of 16, dropout off; largest absolute differences in float64 / float32): maps
7e-15 / 1e-6 of 1.2, logits in evaluation with rectification 7e-15 / 5e-7 of 1.4, every loss in training 9e-14 / 5e-5,
total 7e-14 / 2e-5 of 39.1, gradients 2e-13 of the largest of each tensor (float64; in float32 the norms over so few
places leave nothing to compare), prototypes after the step equal.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/pcan_step.py`): training
step 1.3 times at the official size (3.0 in bfloat16) and 1.24 on pictures of 64 pixels, inference 1.55 and 1.3 times,
heads and losses of 64 clips 2.0, the loss over the tree alone 7, heatmaps 5.8. Three quarters of a training step are
convolutions.

**Deviations** from the official code:

- Diversity of the prototypes has a gradient, through the mean of the batch's clips. Officially it is computed on a
  fresh parameter that no optimizer holds: it does nothing. `calibration.official_diversity` restores that.
- Prototypes are buffers of the checkpoint, at both levels, gathered over all processes. Officially those of the classes
  are a new parameter in every step, which data-parallel training does not see, and those of the groups are not saved.
- Prototypes are made of the features that they are compared with at test, means over space. Officially of maxima, and
  compared with means; `peaks` restores that.
- The loss over the tree is one log-sum-exp; officially a loop over clips in double precision, over a matrix of states
  that current NumPy cannot build.
- The mirror exchanges the ten points of the hands with their sides; officially they stay.
- The square about the people is not rounded to pixels, and one below 10 pixels is enlarged as well; a joint is missing
  where both coordinates are 0, not where one is. Images are cropped and resized at once.
- `train --best` validates by what `predict` gives, the mean over all `clips` (10); officially by one clip.
- Test clips are drawn as PYSKL draws them. Labels are not passed through the network.
- Positions in three dimensions are drawn without perspective. A graph network sees the whole clip, resized, once.
- Both streams start at random; officially from networks of each that were trained before.
- `warmup` (off) lets prototypes gather before they are used: with rare classes they stay random for long.
"""

from dataclasses import dataclass, field

from acteme.systems.recognize.pcan.recognize import RecognizeConfig, Recognizer
from acteme.systems.recognize.pcan.refine import Calibration
from acteme.systems.recognize.pcan.streams import Sight

__all__ = ["Calibration", "Config", "RecognizeConfig", "Recognizer", "Sight"]


@dataclass(frozen=True)
class Config:
    """PCAN has one stage."""

    recognize: RecognizeConfig = field(default_factory=RecognizeConfig)
    """The streams and their calibration."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecognizeConfig.small())
