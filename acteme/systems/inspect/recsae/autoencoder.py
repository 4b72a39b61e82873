"""The autoencoder over a frozen model: what it learns from, and a model whose latents can be turned."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Preferences, Reasons
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.inspect.recsae.base import parted
from acteme.systems.inspect.recsae.dictionary import Chosen, Dictionary, revival, unexplained, variance


@dataclass(frozen=True)
class AutoencodeConfig:
    """Settings of the autoencoder."""

    width: int = 64
    """Numbers in a vector of the model that is looked into; told by the model where that is another run's."""
    scale: int = 16
    """Latents for each of these numbers."""
    k: int = 8
    """Latents that a vector may have."""
    rows: Literal["all", "last"] = "all"
    """Vectors to learn from: those of all steps of a history (of the official code), or the last one's, which is the
    user's. With positions that count from the end, only the last one is of the kind that is explained; and only that
    is taken of another run's model whose vectors are not those of its last steps."""
    revive: float = 1 / 32
    """Weight of the loss that revives dead latents; 0: off."""
    dead: int | Literal["epoch"] = 400
    """Steps without an activation after which a latent is dead; `epoch`: all of the epoch before, as official."""
    normalize: Literal["step", "epoch"] = "step"
    """How often directions are made as long as 1; `epoch`: at its start alone, as official."""
    start: Literal["zero", "mean"] = "zero"
    """Where the center starts."""
    official_revival: bool = False
    """The official residual: of the wrong sign, with the center counted twice, and with a gradient."""
    windows: Windows = field(default_factory=lambda: Windows(frames=21, stride=1, prefixes=True))
    """Histories that vectors are taken of, with the item that comes next at their end, which is left away. Of another
    run's model: as many events of them as it looks back at, or its own windows, where those are no such histories."""
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="adam", lr=5e-5, epochs=50, batch=8))
    """Optimizer, length of training and histories in a batch."""

    @classmethod
    def small(cls) -> "AutoencodeConfig":
        """Learns on two processor cores in a minute."""
        recipe = Recipe(optimizer="adam", lr=1e-3, epochs=10, batch=256)
        return cls(
            rows="last", start="mean", windows=Windows(frames=51, stride=3, prefixes=True, most=20), recipe=recipe
        )

    def upon(self, model: nn.Module, windows: Windows, batch: Batch) -> "AutoencodeConfig":
        """The same for the model of another run.

        Args:
            model: which is looked into.
            windows: that it learned from.
            batch: some of these.
        """
        if windows.prefixes:
            windows, batch = replace(windows, stride=self.windows.stride, most=self.windows.most), parted(batch)[0]
        x, rows = vector(model, batch), steps(model, batch)
        inside = rows is not None and torch.allclose(rows.float(), x)
        return replace(self, width=x.shape[1], rows=self.rows if inside else "last", windows=windows)


@torch.no_grad()
def vector(model: Any, batch: Batch) -> Float[Tensor, "b d"]:
    """What is taken apart of each window: of a recommender that with which it scores the items, else the latent."""
    found = model.predict(batch) if hasattr(model, "predict") else None
    return (found.query if isinstance(found, Preferences) else model.encode(batch).pooled).float()


@torch.no_grad()
def steps(model: Any, batch: Batch) -> Float[Tensor, "b d"] | None:
    """The latent of the last step of each window; None where it is of another width than the vector."""
    found: Latents = model.encode(batch)
    last = (found.mask * torch.arange(1, found.mask.shape[1] + 1, device=found.mask.device)).argmax(1)
    rows = found.tokens[torch.arange(len(last), device=last.device), last]
    return rows if rows.shape == vector(model, batch).shape else None


class Autoencoder(nn.Module):
    """A sparse autoencoder of the vectors of a model, which stays as it is.

    The model (see `attach`) is any stage that encodes: of a recommender the vector is the one that all items are
    compared with, of others the pooled latent. It is no part of this module's state.

    Raises:
        InputError: settings that are out of their range.
    """

    quiet: Tensor
    seen: Tensor
    peak: Tensor

    def __init__(self, config: AutoencodeConfig, spec: Spec):
        super().__init__()
        latents = config.width * config.scale
        self.config = config
        self.dictionary = Dictionary(config.width, latents, config.k)
        self.register_buffer("quiet", torch.zeros(latents, dtype=torch.int64))
        """(M,): steps, or epochs, without an activation."""
        self.register_buffer("seen", torch.zeros(latents, dtype=torch.bool))
        """(M,): active in this epoch."""
        self.register_buffer("peak", torch.zeros(latents))
        """(M,): largest activation in the last epoch of training."""
        self.changes: dict[int, float] = {}
        self.keep_missed = False
        self._model: list[nn.Module] = []  # in a list, so that its weights are not this module's

    # --- the model that is looked into -----------------------------------------------------------------------------

    def attach(self, model: nn.Module) -> None:
        """Takes the model whose vectors are taken apart, and freezes it."""
        self._model = [model.eval().requires_grad_(False)]

    @property
    def protocol(self) -> str | None:
        """How its recommendations are measured, where the model has a way of its own."""
        return getattr(self.model, "protocol", None)

    @property
    def model(self) -> Any:
        if not self._model:
            raise InputError("has no model to look into", "autoencode", "train its stage base, or give --base RUN")
        return self._model[0]

    def _apply(self, fn: Any, recurse: bool = True) -> "Autoencoder":
        for model in self._model:  # goes along to another device
            model._apply(fn)
        return super()._apply(fn, recurse)

    @torch.no_grad()
    def vectors(self, batch: Batch, rows: Literal["all", "last"] = "last") -> Float[Tensor, "n d"]:
        """What is taken apart: the pooled vector of every window, or those of all of its steps.

        Raises:
            InputError: they are not as wide as the autoencoder.
        """
        if rows == "all":
            found: Latents = self.model.encode(batch)
            x = found.tokens[found.mask].float()
        else:
            x = vector(self.model, batch)
        if x.shape[1] != self.config.width:
            mend = f"give --set autoencode.width={x.shape[1]}"
            raise InputError(f"vectors of {x.shape[1]} numbers where {self.config.width} are expected", "base", mend)
        return x

    def learned(self, batch: Batch) -> Float[Tensor, "n d"]:
        """What is learned from a window of training."""
        known = parted(batch)[0] if self.config.windows.prefixes else batch
        return self.vectors(known, self.config.rows)

    # --- training --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Puts the center into the mean of all vectors, where it starts there."""
        if self.config.start == "zero":
            return
        total, count = torch.zeros(self.config.width, dtype=torch.float64, device=self.peak.device), 0
        for batch in batches:
            x = self.learned(batch)
            total += x.double().sum(0)
            count += len(x)
        self.dictionary.center.copy_(total / max(count, 1))

    def before_epoch(self, epoch: int) -> None:
        """Directions of length 1, and who was quiet in the epoch before."""
        if self.config.normalize == "epoch":
            self.dictionary.normalize()
        if self.config.dead == "epoch" and epoch:
            self.quiet = torch.where(self.seen, 0, self.quiet + 1)
        self.seen.zero_()
        self.peak.zero_()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`fvu`, the fraction of variance unexplained, and `revive`, how badly dead latents explain what is missed;
        `dead` is the share of these latents."""
        return self.reconstruct(self.learned(batch))

    def reconstruct(self, x: Float[Tensor, "n d"]) -> dict[str, Tensor]:
        """The losses of vectors."""
        c, own = self.config, self.dictionary
        activations = own.activations(x)
        chosen = own.choose(activations)
        found = own.decode(chosen)
        fvu = unexplained(x, found)
        dead = self.dead
        self.note(chosen)
        missed = found - x if c.official_revival else (x - found).detach()
        revive = revival(own, activations, missed, dead, c.official_revival) / variance(x)
        return {"total": fvu + c.revive * revive, "fvu": fvu, "revive": revive, "dead": dead.float().mean()}

    @property
    def dead(self) -> Bool[Tensor, " m"]:
        """Which latents have not been active for long."""
        return self.quiet >= (1 if self.config.dead == "epoch" else self.config.dead)

    @torch.no_grad()
    def note(self, chosen: Chosen) -> None:
        """Remembers who was active: above zero, not merely among the k largest."""
        active = torch.zeros_like(self.seen)
        active[chosen.latent[chosen.value > 0]] = True
        self.seen |= active
        if self.config.dead != "epoch":
            self.quiet = torch.where(active, 0, self.quiet + 1)
        self.peak.scatter_reduce_(0, chosen.latent.flatten(), chosen.value.detach().flatten(), "amax")

    def after_step(self) -> None:
        """Directions of length 1."""
        if self.config.normalize == "step":
            self.dictionary.normalize()

    # --- what is done with it --------------------------------------------------------------------------------------

    def turn(self, changes: Mapping[int, float], keep_missed: bool = False) -> None:
        """Turns latents up and down in all that follows.

        Args:
            changes: of latents: what replaces their activation, in units of its largest one in training; 0 silences it.
            keep_missed: change the vector itself, and so keep what the autoencoder does not explain of it, rather than
                the vector that it finds.

        Raises:
            InputError: there is no such latent, or none of those to turn up was active when it was trained.
        """
        if unknown := [k for k in changes if not 0 <= k < len(self.peak)]:
            raise InputError(f"there is no latent {unknown[0]}", "edit", f"they are 0 to {len(self.peak) - 1}")
        up = [k for k, factor in changes.items() if factor]
        if up and not self.peak[up].any():
            raise InputError(f"latent {up[0]} was never active in training", "edit", "it can only be silenced, by 0")
        self.changes, self.keep_missed = dict(changes), keep_missed

    def turned(self, chosen: Chosen) -> Chosen:
        """The latents of vectors as `turn` says. Who is among the k is settled before that."""
        if not self.changes:
            return chosen
        latent = torch.tensor(list(self.changes), device=self.peak.device)
        value = self.peak[latent] * self.peak.new_tensor(list(self.changes.values()))
        left = chosen.value * ~torch.isin(chosen.latent, latent)
        return Chosen(torch.cat([left, value.expand(len(left), -1)], 1),
                      torch.cat([chosen.latent, latent.expand(len(left), -1)], 1))  # fmt: skip

    def through(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Vectors as the latents have them, turned as `turn` says."""
        own, chosen = self.dictionary, self.dictionary.encode(x)
        now = self.turned(chosen)
        return x + (own.sum(now) - own.sum(chosen)) if self.keep_missed else own.decode(now)

    def encode(self, batch: Batch) -> Latents:
        """The activation of every latent (M) for each window: a single step."""
        x = self.vectors(batch)
        chosen = self.dictionary.encode(x)
        z = x.new_zeros(len(x), len(self.peak)).scatter_(1, chosen.latent, chosen.value)
        return Latents(z[:, None], z, torch.ones(len(z), 1, dtype=torch.bool, device=z.device))

    def predict(self, batch: Batch) -> Preferences:
        """What the recommender prefers when its vectors go through the latents.

        Raises:
            InputError: the model is no recommender.
        """
        found = self.model.predict(batch) if hasattr(self.model, "predict") else None
        if not isinstance(found, Preferences):
            raise InputError("recommends nothing", "base", "see its latents by: acteme encode")
        return replace(found, query=self.through(found.query.float()))

    @torch.no_grad()
    def reasons(self, batch: Batch, items: Int[Tensor, "n k"], most: int = 3) -> Reasons:
        """What of each item's score comes from which latent, as it is turned: activation times the product of direction
        and item. The parts of all latents, that of the center and the item's bias are the score; with `keep_missed`
        there is that of what the latents do not explain, too."""
        chosen = self.turned(self.dictionary.encode(self.vectors(batch)))
        table = self.model.predict(batch).table.float()[items - 1]
        parts = (self.dictionary.decoder[chosen.latent][:, None] * table[:, :, None]).sum(-1) * chosen.value[:, None]
        part, at = parts.topk(min(most, parts.shape[2]), dim=2)
        latent = chosen.latent[:, None].expand(parts.shape).gather(2, at)
        names = [[tuple(f"latent {n}" for n in row) for row in rows] for rows in latent.tolist()]
        return Reasons(names, part)

    @staticmethod
    def official_state_dict(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The autoencoder of an official file of the model `SASRec_SAE`; no latent counts as dead."""
        latents = len(state["sae_module.W_dec"])
        return {
            "dictionary.decoder": state["sae_module.W_dec"],
            "dictionary.center": state["sae_module.b_dec"],
            "dictionary.encoder.weight": state["sae_module.encoder.weight"],
            "dictionary.encoder.bias": state["sae_module.encoder.bias"],
            "quiet": torch.zeros(latents, dtype=torch.int64),
            "seen": torch.zeros(latents, dtype=torch.bool),
            "peak": torch.zeros(latents),
        }
