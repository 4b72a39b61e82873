"""BRL: balanced representation learning for long-tailed skeleton-based action recognition.

Source: Liu, Wang, Zhao, Chen and Yu, Machine Intelligence Research 2023, arXiv 2308.14024, and the official code, built
on PYSKL.

Few actions are frequent, most are rare. (1) Some clips of a batch get their lower body from another clip, and a label
between the two, or that of the rare one alone. (2) The loss is plain cross entropy until late in training; then rare
classes weigh more, by the effective number of clips with a beta of each class's own. (3) Besides joints and bones there
are skip bones, from the joint two steps up the tree, and the motion of all three: six streams, each a network, whose
probabilities are added with fixed weights. The network is ST-GCN++ (any other of `acteme.nn.skeleton` by name). One
stage: `recognize`. Long-tailed training data of any data set: see `acteme.recordings.longtail`; losses:
`acteme.nn.longtail`.

Files: `inputs` (what is seen of a clip), `mixing` (whose halves, whose label), `recognize` (networks, training,
fusion).

Parity with the official modules (random weights carried over by `official_state_dict`, equal inputs of 3 clips, 32
frames, 2 persons, on NTU RGB+D, NW-UCLA and COCO joints; largest absolute differences in float64 / float32): logits in
training 2e-13 / 8e-5 of 62, in evaluation 1e-14 / 3e-6 of 10; gradients 1e-13 of the largest of each tensor (float64).
The prepared clips (six streams, ten showings, 7 to 290 frames, frames without the first person) are met to 2.4e-7, the
losses of the second stage to 6e-7 (both of official float32), the official mixture exactly. The official lists of NTU
RGB+D 120 cross-setup are met name by name.

Speed on a processor, one thread, against the official arithmetic done its way (`benchmarks/brl_step.py`): training step
1.3 times at the official size (2.5 in bfloat16, 1.7 where every other second person is absent and left out), 3.3 at the
small setting (1.6 the network alone); inference 1.5 and 4.8 times. 67% of a training step at the official size are
matrix products (52% at the small one), 14% batch norms (10%).

**Deviations** from the official code:

- A mixed clip has the joints of both halves in their places. Officially the upper body's joints, then the lower body's,
  fill the places 0 to V - 1, so that every mixed skeleton has another topology: `mixing.scrambled`.
- Every mixed clip has its own share of the two labels; one that is not mixed has its own label. Officially the share of
  the last mixed clip holds for the whole batch, 0 where none is mixed: `mixing.one_alpha`. With weights, the mean
  divides by the sum of what the clips weigh; officially by that of either label, and the two means are mixed.
- All drawn clips are mixed, with any other clip as it was. Officially a loop over a list that loses its elements skips
  the successor of a mixed clip, and never takes a mixed clip for a partner: `mixing.in_turn`. It mixes in place, which
  makes no difference then.
- The second stage's weights are the same in all of its epochs. Officially the list of betas is overwritten by 1 - beta,
  so that in every second epoch all classes weigh almost the same: `rebalance.alternating`. The official weights cannot
  change a third time (an IndexError at twice the step); here `rebalance.begin` is any epoch.
- Training clips are counted. Officially the counts of imbalance 100 (10 on NW-UCLA) are assumed, whatever the data.
- Weights of a class with one clip, and of classes of equal size, are defined (0 / 0 officially).
- Clips are turned upright about the vertical only, and half turns are made; official free rotation, and the right foot
  as origin on NW-UCLA: `view.official_turn` (see `acteme.recordings.skeleton.normalize`).
- Only the frames that are shown are turned and made into streams, together with those that follow them. The same.
- Streams are trained in one run, on the same views and mixtures; officially in six. They share no weights.
- The official setting for Kinetics cannot run (its loss takes other arguments, its split names the joints of NW-UCLA);
  `Config.kinetics()` is what it means, with the halves of COCO's joints and their share, 11 of 17.
"""

from dataclasses import dataclass, field, replace

from acteme.nn.longtail import Rebalance
from acteme.recordings.skeleton.streams import Stream
from acteme.systems.recognize.brl.inputs import View
from acteme.systems.recognize.brl.mixing import Mixing
from acteme.systems.recognize.brl.recognize import Fusion, RecognizeConfig, Recognizer

__all__ = ["Config", "Fusion", "Mixing", "Rebalance", "RecognizeConfig", "Recognizer", "View"]


@dataclass(frozen=True)
class Config:
    """BRL has one stage."""

    recognize: RecognizeConfig = field(default_factory=RecognizeConfig)
    """The streams."""

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in a minute or two."""
        return cls(RecognizeConfig.small())

    @classmethod
    def kinetics(cls) -> "Config":
        """The official setting for Kinetics-400: 2D skeletons with confidence, four streams."""
        config = RecognizeConfig()
        view = View(size=100, upright=False, scale=0.0, rotation=0.0, mirror=True, motion="sampled", confidence=True)
        recipe = replace(config.recipe, lr=0.1, epochs=150, batch=64)
        streams: tuple[Stream, ...] = ("joint", "bone", "joint_motion", "bone_motion")
        return cls(replace(config, streams=streams, fusion=Fusion(3.0, 1.0), rebalance=Rebalance(begin=129), repeat=1,
                           view=view, recipe=recipe))  # fmt: skip
