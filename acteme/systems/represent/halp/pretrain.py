"""The stage `pretrain`: momentum contrast on skeleton clips, with hallucinated positives."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, cast

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

CLIPS = Windows(frames=None, limit=300)
RECIPE = Recipe(
    optimizer="sgd", lr=0.01, momentum=0.9, weight_decay=1e-4, epochs=451, schedule="step", milestones=(351,)
)


@dataclass(frozen=True)
class PretrainConfig:
    """Momentum contrast with hallucinated positives. The defaults are those of NTU RGB+D 60 and 120."""

    modalities: tuple[Modality, ...] = ("joint",)
    """Which encoders are trained; several learn from each other by cross-modal distillation."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
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
    """Clips seen before positives are hallucinated, at least `recent`; none stands for twice the queue and one."""
    warmup_epochs: int = 0
    """Epochs before positives are hallucinated, if that is later."""
    encode_with: Literal["first", "all"] = "first"
    """Latents of the first modality (the protocol behind the published numbers), or the mean over all."""
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
    windows: Windows = CLIPS
    """What counts as a clip."""
    recipe: Recipe = RECIPE
    """How it is optimized."""

    @classmethod
    def small(cls) -> "PretrainConfig":
        """Learns on two processor cores in two minutes. Positives weigh little: from 0.5 on they hurt in short runs."""
        return cls(
            encoder=EncoderConfig(hidden=64, layers=1), queue=1024, momentum=0.99, prototypes=16, mu=0.1, size=24,
            shortest=16, crop=(0.3, 1.0), corrupt=0.4, strength=0.5, distill_top=256, warmup_epochs=14,
            recipe=Recipe(optimizer="adamw", lr=5e-3, weight_decay=1e-4, epochs=45, batch=64, schedule="cosine"),
        )  # fmt: skip


class Contrast(nn.Module):
    """Momentum contrast of one modality.

    Args:
        config: the method's settings.
        features: numbers per frame.
    """

    def __init__(self, config: PretrainConfig, features: int):
        super().__init__()
        c = self.config = config
        self.query = Branch(features, c.encoder, c.dim, c.head)
        self.key = frozen(deepcopy(self.query))
        self.queue = Queue(c.queue, c.dim)
        self.prototypes = Prototypes(c.prototypes, c.dim)
        self.fresh: list[Tensor] = []

    def moco(self, q: Float[Tensor, "b d"], k: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        """Contrast of queries with their keys against the queue."""
        return info_nce(q, k, self.queue.keys, self.config.temperature)

    def positives(
        self, q: Float[Tensor, "b d"], k: Float[Tensor, "b d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Loss of the further positives, and the part of them that was kept. Fits the prototypes the first time."""
        c = self.config
        source: Literal["hallucinate", "mixup", "repeat"] = "repeat" if c.positives == "none" else c.positives
        if not self.prototypes.ready:
            self.cluster()
        points = self.prototypes.points
        made = hallucinate(k, points, c.count, c.hardness, source, c.rank_filter, c.skip, c.pool, c.official_atan)
        return attraction(q, k, points, made, c.temperature), made.kept.float().mean()

    def cluster(self) -> None:
        """Fits the prototypes to the most recent keys."""
        self.prototypes.fit(self.queue.recent(self.config.recent))

    def after_step(self, refresh: bool) -> None:
        """Moves the key encoder, enqueues the step's keys, then clusters anew if asked and begun."""
        momentum_update(self.key, self.query, self.config.momentum)
        if self.fresh:
            self.queue.enqueue(torch.cat(self.fresh))
            self.fresh = []
        if refresh and self.prototypes.ready:
            self.cluster()


class Pretrain(nn.Module):
    """Learns encoders without labels.

    Args:
        config: the method's settings.
        spec: of the data; any layout and number of persons.

    Raises:
        InputError: no skeleton, or settings that contradict each other.
    """

    epoch: Tensor
    iteration: Tensor

    def __init__(self, config: PretrainConfig, spec: Spec):
        super().__init__()
        check(config)
        self.config = config
        self.layout = check_spec(spec, config.modalities)
        features = spec.joints * spec.channels * spec.persons
        self.modality = nn.ModuleDict({m: Contrast(config, features) for m in config.modalities})
        self.register_buffer("epoch", torch.zeros((), dtype=torch.long))
        self.register_buffer("iteration", torch.zeros((), dtype=torch.long))

    @property
    def parts(self) -> dict[str, Contrast]:
        """The contrast of each modality."""
        return {m: cast(Contrast, part) for m, part in self.modality.items()}

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

        Needs `skeleton` and `frames`. In training, the keys are put by for `after_step`.

        Returns:
            total = moco + mu positives + distill, and these parts, each summed over the modalities.
        """
        first, second = self.views(batch)
        q, k = {}, {}
        for m, part in self.parts.items():
            q[m] = part.query(sequence(first, m, self.layout)).float()
            with torch.no_grad():
                k[m] = part.key(sequence(second, m, self.layout)).float()
        with torch.autocast(first.device.type, enabled=False):
            return self.contrast(q, k)

    def contrast(self, q: dict[str, Float[Tensor, "b d"]], k: dict[str, Float[Tensor, "b d"]]) -> dict[str, Tensor]:
        """The losses of unit queries and keys, by modality."""
        c, parts = self.config, self.parts
        moco = torch.stack([part.moco(q[m], k[m]) for m, part in parts.items()]).sum()
        positives, kept = moco.new_zeros(()), moco.new_zeros(())
        if c.positives != "none" and self.due():
            made = [part.positives(q[m], k[m]) for m, part in parts.items()]
            positives, kept = torch.stack([p for p, _ in made]).sum(), torch.stack([s for _, s in made]).mean()
        queues = {m: part.queue.keys for m, part in parts.items()}
        distill = mutual_distillation(q, k, queues, c.distill_top, c.student_temperature, c.teacher_temperature)
        if self.training:
            for m, part in parts.items():
                part.fresh.append(k[m].detach())
        total = moco + c.mu * positives + c.distill * distill
        return {"total": total, "moco": moco, "positives": positives, "distill": distill, "kept": kept}

    def due(self) -> bool:
        """Whether the warm-up is over."""
        c = self.config
        seen = next(iter(self.parts.values())).queue.seen
        enough = 2 * c.queue + 1 if c.warmup is None else max(c.warmup, c.recent)
        return bool((seen >= enough) & (self.epoch >= c.warmup_epochs))

    def after_step(self) -> None:
        """Moves the key encoders, enqueues the step's keys, and clusters anew when it is time."""
        refresh = bool(self.iteration % self.config.refresh == 0)
        for part in self.parts.values():
            part.after_step(refresh)
        self.iteration += 1

    def encode(self, batch: Batch) -> Latents:
        """Latents (2 hidden numbers) of the query encoder, or encoders, of the middle 95% of each clip."""
        chosen = list(self.parts.items())[: None if self.config.encode_with == "all" else 1]
        encoders = {m: part.query.encoder for m, part in chosen}
        return encode_clips(encoders, batch["skeleton"], batch["frames"], self.config.size, self.layout)

    @staticmethod
    def official_state_dict(state: dict[str, Any]) -> dict[str, Tensor]:
        """The official pre-training checkpoint's tensors (single- or multi-modal) under this module's names."""
        return pretrain_state(state)


def check(c: PretrainConfig) -> None:
    """Raises InputError where settings contradict each other."""
    for name in ("count", "refresh", "pool", "size", "shortest"):
        if getattr(c, name) < 1:
            raise InputError(f"{getattr(c, name)} is too small", name, "give 1 or more")
    if not 0 <= c.momentum <= 1 or c.temperature <= 0:
        what = f"momentum {c.momentum} or temperature {c.temperature} is out of its range"
        raise InputError(what, "momentum, temperature", "give a momentum of 0 to 1, a temperature above 0")
    if c.positives not in ("mixup", "repeat", "none") and c.hardness != "edge" and not 0 <= c.hardness <= 1:
        raise InputError(f"hardness {c.hardness} is out of its range", "hardness", "give 0 to 1, or edge")
    if not c.prototypes <= c.recent <= c.queue:
        what = f"{c.prototypes} prototypes of {c.recent} keys of a queue of {c.queue}"
        raise InputError(what + " cannot be fitted", "prototypes, recent, queue", "let none exceed the next")
    if not 1 <= c.skip < c.prototypes:
        raise InputError(f"skipping {c.skip} of {c.prototypes} prototypes leaves no target", "skip", "skip fewer")
    if len(c.modalities) > 1 and c.distill_top > c.queue:
        raise InputError(f"{c.distill_top} of {c.queue} queue entries", "distill_top", "give at most the queue's size")
