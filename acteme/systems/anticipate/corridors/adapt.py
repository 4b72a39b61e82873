"""The second stage, `adapt`: prompts, and heads, for scenes of which little was seen; all else stays frozen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.contrast import frozen
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Trajectories
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.anticipate.corridors.base import Lead, Predictor, PredictorConfig, check_windows
from acteme.systems.anticipate.corridors.place import place
from acteme.systems.anticipate.corridors.predictors import Head
from acteme.systems.anticipate.corridors.prompt import Prompt, image, start
from acteme.systems.anticipate.corridors.sight import Sight


@dataclass(frozen=True)
class AdaptConfig:
    """Adaptation to scenes. The default is the paper's best configuration: a prompt and a head per scene."""

    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    """What predicts: always that of the stage `base`, which it follows."""
    prompt: Prompt = field(default_factory=Prompt)
    """The scenes' prompts."""
    head: Literal["none", "joint", "scene"] = "scene"
    """The prediction head stays as it is (LC), is tuned for all scenes together (LC + Joint FT), or for each."""
    layers: Literal["last", "stage"] = "last"
    """What counts as the head: the last layer, or the decoder's last stage too."""
    everything: bool = False
    """Tune all weights, for all scenes of the data together, in place of prompts and heads (a control)."""
    rate: float = 0.2
    """Learning rate of heads over that of prompts."""
    held: float = 0.25
    """Share of the people of a scene whose windows stop training early; they are not trained on."""
    kept: int = 256
    """Windows of held-out people that are looked at, of all scenes together."""
    every: int = 10
    """Steps between two looks."""
    windows: Windows = field(default_factory=lambda: Windows(frames=20, stride=4, jitter=False))
    """Past and future together."""
    recipe: Recipe = field(default_factory=lambda: Recipe("adam", 0.05, epochs=50, batch=16, drop_last=False))
    """How it is optimized; for a prompt of full rank use a rate of .02, for all weights 3e-4."""

    @classmethod
    def small(cls) -> "AdaptConfig":
        """The small base; starts at the base itself."""
        recipe = Recipe("adam", 0.05, epochs=10, batch=64, drop_last=False)
        return cls(PredictorConfig.small(), Prompt(init="zero_v"), recipe=recipe)


class Adapter(nn.Module):
    """A frozen predictor that is led by a prompt, and a prediction head, for each scene of the data.

    The weights that are used are those with which people who were held out were predicted best (smallest ADE); the
    windows that say so, at most `kept`, are part of the state so that training can be resumed. With heads of the
    scenes' own, or none, each scene stops by itself; where something is shared, all stop together.

    Args:
        config: see `AdaptConfig`.
        spec: of the data; each of its scenes gets a prompt. Elsewhere the base predicts.

    Raises:
        InputError: the data names no scenes.
    """

    def __init__(self, config: AdaptConfig, spec: Spec):
        super().__init__()
        check_windows(config.windows, config.predictor, "adapt")
        if not spec.scenes:
            raise InputError("the data names no scenes", "adapt", "name each recording's scene, or train only: base")
        self.config, self.scenes, self.extents = config, len(spec.scenes), spec.extents
        self.base = Predictor(config.predictor)
        frozen(self.base)
        self.own = nn.ParameterDict()
        size, grid = config.predictor.past + config.predictor.future, config.predictor.grid
        for name, value in {} if config.everything else start(config.prompt, self.scenes, grid.size).items():
            self._own(name, value)
        self.heads = self._heads()
        for name, (weight, bias) in self.heads.items():
            copies = self.scenes if config.head == "scene" else 1
            self._own(f"{name}.weight", torch.zeros(copies, *weight.shape))
            self._own(f"{name}.bias", torch.zeros(copies, *bias.shape))
        if config.everything:
            self.base.requires_grad_(True)
            for name, value in self.base.net.named_parameters():
                self.register_buffer(_flat(f"best.{name}"), value.detach().clone())
        kept = config.kept if config.held > 0 else 0
        for name, value in {
            "people": torch.zeros(self.scenes, dtype=torch.int64),
            "steps": torch.zeros((), dtype=torch.int64),
            "best": torch.full((self.scenes,), torch.inf),
            "position": torch.zeros(kept, size, 2),
            "extent": torch.zeros(kept, 4),
            "scene": torch.full((kept,), -1),
            "surface": torch.full((self.scenes if grid.surfaces else 0, *grid.size), 255, dtype=torch.uint8),
        }.items():
            self.register_buffer(f"held_{name}", value)
        self.held_people: Tensor
        self.held_steps: Tensor
        self.held_best: Tensor
        self.held_position: Tensor
        self.held_extent: Tensor
        self.held_scene: Tensor
        self.held_surface: Tensor

    # --- what is learned ----------------------------------------------------------------------------------------------

    def _own(self, name: str, value: Tensor) -> None:
        """A parameter, and a buffer for its best value."""
        self.own[_flat(name)] = nn.Parameter(value)
        self.register_buffer(_flat(f"best.{name}"), value.clone())

    def _heads(self) -> Head:
        """The base's weights that are tuned."""
        if self.config.head == "none" or self.config.everything:
            return {}
        head = self.base.net.head()
        if self.config.layers == "last":
            return {name: w for name, w in head.items() if name.endswith(".last")}
        return head

    def value(self, name: str) -> Tensor:
        """A parameter as it is in training, and the best one otherwise."""
        return self.own[_flat(name)] if self.training else getattr(self, _flat(f"best.{name}"))

    def prompts(self, scene: Int[Tensor, " b"]) -> Float[Tensor, "b h w"] | None:
        """The images that are added for scenes; zero where a scene is unknown, None without prompts."""
        names = () if self.config.everything else {"low": ("u", "v"), "full": ("image",), "constant": ("level",)}.get(
            self.config.prompt.kind, ())  # fmt: skip
        return image({name: self.value(name) for name in names}, scene)

    def head(self, scene: Int[Tensor, " b"]) -> Head:
        """The tuned weights for samples of scenes: the base's, and a change that is `rate` times what is learned."""
        out: Head = {}
        for name, weights in self.heads.items():
            pair = []
            for base, kind in zip(weights, ("weight", "bias"), strict=True):
                change = self.value(f"{name}.{kind}") * self.config.rate
                if self.config.head == "joint":
                    pair.append(base + change[0])
                else:
                    known = (scene >= 0).view(-1, *[1] * base.ndim)
                    pair.append(base + torch.where(known, change[scene.clamp(min=0)], 0.0))
            out[name] = (pair[0], pair[1])
        return out

    def scene(self, batch: Batch) -> Int[Tensor, " b"]:
        """The scene of each sample, -1 where it is none that there is a prompt for."""
        found = batch.get("scene")
        if found is None:
            return torch.full((len(batch["position"]),), -1, device=batch["position"].device)
        return torch.where(found < self.scenes, found, -1)

    def lead(self, scene: Int[Tensor, " b"]) -> Lead:
        """How samples of scenes are led: by their prompts and heads, or the best weights where all are tuned."""

        def led(sight: Sight, rows: slice) -> tuple[Sight, Head, dict[str, Tensor]]:
            prompts, weights = self.prompts(scene[rows]), {}
            if prompts is not None:
                sight = sight.with_heat(sight.heat + prompts[:, None])
            if self.config.everything and not self.training:
                weights = {name: getattr(self, _flat(f"best.{name}")) for name, _ in self.base.net.named_parameters()}
            return sight, self.head(scene[rows]), weights

        return led

    def train(self, mode: bool = True) -> "Adapter":
        super().train(mode)
        self.base.eval()
        return self

    # --- training -----------------------------------------------------------------------------------------------------

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the trained base. Raises InputError where there is none."""
        if "base" not in previous:
            raise InputError("there is no trained base to adapt", "adapt", "train the stage base, or give --start RUN")
        self.base.load_state_dict(previous["base"].predictor.state_dict())  # type: ignore[union-attr]
        if self.config.everything:
            self._keep(torch.ones(self.scenes, dtype=torch.bool))

    def held(self, scene: Int[Tensor, " b"], agent: Int[Tensor, " b"]) -> Bool[Tensor, " b"]:
        """Whose windows are held out: every n-th of a scene's people, the last of a scene with fewer than n."""
        if not self.config.kept or not self.config.held:
            return torch.zeros_like(scene, dtype=torch.bool)
        every = max(2, round(1 / self.config.held))
        people = self.held_people[scene.clamp(min=0)]
        few = (people < every) & (people > 1) & (agent == people - 1)
        return (scene >= 0) & (few | ((people >= every) & (agent % every == every - 1)))

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts the people of each scene and keeps windows of those who are held out, evenly over the scenes.

        Raises InputError where there is nothing to learn from.
        """
        seen: list[dict[str, Tensor]] = []
        taught = False
        for batch in batches:
            taught = taught or self.base.taught(batch)
            scene = self.scene(batch)
            whole = batch["mask"].all(1) & (scene >= 0)
            part = {n: batch[n][whole] for n in ("position", "extent", "agent") if n in batch}
            seen.append(part | {"scene": scene[whole]})
            if self.config.predictor.grid.surfaces and "surface" in batch:
                known, size = scene >= 0, self.held_surface.shape[1:]
                small = nn.functional.interpolate(batch["surface"][known, None].float(), size, mode="nearest")
                self.held_surface[scene[known]] = small[:, 0].to(torch.uint8)
        if not taught:
            raise self.base.nothing("adapt")
        found = {name: torch.cat([part[name] for part in seen]) for name in seen[0]}
        if "agent" not in found or not len(found["scene"]):
            return
        self.held_people.scatter_reduce_(0, found["scene"], found["agent"] + 1, "amax")
        rows = torch.nonzero(self.held(found["scene"], found["agent"]))[:, 0]
        # one of every scene in turn, until there is no more room
        scene = found["scene"][rows]
        order = torch.argsort(scene, stable=True)
        turn, count = torch.empty_like(scene), torch.bincount(scene, minlength=self.scenes)
        turn[order] = torch.arange(len(scene), device=scene.device) - (count.cumsum(0) - count)[scene[order]]
        rows = rows[torch.argsort(turn * self.scenes + scene)][: len(self.held_scene)]
        self.held_position[: len(rows)] = found["position"][rows]
        self.held_extent[: len(rows)] = found["extent"][rows]
        self.held_scene[: len(rows)] = found["scene"][rows]
        self.look()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The base's own loss on people who are not held out, in scenes that have a prompt."""
        scene = self.scene(batch)
        learned = scene >= 0
        if "agent" in batch:
            learned = learned & ~self.held(scene, batch["agent"])
        if not bool(learned.any()):
            return {"total": sum((p * 0).sum() for p in self.parameters() if p.requires_grad)}  # type: ignore[dict-item]
        sight = self.base.see({name: value[learned] for name, value in batch.items()})
        return self.base.losses(sight, self, self.lead(scene[learned]))

    def after_step(self) -> None:
        """Looks at who is held out every so many steps; scenes where nobody is always take the latest weights."""
        self.held_steps += 1
        if int(self.held_steps) % self.config.every == 0:
            self.look()
        else:
            self._keep(~self._watched())

    @torch.no_grad()
    def look(self) -> None:
        """Keeps the present weights where held-out people are predicted better than ever before."""
        watched = self._watched()
        if not bool(watched.any()):
            self._keep(~watched)
            return
        error, count = torch.zeros_like(self.held_best), torch.zeros_like(self.held_best)
        for rows in torch.nonzero(self.held_scene >= 0)[:, 0].split(64):
            found = self.base.predict(self.base.see(self._window(rows)), self.lead(self.held_scene[rows]), 1)
            true = self.held_position[rows, self.config.predictor.past :]
            apart = (found.positions[:, 0] - true).norm(dim=-1).mean(1)
            error.index_add_(0, self.held_scene[rows], apart)
            count.index_add_(0, self.held_scene[rows], torch.ones_like(apart))
        error = error / count
        if self.config.everything or self.config.head == "joint":
            error = error[count > 0].mean().expand_as(error)
        better = watched & (error < self.held_best)
        self.held_best[better] = error[better]
        self._keep(better | ~watched)

    def _watched(self) -> Bool[Tensor, " k"]:
        """Scenes of which windows were held out; all of them where the scenes share what is learned."""
        found = torch.zeros(self.scenes, dtype=torch.bool, device=self.held_scene.device)
        found[self.held_scene[self.held_scene >= 0]] = True
        shared = self.config.everything or self.config.head == "joint"
        return found.any().expand_as(found).clone() if shared else found

    def _window(self, rows: Tensor) -> Batch:
        """Held-out windows as a batch."""
        position, scene = self.held_position[rows], self.held_scene[rows]
        mask = torch.ones(position.shape[:2], dtype=torch.bool, device=position.device)
        out: Batch = {"position": position, "extent": self.held_extent[rows], "scene": scene, "mask": mask}
        return out | ({"surface": self.held_surface[scene]} if self.config.predictor.grid.surfaces else {})

    @torch.no_grad()
    def _keep(self, scenes: Bool[Tensor, " k"]) -> None:
        """Makes the present weights of scenes (or all that is shared, where any is named) the best ones."""
        for name, value in self.own.items():
            best = getattr(self, f"best_{name}")
            if len(best) == self.scenes:
                best[scenes] = value.detach()[scenes]
            elif bool(scenes.any()):
                best.copy_(value.detach())
        if self.config.everything and bool(scenes.any()):
            for name, value in self.base.net.named_parameters():
                getattr(self, _flat(f"best.{name}")).copy_(value.detach())

    # --- use ----------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def predict(self, batch: Batch) -> Trajectories:
        """What follows the first `past` steps of each window, at the original resolution."""
        return self.base.predict(self.base.see(batch), self.lead(self.scene(batch)))

    @torch.no_grad()
    def corridor(self, scene: int) -> tuple[Float[Tensor, "h w"], tuple[float, float, float, float]] | None:
        """The prompt of a scene, and which part of the scene (left, top, right, bottom) it covers; None without one."""
        found = self.prompts(torch.tensor([scene if scene < self.scenes else -1], device=self.held_scene.device))
        if found is None or not 0 <= scene < min(self.scenes, len(self.extents)):
            return None
        (h, w), extent = self.config.predictor.grid.size, torch.tensor([self.extents[scene]])
        corners = torch.tensor([[[-0.5, -0.5], [w - 0.5, h - 0.5]]])
        where = place(extent, (h, w), self.config.predictor.grid.resize)
        left, top, right, bottom = where.from_grid(corners).flatten().tolist()
        return found[0].expand(h, w).cpu(), (left, top, right, bottom)

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The observed part of each window, led by its scene's prompt, as one vector."""
        return self.base.latents(self.base.see(batch), self.lead(self.scene(batch)))


def _flat(name: str) -> str:
    """A name that a parameter can have."""
    return name.replace(".", "_")
