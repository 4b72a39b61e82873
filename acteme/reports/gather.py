"""Collects what a report shows from a run: its evaluation, its training, its data, predictions and latents."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from acteme.engine.answers import Prediction
from acteme.engine.config import to_json
from acteme.engine.encode import captions_of
from acteme.engine.evaluate import evaluate, part
from acteme.engine.host import can_predict
from acteme.engine.latents import window_latents
from acteme.engine.logs import has_users, is_document, is_log, untimed
from acteme.engine.names import fitted
from acteme.engine.predict import predict
from acteme.engine.progress import duration
from acteme.engine.run import Run
from acteme.engine.train import open_corpus
from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.corpus import Corpus
from acteme.recordings.recording import Recording
from acteme.recordings.skeleton.layouts import layout
from acteme.reports import encoders, words
from acteme.reports.content import ClassRow, Curve, LatentMap, Metric, Page, Replay, Stage
from acteme.reports.logs import with_logs
from acteme.reports.projections import projections
from acteme.reports.replay import figure
from acteme.reports.texts import with_texts
from acteme.reports.watch import gather_scenes

UNTRIMMED, CLIPS = 4, 12
"""Recordings in the player: long ones with several actions, or clips of one."""
LONGEST = 600.0
"""Seconds of a recording that are predicted and shown at most."""
WINDOWS = 800
"""Windows in the map of latents at most."""

PROTOCOLS = {
    "predictions": "The run's own predictions",
    "linear": "A linear classifier on the frozen latents",
    "knn": "The nearest training recordings by their latents",
    "semi": "Encoder and linear classifier trained with a share of the labels",
    "finetune": "Encoder and linear classifier trained with all labels",
    "transfer": "A linear classifier on the frozen latents",
    "full": "The last item of each user among all that are new to the user",
    "repeats": "The last item of each user among all items",
    "profiles": "The items that go with each user among all items",
    "sampled": "The last item of each user among drawn ones",
    "outcomes": "The last event of each user, or every event, by its outcome",
    "ratings": "The last event of each user, or every event, by its rating",
    "negatives": "The last item of each user against drawn ones",
    "labels": "Every event, by its label",
    "rams": "Arguments by the rules of the scorer of RAMS",
    "wikievents": "Arguments by the rules of the scorer of WikiEvents",
    "swaps": "Events against the same with some values exchanged",
}
CLASS_VALUES = {
    "segmentation": ("average_precision", "Average precision of each class, %", "frames"),
    "recognition": ("accuracy", "Accuracy of each class, %", "clips"),
    "forecasting": ("gain", "Gain by adaptation in each scene, %", "windows"),
    "anomalies": ("auc", "Area under the ROC curve of each way to exchange values, %", "events"),
    "arguments": ("f1", "F1 of each role, %", "arguments"),
    "conversation": ("exact", "Exact answers to each kind of question, %", "questions"),
}


def gather(run: Run, data: str | Path | Corpus | None = None) -> Page:
    """Everything a report shows; parts that cannot be made are left out with a note that says why."""
    notes: list[str] = []
    found = run.evaluation
    corpus = None
    try:
        if data is None and run.data is None:
            raise InputError("The run was trained on recordings in memory", mend="give data to see them here")
        chosen = run.data if data is None else data
        whole = fitted(open_corpus(chosen), run)  # type: ignore[arg-type]
        other = data is not None and str(data) != run.data
        every = other and run.entry.task == "anomalies" and not has_users(whole)  # what is odd may be anywhere in it
        corpus = whole if every else part(whole, "test", other)
        needy = run.entry.task != "forecasting" and not untimed(run.spec)
        notes += [f"{note[:1].upper()}{note[1:]}." for note in whole.notes]
        if found is None and not corpus.spec.classes and needy:
            notes.append("The data is not labeled, so nothing was measured.")
        elif found is None:
            evaluate(run, data)
            found = run.evaluation
    except InputError as error:
        notes.append(_sentence(error))
    page = Page(
        title=run.entry.title,
        paper=", ".join(filter(None, (run.entry.authors, run.entry.venue))),
        link=run.entry.arxiv and f"https://arxiv.org/abs/{run.entry.arxiv}",
        claim=run.entry.claim,
        facts=_facts(run),
        classes=run.spec.classes,
        stages=tuple(_stage(run, name) for name in run.stages if run.history(name)),
        encoders=_encoders(run.entry.slug),
        slug=run.entry.slug,
        settings=_settings(run),
        notes=tuple(notes),
        version=run.version,
    )
    if found is not None:
        page = with_evaluation(page, found)
    if corpus is not None and is_document(run.spec):
        page = with_texts(page, run, corpus)
    elif corpus is not None and is_log(run.spec):
        page = with_logs(page, run, corpus)
    elif corpus is not None and run.entry.task == "forecasting":
        page = replace(page, scenes=gather_scenes(run, corpus), classes=page.classes or corpus.spec.scenes)
        page = _with_latents(page, run, corpus)
    elif corpus is not None:
        page = _with_recordings(page, run, corpus)
    return page


def _sentence(error: InputError) -> str:
    """The problem as a sentence, with where it is if that has a short name (recordings in memory have none)."""
    what = error.what[:1].upper() + error.what[1:]
    if error.where is not None and len(str(error.where)) < 100:
        what = f"{error.where}: {error.what}"
    return what + (f"; {error.mend}." if error.mend else ".")


def with_evaluation(page: Page, found: dict) -> Page:  # type: ignore[type-arg]
    """The page with what evaluation.json says."""
    nan = float("nan")
    metrics, wanted = [], words.HEADLINES.get(found["task"], ())
    defined = [n for n in wanted if found["metrics"].get(n) is not None][:4]
    for name, value in found["metrics"].items():
        low, high = (nan if v is None else v for v in found["intervals"].get(name, (None, None)))
        title, about = words.title_and_meaning(name)
        shown = nan if value is None else value
        metrics.append(Metric(name, title, about, shown, low, high, name in defined, words.is_rate(name)))
    key, title, unit = CLASS_VALUES.get(found["task"], ("", "", ""))
    rows = [
        ClassRow(
            name,
            nan if row.get(key) is None else row[key],
            f"{int(row.get(unit) or 0):,} {unit}"
            + (f", {int(row['trained']):,} in training" if row.get("trained") is not None else ""),
        )
        for name, row in found["per_class"].items()
    ]
    told = found["task"] != "forecasting" or any(math.isfinite(r.value) for r in rows)
    protocol = PROTOCOLS.get(found["protocol"].partition("-")[0], found["protocol"])
    share = found["protocol"].partition("-")[2]
    return replace(
        page,
        evaluated=f"{protocol}{share and f' ({share})'}, measured on the {found['split']} split of {found['data']}.",
        metrics=tuple(metrics),
        class_title=title,
        class_rows=tuple(sorted(rows, key=lambda r: -r.value if math.isfinite(r.value) else 1.0)) if told else (),
        confusion=None if found["confusion"] is None else np.array(found["confusion"]),
        classes=page.classes or tuple(found["per_class"]),
    )


def _facts(run: Run) -> tuple[tuple[str, str], ...]:
    s = run.spec
    what: tuple[tuple[str, str], ...] = (
        ("Skeleton", f"{s.layout}: {s.joints} joints, {s.channels}D, {s.fps:g} frames/s"),
        ("Classes", f"{len(s.classes)}{', several at once' if s.multilabel else ''}"),
    )
    if is_log(s):
        items = (("Items", f"{s.items:,}"),) if s.items else ()
        what = (*items, *((("Fields", ", ".join(s.fields)),) if s.fields else ()))
    if is_document(s):
        what = (("Types of events", str(len(s.classes))), ("Roles", str(len(s.roles))))
    if s.scenes:
        what = (("Tracks", f"positions, {s.fps:g} per second"), ("Scenes", str(len(s.scenes))))
    return (
        ("Data", run.data or "recordings in memory"),
        *what,
        ("Stages", " → ".join(run.stages)),
        ("Seed", str(run.settings.seed)),
        ("Trained", f"{run.created[:16].replace('T', ' ')}{'' if run.status == 'trained' else f' ({run.status})'}"),
        ("Run", run.name),
    )


def _encoders(slug: str) -> dict[str, Any] | None:
    """The comparison of all encoders, if it is known and has the system's."""
    made = encoders.known()
    return made if made and slug in {e["slug"] for e in made["encoders"]} else None


def _settings(run: Run) -> dict[str, str]:
    parts = {
        "System": to_json(run.config),
        "Training": asdict(run.settings),
        "Data": run.spec.to_json(),
    }
    return {title: json.dumps(value, indent=2) for title, value in parts.items()}


def _stage(run: Run, name: str) -> Stage:
    history = run.history(name)
    step, epoch = history.pop("step"), history.pop("epoch", np.zeros(0))
    order = sorted(history, key=lambda n: (n == "lr", n != "total"))
    curves = [Curve(n, step.astype(np.int64), history[n]) for n in order if np.isfinite(history[n]).any()]
    about = (run.kind(name).__doc__ or "").strip().partition("\n\n")[0]
    return Stage(
        name=name,
        about=" ".join(about.replace("`", "").split()),
        steps=len(step),
        epochs=int(epoch[-1]) + 1 if len(epoch) else 0,
        took="" if (seconds := run.seconds(name)) is None else duration(seconds),
        parameters=_values(run, name) if run.done(name) else 0,
        curves=tuple(curves),
    )


def _values(run: Run, stage: str) -> int:
    """Numbers in the stage's weights file."""
    from safetensors import safe_open

    with safe_open(run.weights(stage), "np") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


# --- recordings and latents -------------------------------------------------------------------------------------------


def _with_recordings(page: Page, run: Run, corpus: Corpus) -> Page:
    rows = shown_rows(corpus)
    recordings = [_beginning(corpus[i]) for i in rows]
    replays = []
    page = replace(page, classes=run.spec.classes or corpus.spec.classes)
    made = predict(run, recordings, scores=True) if can_predict(run) else iter([None] * len(recordings))
    predictions = [p if isinstance(p, Prediction) else None for p in made]
    for i, recording, prediction in zip(rows, recordings, predictions, strict=True):
        truth = _told(run, recording)
        replays.append(
            Replay(
                name=recording.name,
                fps=recording.fps,
                skeleton=recording.arrays["skeleton"],
                duration=float(corpus.frames[i] / corpus.column("fps")[i]),
                truth=truth,
                predicted=prediction.segments if prediction else (),
                scores=prediction.scores if prediction else None,
            )
        )
    sample = [r.skeleton[:: max(1, len(r.skeleton) // 200)] for r in replays]
    drawn = figure(layout(run.spec.layout), np.concatenate(sample))
    page = replace(page, replays=tuple(replays), figure=drawn)
    return _with_latents(page, run, corpus)


def _told(run: Run, recording: Recording) -> tuple[Segment, ...]:
    """What the data says of a recording: its captions where the run predicts such, otherwise its classes."""
    if run.entry.task == "retrieval":
        return tuple(replace(s, label=s.text) for s in captions_of(recording))
    whole = (Segment(0.0, recording.duration, recording.label),) if recording.label else ()
    return recording.segments or whole


def _with_latents(page: Page, run: Run, corpus: Corpus) -> Page:
    if run.can("encode"):
        kind = "of its scene" if corpus.spec.scenes else "of the class that holds in most of its frames"
        latents = latent_map(run, corpus, page.classes)
        jump = "; a window of a recording in the player takes you there" if page.replays else ""
        about = (
            f"Latents of stage {run.stage_with('encode')} for {len(latents.label)} windows of the test recordings, "
            f"each in the color {kind}. Hover for the recording and time{jump}."
        )
        page = replace(page, latents=latents, latents_about=about) if len(latents.label) > 2 else page
    return page


def shown_rows(corpus: Corpus) -> list[int]:
    """Which recordings are played: the first long ones, or clips of as many classes as possible."""
    label = corpus.label
    if (label < 0).any():
        return list(range(min(UNTRIMMED, len(corpus))))
    turn = np.zeros(len(label), int)
    for k in np.unique(label):
        turn[label == k] = np.arange((label == k).sum())
    return np.sort(np.lexsort((label, turn))[:CLIPS]).tolist()


def _beginning(recording: Recording) -> Recording:
    """The recording, or its first `LONGEST` seconds."""
    frames = math.ceil(LONGEST * recording.fps)
    if recording.frames <= frames:
        return recording
    segments = tuple(replace(s, end=min(s.end, LONGEST)) for s in recording.segments if s.start < LONGEST)
    return replace(recording, arrays={n: a[:frames] for n, a in recording.arrays.items()}, segments=segments)


def latent_map(run: Run, corpus: Corpus, classes: tuple[str, ...]) -> LatentMap:
    """Latents of at most `WINDOWS` windows of recordings spread over the corpus, in two dimensions.

    Labels are positions in `classes`; a class of the data that is not among them counts as none.
    """
    stage = run.stage_with("encode")
    windows = getattr(run.config, stage).windows
    counts = np.bincount(windows.cut(corpus.frames)[0], minlength=len(corpus))
    step = max(1, math.ceil(counts.sum() / WINDOWS))
    part = corpus.select(rows=np.arange(0, len(corpus), min(step, len(corpus))))
    index, start, frames, vectors = (
        np.concatenate(c) for c in zip(*window_latents(run.module(stage), part, windows, 64), strict=True)
    )
    kept = np.unique(np.linspace(0, len(index) - 1, min(WINDOWS, len(index))).astype(int))
    index, start, frames, vectors = index[kept], start[kept], frames[kept], vectors[kept]
    fps = part.column("fps")[index]
    return LatentMap(
        methods=projections(vectors),
        label=_numbers(part.spec.scenes or part.spec.classes, classes)[_window_labels(part, index, start, frames)],
        recording=tuple(part.column("name")[index].tolist()),
        start=start / fps,
        end=(start + frames) / fps,
    )


def _window_labels(
    corpus: Corpus, index: Int[np.ndarray, " n"], start: Int[np.ndarray, " n"], frames: Int[np.ndarray, " n"]
) -> Int[np.ndarray, " n"]:
    """The class that holds in most frames of each window, or its scene where there are scenes; -1 where none does."""
    if corpus.spec.scenes:
        return corpus.scene[corpus.rows][index]
    if "frame_labels" not in corpus.arrays:
        return corpus.label[index]
    begin = corpus.column("offset")[index] + start
    held = [corpus.arrays["frame_labels"][a : a + n].sum(axis=0) for a, n in zip(begin, frames, strict=True)]
    return np.array([int(h.argmax()) if h.any() else -1 for h in held])


def _numbers(names: tuple[str, ...], classes: tuple[str, ...]) -> Int[np.ndarray, " k"]:
    """Position in `classes` of each name, and -1 at the end, which index -1 (no class) finds."""
    return np.array([classes.index(n) if n in classes else -1 for n in names] + [-1])
