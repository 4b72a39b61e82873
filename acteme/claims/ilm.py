"""ILM's claim: aligning item vectors with texts first helps a frozen language model where answers are scarce.

Data: `ml-100k`. Collaborative vectors of 32 numbers by weighted ALS on all but each user's last two events, of all
items, also those whose texts are never seen. Texts are four paraphrases of genres and decade, without titles, which
interactions cannot tell. Items with both are dealt anew in every seed: 70% whose texts are seen (`catalogue`), 10% to
choose when to stop, 20% of which nothing is said (`new`). Of the catalogue 100 have answers
to the questions for genres and decade; measured are nats of an answer's token on all others, and on the new items.

The language model, three layers with words of its own, learns to answer from texts (of items whose texts are seen) in
place of slots, and is frozen; all arms of a seed share it, the vectors and phase 1. `read` is what it makes of texts:
what could be had at most.

Arms, equal in steps of phase 2, data and order in each seed; the best of nine epochs on the 10% counts, for all of
them by the two questions alone:

- `mlp`: vector -> two layers -> as many soft tokens;
- `rand`: the item encoder from random weights (ILM-rand);
- `it`: the item encoder of phase 1 with ITC, ITM and ITG (ILM-IT);
- `it ui`: with UI as well;
- `mlp cap`, `rand cap`, `it cap`: as above, with the same texts that phase 1 reads as a third task in phase 2, to
  describe the item: a control, for `it` has seen these texts and `rand` has not. A third of the questions of these
  arms are such captions, so that they answer a third less often; and they see each text less often than phase 1 does,
  whose steps come on top. Trained numbers differ: `mlp` has some 0.15 million, the others 0.76 (`parameters`).

II is left out: a third phase 1 would cost half as much again, and no gain is expected at this size, nor of UI. So are
two controls, which were tried once in a smaller form and told nothing apart that the arms do not: with answers for all
items in phase 2, phase 1 made it no better on new items (1.41 nats for genres, 1.28 from random weights); and of the
genres of the next item vectors told no more than texts did (1.53 to 1.58 nats in every arm, 1.59 from texts).
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from acteme.claims.arms import begun, trained
from acteme.claims.experiment import Comparison, Experiment, Metrics
from acteme.engine import measures
from acteme.engine.config import to_json
from acteme.engine.measures import Asked
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.recordings.corpus import Corpus
from acteme.recordings.sources import open_data
from acteme.recordings.windows import Windows
from acteme.systems.recommend.ilm import AlignConfig, Config, QFormerConfig, SpeakConfig, TellConfig
from acteme.systems.recommend.ilm.speak import Task

WORLD = "ml-100k"
TINY_WORLD = "ml-100k?core=40"
TASKS: tuple[Task, ...] = ("genres", "decade")
CAP: tuple[Task, ...] = (*TASKS, "describe")
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "mlp": ("it", {"encoder": "mlp"}),
    "rand": ("it", {"pretrained": False}),
    "it": ("it", {}),
    "it ui": ("it ui", {}),
    "mlp cap": ("it", {"encoder": "mlp", "tasks": CAP}),
    "rand cap": ("it", {"pretrained": False, "tasks": CAP}),
    "it cap": ("it", {"tasks": CAP}),
}
"""The phase 1 that each arm comes after, which gives all of them vectors and roles, and what it changes in phase 2."""
PAIRS: dict[str, Any] = {"it": "none", "it ui": "users"}
"""What each phase 1 contrasts besides items and texts."""
WINDOWS, ALIGN_EPOCHS, SPEAK_EPOCHS = 20, 8, 9
"""Windows of each user in an epoch of phase 1 (some 590 batches; in phase 2 there is one, some 29), and epochs. In
phase 1 matching (ITM) stays at chance, .636, for two epochs, and is below .55 from the sixth on."""


def build(tiny: bool = False) -> Experiment:
    """The experiment; `tiny` only shows that it runs."""
    lower: dict[str, Any] = {"higher_is_better": False}
    return Experiment(
        slug="ilm",
        world=TINY_WORLD if tiny else WORLD,
        arms=tuple(ARMS),
        run=_run_tiny if tiny else _run,
        comparisons=(
            Comparison("with few answers, alignment with texts helps to understand items whose texts it has seen",
                       "catalogue genres", "it", "rand", **lower),
            Comparison("also to tell their decade", "catalogue decade", "it", "rand", **lower),
            Comparison("also to understand items that nothing is said of", "new genres", "it", "rand", **lower),
            Comparison("it understands better than a direct projection does", "catalogue genres", "it", "mlp", **lower),
            Comparison("it helps more than the same texts do as captions in phase 2", "catalogue genres", "it",
                       "rand cap", **lower),
            Comparison("it adds to captions", "catalogue genres", "it cap", "rand cap", **lower),
            Comparison("on new items it adds to captions", "new genres", "it cap", "rand cap", **lower),
            Comparison("users beside items in phase 1 add to it", "catalogue genres", "it ui", "it", **lower),
        ),
        settings={arm: to_json(_config(arm, 0, tiny)) for arm in ARMS} | {"tiny": tiny},
    )  # fmt: skip


def _config(arm: str, seed: int, tiny: bool) -> Config:
    """The small setting in the sizes of the claim."""
    phase, changes = ARMS[arm]
    small = Config.small()
    tell = TellConfig(noun="movie", titles=False, new=0.2, held=0.1, taught=100, draw=seed)
    qformer = QFormerConfig.small()
    language = replace(small.speak.language, words=100, steps=400)
    if tiny:
        qformer = replace(qformer, width=8, layers=1, heads=2, queries=2)
        language = replace(language, width=8, layers=1, heads=2, steps=2)
    windows = Windows(frames=51, stride=1, prefixes=True, most=WINDOWS)
    recipe = replace(small.align.recipe, epochs=ALIGN_EPOCHS, warmup=50)
    factors = replace(small.align.factors, sweeps=1 if tiny else 12)
    align: AlignConfig = replace(small.align, factors=factors, tell=tell, qformer=qformer, words=100,
                                 pairs=PAIRS[phase], windows=windows, recipe=recipe)  # fmt: skip
    speak: SpeakConfig = replace(small.speak, factors=factors, tell=tell, qformer=qformer, language=language,
                                 tasks=TASKS, windows=replace(windows, most=1),
                                 recipe=replace(small.speak.recipe, epochs=SPEAK_EPOCHS))  # fmt: skip
    return Config(align, replace(speak, **changes))


def _run(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, False)


def _run_tiny(arm: str, seed: int, folder: Path) -> Metrics:
    return _measure(arm, seed, folder, True)


def _measure(arm: str, seed: int, folder: Path, tiny: bool) -> Metrics:
    corpus = open_data(TINY_WORLD if tiny else WORLD)
    train, phase = corpus.select("train"), ARMS[arm][0]
    settings = Settings(seed=seed, steps=2 if tiny else None, best="-nats_validation", precision="bf16",
                        progress=False, checkpoint=600)  # fmt: skip
    aligned = folder / f"{phase.replace(' ', '-')}.safetensors"
    reader = folder / "reader.safetensors"
    place = folder / arm.replace(" ", "-")
    config = _config(arm, seed, tiny)
    if reader.exists():
        config = replace(
            config, speak=replace(config.speak, language=replace(config.speak.language, start=str(reader)))
        )
    run = begun("ilm", corpus, place, config, settings)
    if not aligned.exists():
        trained(run, train, "align")
        shutil.copy(run.weights("align"), aligned)
    run.stage_folder("align").mkdir(parents=True, exist_ok=True)
    shutil.copy(aligned, run.weights("align"))  # the arms of one phase 1 have the same one
    trained(run, train, "speak", validation=corpus.select("val"))
    if not reader.exists():
        shutil.copy(run.weights("speak"), reader)
    lost = run.history("align")  # of the arm that trained it
    told = {name: float(lost[name][-100:].mean()) for name in ("itc", "itm", "itg") if lost}
    made = _found(run, corpus.select("test"), train) | told
    shutil.rmtree(place)
    return made


def _found(run: Run, test: Corpus, train: Corpus) -> Metrics:
    """Nats and exact answers by group and task."""
    module: Any = run.module("speak")
    asked = Asked(run, module, "speak", test, lambda: train, "questions", resamples=1)
    found = measures.of("conversation").measure(asked)
    rows, metrics = found.per_class, found.metrics
    out: Metrics = {"parameters": module.footprint()["trained_parameters"],
                    "perplexity moved": metrics["perplexity"] - metrics["perplexity_before"]}  # fmt: skip
    for task in TASKS:
        for group in ("catalogue", "new"):
            row = rows[f"{task}, {group}"]
            out |= {f"{group} {task}": row["nats"], f"{group} {task} exact": row["exact"],
                    f"{group} {task} read": row["nats_read"]}  # fmt: skip
    return out
