"""GAP: generative action-description prompts for skeleton-based action recognition.

Source: Xiang et al., ICCV 2023, arXiv 2208.05318, and the official code, built on CTR-GCN (Chen et al., ICCV 2021).

A skeleton clip goes through a graph network (CTR-GCN; any other of `acteme.nn.skeleton` by name) and a linear
classifier. In training the mean over all joints, and those over head, hands, hip and feet, are compared with texts on
the clip's class as well: with a name of the class, drawn among synonyms, and with what the part does. A language model
has written the texts beforehand (`acteme describe`; those of the published data sets come along). Features of a clip
and of the texts are drawn together where classes agree:

    total = cross entropy + weight mean_j (KL(q || softmax(c_j s_j t_j^T)) + KL(q || softmax(c_j t_j s_j^T))) / 2

with unit vectors s and t, q = softmax(10 G), G = 1 where classes are equal, and a learned c_j per branch j. Later no
text is needed: the guides, which hold all that has to do with texts, do not exist in an evaluated model. Up to four
streams (joints, bones, motion of both) are trained side by side and their logits added. One stage: `recognize`.

Files: `prompts` (the five texts), `parts` (joints of the parts), `views` (what streams see), `guide` (the texts in
training), `recognize` (streams, losses, fusion).

Parity with the official modules (random weights carried over by `official_state_dict`, equal inputs of 4 clips, 32
frames, NTU joints and bones and NW-UCLA; largest absolute differences in float64 / float32): logits in training 4e-14 /
1e-5 of 22, losses 4e-16 / 2e-7, gradients 4e-13 of the largest of each tensor (float64), logits in evaluation 9e-5 of
5e8 (float64, fresh running statistics).

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/gap_step.py`): training step
2.7 times at the official size, where texts take more than the network, 5.1 times at the small setting; network and
contrast alone 1.3 and 2.0 times; inference 1.3 and 2.0 times.

**Deviations** from the official code:

- Texts of a step are encoded once each, at the length that they have; officially five per clip, at 77 tokens. Frozen
  encoders (`text.trained=false`) encode all texts once.
- The trained text encoder is kept in the weights (evaluation leaves it out); officially it is lost with the training.
- The learning rate of the text encoder has a factor, `text_rate`; the official one (`te_lr_ratio`) is overwritten by
  the schedule. Its default is what the official code comes to, the rate of the network. Lower is safer, above all in
  half precision.
- The factors c_j start at log(1/0.07) and are used as they are, as officially, where the paper divides by a temperature
  (1/0.07 = 14.3, by `scale`). They are not bounded.
- The list of hands for bones has the tip of the left hand, which is officially the top of the spine by a slip;
  `official_lists` restores it.
- Bones of NW-UCLA are child minus parent. The official edges are the other way round, so that a bone is the parent
  minus the sum of its children, and what should be the joints (6 hops) misses the feet at the root: `official_lists`.
- Every clip has its own draws. Officially all loader workers start anew with their numbers in each epoch, so that crops
  and rotations repeat. Clips of NW-UCLA are not scaled, which the stretching to [-1, 1] would undo.
- Warm-up is linear in steps, officially in epochs; 1,000 steps are 5 epochs of NTU RGB+D 60, cross-subject.
- NW-UCLA (`Config.nwucla()`): 550 passes over the data in place of 110 epochs that repeat it five times.
- Descriptions are our own, in the official form. Where a class has none, training says so and names the command.
- Streams share nothing but the clips, and are trained in one run; each trains a text encoder of its own.
- Absent persons are averaged in, as officially, unless `backbone.skip_absent` leaves them out (the small setting).
"""

from dataclasses import dataclass, field

from acteme.systems.recognize.gap.recognize import RecognizeConfig, Recognizer, nwucla

__all__ = ["Config", "RecognizeConfig", "Recognizer"]


@dataclass(frozen=True)
class Config:
    """GAP has one stage."""

    recognize: RecognizeConfig = field(default_factory=RecognizeConfig)
    """The streams, and the texts that guide them."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecognizeConfig.small())

    @classmethod
    def nwucla(cls) -> "Config":
        """The official setting for NW-UCLA."""
        return cls(nwucla())
