"""Trains one stage of a run: Lightning's trainer, checkpoints, interruption, metrics. One process of possibly many."""

import json
import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy
from torch import Tensor, nn

from acteme.atomic import write_text
from acteme.engine.checkpoint import Position, read_checkpoint
from acteme.engine.choice import WEIGHTS, Choice, choice
from acteme.engine.device import keep_memory
from acteme.engine.keeper import Keeper, Stop, full_state
from acteme.engine.loader import Loader
from acteme.engine.logs import foretold
from acteme.engine.metrics import Metrics, logger
from acteme.engine.module import StageModule, begin_epoch
from acteme.engine.optimize import lowerings, plateaued, with_epochs
from acteme.engine.progress import Bar
from acteme.engine.run import Run
from acteme.engine.settings import Settings
from acteme.errors import ActemeError, InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.batch import to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal; everything needed to go on is in the run folder."""


@dataclass(frozen=True)
class Job:
    """What is trained, on what."""

    name: str
    """Of the stage: decides, with the seed, all that is random."""
    module: nn.Module
    """Fresh; a checkpoint in the folder is loaded into it."""
    recipe: Recipe
    windows: Windows
    corpus: Corpus
    """The training recordings."""
    folder: Path
    """Where checkpoint and metrics go."""
    title: str
    """For the progress bar."""
    second: tuple[Corpus, Windows] | None = None
    """Recordings and windows; the module responds to a batch of them after every optimization step."""


def fit_stage(run: Run, corpus: Corpus, stage: str, settings: Settings, validation: Corpus | None = None) -> None:
    """Trains a stage from its checkpoint if there is one, from the start otherwise, and writes its weights.

    Args:
        run: where to; earlier stages are trained.
        corpus: the training recordings.
        stage: which stage.
        settings: how it is run (the run's own seed, epochs, steps and precision count).
        validation: recordings by which the best epoch is chosen, where the settings say so, and which a stage that
            responds to the split `val` needs.

    Raises:
        Interrupted: SIGINT or SIGTERM came; a checkpoint was written.
        ActemeError: a loss is not finite, the disk is full, or the split is missing that a stage responds to.
    """
    config = getattr(run.config, stage)
    recipe = with_epochs(config.recipe, settings.epochs)
    title = f"{run.entry.slug} {stage}"
    folder = run.stage_folder(stage)
    module = run.build(stage)
    second = None
    match getattr(config, "second", ""):
        case "train":
            second = corpus, config.windows
        case "val":
            if validation is None:
                raise InputError(f"stage '{stage}' responds to the split val", "data", "give recordings of it")
            second = foretold(validation, config.windows)
    job = Job(stage, module, recipe, config.windows, corpus, folder, title, second)
    best = validation is not None and settings.best and hasattr(module, "predict")
    chosen = choice(run, stage, corpus, validation) if best and validation is not None else None

    def begin(module: nn.Module, loader: Loader) -> None:
        prepare(run, module, stage, loader, device(settings))
        if chosen is not None and loader.rank == 0:
            chosen.measure(module.to(device(settings)))  # what cannot be measured is not trained for an epoch

    state = fit(job, settings, begin, chosen)
    if place(settings)[0] == 0:
        run.save_weights(stage, state)
        for name in ("last.ckpt", WEIGHTS):
            (folder / name).unlink(missing_ok=True)
    else:
        await_file(run.weights(stage))


def fit(
    job: Job,
    settings: Settings,
    begin: Callable[[nn.Module, Loader], None] | None = None,
    chosen: Choice | None = None,
) -> dict[str, Tensor]:
    """Trains a module from the checkpoint in its folder if there is one, from the start otherwise.

    Args:
        job: what is trained.
        settings: how it is run.
        begin: called with the module and its loader before the first step of a fresh start.
        chosen: keeps the weights of the best epoch.

    Returns:
        The trained weights, on the CPU.
    """
    keep_memory()
    recipe, folder, stage = job.recipe, job.folder, job.name
    rank, world = place(settings)
    loader = Loader(job.corpus, job.windows, recipe.batch, settings.seed, stage, rank, world, recipe.drop_last,
                    settings.prefetch)  # fmt: skip
    second = None
    if job.second is not None:
        if settings.strategy == "fsdp":
            what = "responds to further batches, which sharded weights cannot"
            raise InputError(what, f"stage '{stage}'", "take strategy ddp")
        recordings, windows = job.second
        second = replace(loader, corpus=recordings, windows=windows, stage=f"{stage} second", drop_last=False)
    last = folder / "last.ckpt"
    module, at, restored = job.module.train(), Position(), None
    state: dict[str, Any] | None = None
    if last.exists():
        at, state, restored = read_checkpoint(last)
    if hasattr(module, "before_training"):
        module.before_training()  # type: ignore[operator]
    if hasattr(module, "remember"):
        module.remember(job.corpus)  # type: ignore[operator]
    if state is None and begin is not None:
        begin(module, loader)
    steps = total_steps(recipe, loader, settings.steps)
    metrics = log = None
    if rank == 0:
        log = logger(settings.logger, folder, folder.parent.name, stage)
        metrics = Metrics(folder / "metrics.csv", stage, at.step, log)
    bar = Bar(job.title, recipe.epochs, settings.progress and rank == 0)
    keeper = Keeper(last, settings.checkpoint, bar)

    def lowered(epoch: int) -> int:
        return 0 if chosen is None else lowerings(chosen.before(epoch), recipe.patience)

    def enough(epoch: int) -> bool:
        return chosen is not None and 0 < settings.patience <= chosen.waited(epoch)

    def after(stage: StageModule) -> None:
        if chosen is not None:
            chosen.step(stage)
        keeper.step(stage)

    lightning = StageModule(module, recipe, loader, at, steps, metrics, keeper.listen, after, restored,
                            settings.strategy == "fsdp", settings.compile, second, lowered,
                            enough if chosen is not None and settings.patience else None)  # fmt: skip
    if state is not None:
        # What an epoch's beginning sets up comes first, so that the state of its middle is restored over it.
        if at.batches:
            begin_epoch(module, at.epoch)
        lightning.load_state_dict(state)
    try:
        over = at.epoch >= recipe.epochs or (steps is not None and at.step >= steps)
        ended = not at.batches and (plateaued(recipe, lowered(at.epoch)) or enough(at.epoch))
        if not over and not ended:
            _trainer(settings, recipe, at, steps, folder).fit(lightning)
    except Stop:
        step = lightning.step
        raise Interrupted(f"stopped after step {step} of stage '{stage}'; go on with: train … --resume") from None
    except SystemExit as error:  # Lightning's answer to an interrupt that it sees before a step is done
        raise Interrupted(f"stopped in stage '{stage}'; go on with: train … --resume") from error
    finally:
        keeper.close()
        lightning.close()
    if metrics is not None:
        metrics.flush()
        seconds = lightning.position.seconds
        bar.finish(lightning.position.epoch, lightning.step, metrics.last, seconds)
        write_text(folder / "time.json", json.dumps({"seconds": round(seconds, 3)}))
    if log is not None:
        log.finalize("success")
    best = None if chosen is None else chosen.weights()
    return best or full_state(lightning, "average" if recipe.ema is not None else "module")


def place(settings: Settings) -> tuple[int, int]:
    """Rank of this process and number of processes."""
    world = settings.devices * settings.nodes
    if world == 1:
        return 0, 1
    node = int(os.environ.get("GROUP_RANK", os.environ.get("NODE_RANK", os.environ.get("SLURM_NODEID", "0"))))
    local = int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))
    return node * settings.devices + local, world


def await_file(path: Path, seconds: float = 600.0) -> None:
    """Waits until the first process has written a file that the next stage reads."""
    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end:
            raise ActemeError(f"{path}: the first process did not write it; see its message")
        time.sleep(0.1)


def device(settings: Settings) -> torch.device:
    """What this process computes on."""
    if settings.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) if settings.devices > 1 else 0)


def prepare(run: Run, module: nn.Module, stage: str, loader: Loader, on: torch.device) -> None:
    """What happens once before a stage is trained: it inherits from earlier stages, and gets ready."""
    if hasattr(module, "inherit"):
        earlier = run.stages[: run.stages.index(stage)]
        module.inherit({name: run.module(name) for name in earlier if run.done(name)})  # type: ignore[operator]
    module.to(on)
    ready(module, loader, on)
    if not any(p.requires_grad for p in module.parameters()):
        raise InputError(f"stage '{stage}' has nothing to train", run.folder, "check its configuration")


def ready(module: nn.Module, loader: Loader, on: torch.device) -> None:
    """What a stage takes from data before it learns: it consults the catalog of items and calibrates its statistics."""
    if hasattr(module, "consult"):
        if loader.corpus.catalog is None:
            raise InputError("has no catalog of items, which the method reads", "data", "give one, see docs/data.md")
        module.consult(loader.corpus.catalog)  # type: ignore[operator]
    if hasattr(module, "calibrate"):
        module.calibrate(to_device(b, on) for b in loader.sweep())  # type: ignore[operator]


def total_steps(recipe: Recipe, loader: Loader, limit: int | None) -> int | None:
    """Optimization steps of the whole stage; None where nobody asks for them and only the epochs limit them."""
    if recipe.schedule not in ("cosine", "linear") and not isinstance(recipe.warmup, float):
        return limit
    steps = sum(math.ceil(loader.steps(epoch) / recipe.accumulate) for epoch in range(recipe.epochs))
    return steps if limit is None else min(steps, limit)


def _trainer(settings: Settings, recipe: Recipe, at: Position, steps: int | None, folder: Path) -> Trainer:
    strategy: Any = "auto"
    if settings.strategy == "fsdp":
        world = settings.devices * settings.nodes
        strategy = ModelParallelStrategy(data_parallel_size=world, tensor_parallel_size=1,
                                         save_distributed_checkpoint=False)  # fmt: skip
    elif settings.strategy == "ddp" or settings.devices * settings.nodes > 1:
        strategy = DDPStrategy(find_unused_parameters=True)  # a loss may leave parts of a method unused
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        num_nodes=settings.nodes,
        strategy=strategy,
        precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
        max_epochs=recipe.epochs - at.epoch,
        max_steps=-1 if steps is None else steps - at.step,
        accumulate_grad_batches=recipe.accumulate,
        gradient_clip_val=recipe.clip,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without what Lightning and torch say that a newcomer cannot use."""
    loggers = [
        logging.getLogger(n) for n in ("lightning.pytorch", "lightning.fabric", "torch.distributed", "torch._dynamo")
    ]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for each, level in zip(loggers, levels, strict=True):
                each.setLevel(level)
