"""Evaluation: the official metrics of a run's task, of its own predictions or of what its latents are good for.

Protocols:

- `predictions`: the run's own predictions, by the last stage that predicts. Some tasks have others, or further ones:
  see `acteme.engine.measures`;
- `linear`: a linear classifier on the frozen latents of the last stage that encodes, trained on the training split;
- `knn`, `knn-K`: the nearest (K nearest, the nearer the heavier) training recordings by cosine similarity of the
  latents;
- `semi-1`, `semi-5`, `semi-10`: encoder and linear classifier trained with that percentage of the labels;
- `finetune`: the same with all labels;
- `transfer`: `linear` on another data set than the one the run was trained on.
"""

import json
import re
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from acteme.atomic import write_text
from acteme.engine import measures
from acteme.engine.device import device_for
from acteme.engine.head import LinearHead
from acteme.engine.latents import latent_width, recording_latents
from acteme.engine.loader import Loader
from acteme.engine.measures import Asked
from acteme.engine.measures.recognition import labels, training_counts
from acteme.engine.names import fitted
from acteme.engine.run import Run, load, short_name
from acteme.engine.segmenter import Rules
from acteme.engine.settings import Settings
from acteme.engine.train import open_corpus, training_part
from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.tasks import probes, recognition
from acteme.tasks.outcome import Outcome

TEMPERATURE = 0.07
"""How steeply the votes of the K nearest fall with their similarity."""

PROTOCOLS = ("linear", "knn", "semi-1", "semi-5", "semi-10", "finetune", "transfer")
"""What latents are good for; those of a task's own are in `measures`."""

TUNING = Recipe(optimizer="adamw", lr=1e-3, weight_decay=1e-4, epochs=30, batch=32, schedule="cosine", drop_last=False)
"""How `semi-*` and `finetune` train, unless told otherwise."""


@dataclass(frozen=True)
class Evaluation:
    """What came out, as written to evaluation.json."""

    task: str
    protocol: str
    data: str
    split: str
    metrics: dict[str, float]
    """Name to value; NaN where the data leaves it undefined."""
    intervals: dict[str, tuple[float, float]]
    """95% bootstrap intervals over recordings."""
    per_class: dict[str, dict[str, float]]
    confusion: Any
    """Counts, true classes in rows; None where several classes can hold at once."""


def evaluate(
    run: Run | Path | str,
    data: str | Path | Corpus | None = None,
    *,
    split: str = "test",
    protocol: str | None = None,
    stage: str | None = None,
    rules: Rules = Rules(),  # noqa: B008
    recipe: Recipe = TUNING,
    batch: int = 64,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    progress: bool = False,
) -> Evaluation:
    """Evaluates a run and writes its evaluation.json.

    Args:
        run: a run or its folder.
        data: what to evaluate on; the data the run was trained on unless given. Another layout or frame rate is
            converted to the run's.
        split: which split is measured. Protocols that train something use the split `train` for that.
        protocol: one of `PROTOCOLS` or of the task's; the run's own predictions unless given, or `linear` where it
            makes none.
        stage: the stage whose module is evaluated; the last that can do it unless given.
        rules: how segments are made from frame scores, for the metrics over segments.
        recipe: how `semi-*` and `finetune` train.
        batch: windows at a time.
        accelerator: what to compute on; `auto` takes a GPU where there is one.
        progress: show the progress of training a protocol's classifier.

    Raises:
        InputError: unknown protocol, data that the run cannot read, no labels, other classes.
    """
    run = load(run)
    if data is None and run.data is None:
        raise InputError("was trained on recordings in memory", run.folder, "say which data to evaluate on")
    task = run.entry.task
    shown = run.data if data is None else "data" if isinstance(data, Corpus) else str(data)
    corpus = fitted(open_corpus(run.data if data is None else data), run)  # type: ignore[arg-type]
    able = run.can("predict") if stage is None else hasattr(run.kind(stage), "predict")
    other = data is not None and str(data) != run.data
    if protocol == "transfer" and not other:
        raise InputError(
            "is to be evaluated on the data it was trained on", run.folder, "name other data, or use linear"
        )
    chosen = part(corpus, split, other)
    if measures.has(task, protocol) if protocol else able:
        if getattr(measures.of(task), "CLASSES", True) and corpus.spec.classes != run.spec.classes:
            raise InputError(other_classes(corpus.spec.classes, run.spec.classes),
                             None if isinstance(data, Corpus) else shown,
                             "evaluate latents instead, by --protocol transfer")  # fmt: skip
        name = stage or run.stage_with("predict")
        same = not other or (run.data is None and "train" in corpus.column("split"))  # the latter: both in memory
        module = run.module(name).to(device_for(accelerator))
        protocol = protocol or measures.usual(task, chosen, module)
        asked = Asked(run, module, name, chosen, partial(training_part, corpus), protocol, rules, batch, same)
        outcome = measures.of(task).measure(asked)
        if hasattr(module, "footprint"):  # what it costs, beside what it is worth
            outcome.metrics.update(module.footprint())  # type: ignore[operator]
            if took := [seconds for stage in run.stages if (seconds := run.seconds(stage)) is not None]:
                outcome.metrics["training_seconds"] = sum(took)
    else:
        protocol, name = protocol or "linear", stage or run.stage_with("encode")
        outcome = probe(run, name, protocol, training_part(corpus), chosen, rules, recipe, batch, accelerator, progress)
    made = Evaluation(task, protocol, short_name(shown), split, outcome.metrics, outcome.intervals,
                      outcome.per_class, outcome.confusion)  # fmt: skip
    head = {"task": made.task, "protocol": protocol, "data": made.data, "split": split}
    write_text(run.folder / "evaluation.json", json.dumps({**head, **outcome.to_json()}, indent=1))
    return made


def other_classes(own: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """In which way the classes of data are not those of a run."""
    lacking, strange = ([k for k in some if k not in others] for some, others in ((wanted, own), (own, wanted)))
    if not lacking and not strange:
        return "has the classes of the run in another order"
    parts = [f"{verb} " + ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
             for verb, names in (("lacks", lacking), ("adds", strange)) if names]  # fmt: skip
    return f"has other classes than the run: {' and '.join(parts)}"


def part(corpus: Corpus, split: str, other: bool) -> Corpus:
    """The split; everything where other data than the run was trained on names no splits."""
    if not any(corpus.column("split")):
        if other:
            return corpus
        raise InputError("the data names no splits, and the run was trained on all of it", mend="give other data")
    return corpus.select(split)


def probe(run: Run, stage: str, protocol: str, train: Corpus, test: Corpus, rules: Rules, recipe: Recipe, batch: int,
          accelerator: Literal["auto", "cpu", "gpu"], progress: bool) -> Outcome:  # fmt: skip
    """Trains what the protocol trains on latents of `train` and measures it on `test`."""
    kind = re.fullmatch(r"(linear|transfer|finetune|knn|semi)(?:-(\d+))?", protocol)
    task = measures.of(run.entry.task)
    if kind is None or (kind[2] is not None and kind[1] not in ("knn", "semi")) or protocol == "semi":
        names = ", ".join([*task.PROTOCOLS, *PROTOCOLS])
        raise InputError(f"there is no protocol '{protocol}'", "--protocol", f"known: {names}")
    frames = run.entry.task == "segmentation"
    device = device_for(accelerator)
    module, windows = run.module(stage).to(device), getattr(run.config, stage).windows
    if not frames:
        train, test = train.select(rows=labels(train) >= 0), test.select(rows=labels(test) >= 0)
    if kind[1] == "knn":
        if frames:
            raise InputError("nearest neighbors need clips with one label", "--protocol", "use linear")
        known, queries = (recording_latents(module, c, windows, batch) for c in (train, test))
        found = probes.knn(known, train.label, queries, len(train.spec.classes), int(kind[2] or 1), TEMPERATURE)
        return recognition.measure(found, test.label, test.spec.classes, trained=training_counts(train))
    if kind[1] == "semi":
        held = np.zeros(len(train), np.int64) if frames else train.label
        train = train.select(rows=probes.label_subset(held, int(kind[2]) / 100, run.settings.seed))
    tuned = kind[1] in ("semi", "finetune")
    width = latent_width(module, test.select(rows=np.array([0])), windows, frames)
    head = LinearHead(module, width, len(train.spec.classes), frames, train.spec.multilabel, tuned).to(device)
    loader = Loader(train, windows, batch, run.settings.seed, protocol)
    if not tuned:
        head.solve(to_device(b, device) for b in loader.sweep())
    else:
        from acteme.engine.fit import Job, fit, quiet

        head.standardize(head.eval().rows(to_device(b, device) for b in loader.sweep())[0])
        with quiet(), tempfile.TemporaryDirectory(prefix="acteme-") as folder:
            job = Job(protocol, head, recipe, windows, train, Path(folder), f"{run.entry.slug} {protocol}")
            settings = Settings(seed=run.settings.seed, progress=progress, accelerator=accelerator)
            head.load_state_dict(fit(job, settings))
    return task.measure(Asked(run, head.to(device).eval(), stage, test, lambda: train, rules=rules, batch=batch))
