"""Latent Corridors: adaptive trajectory prediction by a prompt per scene.

Source: Thakkar, Mangalam, Bajcsy and Malik, ECCV 2024, arXiv 2312.06653. There is no official code; what is not said in
notes on the paper is marked (inferred). The predictor beneath is Y-net (Mangalam et al., ICCV 2021), of whose official
code this is a faithful form.

A predictor learned on many scenes is set up before one of them. From minutes of the people there it learns an image,
one outer product of two vectors, that is added to the map of every observed position; all else stays frozen, but for
the last layer where wished. So 768 numbers, .05% of the predictor's, say what is particular about the place: how far
a pixel is, where one walks around something, which ways lead where.

Two stages: `base`, the predictor, on many scenes; `adapt`, a prompt and a head for each scene of the data:

    acteme train corridors MANY --stage base --run runs/base
    acteme train corridors PLACE --start runs/base --stage adapt --run runs/place
    acteme evaluate runs/place

A prompt for another condition of the place (night, a weekend, newer tracks) is another run of the same base. Which one
is used is for you to say: nothing here chooses by recent losses, or fits a prompt again on a sliding window.

Files: `sight` (what is seen of a batch), `place` (scenes on the network's grid), `maps` (maps of positions, loss,
reading off), `unet`, `predictors` (Y-net, PECNet), `sample` (goals, TTST, CWS), `pieces` (large maps a few samples at
a time), `base`, `prompt`, `adapt`, `official`.

Parity with the official Y-net (random weights carried over by `official_state_dict`, equal positions and maps;
1,641,381 parameters): both losses 2e-7 relative, gradients 8e-6 of the largest of each tensor, paths to given goals
2e-5 pixels in float32; 7e-9, 2e-8 and 5e-9 in float64. Distance and Gaussian templates 2e-7 and 1e-9. Conditioned
waypoints equal to 1e-4 pixels. Goals that are drawn agree in distribution, not in number.

Speed on a processor, one thread, at 288 x 480, against the official arithmetic done its way, in single precision
(`benchmarks/corridors_step.py`; the official code itself is as fast as that): a training step of eight people 2.0
times, 3.4 times with `--precision bf16`; with the one decoder that is enough here 3.7 times without it; inference with
20 goals by TTST 1.9 and 3.4 times. Convolutions are five sixths of it and run as fast as the processor multiplies
matrices: single precision leaves no more to gain. A small base trained in bfloat16 predicts like one in single
precision (`crowd`, one seed: ADE 3.56 and 3.53 pixels in its own test, 3.66 and 3.66 in scenes to adapt to).

Early stopping: every fourth person of a scene is held out from the adaptation, and the weights with the smallest ADE of
these people are kept. Windows of theirs, at most `adapt.kept`, are part of the stage's state, so that training resumes
exactly: whoever passes weights on passes these tracks on.

**Deviations** from the official code of Y-net, and from the paper where it is known:

- One decoder whose maps are the prediction, no drawn goals (`network.form="unimodal"`, the paper's use of Y-net; one
  decoder is inferred). `Config.ynet()` has both decoders, goals, TTST and CWS.
- Scenes of all sizes lie on one grid (`grid.size`), as large as they fit, or `grid.resize` times as large; the rest
  is padding. So a batch can hold several scenes. Officially every scene has its own size, and a batch one scene.
- The padding of a scene's map has no class; officially it is a border of class 0. On one grid more is padding than
  officially, and the loss is a mean over it all.
- Maps are computed at their places. Officially they are cut out of a template, which gives wrong or empty pieces for
  positions beyond its reach. A future position off the grid has no part in the loss.
- Distances are to the position rounded to a pixel, as official (`grid.rounded=false`: to the position itself, the
  small setting). Input maps may be Gaussian, as Y-net's paper says (`grid.map="gauss"`); the code has distances, the
  default.
- softargmax without the 1e-6 in the denominator (2e-5 pixels).
- `threshold` (TTST) is of each map's own maximum and normalized for itself; officially all maps of a batch are
  divided by one sum, which changes nothing in what is drawn.
- All people of a batch are clustered at once, each until its centers stand still, coinciding draws as one with a
  weight.
- FDE is the last step's distance; Y-net's code takes the drawn goal's, here `goal_fde@K`.
- Augmentation by flips and quarter turns is drawn anew for every window, the scene fitted to the grid again;
  officially each of the eight views is a scene of its own. All of an epoch's data are used, officially 25 batches of
  SDD.
- Validation does not draw goals at random (Y-net's does): early stopping looks at the map's mean.
- The segmentation network is no part of this: maps of scenes are given as classes (`surfaces`).
- Defaults are those in the paper's notes (rank one, Kaiming's initialization with u as (h, 1) and v as (1, w), which
  is inferred and starts beside the base). `prompt.init="zero_v"` starts at the base itself; the small setting does,
  since the other start makes some scenes worse than the base for good.
- Learning rates, the length of adaptation, the head as the last 1 x 1 convolution and the quarter of the people are
  inferred. Heads learn `adapt.rate` times as fast as prompts. A prompt never sees augmented scenes.
- PECNet (`predictor.kind="endpoint"`): behind an encoder of the same maps whose coarsest features are averaged to
  `endpoints.cells`; no social pooling; one endpoint is that of the latent variable's mean. All inferred."""

from dataclasses import dataclass, field, replace

from acteme.systems.anticipate.corridors.adapt import AdaptConfig, Adapter
from acteme.systems.anticipate.corridors.base import Base, BaseConfig, PredictorConfig
from acteme.systems.anticipate.corridors.predictors import Endpoints, Network
from acteme.systems.anticipate.corridors.prompt import Prompt
from acteme.systems.anticipate.corridors.sight import Grid

__all__ = ["AdaptConfig", "Adapter", "Base", "BaseConfig", "Config", "Endpoints", "Grid", "Network",
           "PredictorConfig", "Prompt"]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the two stages."""

    base: BaseConfig = field(default_factory=BaseConfig)
    """The predictor, trained on many scenes."""
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    """Prompts and heads for single scenes; the predictor is that of `base`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapt", replace(self.adapt, predictor=self.base.predictor))

    @classmethod
    def small(cls) -> "Config":
        """Learns on two processor cores in three minutes."""
        return cls(BaseConfig.small(), AdaptConfig.small())

    @classmethod
    def ynet(cls) -> "Config":
        """Y-net as its code has it for SDD: two decoders, 20 goals by TTST, 6 classes, a quarter of the size.

        The grid holds scenes of up to 2,048 pixels, as those of SDD are, upright and on their side.
        """
        grid = Grid(size=(512, 512), surfaces=6, resize=0.25)
        predictor = PredictorConfig(grid=grid, network=Network(form="ynet"))
        return cls(BaseConfig(predictor))
