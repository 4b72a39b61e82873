"""The command line: nothing but parsing and calling. Heavy imports happen inside the commands, so that help is quick."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import OmitArgPrefixes, Positional, arg

from acteme.engine.settings import Settings
from acteme.errors import ActemeError

System = Annotated[Positional[str], arg(metavar="SYSTEM")]
Data = Annotated[Positional[str], arg(metavar="DATA")]
RunFolder = Annotated[Positional[Path], arg(metavar="RUN")]


def list_(verb: Annotated[Positional[str | None], arg(metavar="VERB")] = None) -> None:
    """What there is: the published systems.

    Args:
        verb: only this kind (represent, recognize, localize, ...).
    """
    from acteme import show

    show.systems(verb)


def info(system: System) -> None:
    """A system: its paper, what it reads, its settings with their defaults, its claim and what came out.

    Args:
        system: its short name, from `acteme list`.
    """
    from acteme import show

    show.system(system)


def data_list() -> None:
    """The names that DATA can have: bundled worlds and official layouts, with their options."""
    from acteme import show

    show.sources()


def data_check(data: Data) -> None:
    """Validates a data set: says what is wrong, where, and how to mend it. Exit code 2 if anything is.

    Args:
        data: a name, name:path or path, each with optional `?option=value&...`.
    """
    from acteme.recordings.check import check

    checked = check(data)
    checked.show()
    if checked.problems:
        raise SystemExit(2)


def data_convert(
    data: Data,
    to: Annotated[Positional[Path], arg(metavar="TO")],
    format: Literal["folder", "corpus", "ctrgcn", "agcn", "pyskl"] = "folder",
) -> None:
    """Writes a data set in another format.

    Args:
        data: what to read: a name, name:path or path, each with optional `?option=value&...`.
        to: the folder or file to write; it must not exist yet.
        format: `folder` is annotations.csv with .npz files, `corpus` the memory-mapped form.
    """
    from acteme.recordings.convert import convert

    print(convert(data, to, format))


def data_assets() -> None:
    """Installs the packages that carry real motion clips, for their files only."""
    from acteme.recordings.assets import fetch_assets

    fetch_assets()


def train(
    system: System,
    data: Data,
    /,
    run: Path | None = None,
    small: bool = False,
    set: tuple[str, ...] = (),
    resume: bool = False,
    settings: OmitArgPrefixes[Settings] = Settings(),  # noqa: B008
) -> None:
    """Trains a system, stage after stage, into a run folder.

    Args:
        system: its short name, from `acteme list`.
        data: what to learn from: `mocap`, `stage`, `ntu60:/data/nturgbd`, or a folder with annotations.csv.
        run: the folder to write; a new one under runs/ unless given.
        small: the setting that learns on two processor cores in minutes, instead of the official one.
        set: settings to change, as `stage.name=value`; `acteme info SYSTEM` lists them.
        resume: go on with an interrupted run (name it by --run).
        settings: how it is run.
    """
    from acteme.engine.config import configured
    from acteme.engine.train import train as train_

    config = configured(system, small, set)
    train_(system, data, run, config=config, settings=settings, resume=resume)


def evaluate(run: RunFolder, data: Annotated[Positional[str | None], arg(metavar="DATA")] = None, split: str = "test",
             protocol: str | None = None) -> None:  # fmt: skip
    """The official metrics of the run's task, with 95% intervals; also written to RUN/evaluation.json.

    Args:
        run: the run folder.
        data: what to evaluate on; the data that it was trained on unless given.
        split: which part of the data.
        protocol: how (for representations: linear, knn, semi-1, semi-5, semi-10, finetune); the task's own unless given.
    """
    from acteme import show
    from acteme.engine.evaluate import evaluate as evaluate_

    show.evaluation(evaluate_(run, data, split=split, protocol=protocol))


def report(run: RunFolder, data: Annotated[Positional[str | None], arg(metavar="DATA")] = None,
           to: Path | None = None) -> None:  # fmt: skip
    """Writes one self-contained HTML page on a run: curves, metrics, a map of the latents, a skeleton player.

    Args:
        run: the run folder.
        data: the recordings to show; the run's own data unless given.
        to: the file to write; RUN/report.html unless given.
    """
    from acteme.report.page import report as report_

    print(report_(run, data, to))


def claim(
    system: System,
    seeds: int | None = None,
    to: Path = Path("ledger"),
    work: Path = Path("runs/claims"),
    workers: int | None = None,
    tiny: bool = False,
) -> None:
    """Runs a paper's central claim as an experiment and writes what came out to the ledger.

    Args:
        system: its short name, or `all`.
        seeds: how many seeds; the experiment's own number unless given.
        to: the ledger's folder.
        work: where unfinished experiments keep their results; run again to go on.
        workers: seeds at the same time; one per processor unless given.
        tiny: a setting that only shows that it runs; its result is no evidence.
    """
    from acteme import show
    from acteme.catalog import ENTRIES
    from acteme.claims.experiment import claim as claim_

    for slug in [e.slug for e in ENTRIES] if system == "all" else [system]:
        show.ledger(claim_(slug, seeds, to=to, work=work, workers=workers, tiny=tiny))
