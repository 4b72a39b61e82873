"""SESA, stage B: the towers learn which profiles go with which jobs, in the space of named skills.

Source: inferred, see the package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.nn.sequence import Met
from acteme.recordings.annotations import Preferences, Reasons
from acteme.recordings.batch import Batch
from acteme.recordings.corpus import Corpus
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.sesa.index import Index
from acteme.systems.recommend.sesa.network import Network, NetworkConfig
from acteme.systems.recommend.sesa.score import (
    Kind,
    Pairs,
    Scorer,
    drawn,
    hinge_loss,
    merged,
    pairs,
    softmax_loss,
)
from acteme.systems.recommend.sesa.skills import Skills, latents, pairs_windows, skill_losses, towers


@dataclass(frozen=True)
class MatchConfig:
    """Settings of stage B."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    """The towers; as in stage A where they are inherited."""
    pretrained: bool = True
    """Start from stage A; off: from random weights."""
    skill: float = 1.0
    """Weight of the skill losses, which keep the concepts what their names say; 0: relevance alone."""
    balance: bool = False
    """Weigh a listed skill by the number of objects without it over that with it, at most 50."""
    relevance: Literal["auto", "softmax", "bce", "hinge"] = "auto"
    """The loss of pairs: `softmax` of each profile over the batch's jobs, `bce` of labeled pairs (or drawn negatives),
    `hinge` against drawn negatives; `auto` is `bce` where the data label pairs that do not go together, else
    `softmax`."""
    negatives: int = 4
    """Profiles drawn for each pair that goes together, where a loss needs them."""
    hard: bool = False
    """Draw them among people of the same group of jobs, where there are any."""
    margin: float = 1.0
    """Of the hinge."""
    score: Kind = "weighted"
    """How concepts are weighed: learned, by rarity, not at all, or the cosine."""
    merge: Literal["none", "max", "gate"] = "none"
    """What the skills that a profile lists do to its vector: nothing (they are learned from), count fully, or by a
    learned share for each concept."""
    most: int = 50
    """Concepts of a vector that the sparse index keeps."""
    least: float = 0.05
    """Least value of such a concept."""
    windows: Windows = field(default_factory=pairs_windows)
    """One pair each."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(optimizer="adam", lr=1e-3, epochs=20, batch=64, clip=5.0, drop_last=False)
    )
    """Optimization."""

    @classmethod
    def small(cls) -> "MatchConfig":
        """Half a minute on two cores."""
        recipe = Recipe(optimizer="adam", lr=2e-3, epochs=8, batch=64, clip=5.0, drop_last=False)
        return cls(NetworkConfig.small(), recipe=recipe)


class Matcher(nn.Module):
    """Stage B: says how well profiles go with the jobs of the catalog, and by which skills.

    Raises:
        InputError: a number that is out of range.
    """

    def __init__(self, config: MatchConfig, spec: Spec):
        super().__init__()
        if config.negatives < 1 or config.most < 1:
            raise InputError("negatives and most are at least 1", "match", "set them higher")
        self.config, self.spec = config, spec
        self.network = Network(config.network, spec)
        self.scorer = Scorer(config.score, len(spec.classes))
        self.gate = nn.Parameter(torch.zeros(len(spec.classes))) if config.merge == "gate" else None
        self.inherited = False
        self.known: Met | None = None
        self.held: tuple[tuple[tuple[int, int], ...], Tensor] | None = None

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the towers of stage A. Raises InputError where there are none, or of another shape."""
        if not self.config.pretrained:
            return
        skills = previous.get("skills")
        if not isinstance(skills, Skills):
            raise InputError("no towers to start from", "match",
                             "train the stage skills first, or set match.pretrained=false")  # fmt: skip
        if skills.config.network != self.config.network:
            raise InputError("the towers of stage A are others", "match.network", "set it as skills.network")
        self.network.load_state_dict(skills.network.state_dict())
        self.inherited = True

    def consult(self, catalog: pa.Table) -> None:
        """Reads texts and skills of the jobs, unless stage A has."""
        if not self.inherited:
            self.network.consult(catalog)

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Builds the vocabulary and begins at the base rates, unless stage A has; takes the rarity of concepts."""
        if not self.inherited:
            self.network.calibrate(batches)
        self.scorer.idf.copy_(self.network.idf)

    def remember(self, corpus: Corpus) -> None:
        """Keeps who goes with what in training, so that no pair is a negative that another batch has as a positive."""
        if "outcome" in corpus.arrays:
            own = {"item": np.where(corpus.arrays["outcome"] > 0, corpus.arrays["item"], 0)}
            corpus = replace(corpus, arrays=corpus.arrays | own)
        self.known = Met(corpus, future=True)

    # --- learning ----------------------------------------------------------------------------------------------------

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`relevance`, `skill_job`, `skill_profile`; `total` = relevance + skill * (skill_job + skill_profile)."""
        told = towers(self.network, batch)
        p = merged(told.profiles.vector, told.listed, self.config.merge, self.gate)
        scores = self.scorer(told.jobs.vector, p)
        found, labels = told.found, batch.get("outcome")
        goes = torch.ones_like(found.job, dtype=torch.bool) if labels is None else labels[:, 0] > 0
        seen = pairs(found.job, found.person, goes, (scores.shape[0], scores.shape[1]))
        if self.known is not None:
            who = batch["index"][found.people]
            jobs = found.jobs.expand(len(who), -1)
            seen = seen._replace(together=seen.together | self.known.has(jobs, who, torch.zeros_like(who)).T)
        relevance = self.relevance(scores, seen, labels is not None, self.network.group[found.jobs - 1])
        job, profile = skill_losses(self.network, batch, told, self.config.balance)
        total = relevance + self.config.skill * (job + profile) if self.config.skill else relevance
        return {"total": total, "relevance": relevance, "skill_job": job, "skill_profile": profile}

    def relevance(
        self, scores: Float[Tensor, "j p"], seen: Pairs, labeled: bool, group: Int[Tensor, " j"]
    ) -> Float[Tensor, ""]:
        """The loss of pairs."""
        kind = self.config.relevance
        if kind == "auto":
            kind = "bce" if labeled else "softmax"
        if kind == "softmax":
            return softmax_loss(scores, seen)
        if kind == "bce" and labeled:
            if not len(seen.job):
                return scores.sum() * 0
            return F.binary_cross_entropy_with_logits(scores[seen.job, seen.person], seen.goes.to(scores))
        job, person, others = drawn(seen, self.config.negatives, group if self.config.hard else None)
        if not len(job):
            return scores.sum() * 0
        positive, negative = scores[job, person], scores[job[:, None], others]
        if kind == "hinge":
            return hinge_loss(positive, negative, self.config.margin)
        all_ = torch.cat([positive[:, None], negative], 1)
        truth = torch.zeros_like(all_)
        truth[:, 0] = 1
        return F.binary_cross_entropy_with_logits(all_, truth)

    # --- answering ---------------------------------------------------------------------------------------------------

    def vectors(self, batch: Batch) -> Float[Tensor, "b c"]:
        """The explicit vector of each profile, with the skills that it lists where they are merged."""
        told = self.network.tell_profiles(self.network.profiles(batch))
        return merged(told.vector, batch["classes"], self.config.merge, self.gate)

    @torch.no_grad()
    def jobs(self) -> Float[Tensor, "items c"]:
        """Explicit vectors of all jobs; kept until weights change."""
        if self.training:
            return self.network.all_jobs()
        key = tuple((x.data_ptr(), x._version) for x in (*self.network.parameters(), *self.network.buffers()))
        if self.held is None or self.held[0] != key:
            self.held = (key, self.network.all_jobs())
        return self.held[1]

    def encode(self, batch: Batch) -> Latents:
        """The explicit vector of each profile: concept c is `spec.classes[c]`."""
        return latents(self.vectors(batch))

    @torch.no_grad()
    def predict(self, batch: Batch) -> Preferences:
        """How well each job goes with each profile: the query has the weights of concepts in it."""
        table, query = self.scorer.table(self.jobs()), self.scorer.query(self.vectors(batch))
        return Preferences(query, table, self.scorer.bias.detach().expand(len(table)))

    @torch.no_grad()
    def contributions(self, batch: Batch, items: Int[Tensor, "b k"]) -> Float[Tensor, "b k c"]:
        """What each concept adds to the score of each profile with each of some jobs (numbers from 1); the sum over
        concepts and the bias are that score."""
        return self.scorer.contributions(self.jobs()[items - 1], self.vectors(batch)[:, None])

    @torch.no_grad()
    def reasons(self, batch: Batch, items: Int[Tensor, "b k"], most: int = 3) -> Reasons:
        """The concepts that add most to the score of each profile with each of some jobs."""
        part, concept = self.contributions(batch, items).topk(min(most, len(self.spec.classes)), -1)
        names = self.spec.classes
        return Reasons([[tuple(names[c] for c in some) for some in row] for row in concept.tolist()], part)

    @torch.no_grad()
    def score(self, job: int | str, profile: str, listed: tuple[str, ...] = ()) -> float:
        """How well a job and a profile go together; see `explain`."""
        return self._parts(job, profile, listed).sum().item() + self.scorer.bias.item()

    @torch.no_grad()
    def explain(
        self, job: int | str, profile: str, listed: tuple[str, ...] = (), most: int = 5
    ) -> list[tuple[str, float]]:
        """The concepts that add most to the score of a job and a profile, with what they add.

        Args:
            job: its number in the catalog, from 1, or the text of one that is not in it.
            profile: its text.
            listed: skills that it lists; they count where skills are merged.
            most: concepts.

        Raises:
            InputError: there is no such job or skill.
        """
        part, concept = self._parts(job, profile, listed).topk(min(most, len(self.spec.classes)))
        return [(self.spec.classes[c], x) for c, x in zip(concept.tolist(), part.tolist(), strict=True)]

    def _parts(self, job: int | str, profile: str, listed: tuple[str, ...]) -> Float[Tensor, " c"]:
        if isinstance(job, str):
            j = self.network.tell(0, self.network.vocabulary.ids([job], self.config.network.length)).vector
        elif 1 <= job <= self.spec.items:
            j = self.jobs()[job - 1 : job]
        else:
            raise InputError(f"there is no job {job}", "job", f"the catalog has 1 to {self.spec.items}")
        if unknown := [name for name in listed if name not in self.spec.classes]:
            raise InputError(f"there is no concept '{unknown[0]}'", "listed", "name skills of the list of concepts")
        held = torch.tensor([[float(name in listed) for name in self.spec.classes]], device=j.device)
        p = merged(self.network.tell_profiles([profile]).vector, held, self.config.merge, self.gate)
        return self.scorer.contributions(j, p)[0]

    @torch.no_grad()
    def index(self) -> Index:
        """The jobs as a sparse index: their largest concepts, for catalogs too large to multiply by."""
        return Index.of(self.scorer.table(self.jobs()), self.config.most, self.config.least, self.scorer.bias.item())

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """There are no official weights, nor any code.

        Raises:
            InputError: always.
        """
        raise InputError("SESA has no official weights", "official_state_dict", "load weights of a run of your own")
