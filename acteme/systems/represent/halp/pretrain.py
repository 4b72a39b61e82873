"""The stage `pretrain`: momentum contrast on skeleton clips, with hallucinated positives."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.contrast import Queue, frozen, info_nce, momentum_update
from acteme.nn.prototypes import Prototypes
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.augment import shear_or_corrupt
from acteme.recordings.skeleton.sample import crop_resize
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.represent.halp.distill import mutual_distillation
from acteme.systems.represent.halp.encoder import (
    Branch,
    EncoderConfig,
    Modality,
    check_spec,
    encode_clips,
    sequence,
)
from acteme.systems.represent.halp.hallucinate import attraction, hallucinate
from acteme.systems.represent.halp.official import pretrain_state


@dataclass(frozen=True)
class PretrainConfig:
    """Momentum contrast with hallucinated positives. The defaults are those of NTU RGB+D 60 and 120."""

    modalities: tuple[Modality, ...] = ("joint",)
    """Which encoders are trained; several learn from each other by cross-modal distillation."""
    encoder: EncoderConfig = EncoderConfig()
    """The encoder of each modality."""
    dim: int = 128
    """Size of the projection in which latents are contrasted."""
    head: Literal["mlp", "linear"] = "mlp"
    """Projection head: with a hidden layer, or a matrix only."""
    queue: int = 16384
    """Keys of past batches that serve as negatives (K)."""
    temperature: float = 0.07
    """Of the contrast and of the positives' loss."""
    momentum: float = 0.999
    """How much of the key encoder stays at every step."""
    positives: Literal["hallucinate", "mixup", "repeat", "none"] = "hallucinate"
    """Further positives: hallucinated; a random way towards a prototype without a limit; the key itself; none, which
    is plain momentum contrast."""
    count: int = 100
    """Further positives per clip."""
    hardness: float | Literal["edge"] = 0.8
    """Lambda in [0, 1]: positives lie between (1 - lambda) t* and t* of the way, t* where their prototype would change.
    `edge`: all at t* - 0.01."""
    rank_filter: bool = True
    """Drop a positive whose nearest prototype is not the key's."""
    official_atan: bool = False
    """Compute t* by the official arctangent of a quotient, wrong for boundaries beyond 90 degrees."""
    mu: float = 2.0
    """Weight of the positives' loss (2 in the official scripts for NTU RGB+D, 1 for PKU-MMD)."""
    prototypes: int = 20
    """Cluster centers of recent keys."""
    recent: int = 256
    """How many of the latest keys are clustered."""
    refresh: int = 10
    """Cluster anew at the steps 0, `refresh`, 2 `refresh`, ... of every epoch."""
    skip: int = 1
    """The prototypes nearest to a key that are no targets."""
    pool: int = 20
    """Of the others, how many of the nearest are targets."""
    warmup: int | None = None
    """Clips seen before positives are hallucinated; none stands for twice the queue and one."""
    warmup_epochs: int = 0
    """Epochs before positives are hallucinated, if that is later."""
    distill: float = 1.0
    """Weight of the distillation between modalities."""
    distill_top: int = 8192
    """Queue entries nearest to the teacher's key that are compared."""
    student_temperature: float = 0.1
    """Of the distillation's student."""
    teacher_temperature: float = 0.05
    """Of the distillation's teacher."""
    size: int = 64
    """Frames of a view."""
    crop: tuple[float, float] = (0.1, 1.0)
    """Smallest and largest part of a clip that a view shows."""
    shortest: int = 64
    """Frames that a view shows at least, where the clip has them."""
    corrupt: float = 0.6
    """Part of the joints that joint corruption hits (15 of 25)."""
    strength: float = 1.0
    """Largest entry of the random matrices of pose shear and joint corruption."""
    windows: Windows = Windows(frames=None, limit=300)
    """What counts as a clip."""
    recipe: Recipe = field(
        default=Recipe(optimizer="sgd", lr=0.01, momentum=0.9, weight_decay=1e-4, epochs=451, batch=64,
                       schedule="step", milestones=(351,))  # fmt: skip
    )
    """How it is optimized."""

    @classmethod
    def small(cls) -> "PretrainConfig":
        """Learns on two processor cores in minutes."""
        return cls(
            encoder=EncoderConfig(hidden=64, layers=2), queue=1024, momentum=0.99, prototypes=16, size=32, shortest=24,
            distill_top=256, warmup_epochs=10, crop=(0.5, 1.0), corrupt=0.2, strength=0.5,
            recipe=Recipe(optimizer="adamw", lr=1e-3, weight_decay=1e-4, epochs=40, batch=64, schedule="cosine"),
        )  # fmt: skip


class Pretrain(nn.Module):
    """Learns an encoder without labels.

    Args:
        config: the method's settings.
        spec: of the data; any layout and number of persons.

    Raises:
        InputError: no skeleton, or settings that contradict each other.
    """

    def __init__(self, config: PretrainConfig, spec: Spec):
        super().__init__()
        self.config = config
        self.layout = check_spec(spec, config.modalities)
        check(config)
        features = spec.joints * spec.channels * spec.persons

        def branches() -> nn.ModuleDict:
            made = {m: Branch(features, config.encoder, config.dim, config.head) for m in config.modalities}
            return nn.ModuleDict(made)

        self.query, self.key = branches(), frozen(branches())
        self.key.load_state_dict(self.query.state_dict())
        self.queues = nn.ModuleDict({m: Queue(config.queue, config.dim) for m in config.modalities})
        self.prototypes = nn.ModuleDict({m: Prototypes(config.prototypes, config.dim) for m in config.modalities})
        self.register_buffer("epoch", torch.zeros((), dtype=torch.long))
        self.register_buffer("iteration", torch.zeros((), dtype=torch.long))
        self.fresh: dict[str, list[Tensor]] = {m: [] for m in config.modalities}

    def before_epoch(self, epoch: int) -> None:
        """Steps are counted anew in every epoch."""
        self.epoch.fill_(epoch)
        self.iteration.zero_()

    def views(self, batch: Batch) -> tuple[Float[Tensor, "b t m v c"], Float[Tensor, "b t m v c"]]:
        """Two views of every clip, each cropped, resized and either sheared or corrupted at random."""
        c = self.config
        x, frames = batch["skeleton"], batch["frames"]
        joints = round(c.corrupt * self.layout.count)

        def view() -> Tensor:
            return shear_or_corrupt(crop_resize(x, frames, c.size, c.crop, c.shortest), joints, c.strength)

        return view(), view()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch of clips, and the part of the positives that the rank filter keeps.

        Needs `skeleton` and `frames`. In training the keys are put by for `after_step`.

        Returns:
            total = moco + mu positives + distill, and its parts, each summed over the modalities.
        """
        first, second = self.views(batch)
        q, k = {}, {}
        for m in self.config.modalities:
            q[m] = self.query[m](sequence(first, m, self.layout)).float()
            with torch.no_grad():
                k[m] = self.key[m](sequence(second, m, self.layout)).float()
        with torch.autocast(first.device.type, enabled=False):
            return self.contrast(q, k)

    def contrast(
        self, q: dict[str, Float[Tensor, "b d"]], k: dict[str, Float[Tensor, "b d"]]
    ) -> dict[str, Tensor]:
        """The losses of unit queries and keys, by modality."""
        c = self.config
        keys = {m: self.queues[m].keys for m in q}
        moco = torch.stack([info_nce(q[m], k[m], keys[m], c.temperature) for m in q]).sum()
        positives, kept = moco.new_zeros(()), moco.new_zeros(())
        if c.positives != "none" and self.due():
            for m in q:
                if not self.prototypes[m].ready:
                    self.prototypes[m].fit(self.queues[m].recent(c.recent))
                points = self.prototypes[m].points
                made = hallucinate(k[m], points, c.count, c.hardness, c.positives, c.rank_filter, c.skip, c.pool,
                                   c.official_atan)  # fmt: skip
                positives = positives + attraction(q[m], k[m], points, made, c.temperature)
                kept = kept + made.kept.float().mean() / len(q)
        distill = mutual_distillation(q, k, keys, c.distill_top, c.student_temperature, c.teacher_temperature)
        if self.training:
            for m in k:
                self.fresh[m].append(k[m].detach())
        total = moco + c.mu * positives + c.distill * distill
        return {"total": total, "moco": moco, "positives": positives, "distill": distill, "kept": kept}

    def due(self) -> bool:
        """Whether the warm-up is over."""
        c = self.config
        seen = next(iter(self.queues.values())).seen
        enough = 2 * c.queue + 1 if c.warmup is None else c.warmup
        return bool((seen >= max(enough, c.recent)) & (self.epoch >= c.warmup_epochs))

    def after_step(self) -> None:
        """Moves the key encoders, enqueues the step's keys, and clusters anew when it is time."""
        c = self.config
        time = bool(self.iteration % c.refresh == 0)
        for m in c.modalities:
            momentum_update(self.key[m], self.query[m], c.momentum)
            if self.fresh[m]:
                self.queues[m].enqueue(torch.cat(self.fresh[m]))
                self.fresh[m] = []
            if time and self.prototypes[m].ready:
                self.prototypes[m].fit(self.queues[m].recent(c.recent))
        self.iteration += 1

    def encode(self, batch: Batch) -> Latents:
        """Latents (2 hidden numbers) of the query encoders, the mean over modalities, of the middle 95% of each clip."""
        encoders = nn.ModuleDict({m: branch.encoder for m, branch in self.query.items()})
        return encode_clips(encoders, batch["skeleton"], batch["frames"], self.config.size, self.layout)

    @staticmethod
    def official_state_dict(state: dict) -> dict[str, Tensor]:
        """The official pre-training checkpoint's tensors (single- or multi-modal) under this module's names."""
        return pretrain_state(state)


def check(c: PretrainConfig) -> None:
    """Raises InputError where settings contradict each other."""
    if c.positives not in ("mixup", "repeat", "none") and c.hardness != "edge" and not 0 <= c.hardness <= 1:
        raise InputError(f"hardness {c.hardness} is out of its range", "hardness", "give 0 to 1, or edge")
    if not c.prototypes <= c.recent <= c.queue:
        what = f"{c.prototypes} prototypes of {c.recent} keys of a queue of {c.queue}"
        raise InputError(what + " cannot be fitted", "prototypes, recent, queue", "let none exceed the next")
    if not 1 <= c.skip < c.prototypes:
        raise InputError(f"skipping {c.skip} of {c.prototypes} prototypes leaves no target", "skip", "skip fewer")
    if len(c.modalities) > 1 and c.distill_top > c.queue:
        raise InputError(f"{c.distill_top} of {c.queue} queue entries", "distill_top", "give at most the queue's size")
