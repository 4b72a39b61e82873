"""The only stage, `recognize`: streams of clips, each with a classifier, and in training a guide of texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.labels import accuracy, cross_entropy
from acteme.nn.recipe import Recipe
from acteme.nn.skeleton import OFFICIAL, Backbone, Seen
from acteme.nn.skeleton.clips import origin_joint, to_origin
from acteme.nn.text import Text
from acteme.recordings.annotations import LabelScores
from acteme.recordings.batch import Batch
from acteme.recordings.descriptions import find
from acteme.recordings.latents import Latents
from acteme.recordings.skeleton.augment import random_rotation
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.sample import center_resize, crop_resize
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recognize.gap.guide import SCALE, Guide, class_texts
from acteme.systems.recognize.gap.parts import BRANCHES, Branch, joints_of, root_of
from acteme.systems.recognize.gap.views import Sight, boxed, drawn, spread, turned

FUSION = {1: (1.0,), 2: (1.0, 1.0), 3: (0.6, 0.6, 0.4), 4: (0.8, 0.8, 0.2, 0.2)}
"""Official weights of so many streams."""


@dataclass(frozen=True)
class RecognizeConfig:
    """Streams of clips that learn with texts. The defaults are those of NTU RGB+D 60, cross-subject."""

    streams: tuple[str, ...] = ("joint", "bone", "joint_motion", "bone_motion")
    """What each stream sees: `joint`, `bone`, or `hopK`: differences from the K-th ancestor; `_motion`: of motion."""
    fusion: tuple[float, ...] = ()
    """Weight of each stream's logits; the official ones for 1 to 4 streams unless given."""
    backbone: Backbone = field(default_factory=Backbone)
    """The network of each stream."""
    branches: tuple[Branch, ...] = BRANCHES
    """What is compared with texts: the whole body (always), and parts of it."""
    text: Text = field(default_factory=lambda: Text("clip", trained=True))
    """The text encoder; each stream trains its own, as if it were trained alone."""
    text_rate: float = 1.0
    """Learning rate of a trained text encoder against the rest. Officially 1; lower is safer (with AdamW, to 1e-5)."""
    text_layer: bool = False
    """A trained linear layer on the vectors of texts, which a frozen encoder leaves close to each other."""
    scale: float = SCALE
    """Where the learned factors of the cosines start: log(1 / 0.07), officially used without the exp that would make it
    14.3."""
    weight: float = 0.8
    """Of the contrast with texts (lambda); 0: no text at all."""
    descriptions: str = ""
    """Folder or file of descriptions, as `acteme describe` writes; those that come along unless given."""
    match: Literal["name", "order"] = "name"
    """Lines of `descriptions` are for the classes of their names, or of their places."""
    synonyms: bool = True
    """The whole body is compared with a synonym drawn at every step; off: with the label."""
    texts: Literal["own", "permuted", "random"] = "own"
    """Controls: every class has the texts of another class, or random vectors in place of texts."""
    official_lists: bool = False
    """The slips of the official lists, which official weights were trained with: a joint of the hands' bones, and the
    edges of NW-UCLA, by which a joint has what hangs below it taken away (`bone`: its children, `joint`: six steps)."""
    sampling: Literal["resize", "draw"] = "resize"
    """Crop and resize a clip; or stretch it to [-1, 1] and draw frames (official for NW-UCLA)."""
    size: int = 64
    """Frames that a stream sees."""
    crop: tuple[float, float] = (0.5, 1.0)
    """resize: smallest and largest part of a clip that is shown in training."""
    shortest: int = 64
    """resize: frames that are shown at least in training, where the clip has them."""
    middle: float = 0.95
    """resize: the part of a clip that is shown in evaluation."""
    rotation: float = 0.3
    """resize: largest angle of the random rotation about each axis in training, radians; 0: none."""
    degrees: int = 60
    """draw: largest angle of the random rotation about x and y in training, whole degrees."""
    windows: Windows = field(default_factory=lambda: Windows(frames=None, limit=300))
    """What counts as a clip."""
    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            optimizer="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, epochs=110, batch=200,
            schedule="step", milestones=(90, 100), warmup=1000,
        )
    )  # fmt: skip
    """How it is optimized."""

    @classmethod
    def small(cls) -> "RecognizeConfig":
        """One stream, of bones, which show what a part does wherever the rest of the body is: four blocks of a quarter
        of the width. A frozen text encoder with a trained layer, cosines by the paper's temperature of 0.07. Learns on
        two processor cores in a minute or two."""
        return cls(
            streams=("bone",), backbone=Backbone(width=16, blocks=4, relations=4, skip_absent=True),
            text=Text("minilm"), text_layer=True, scale=1 / 0.07, size=16, shortest=16,
            recipe=Recipe(optimizer="adamw", lr=4e-3, weight_decay=1e-3, epochs=16, batch=32, schedule="cosine"),
        )  # fmt: skip


class Stream(nn.Module):
    """An encoder, and a linear layer on its mean."""

    def __init__(self, sight: Sight, config: RecognizeConfig, spec: Spec):
        super().__init__()
        self.sight, self.body = sight, layout(spec.layout)
        self.root, self.official = root_of(self.body), config.official_lists
        self.encoder = config.backbone.build(self.body, spec.persons, spec.channels)
        self.fc = nn.Linear(self.encoder.width, len(spec.classes))
        nn.init.normal_(self.fc.weight, 0, (2 / len(spec.classes)) ** 0.5)

    def forward(self, x: Float[Tensor, "b t m v c"]) -> Seen:
        """Features of every joint, of clips as they are shown."""
        return self.encoder.maps(self.sight.of(x, self.body, self.root, self.official))


class Recognizer(nn.Module):
    """Classifies clips by one or several streams; learns with texts, needs none later.

    Args:
        config: the settings.
        spec: of the data; it names layout and classes.

    Raises:
        InputError: no skeleton, no classes, or settings that contradict themselves.
    """

    guides: nn.ModuleDict | None

    def __init__(self, config: RecognizeConfig, spec: Spec):
        super().__init__()
        check(config, spec)
        self.config, self.spec, self.origin = config, spec, origin_joint(layout(spec.layout))
        self.streams = nn.ModuleDict({name: Stream(Sight.parse(name), config, spec) for name in config.streams})
        weights = config.fusion or FUSION[len(config.streams)]
        self.weights = dict(zip(config.streams, weights, strict=True))
        self.guides = None
        self.register_load_state_dict_pre_hook(_without_guides)

    def before_training(self) -> None:
        """Builds what only training needs: the guides.

        Raises:
            InputError, MissingError: a class without description, a text that is too long, no such text encoder.
        """
        if self.guides is not None or not self.config.weight:
            return
        c, body = self.config, layout(self.spec.layout)
        texts = class_texts(find(self.spec.classes, c.descriptions, c.match), c.branches, c.synonyms)
        if c.texts == "permuted":  # a cycle, in which no class has its own
            order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0)).tolist()
            texts = [row for _, row in sorted(zip(order, (texts[k] for k in order[1:] + order[:1]), strict=True))]
        self.guides = nn.ModuleDict()
        for name, stream in self.streams.items():
            bones = bool(stream.sight.hop)  # type: ignore[union-attr]
            joints = {branch: joints_of(body, branch, bones, c.official_lists) for branch in c.branches}
            text = None if c.texts == "random" else c.text
            self.guides[name] = Guide(stream.encoder.width, joints, text, texts, c.text_layer, c.scale)  # type: ignore[union-attr, arg-type]
        self.guides.to(next(self.streams.parameters()).device)

    def rates(self) -> dict[str, float]:
        """Learning rates against the rest, by how parameters' names begin."""
        trained = self.guides is not None and self.config.text.trained
        return {f"guides.{name}.encoder.": self.config.text_rate for name in self.streams} if trained else {}

    def view(self, batch: Batch) -> Float[Tensor, "b s m v c"]:
        """What is shown of each clip: a random crop, turned (training), or the middle of it (evaluation)."""
        c, frames = self.config, batch["frames"]
        x = to_origin(batch["skeleton"], self.origin)
        if c.sampling == "draw":
            x = boxed(turned(x, c.degrees) if self.training else x, frames)
            return (drawn if self.training else spread)(x, frames, c.size)
        if not self.training:
            return center_resize(x, frames, c.size, c.middle)
        x = crop_resize(x, frames, c.size, c.crop, c.shortest)
        return random_rotation(x, c.rotation) if c.rotation else x

    def scores(self, x: Float[Tensor, "b s m v c"]) -> dict[str, Float[Tensor, "b k"]]:
        """Class logits of each stream."""
        return {name: s.fc(s(x).pooled().pooled).float() for name, s in self.streams.items()}  # type: ignore[union-attr, operator]

    def fused(self, scores: Mapping[str, Float[Tensor, "b k"]]) -> Float[Tensor, "b k"]:
        """The weighted sum of the streams' logits."""
        return torch.stack([self.weights[name] * score for name, score in scores.items()]).sum(0)

    def logits(self, batch: Batch) -> Float[Tensor, "b k"]:
        """Fused class logits of each clip."""
        return self.fused(self.scores(self.view(batch)))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross entropy plus `weight` times the mean of the branches' contrasts with texts, summed over the streams.

        Streams share nothing: the sum trains each as it would be trained alone. Of several streams the parts that are
        named are means.
        """
        self.before_training()
        x, label = self.view(batch), batch["label"]
        scores, classify, contrasts = {}, [], []
        for name, stream in self.streams.items():
            joints = stream(x).joints()
            scores[name] = stream.fc(joints.mean(-1)).float()  # type: ignore[union-attr, operator]
            classify.append(cross_entropy(scores[name], label))
            if self.guides is not None:
                contrasts.append(self.guides[name](joints, label))
        total = torch.stack(classify).sum()
        out = {"classify": total / len(classify)}
        if contrasts:
            each = torch.stack(contrasts)
            total = total + self.config.weight * each.mean(1).sum()
            out |= dict(zip(self.config.branches, each.mean(0), strict=True))
        return {"total": total, **out, "accuracy": accuracy(self.fused(scores), label)}

    def encode(self, batch: Batch) -> Latents:
        """The streams' features side by side."""
        x = self.view(batch)
        found = [stream(x).pooled() for stream in self.streams.values()]
        tokens, pooled = (torch.cat([getattr(f, n) for f in found], -1) for n in ("tokens", "pooled"))
        return Latents(tokens, pooled, found[0].mask)

    def predict(self, batch: Batch) -> LabelScores:
        """Class probabilities of each clip, of the streams' weighted mean logits."""
        return LabelScores((self.logits(batch) / sum(self.weights.values())).softmax(-1))

    @torch.no_grad()
    def likeness(self, batch: Batch, classes: Sequence[str]) -> Float[Tensor, "b k"]:
        """How much clips are like classes that need not be among the trained ones, by what is said of them.

        The mean cosine of parts' features and texts; needs the guides (`before_training`, then the weights).
        """
        if self.guides is None:
            raise InputError("the texts are not loaded", "gap", "call before_training, then load the weights")
        c, x = self.config, self.view(batch)
        texts = class_texts(find(classes, c.descriptions), c.branches, synonyms=False)
        first = [[cell[0] for cell in row] for row in texts]
        likes = [g.likeness(self.streams[n](x).joints(), first) for n, g in self.guides.items()]  # type: ignore[operator]
        return torch.stack(likes).mean(0)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
        """Official checkpoints of the skeleton model under this module's names.

        Args:
            state: that of the stream `joint`, or several as {"joint": state, "bone": state, ...}. The heads for the
                texts become the guides', which are dropped where there are none. Text encoders were never saved.
        """
        out: dict[str, Tensor] = {}
        several = all(isinstance(v, Mapping) for v in state.values())
        for name, one in state.items() if several else [("joint", state)]:
            for key, value in OFFICIAL["ctrgcn"](one).items():
                head, _, rest = key.partition(".")
                if key == "logit_scale":
                    out[f"guides.{name}.scale"] = value[0]
                elif head == "linear_head":
                    out[f"guides.{name}.project.global.{rest.rpartition('.')[2]}"] = value
                elif head == "part_list":
                    number, _, kind = rest.partition(".")
                    out[f"guides.{name}.project.{OFFICIAL_PARTS[int(number)]}.{kind}"] = value
                else:
                    out[f"streams.{name}.{'' if head == 'fc' else 'encoder.'}{key}"] = value
        return out


OFFICIAL_PARTS: tuple[Branch, ...] = ("head", "hand", "foot", "hip")
"""Order of the official `part_list`."""


def _without_guides(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Leaves the guides' weights out of a state that is loaded into a recognizer without guides."""
    if module.guides is None:
        for name in [n for n in state if n.startswith(f"{prefix}guides.")]:
            del state[name]


def check(config: RecognizeConfig, spec: Spec) -> None:
    """Raises InputError where settings contradict themselves or the data."""
    if not spec.layout:
        raise InputError("the data names no skeleton layout", "gap", "give recordings with a skeleton")
    if not spec.classes:
        raise InputError("the data names no classes", "recognize", "give labeled recordings")
    for name, chosen in (("streams", config.streams), ("branches", config.branches)):
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"{', '.join(chosen) or 'nothing'} is no set of {name}", name, "name each once")
    if config.branches[0] != BRANCHES[0]:
        raise InputError(f"the first branch is {config.branches[0]}", "branches", "begin with global")
    if not config.fusion and len(config.streams) not in FUSION:
        raise InputError(f"{len(config.streams)} streams have no official weights", "fusion", "give one per stream")
    if config.fusion and (len(config.fusion) != len(config.streams) or min(config.fusion) <= 0):
        raise InputError("is not a positive weight per stream", "fusion", f"give {len(config.streams)} of them")
    low, high = config.crop
    for name, good, mend in (
        ("weight", config.weight >= 0, "give 0 or more"),
        ("text_rate", config.text_rate >= 0, "give 0 or more"),
        ("size", config.size >= 1, "give 1 or more"),
        ("crop", 0 < low <= high <= 1, "give 0 < low <= high <= 1"),
        ("middle", 0 < config.middle <= 1, "give more than 0 and at most 1"),
        ("degrees", config.degrees >= 0, "give 0 or more"),
        ("sampling", config.sampling == "resize" or spec.channels == 3, "take resize: the joints have no depth"),
    ):
        if not good:
            raise InputError(f"is {getattr(config, name)}", name, mend)
    body = layout(spec.layout)
    for branch in config.branches if config.weight else ():
        joints_of(body, branch)


def nwucla() -> RecognizeConfig:
    """The official setting for NW-UCLA; an official epoch passes the data five times."""
    config = RecognizeConfig()
    recipe = replace(config.recipe, lr=0.2, weight_decay=4e-4, batch=64, epochs=550, milestones=(450, 500), warmup=400)
    return replace(config, weight=1.0, sampling="draw", size=52, recipe=recipe)
