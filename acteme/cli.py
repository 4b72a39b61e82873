"""The command line: nothing but parsing and calling. Heavy imports happen inside the commands: help is quick."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, OmitArgPrefixes, Positional, UseAppendAction, arg
from tyro.extras import SubcommandApp

from acteme.engine.settings import Settings
from acteme.errors import ActemeError

app = SubcommandApp()
data_app = SubcommandApp()

System = Annotated[Positional[str], arg(metavar="SYSTEM")]
Data = Annotated[Positional[str], arg(metavar="DATA")]
OptionalPath = Annotated[Path | None, arg(metavar="PATH")]
OptionalInt = Annotated[int | None, arg(metavar="INT")]
OptionalFloat = Annotated[float | None, arg(metavar="FLOAT")]
OptionalText = Annotated[str | None, arg(metavar="TEXT")]
RunFolder = Annotated[Positional[Path], arg(metavar="RUN")]


@app.command(name="list")
def list_(verb: Annotated[Positional[str | None], arg(metavar="VERB")] = None) -> None:
    """What there is: the published systems.

    Args:
        verb: only this kind (represent, recognize, localize, ...).
    """
    from acteme.report import terminal

    terminal.systems(verb)


@app.command
def info(system: System) -> None:
    """A system: its paper, what it reads, its settings with their defaults, its claim and what came out.

    Args:
        system: its short name, from `acteme list`.
    """
    from acteme.report import terminal

    terminal.system(system)


@data_app.command(name="list")
def data_list() -> None:
    """The names that DATA can have: bundled worlds and official layouts, with their options."""
    from acteme.report import terminal

    terminal.sources()


@data_app.command(name="check")
def data_check(data: Data) -> None:
    """Validates a data set: says what is wrong, where, and how to mend it. Exit code 2 if anything is.

    Args:
        data: a name, name:path or path, each with optional `?option=value&...`.
    """
    from acteme.recordings.check import check
    from acteme.report import terminal

    checked = check(data)
    terminal.show(checked)
    if not checked.good:
        raise SystemExit(2)


@data_app.command(name="convert")
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


@data_app.command(name="assets")
def data_assets() -> None:
    """Installs the packages that carry real motion clips, for their files only."""
    from acteme.recordings.assets import fetch_assets

    fetch_assets()


@app.command
def train(
    system: System,
    data: Data,
    /,
    run: OptionalPath = None,
    small: bool = False,
    set: UseAppendAction[tuple[str, ...]] = (),
    resume: bool = False,
    stages: UseAppendAction[tuple[str, ...]] = (),
    settings: OmitArgPrefixes[Settings] = Settings(),  # noqa: B008
) -> None:
    """Trains a system, stage after stage, into a run folder.

    Args:
        system: its short name, from `acteme list`.
        data: what to learn from: `mocap`, `stage`, `ntu60:/data/nturgbd`, or a folder with annotations.csv.
        run: the folder to write; a new one under runs/ unless given.
        small: the setting that learns on two processor cores in minutes, instead of the official one.
        set: a setting to change, as `stage.name=value`, as often as needed; `acteme info SYSTEM` lists them.
        resume: go on with an interrupted run (name it by --run).
        stages: train only this stage, as often as needed; all of them unless given.
        settings: how it is run.
    """
    from acteme.engine.config import configured
    from acteme.engine.train import train as train_

    config = None if resume and not (small or set) else configured(system, small, set)
    train_(system, data, run, config=config, settings=settings, resume=resume, stages=stages or None)


@app.command
def evaluate(run: RunFolder, data: Annotated[Positional[str | None], arg(metavar="DATA")] = None, split: str = "test",
             protocol: OptionalText = None) -> None:  # fmt: skip
    """The official metrics of the run's task, with 95% intervals; also written to RUN/evaluation.json.

    Args:
        run: the run folder.
        data: what to evaluate on; the data that it was trained on unless given.
        split: which part of the data.
        protocol: predictions, linear, knn, semi-1, semi-5, semi-10, finetune or transfer; the run's own
            predictions unless given, or linear where it makes none.
    """
    from acteme.engine.evaluate import evaluate as evaluate_
    from acteme.report import terminal

    terminal.evaluation(evaluate_(run, data, split=split, protocol=protocol))


@app.command
def predict(
    run: RunFolder,
    inputs: Annotated[Positional[tuple[str, ...]], arg(metavar="INPUT...")],
    to: OptionalPath = None,
    format: Literal["jsonl", "csv", "vtt", "eaf"] | None = None,
    threshold: OptionalFloat = None,
    smooth: float = 0.0,
    gap: float = 0.0,
    shortest: float = 0.0,
    overlap: float = 0.5,
    split: OptionalText = None,
    workers: OptionalInt = None,
    ray: bool = False,
) -> None:
    """Predicts the actions in recordings of any length, as segments with start, end (seconds), label and score.

    Args:
        run: the run folder.
        inputs: files, folders or data names.
        to: the file to write (a folder for vtt and eaf of several recordings); printed as JSON Lines unless given.
        format: what to write; told by the suffix of --to unless given. vtt is WebVTT, eaf is ELAN.
        threshold: score from which a class holds.
        smooth: seconds of a median filter over the scores.
        gap: segments of one class at most so many seconds apart become one.
        shortest: segments shorter than so many seconds are left out.
        overlap: share of a sliding window that the next one covers as well.
        split: only recordings of this split.
        workers: processes; one per core unless given.
        ray: run on Ray instead.
    """
    from acteme.engine.export import write
    from acteme.engine.predict import predict as predict_
    from acteme.engine.segmenter import Rules

    rules = Rules(threshold, smooth, gap, shortest)
    found = predict_(run, list(inputs), rules=rules, overlap=overlap, split=split, workers=workers, ray=ray)
    if to is None:
        write(found, Path("/dev/stdout"), format or "jsonl")
        return
    for path in write(found, to, format):
        print(path)


@app.command
def encode(
    run: RunFolder,
    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA...")],
    to: Path = Path("latents"),
    overlap: float = 0.5,
    split: OptionalText = None,
    workers: OptionalInt = None,
    ray: bool = False,
) -> None:
    """Encodes recordings into a table that `acteme search` looks things up in.

    Args:
        run: the run folder.
        data: files, folders or data names.
        to: the table's folder; an older table in it is replaced.
        overlap: share of a window that the next one covers as well.
        split: only recordings of this split.
        workers: processes; one per core unless given.
        ray: run on Ray instead.
    """
    from acteme.engine.encode import encode as encode_

    encode_(run, list(data), to, overlap=overlap, split=split, workers=workers, ray=ray)
    print(to)


@app.command
def search(
    table: Annotated[Positional[Path], arg(metavar="TABLE")],
    query: Annotated[Positional[str], arg(metavar="QUERY")],
    start: OptionalFloat = None,
    end: OptionalFloat = None,
    count: int = 10,
    split: OptionalText = None,
) -> None:
    """Finds the places in encoded recordings that resemble an example, nearest first, with their times.

    Args:
        table: what `acteme encode` wrote.
        query: a recording's file, or the number of a row of the table.
        start: where the example begins in its recording, in seconds.
        end: where it ends.
        count: how many places.
        split: only recordings of this split.
    """
    from acteme.engine.search import search as search_
    from acteme.report import terminal

    example = int(query) if query.isdecimal() else query
    terminal.hits(search_(table, example, start=start, end=end, count=count, split=split))


@app.command
def report(run: RunFolder, data: Annotated[Positional[str | None], arg(metavar="DATA")] = None,
           to: OptionalPath = None) -> None:  # fmt: skip
    """Writes one self-contained HTML page on a run: curves, metrics, a map of the latents, a skeleton player.

    Args:
        run: the run folder.
        data: the recordings to show; the run's own data unless given.
        to: the file to write; RUN/report.html unless given.
    """
    from acteme.report.page import report as report_

    print(report_(run, data, to))


@app.command
def claim(
    system: System,
    seeds: OptionalInt = None,
    to: Path = Path("ledger"),
    work: Path = Path("runs/claims"),
    workers: OptionalInt = None,
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
    from acteme.catalog import ENTRIES
    from acteme.claims.experiment import claim as claim_
    from acteme.report import terminal

    for slug in [e.slug for e in ENTRIES] if system == "all" else [system]:
        terminal.claims(claim_(slug, seeds, to=to, work=work, workers=workers, tiny=tiny))


@app.command
def completion(shell: Annotated[Positional[Literal["bash", "zsh", "tcsh"]], arg(metavar="SHELL")]) -> None:
    """Prints the completion script of a shell: eval "$(acteme completion bash)".

    Args:
        shell: bash, zsh or tcsh.
    """
    _parse(["--tyro-print-completion", shell])


app.command(data_app, name="data", help="Data sets: their names, checks, conversions, bundled motion clips.")


def _parse(args: Sequence[str]) -> None:
    app.cli(prog="acteme", description="Learn from recorded actions.", args=args, config=(FlagCreatePairsOff,))


def main(args: Sequence[str] | None = None) -> None:
    """Runs a command; what its user can mend is one line on standard error and exit code 2."""
    given = list(sys.argv[1:] if args is None else args)
    try:
        _parse(given or ["--help"])
    except ActemeError as error:
        print(f"acteme: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        print(f"acteme: {stop or 'interrupted'}", file=sys.stderr)
        raise SystemExit(130) from None
    except OSError as error:
        # A full disk, a missing right: files are written under a temporary name first, so nothing is left half-written.
        print(f"acteme: {error.filename or ''}: {error.strerror or error}".replace(" : ", " "), file=sys.stderr)
        raise SystemExit(2) from None
