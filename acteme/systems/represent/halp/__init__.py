"""HaLP: Hallucinating Latent Positives for skeleton-based self-supervised learning of actions.

Source: Shah et al., CVPR 2023, arXiv 2304.00387, section 3, and the official code (built on CMD, Mao et al. 2022).

A skeleton clip, seen twice through random crops in time and random shear or corruption of joints, is encoded by a GRU;
momentum contrast (MoCo) makes the two views agree. HaLP adds positives that cost no encoding: from the latent of the
second view it walks along great circles of the unit sphere towards cluster centers of recent latents ("prototypes"),
as far as the latent's own nearest prototype stays the nearest, and draws the first view's latent to points on these
ways. Stages: `pretrain` (no labels) and `classify` (linear probe, or fine-tuning).

Files: `gru` and `encoder` (clip to latent), `hallucinate` (the closed form, hardness, rank filter and loss), `distill`
(the multi-modal version's distillation), `pretrain`, `classify`, `official` (names of published weights).

Parity with the official modules (random weights carried over by `official_state_dict`, equal random draws; largest
absolute differences unless said otherwise). Latents and logits of the probe 4e-7, positives of the closed form 2e-8 in
float64. One step at the official size (batch 64, 64 frames, queue 16384): contrast and positives 1e-6 of 5, gradients
1e-6 of the largest one of each tensor, queue 2e-7, prototypes from it 1e-7; three modalities (hidden 256): total 2e-6
of 14, distillation 0 of 8. Side by side for 28 steps with optimizer, momentum, warm-up and refreshes over three epochs
(hidden 32; hardness 0.8, 1 and edge): losses 1e-5 of 25, weights and queue 5e-7; with three modalities 1e-3 of 37, from
the one of 90,000 positives that rounding keeps on one side only.

Speed on a processor, one thread, batch 64, against the official arithmetic done its way (`benchmarks/halp_step.py`):
3.5 times at the small setting (3.7 in bfloat16), 1.7 times at hidden 128 (2.4), 1.2 times at the official size (2.6).
There 94% of the step are the matrix products of the GRU; if all of them ran as fast as the processor's fastest product,
and nothing else took any time, the same arithmetic could be 1.5 times as fast as the official way, not more.

**Deviations** from the official code:

- Two forward GRUs per layer over the whole clip instead of a bidirectional one fed a step at a time: the same function
  (gradients, too). `encoder.form="bigru"` is a true bidirectional GRU; its latent takes each half where it has read
  the whole clip.
- t* by atan2. The official arctangent of a quotient gives negative t* where the boundary lies more than 90 degrees from
  the key, and positives move away from their target; `official_atan` restores it.
- Positives are never written out: z = a k + b p_s, so q.z and z.p follow from Gram matrices. Equal up to rounding.
- Where the rank filter drops all positives their loss is 0; walks along circles of less than 1e-3 rad (or as close to
  opposite) stay at the key.
- Prototypes by spherical k-means with k-means++ (normalized means, at most 20 rounds) instead of geomstats' Riemannian
  k-means (means along the sphere; random seeding in the multi-modal version): mean cosine of a key to its prototype
  0.356 against 0.352 on random keys, 0.845 against 0.837 on clustered ones, in 3 ms instead of 50 to 65.
- The first fit happens once, not twice, in the step in which the warm-up ends; and always before that step, also where
  it begins an epoch (there the official code hallucinates with prototypes that are all zero for one step).
- The number of clips seen, which ends the warm-up, and the step within the epoch survive a resume.
- The queue may wrap around within a batch. The key encoder moves after the optimizer's step instead of before the next.
- `hardness="edge"` is the official magic value 1000; the scripts' value for PKU-MMD cannot be parsed, 0.8 is meant.
- Three modalities: `mu` weighs the positives (the official weight is in no parser; there is no training script).
- The published training resumes a baseline of 200 epochs of plain contrast (500 for PKU-MMD) and goes on to 451 (1001);
  here one run of that length starts from scratch. Its warm-up can be set with `warmup_epochs`.
- The linear probe (`classify`, protocol `predictions`) reports the last epoch, not the best of those tested on; it has
  no random encoders of other modalities. The protocol `linear` is a faster relative of it, the same for all systems:
  standardized latents of the middle 95%, the linear layer solved for. `knn` is the official 1-NN. Of `semi-*` and
  `finetune` nothing but a way to draw labels was published, which may leave out classes; here it does not.
- In several processes batch statistics are each one's own (the official code synchronizes them); the queue is that of
  the first, as there. Features of `encode` with three modalities: joint, or the mean of all with `encode_with="all"`.
"""

from dataclasses import dataclass, field, replace

from acteme.systems.represent.halp.classify import Classifier, ClassifyConfig, check_fit
from acteme.systems.represent.halp.pretrain import Pretrain, PretrainConfig


@dataclass(frozen=True)
class Config:
    """HaLP: pre-training without labels, then a linear probe."""

    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    """Momentum contrast with hallucinated positives."""
    classify: ClassifyConfig = field(default_factory=ClassifyConfig)
    """Linear probe or fine-tuning."""

    def check(self) -> None:
        """Raises InputError where `classify` does not fit `pretrain`, before the one is trained for the other."""
        check_fit(self.classify, self.pretrain)

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in minutes."""
        return cls(PretrainConfig.small(), ClassifyConfig.small())

    @classmethod
    def pku(cls) -> "Config":
        """The official setting for PKU-MMD, part II."""
        config = cls()
        recipe = replace(config.pretrain.recipe, epochs=1001, milestones=(801,))
        pretrain = replace(config.pretrain, mu=1.0, recipe=recipe)
        return cls(pretrain, replace(config.classify, recipe=replace(config.classify.recipe, lr=0.001)))


__all__ = ["Classifier", "ClassifyConfig", "Config", "Pretrain", "PretrainConfig"]
