"""LAC: Latent Action Composition for skeleton-based action segmentation.

Source: Yang et al., ICCV 2023, arXiv 2308.14500, and the released code; the visual encoder is UNIK (Yang et al., BMVC
2021).

A generator learns a latent space in which a motion is the sum of a part that moves (128 Motion directions, per time
step) and a part that stays (32 Static directions: body, view, scale), by retargeting motions between bodies and views.
There two motions are composed by averaging their Motion magnitudes. A visual encoder is pre-trained on compositions by
momentum contrast of frames and of clips, and fine-tuned with one linear layer to say which actions happen in each
frame. Stages: `generator` and `contrast` (no labels), `segment`.

Files: `motion` (15 joints to 30 channels and back, retargeting in 3D), `autoencoder` (the generator network and its
latent arithmetic), `generator`, `inputs` (from batches to what the encoder sees), `unik`, `contrast`, `segment`.

Parity with the official modules (their one syntax error mended; random weights, biases and statistics carried over by
`official_state_dict`, equal inputs, five seeds; largest difference as a part of the largest value, in float64 /
float32): 30 channels 4e-16 / 3e-7, and back 5e-16 / 3e-7; m and b 1e-15 / 5e-7; reconstruction, swap and composition
2e-15 / 4e-7; loss terms with triplets and feet 6e-16 / 3e-7; gradients 5e-15 / 3e-6 at the first step; UNIK (that of
LAC and the base one), outputs in training and evaluation 6e-15 / 1e-6, running statistics 4e-15 / 6e-7; logits of the
MoCo container 3e-15 / 2e-6, its queue after a step 6e-15 / 6e-7.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/lac_step.py`): generator
step 1.2 times (1.7 in bfloat16), encoder step 1.1 times (2.1 in bfloat16) with two persons, 2.1 times (3.8 in
bfloat16) where the second is absent. What is left is 66 to 82% convolutions, which run at the processor's rate.

**Deviations** from the official code:

- Only the generator, its training and the containers were released. How positive pairs are made, the loss in video
  space, augmentation, and all settings of segmentation are ours: q and k are two augmentations of one composition, the
  loss is frame space plus video space (time-pooled), fine-tuning uses UNIK's recipe.
- Frame logits are averaged over the sequence; the official sum over 30 frames, divided by 0.07, saturates the softmax.
  `contrast.frame_logit="sum"` restores it; with `contrast.video=0` and that the loss is the official one.
- Composition works on the generator's own 30 channels (root-relative, with velocity, standardized) and its result is
  brought back to positions at the place where the first motion began. The official container feeds the positions of 17
  joints as 34 channels to a generator of that size, which was never released; the two additional joints of that layout
  are means of others, and are added afterwards here. A motion's partner is any other person of the batch.
- x_12 is made in the training step from the 3D positions: every bone of motion 1 takes the mean length that it has in
  recording 2, the path grows with the legs. The official data hold each motion by each character on disk, and an epoch
  draws as many pairs as there are windows, always of two motions. Here each window of an epoch is in one pair, so that
  an epoch of the same data has half as many steps, and a pair may be of one motion by two characters.
- The official code cannot build its skeleton mode (encoder and decoder have sizes that contradict each other); here it
  has those of the view mode, and does not see to it that the two bodies of a pair differ. Views stand at azimuths to
  the body's own mean orientation as in the official code, also where that is vertical (there it counts as facing along
  the second axis).
- The generator's training and compositions leave out persons who are not seen throughout the window. Recordings shorter
  than the window hold their last frame; the official preparation leaves them out.
- Q of the dictionary has its signs fixed by a positive diagonal of R, so that a_m and a_s can be stored and compared;
  m, b and compositions do not depend on signs.
- Padding frames and absent persons have no part in UNIK's convolutions over time, attention, batch statistics and
  means; the official code treats both as bodies at the origin (`encoder.skip_absent=false` for absent persons, which
  official weights of two-person data need). There is room for as many persons as the data have, where the official
  code always has two (`encoder.persons=2`), and all blocks have `encoder.heads` heads, where its first always has 3.
- UNIK's biases of the three heads, of which only the sum acts (and batch normalization takes that away again), are one
  per channel: 2,816 values fewer than official. The base UNIK's unused bias per joint is dropped.
- The key encoder follows after the optimizer's step instead of before the next. Keys are not computed on a shuffled
  batch, which changes nothing in the one process that the official code supports. The queue is in half precision (0.5
  instead of 1 GB, besides the copy in single precision that both make in each step) and may hold means only
  (`contrast.store="pooled"`); its size need not be a multiple of the batch.
- The linear protocol leaves the encoder's batch statistics as they are, too; the official code freezes weights only.
- Scores of the four frames of a step are equal and the upsampled end is cut, for lengths that are no multiple of four.
- Data with one label at a time are also learned by binary cross entropy per class, so that nothing may happen.
- The foot velocity term works on standardized channels, as in the official code, though they have different units.
- The shipped `pretrained_generator.pth` is an earlier model without the dictionary; it is refused, and its decoder
  loads on request (`Generator.official_state_dict(state, partial=True)`).
"""

from dataclasses import dataclass, field

from acteme.systems.represent.lac.contrast import Augmentation, Contrast, ContrastConfig
from acteme.systems.represent.lac.generator import Generator, GeneratorConfig
from acteme.systems.represent.lac.inputs import EncoderConfig
from acteme.systems.represent.lac.segment import Segmenter, SegmenterConfig

__all__ = [
    "Augmentation", "Config", "Contrast", "ContrastConfig", "EncoderConfig", "Generator", "GeneratorConfig",
    "Segmenter", "SegmenterConfig",
]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the three stages."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Learns the latent action space by retargeting."""
    contrast: ContrastConfig = field(default_factory=ContrastConfig)
    """Pre-trains the visual encoder on composed motions."""
    segment: SegmenterConfig = field(default_factory=SegmenterConfig)
    """Fine-tunes the encoder on frame labels."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two CPU cores in under four minutes."""
        return cls(GeneratorConfig.small(), ContrastConfig.small(), SegmenterConfig.small())
