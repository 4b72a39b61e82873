"""Training: the stages of a system in turn, into a run folder."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file

from acteme import catalog
from acteme.engine import host, names
from acteme.engine.config import to_json
from acteme.engine.launch import launch, launched
from acteme.engine.run import TRAINED, UNFINISHED, Run, fresh_name, load, short_name
from acteme.engine.settings import Settings
from acteme.engine.share import Shared, share
from acteme.errors import InputError, MissingError
from acteme.recordings.corpus import Corpus


def train(
    system: str | catalog.Entry,
    data: str | Path | Corpus,
    run: Path | str | None = None,
    *,
    config: Any = None,
    small: bool = False,
    settings: Settings = Settings(),  # noqa: B008
    resume: bool = False,
    stages: Sequence[str] | None = None,
    start: Run | Path | str | None = None,
    base: Run | Path | str | None = None,
) -> Run:
    """Trains a system on the training split of the data, stage after stage, each inheriting from those before.

    Args:
        system: a slug of the catalog, or an entry of one's own.
        data: a DATA string, a path, or recordings in memory. Where it names splits, only `train` is seen.
        run: the folder to write; runs/<system>-<data>-<time> unless given.
        config: the system's configuration; the official one (or the small one) unless given.
        small: the configuration that learns on two processor cores in minutes.
        settings: how it is run.
        resume: go on with an unfinished run (`run`, or the latest one of this system and data); finished stages are
            kept, and configuration, seed, length and precision are the run's own.
        stages: train only these, for example a last stage that inherits nothing; all unless given.
        start: a run of the same system, perhaps on other data, from which the stages that are not trained here are
            taken; its configuration is the one to start from, too. So one pre-trains on one data set, and fine-tunes
            on another.
        base: a run of any system to look into, for a system that looks into another (`inspect`), in place of its own
            first stage. It may be moved or deleted afterwards.

    Returns:
        The trained run.

    Raises:
        InputError: unknown system, bad data, the folder exists already, or a run that does not fit the data.
        KeyboardInterrupt: training was stopped; the run can be resumed.
    """
    entry = catalog.find(system) if isinstance(system, str) else system
    every = [name for name, _ in entry.stages]
    if unknown := sorted(set(stages or ()) - set(every)):
        raise InputError(f"'{entry.slug}' has no stage '{unknown[0]}'", "stages", "its stages: " + ", ".join(every))
    if start is not None and (resume or stages is None):
        raise InputError("a run to start from was given", "start", "name the stages to train, and do not resume")
    looked = None if base is None else load(base if isinstance(base, Run) else Path(base))
    if looked is not None:
        stages = looking(entry, resume, stages)
    name = None if isinstance(data, Corpus) else str(data)
    whole = open_corpus(data)
    corpus = training_part(whole)
    if looked is not None:
        host.check(looked, corpus)
    check_labels(entry, corpus, every if stages is None else stages)
    if resume:
        made = load(Path(run) if run is not None else unfinished(entry.slug, name), entry)
        check_resumed(made, corpus, config)
        settings = resumed_settings(settings, made)
    else:
        if settings.best:
            whole.select("val")  # which is refused, where there is none, before anything is written
        source = None if start is None else load(start if isinstance(start, Run) else Path(start), entry)
        if source is not None and config is None and not small:
            config = source.config
        reads = entry.reads
        if looked is not None:
            kind, reads = entry.module().Config, looked.entry.reads
            config, small = host.suited(config or (kind.small() if small else kind()), looked, corpus), False
        made = create(entry, corpus, name, run, config, small, settings, reads)
        if looked is not None and leader():
            host.keep(made, looked)
        if source is not None:
            begin(made, source, [n for n in every if n not in (stages or ()) and source.done(n)])
    wanted = [stage for stage in made.stages if (stages is None or stage in stages) and not host.replaced(made, stage)]
    left = [stage for stage in wanted if not made.done(stage)]
    try:
        held = {stage: validation_part(whole, made, stage, settings) for stage in left}
        for stage in left:
            train_stage(made, corpus, stage, settings, held[stage])
    except (InputError, MissingError):
        if not resume and leader() and not any(map(made.begun, left)):
            shutil.rmtree(made.folder)  # nothing was learned: once mended, the same command shall do
        raise
    made = made.trained(write=leader())
    if settings.progress and leader():
        print(f"Trained: {made.folder}")
    return made


def validation_part(corpus: Corpus, run: Run, stage: str, settings: Settings) -> Corpus | None:
    """The split `val`, where a stage is chosen by it or responds to it; InputError where there is none."""
    chosen = settings.best and hasattr(run.kind(stage), "predict")
    responds = getattr(getattr(run.config, stage), "second", "") == "val"
    return corpus.select("val") if chosen or responds else None


def train_stage(run: Run, corpus: Corpus, stage: str, settings: Settings, validation: Corpus | None = None) -> None:
    """Trains one stage, in as many processes as the settings ask for; see `fit_stage`."""
    check_settings(settings)
    given = (run, share(corpus), stage, settings, None if validation is None else share(validation))
    if settings.devices > 1 and not launched():
        try:
            launch("acteme.engine.train:work", given, settings.devices)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"stopped in stage '{stage}'; go on with: train … --resume") from None
    else:
        work(*given)


def work(run: Run, corpus: Shared, stage: str, settings: Settings, validation: Shared | None) -> None:
    """What each process does."""
    from acteme.engine.fit import fit_stage, quiet

    with quiet():
        fit_stage(run, corpus.open(), stage, settings, None if validation is None else validation.open())


def open_corpus(data: str | Path | Corpus) -> Corpus:
    """The data as a corpus."""
    if isinstance(data, Corpus):
        return data
    from acteme.recordings.sources import open_data

    return open_data(data)


def training_part(corpus: Corpus) -> Corpus:
    """The training split; everything where the data names no split at all."""
    return corpus.select("train") if any(corpus.column("split")) else corpus


def looking(entry: catalog.Entry, resume: bool, stages: Sequence[str] | None) -> tuple[str, ...]:
    """The stages to train when another run is looked into; InputError where there is none that could."""
    able = tuple(name for name, kind in entry.stages if hasattr(getattr(entry.module(), kind), "attach"))
    if not able:
        raise InputError(f"'{entry.slug}' looks into no other run", "base", "leave it away")
    if resume or stages:
        raise InputError("a run to look into was given", "base", "name no stages, and do not resume")
    return able


def create(entry: catalog.Entry, corpus: Corpus, data: str | None, run: Path | str | None, config: Any, small: bool,
           settings: Settings, reads: str = "") -> Run:  # fmt: skip
    """A new run folder with everything but trained stages."""
    if config is not None and small:
        raise InputError("both a configuration and `small` were given", "train", "give one of them")
    reads = reads or entry.reads
    if reads not in corpus.arrays:
        what = f"the data has no {reads}, which system '{entry.slug}' reads"
        mend = "it has: " + (", ".join(corpus.arrays) or "nothing")
        if reads == "item" and "field" in corpus.arrays:
            mend = f"say which column they are in with ?item=NAME (of {', '.join(corpus.spec.fields)})"
        if reads == "field" and "item" in corpus.arrays:
            mend += "; users and items are fields with ?fields=user,item (the names of their columns)"
        raise InputError(what, data, mend)
    if config is None:
        kind = entry.module().Config
        config = kind.small() if small else kind()
    if hasattr(config, "check"):
        config.check()
    if run is None and launched():
        raise InputError("several processes need to know the run's folder", "train", "name it with --run")
    folder = Path(run) if run is not None else fresh_name(entry.slug, data)
    made = Run(
        folder=folder,
        entry=entry,
        config=config,
        spec=corpus.spec,
        data=data,
        settings=settings,
        clip=typical(entry, corpus),
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        status=UNFINISHED,
    )
    check_settings(settings)
    if leader():
        if (folder / "run.json").exists() or (folder.exists() and any(folder.iterdir())):
            raise InputError("exists already", folder, "go on with --resume, or name another folder")
        made.save()
        names.keep(made, corpus)
    return made


def typical(entry: catalog.Entry, corpus: Corpus) -> float:
    """Seconds of a typical training recording, or where captions are learned, of a typical captioned stretch."""
    seconds = corpus.frames / corpus.column("fps")
    if entry.task == "retrieval":
        spans = [s.end - s.start for row in corpus.rows for s in corpus.captions(row)]
        seconds = np.array(spans) if spans else seconds
    return float(np.median(seconds))


def begin(run: Run, source: Run, stages: Sequence[str]) -> None:
    """Takes trained stages of another run. Raises InputError where one does not fit; then no run is left."""
    from acteme.engine.fit import await_file

    for stage in stages:
        if not leader():
            await_file(run.weights(stage))
            continue
        try:
            state = load_file(source.weights(stage))
            run.build(stage).load_state_dict(state)
        except Exception as error:
            shutil.rmtree(run.folder)
            what = f"its stage '{stage}' does not fit these data and settings ({str(error).splitlines()[-1].strip()})"
            mend = "give data with the same skeleton, and the configuration of that run"
            raise InputError(what, source.folder, mend) from error
        run.save_weights(stage, state)
        if (took := source.stage_folder(stage) / "time.json").is_file():
            shutil.copy(took, run.stage_folder(stage))


def check_settings(settings: Settings) -> None:
    """Raises InputError where a setting is out of its range."""
    lowest = {"seed": 0, "devices": 1, "nodes": 1, "epochs": 1, "steps": 1, "checkpoint": 0, "prefetch": 0,
              "patience": 0}  # fmt: skip
    for name, low in lowest.items():
        value = getattr(settings, name)
        if value is not None and value < low:
            raise InputError(f"{value} is too small", f"setting '{name}'", f"give {low} or more")
    if settings.best and settings.strategy == "fsdp":
        raise InputError(
            "cannot be chosen from sharded weights", "setting 'best'", "take strategy ddp, or leave it away"
        )
    if settings.patience and not settings.best:
        raise InputError("nothing says which epoch is better", "setting 'patience'", "give --best METRIC as well")
    if settings.nodes > 1 and not launched():
        raise InputError(
            "several machines need a launcher", "setting 'nodes'", "start with torchrun, see docs/scaling.md"
        )


def check_labels(entry: catalog.Entry, corpus: Corpus, stages: Sequence[str]) -> None:
    """Raises InputError where a stage that predicts would have nothing to learn from."""
    such, more = "", "recordings with a {}"
    match entry.task:
        case "forecasting" | "anomalies" | "inspection":  # what comes later is the label; what is seen is learned
            return
        case "matching":
            lack, labeled = "job", bool((np.asarray(corpus.arrays["item"]) > 0).any())
        case "ranking" | "conversation":
            lack, labeled = "second event", bool(((corpus.frames > 1) | (corpus.column("text") != "")).any())
        case "clicks":
            lack, labeled = "outcome", "outcome" in corpus.arrays or entry.reads in corpus.arrays
            more = "a column of clicks, labels or ratings, or one of items"
        case "retrieval":
            lack, labeled = "caption", any(corpus.captions(row) for row in corpus.rows)
        case "arguments":
            labeled = corpus.arguments is not None and bool(len(corpus.told()))
            lack = "true argument" if entry.reads in corpus.arrays else "document"
        case "recognition":
            lack, labeled, such = "single label", bool((corpus.label >= 0).any()), ", such as mocap?form=clips"
        case _:
            lack, labeled = "label", "frame_labels" in corpus.arrays
    kinds = {name: getattr(entry.module(), kind) for name, kind in entry.stages}
    needy = [name for name in stages if hasattr(kinds[name], "predict")]
    if needy and not labeled:
        rest = [name for name in kinds if name not in needy]
        mend = f"give {more.format(lack)}{such}" + (f", or train only: {', '.join(rest)}" if rest else "")
        article = "an" if lack[0] in "aeiou" else "a"
        raise InputError(f"no recording has {article} {lack}, from which stage '{needy[0]}' learns", "data", mend)


def check_resumed(run: Run, corpus: Corpus, config: Any) -> None:
    """Raises InputError where a run cannot go on with this data or configuration."""
    if run.spec != corpus.spec:
        raise InputError("was trained on data of another shape (spec.json)", run.folder, "give the data it began with")
    if config is not None and to_json(config) != to_json(run.config):
        raise InputError("has another configuration (config.json)", run.folder, "leave it away when resuming")


def resumed_settings(settings: Settings, run: Run) -> Settings:
    """The settings to go on with: what decides the result comes from the run, the rest may have changed."""
    own = run.settings
    return replace(settings, seed=own.seed, epochs=own.epochs, steps=own.steps, best=own.best,
                   patience=own.patience, precision=own.precision)  # fmt: skip


def unfinished(slug: str, data: str | None, root: Path = Path("runs")) -> Path:
    """The latest unfinished run of a system on such data."""
    found: Sequence[Path] = sorted(root.glob(f"{slug}-{short_name(data)}-*/run.json"), key=lambda p: p.stat().st_mtime)
    open_ = [p.parent for p in found if load(p.parent).status != TRAINED]
    if not open_:
        raise InputError(f"no unfinished run of '{slug}' on '{short_name(data)}'", root, "name the folder with --run")
    return open_[-1]


def leader() -> bool:
    """Whether this process is the first of all (or the only one)."""
    import os

    names = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
    return next((os.environ[n] for n in names if n in os.environ), "0") == "0"
