"""SESA's network: texts to named concepts, one tower for jobs and one for profiles, and what it keeps of the catalog.

ENCODER: embedding, bidirectional recurrent network, maximum over the words. PROJECTOR: a linear layer to one number per
concept of the KNOWLEDGE BASE, squashed. Nothing unnamed stands between that vector and the score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.text.words import PADDING, Vocabulary
from acteme.recordings.batch import Batch
from acteme.recordings.captions import to_texts
from acteme.recordings.spec import Spec

CHUNK = 256
"""Jobs encoded at a time."""
MOST_WEIGHT = 50.0
"""Largest weight of a listed skill against one that is not."""


@dataclass(frozen=True)
class NetworkConfig:
    """Settings of the network."""

    vocabulary: int = 30_000
    """Most words that have an embedding, the most frequent ones."""
    seen: int = 2
    """Times that such a word occurs in the training texts, at least."""
    length: int = 300
    """Words of a text that are read."""
    embedding: int = 100
    """Size of a word's embedding, which both towers share."""
    cell: Literal["gru", "lstm"] = "gru"
    """Recurrent network, in both directions."""
    width: int = 128
    """Its size in each direction."""
    pool: Literal["max", "mean", "last"] = "max"
    """What becomes of the words of a text: maximum, mean, or the last state of each direction."""
    dropout: float = 0.2
    """Of embeddings and of what is pooled."""
    shared: bool = False
    """Use one encoder for both sides."""
    shared_projector: bool = False
    """Use one projector for both sides."""
    squash: Literal["sigmoid", "softplus", "relu", "identity"] = "sigmoid"
    """What makes a concept's value of its logit; `identity`, a third of it, is that of a latent space without names."""
    listed: int = 128
    """Skills that a job has room for."""

    @classmethod
    def small(cls) -> "NetworkConfig":
        """For short texts and a few processor cores."""
        return replace(cls(), vocabulary=4000, length=60, embedding=64, width=64)


class Encoder(nn.Module):
    """Words to a vector: embedding, recurrent network in both directions, pooling over the words that exist.

    The second direction reads each text from its own last word on, so that padding has no part in anything. That gives
    what a packed sequence does, whose gradient however takes a pass over all words for every step.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        kind = nn.GRU if config.cell == "gru" else nn.LSTM
        self.onward = kind(config.embedding, config.width, batch_first=True)
        self.back = kind(config.embedding, config.width, batch_first=True)
        self.pool = config.pool
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, embedded: Float[Tensor, "n t e"], length: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        x = self.dropout(embedded)
        step = torch.arange(x.shape[1], device=x.device)
        beyond = step >= length[:, None]
        turned = torch.where(beyond, step, length[:, None] - 1 - step)
        x_back = x.gather(1, turned[..., None].expand_as(x))
        states = torch.cat([self.onward(x)[0], self.back(x_back)[0]], -1)
        if self.pool == "last":
            return self.dropout(states[torch.arange(len(x), device=x.device), length - 1])
        if self.pool == "max":
            return self.dropout(states.masked_fill(beyond[..., None], -torch.inf).amax(1))
        return self.dropout(states.masked_fill(beyond[..., None], 0.0).sum(1) / length[:, None])


class Told(NamedTuple):
    """What the towers say of some texts."""

    logits: Float[Tensor, "n c"]
    vector: Float[Tensor, "n c"]
    """The squashed logits: the explicit vector."""


class Network(nn.Module):
    """Both towers, the vocabulary, and the catalog's jobs as words.

    Raises:
        InputError: data without concepts or without jobs.
    """

    jobs: Int[Tensor, "items t"]
    asked: Int[Tensor, "items s"]
    group: Int[Tensor, " items"]
    weight: Float[Tensor, "2 c"]
    idf: Float[Tensor, " c"]

    def __init__(self, config: NetworkConfig, spec: Spec):
        super().__init__()
        if not spec.classes:
            raise InputError("the data name no skills", "sesa", "give a list of concepts, see docs/data.md")
        if not spec.items:
            raise InputError("the data have no jobs", "sesa", "give a catalog, see docs/data.md")
        self.config, self.spec = config, spec
        concepts = len(spec.classes)
        self.vocabulary = Vocabulary(config.vocabulary)
        self.embedding = nn.Embedding(config.vocabulary + 2, config.embedding, PADDING)
        self.encoders = nn.ModuleList(Encoder(config) for _ in range(1 if config.shared else 2))
        sides = range(1 if config.shared_projector else 2)
        self.projectors = nn.ModuleList(_projector(2 * config.width, concepts) for _ in sides)
        self.register_buffer("jobs", torch.zeros(spec.items, config.length, dtype=torch.int32))
        self.register_buffer("asked", torch.full((spec.items, config.listed), -1, dtype=torch.int32))
        self.register_buffer("group", torch.zeros(spec.items, dtype=torch.int64))
        self.register_buffer("weight", torch.ones(2, concepts))
        self.register_buffer("idf", torch.ones(concepts))
        self.texts: list[str] = []

    # --- before training ---------------------------------------------------------------------------------------------

    def consult(self, catalog: pa.Table) -> None:
        """Reads texts, skills and groups of the jobs.

        Raises:
            InputError: jobs have no texts, or one has more skills than there is room for.
        """
        if "text" not in catalog.column_names:
            raise InputError("its jobs have no texts", "catalog", "give a column text")
        self.texts = [text or "" for text in catalog["text"].to_pylist()]
        numbers = {name: c for c, name in enumerate(self.spec.classes)}
        none: list[None] = [None] * len(self.texts)
        listed = catalog["categories"].to_pylist() if "categories" in catalog.column_names else none
        for k, some in enumerate(listed):
            own = [numbers[name] for name in dict.fromkeys(some or ()) if name in numbers]
            if len(own) > self.config.listed:
                what = f"job {k + 1} of the catalog has {len(own)} skills where there is room for {self.config.listed}"
                raise InputError(what, "network.listed", "set it higher")
            self.asked[k, : len(own)] = torch.tensor(own, dtype=torch.int32)
        if "group" in catalog.column_names:
            names = [f"={name}" if name else f"{k}" for k, name in enumerate(catalog["group"].to_pylist())]
            self.group.copy_(torch.from_numpy(np.unique(names, return_inverse=True)[1].reshape(-1)))

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Builds the vocabulary of the training texts, numbers the words of all jobs, and begins at the base rates."""
        people: dict[int, tuple[str, Tensor]] = {}
        jobs: set[int] = set()
        for batch in batches:
            told = zip(batch["index"].tolist(), self.profiles(batch), batch["classes"].cpu(), strict=True)
            people |= {index: (text, listed) for index, text, listed in told}
            jobs |= set(batch["item"].flatten().tolist()) - {0}
        trained = torch.tensor(sorted(jobs), dtype=torch.int64)
        read = [self.texts[i - 1] for i in trained.tolist()]
        self.vocabulary.build([*read, *(text for text, _ in people.values())], self.config.seen)
        ids = self.vocabulary.ids(self.texts, self.config.length)
        self.jobs[:, : ids.shape[1]] = ids.to(self.jobs.dtype)
        sides = (self.asks(trained.to(self.asked.device)), torch.stack([s for _, s in people.values()]).to(self.idf))
        counts = torch.stack([side.sum(0) for side in sides])
        sizes = torch.stack([side.any(1).sum() for side in sides])[:, None]
        self.weight.copy_(((sizes - counts) / counts).nan_to_num(1.0).clamp(max=MOST_WEIGHT))
        self.idf.copy_(((1 + sizes.sum()) / (1 + counts.sum(0))).log() + 1)
        if self.config.squash != "identity":
            rates = ((counts + 0.5) / (sizes + 1)).logit()
            for k, projector in enumerate(self.projectors):
                bias: Tensor = projector.bias  # type: ignore[assignment]
                bias.copy_(rates.mean(0) if len(self.projectors) == 1 else rates[k])
        self.texts = []

    # --- towers ------------------------------------------------------------------------------------------------------

    def profiles(self, batch: Batch) -> list[str]:
        """The profile's text of each window."""
        if "text" not in batch or "classes" not in batch:
            raise InputError("batches bring no texts and skills", "windows", "set captions=true and classes=true")
        return [texts[0] if texts else "" for texts in to_texts(batch["text"][:, :1])]

    def asks(self, items: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """1 where a job (its number) asks for a concept; zeros where its skills are not known."""
        asked = self.asked[items - 1].long()
        out = torch.zeros(len(items), len(self.spec.classes) + 1, device=asked.device)
        return out.scatter_(1, torch.where(asked < 0, len(self.spec.classes), asked), 1.0)[:, :-1]

    def tell(self, side: int, ids: Int[Tensor, "n t"]) -> Told:
        """Concepts of texts of jobs (side 0) or profiles (1), as numbers of words padded with 0 at the end."""
        length = (ids != PADDING).sum(1)
        encoder = self.encoders[min(side, len(self.encoders) - 1)]
        logits = self.projectors[min(side, len(self.projectors) - 1)](encoder(self.embedding(ids), length))
        return Told(logits, squash(logits, self.config.squash))

    def tell_jobs(self, items: Int[Tensor, " n"]) -> Told:
        """Concepts of jobs of the catalog, by their numbers."""
        ids = self.jobs[items - 1].long()
        return self.tell(0, ids[:, : max(int((ids != PADDING).sum(1).max()), 1)])

    def tell_profiles(self, texts: Sequence[str]) -> Told:
        """Concepts of profiles."""
        return self.tell(1, self.vocabulary.ids(texts, self.config.length))

    def all_jobs(self) -> Float[Tensor, "items c"]:
        """Vectors of all jobs of the catalog."""
        items = torch.arange(1, len(self.jobs) + 1, device=self.jobs.device)
        return torch.cat([self.tell_jobs(some).vector for some in items.split(CHUNK)])


def _projector(width: int, concepts: int) -> nn.Linear:
    made = nn.Linear(width, concepts)
    nn.init.zeros_(made.bias)
    return made


def squash(logits: Float[Tensor, "n c"], kind: str) -> Float[Tensor, "n c"]:
    """Values of concepts: not negative, so that products can be read, but for `identity`."""
    if kind == "sigmoid":
        return logits.sigmoid()
    if kind == "softplus":
        return F.softplus(logits)
    return logits.relu() if kind == "relu" else logits / 3


class Objects(NamedTuple):
    """The distinct jobs and people of a batch of pairs."""

    jobs: Int[Tensor, " j"]
    """Numbers in the catalog."""
    job: Int[Tensor, " b"]
    """Which of them each pair has; -1 where it has none."""
    people: Int[Tensor, " p"]
    """The first pair of each person."""
    person: Int[Tensor, " b"]
    """Which of the people each pair has."""


def objects(batch: Batch) -> Objects:
    """The distinct jobs and people of a batch, whose windows are one event long."""
    item = batch["item"][:, 0]
    jobs, job = item.unique(return_inverse=True)
    if len(jobs) and jobs[0] == 0:
        jobs, job = jobs[1:], job - 1
    names, person = batch["index"].unique(return_inverse=True)
    rows = torch.arange(len(person), device=person.device)
    first = torch.full((len(names),), len(person), device=person.device)
    return Objects(jobs, job, first.scatter_reduce(0, person, rows, "amin"), person)


def skill_loss(
    logits: Float[Tensor, "n c"], listed: Float[Tensor, "n c"], weight: Float[Tensor, " c"] | None = None
) -> Float[Tensor, ""]:
    """(10 / C) * sum over concepts of the binary cross entropy, averaged over the objects that list any skill.

    Args:
        logits: of each object and concept.
        listed: 1 where the object has the skill; a row of zeros is an object whose skills are not known.
        weight: of a listed skill of each concept; 1 unless given.
    """
    known: Bool[Tensor, " n"] = listed.any(1)
    each = F.binary_cross_entropy_with_logits(logits, listed, reduction="none", pos_weight=weight).mean(1)
    return 10 * (each * known).sum() / known.sum().clamp(min=1)
