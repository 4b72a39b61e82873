"""Prediction: what a run says of recordings of any length: segments with times, what comes next, what is odd."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from acteme.engine import answers
from acteme.engine.answers import Answer, Manner
from acteme.engine.concepts import latents_of
from acteme.engine.device import device_for
from acteme.engine.host import recommends
from acteme.engine.inputs import Input, Part, dealt, parts
from acteme.engine.logs import untimed
from acteme.engine.names import opened
from acteme.engine.pool import pool_map, worker_count
from acteme.engine.run import Run, load
from acteme.engine.segmenter import Rules
from acteme.engine.slide import Slide
from acteme.errors import InputError


def predict(
    run: Run | Path | str,
    inputs: Input | Sequence[Input],
    *,
    stage: str | None = None,
    rules: Rules = Rules(),  # noqa: B008
    window: float | None = None,
    overlap: float = 0.5,
    batch: int = 32,
    scores: bool = False,
    split: str | None = None,
    workers: int | None = None,
    ray: bool = False,
    accelerator: str = "auto",
    count: int | None = None,
    edits: Mapping[str, float] | None = None,
    keep_missed: bool = False,
) -> Iterator[Answer]:
    """Predicts actions in recordings, in the order of the inputs, each as soon as it is there.

    Memory does not grow with the length of a recording (unless `scores` are kept): windows slide over it, their scores
    are blended, and segments are made as the frames pass.

    Args:
        run: a run or its folder.
        inputs: files, folders, DATA strings or recordings; other layouts and frame rates are converted to the run's.
        stage: the stage that predicts; the last that can unless given.
        rules: how segments are made from frame scores.
        window: seconds of a window; what the stage was trained on unless given. A system of whole clips takes a
            recording of up to twice a typical training clip as one window, and slides over a longer one.
        overlap: share of a window that the next one covers as well, in [0, 1).
        batch: windows at a time.
        scores: keep the frame scores in the prediction.
        split: only recordings of this split.
        workers: processes; one per core unless given, where there are recordings enough.
        ray: run on Ray.
        accelerator: `cpu`, `gpu`, or `auto`: a GPU where there is one and a single process.
        count: items recommended to each user, 10 unless given; or how many of the events, the oddest, all
            unless given.
        edits: of a run that inspects a recommender: concepts (or numbers of latents) to turn, in units of their largest
            activation in training; 0 silences them.
        keep_missed: of such a run: keep what the latents do not explain of a user's vector, so that without edits the
            recommender answers as it is.

    Of logs: what comes next for each user after all of the events (`Recommendation`), how each event turns out
    (`Judgement`), or how odd it is (`Oddity`). Where a split is named, the last two are of the last event of each user.
    Of documents: who and what takes part in their events (`Extraction`). Both are worked on in one process.

    Raises:
        InputError: the run is not trained, an input cannot be read or converted, or an option is out of range.
    """
    run = load(run)
    if not 0 <= overlap < 1:
        raise InputError(f"overlap is {overlap}", "--overlap", "give 0 or more and less than 1")
    if window is not None and window <= 0:
        raise InputError(f"window is {window} seconds", "--window", "give more than 0")
    if count is not None and count < 1:
        raise InputError(f"count is {count}", "--count", "give 1 or more")
    name = stage or run.stage_with("predict")
    if not hasattr(run.kind(name), "predict"):
        raise InputError(f"stage '{name}' does not predict", run.folder, "choose another stage")
    if run.entry.task == "inspection" and not recommends(run):
        raise InputError("looks into a model that recommends nothing", run.folder, "see its latents: acteme encode")
    windows = getattr(run.config, name).windows
    if untimed(run.spec):
        how = Slide(windows, run.clip, batch=batch)
        turned = latents_of(run, name, edits or {}, keep_missed)
        told = Manner(name, rules, how, scores, split, device_for(accelerator), count, turned, keep_missed)
        return _some((a for log in opened(run, inputs, split)
                      for a in answers.of(run.entry.task).answer(run, told, log)), split)  # fmt: skip
    if edits or keep_missed:
        raise InputError("nothing can be turned in a run that recommends nothing", "--edit", "leave it away")
    found = parts(inputs, split)
    processes = worker_count(workers, sum(map(len, found)))
    how = Slide(windows, run.clip, window, overlap, batch)
    manner = Manner(name, rules, how, scores, split, device_for(accelerator, alone=processes == 1 and not ray))
    if processes == 1 and not ray:
        made = (p for part in dealt(found, 1) for p in answers.of(run.entry.task).answer(run, manner, part))
    else:
        cut = dealt(found, processes)
        made = (p for some in pool_map(partial(_all, run, manner), cut, processes, ray) for p in some)
    return _some(made, split)


def _some(made: Iterator[Answer], split: str | None) -> Iterator[Answer]:
    """The same; InputError where there is none."""
    first = next(made, None)
    if first is None and split is None:
        raise InputError("no recording could be read", "inputs", "see why with acteme data check")
    if first is None:
        raise InputError(f"no recording is in split '{split}'", "--split", "leave it away, or name another")
    yield first
    yield from made


def _all(run: Run, manner: Manner, part: Part) -> list[Answer]:
    return list(answers.of(run.entry.task).answer(run, manner, part))
