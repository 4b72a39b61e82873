"""SESA, stage A: the towers learn to tell skills from texts.

Source: inferred, see the package.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import torch
from jaxtyping import Float
from torch import Tensor, nn

from acteme.nn.recipe import Recipe
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.sesa.network import Network, NetworkConfig, Objects, Told, objects, skill_loss


def pairs_windows() -> Windows:
    """Every event, which is a pair of a person and a job, with the profile's text and skills."""
    return Windows(frames=1, stride=1, jitter=False, captions=True, classes=True)


@dataclass(frozen=True)
class SkillsConfig:
    """Settings of stage A."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    """The towers."""
    balance: bool = False
    """Weigh a listed skill by the number of objects without it over that with it, at most 50."""
    windows: Windows = field(default_factory=pairs_windows)
    """One pair each."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(optimizer="adam", lr=1e-3, epochs=20, batch=64, clip=5.0, drop_last=False)
    )
    """Optimization."""

    @classmethod
    def small(cls) -> "SkillsConfig":
        """Half a minute on two cores."""
        recipe = Recipe(optimizer="adam", lr=2e-3, epochs=6, batch=64, clip=5.0, drop_last=False)
        return cls(NetworkConfig.small(), recipe=recipe)


class Skills(nn.Module):
    """Stage A."""

    def __init__(self, config: SkillsConfig, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.network = Network(config.network, spec)

    def consult(self, catalog: pa.Table) -> None:
        """Reads texts and skills of the jobs."""
        self.network.consult(catalog)

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Builds the vocabulary and begins at the base rates of the skills."""
        self.network.calibrate(batches)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The skill losses of both sides; `total` is their sum."""
        told = towers(self.network, batch)
        job, profile = skill_losses(self.network, batch, told, self.config.balance)
        return {"total": job + profile, "skill_job": job, "skill_profile": profile}

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The explicit vector of each profile, as its text tells."""
        vector = self.network.tell_profiles(self.network.profiles(batch)).vector
        return latents(vector)


@dataclass(frozen=True)
class Both:
    """What the towers say of the distinct jobs and people of a batch."""

    found: Objects
    jobs: Told
    profiles: Told
    listed: Float[Tensor, "p c"]
    """1 where the person lists the skill."""


def towers(network: Network, batch: Batch) -> Both:
    """Encodes each job and each person of a batch once."""
    found = objects(batch)
    texts = network.profiles(batch)
    profiles = network.tell_profiles([texts[i] for i in found.people.tolist()])
    if len(found.jobs):
        jobs = network.tell_jobs(found.jobs)
    else:
        jobs = Told(profiles.logits[:0], profiles.vector[:0])
    return Both(found, jobs, profiles, batch["classes"][found.people])


def skill_losses(network: Network, batch: Batch, told: Both, balance: bool) -> tuple[Tensor, Tensor]:
    """Of jobs and of profiles."""
    asked = network.asks(told.found.jobs)
    weights = network.weight if balance else (None, None)
    return skill_loss(told.jobs.logits, asked, weights[0]), skill_loss(told.profiles.logits, told.listed, weights[1])


def latents(vector: Float[Tensor, "n c"]) -> Latents:
    """Vectors of whole recordings as latents."""
    return Latents(vector[:, None], vector, torch.ones(len(vector), 1, dtype=torch.bool, device=vector.device))
